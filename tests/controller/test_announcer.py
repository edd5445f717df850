"""Events: who waited long or ended badly is told, on the Lease and on its pod, and nobody else."""

from typing import Any

from lessor.controller.announcer import Announcer
from lessor.core.endings import reaped
from lessor.core.explain import Reason
from lessor.core.model import Condition, ConditionStatus, HolderFacts, HolderKey, Lease, Tracked
from lessor.kube.calls import Call
from tests.core.build import lease, pool, resource
from tests.core.world import World

POD = HolderKey("v1", "Pod", "ci", "job-1")


def waiting(uid: str = "u1", reason: str = "WaitingForCapacity", **facts: Any) -> Lease:
    told = {"Bound": Condition("Bound", ConditionStatus.FALSE, reason, "pool aws has too few free")}
    return lease(uid, conditions=told, accepted=True, **facts)


def announcer(world: World) -> Announcer:
    return Announcer(world.ledger, client=None, leads=lambda: True, busy=lambda: False, clocks=lambda: world.now)  # type: ignore[arg-type]


def said(of: Announcer) -> list[tuple[str, str, str, str]]:
    """Kind and name of what each Event is about, its reason and its message; each is taken out."""
    calls: list[Call] = list(of.queue)
    of.queue.clear()
    out = []
    for call in calls:
        assert call.body is not None
        about = call.body["involvedObject"]
        out.append((about["kind"], about["name"], call.body["reason"], call.body["message"]))
    return out


def bound_after(world: World, of: Announcer) -> None:
    for _ in range(3):
        actions = world.decide()
        world.answer(*actions)
        for action in actions:
            of.written(action, world.wall)


def test_who_waits_for_more_than_ten_seconds_is_told_why_once() -> None:
    world = World(pool(), resource("aws-1", state="busy"), waiting(waited=9.0))
    of = announcer(world)
    of.look(world.wall)
    assert said(of) == []
    world.later(2)
    of.look(world.wall)
    of.look(world.wall + 5)
    message = "waits for resources: pool aws has too few free"
    assert said(of) == [("Lease", "u1", "WaitingForCapacity", message)]


def test_its_pod_is_told_too() -> None:
    world = World(pool(), resource("aws-1", state="busy"), waiting(waited=20.0, tracked=(Tracked(POD, "pod-uid"),)))
    of = announcer(world)
    of.look(world.wall)
    assert [(kind, name) for kind, name, _, _ in said(of)] == [("Lease", "u1"), ("Pod", "job-1")]


def test_a_pod_that_was_named_without_uid_is_told_once_it_was_seen() -> None:
    world = World(pool(), resource("aws-1", state="busy"), waiting(waited=20.0, tracked=(Tracked(POD, None),)))
    world.ledger.holders.listed(POD.group, {"job-1": HolderFacts("seen-uid", None)})
    of = announcer(world)
    of.look(world.wall)
    assert [call.body["involvedObject"]["uid"] for call in of.queue if call.body] == ["u1", "seen-uid"]


def test_a_reason_that_changes_is_told_once_a_minute_at_most() -> None:
    world = World(pool(), resource("aws-1", state="busy"), waiting(waited=20.0))
    of = announcer(world)
    of.look(world.wall)
    world.change(world.lease("u1"), conditions=waiting(reason="PoolPaused").conditions)
    of.look(world.wall + 59)
    assert [reason for _, _, reason, _ in said(of)] == ["WaitingForCapacity"]
    of.look(world.wall + 61)
    assert [reason for _, _, reason, _ in said(of)] == ["PoolPaused"]


def test_a_grant_is_told_after_a_long_wait_only() -> None:
    for waited, events in ((5.0, []), (130.0, [("Lease", "u1", "Bound", "has aws-1 after a wait of 2m10s")])):
        world = World(pool(), resource("aws-1"), lease("u1", waited=waited))
        of = announcer(world)
        bound_after(world, of)
        assert world.has("u1") == ["aws-1"]
        assert said(of) == events


def test_an_end_that_nobody_asked_for_is_a_warning() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    of = announcer(world)
    bound_after(world, of)
    of.written(reaped(world.lease("u1"), (Reason.HOLDER_GONE, "its Pod job-1 is gone")), world.wall)
    (call,) = of.queue
    assert call.body is not None
    assert (call.body["type"], call.body["reason"]) == ("Warning", "HolderGone")


def test_who_releases_is_told_nothing() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    of = announcer(world)
    bound_after(world, of)
    world.change(world.lease("u1"), release={"*": None})
    bound_after(world, of)
    assert said(of) == []


def test_of_a_flood_the_longest_waiting_are_told_first_and_the_queue_is_bounded() -> None:
    world = World(
        pool(), resource("aws-1", state="busy"), *(waiting(f"u{n:04}", waited=5000.0 - n) for n in range(2000))
    )
    of = announcer(world)
    of.look(world.wall)
    told = said(of)
    assert told[0][1] == "u0000"
    assert len(told) < 600


def test_events_of_one_object_have_names_of_their_own() -> None:
    world = World(pool(), resource("aws-1", state="busy"), waiting(waited=20.0))
    of = announcer(world)
    of.look(world.wall)
    world.change(world.lease("u1"), conditions=waiting(reason="PoolPaused").conditions)
    of.look(world.wall + 61)
    names = [call.body["metadata"]["name"] for call in of.queue if call.body]
    assert len(set(names)) == 2
