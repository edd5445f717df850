"""What people are told: each waiting Lease once for each reason, each Pool at most once in ten seconds."""

from __future__ import annotations

from dataclasses import replace

from lessor.core import actions as a
from tests.core.build import blank, lease, pool, resource
from tests.core.world import World

BUSY = "busy"


def reports(world: World, uid: str) -> int:
    return world.writes().count(f"Report {uid}")


def pool_reports(world: World, name: str = "aws") -> int:
    return world.writes().count(f"ReportPool {name}")


def full() -> World:
    """A pool of which nothing is free."""
    return World(pool(), resource("aws-1", state=BUSY))


# -- a waiting Lease


def test_a_waiting_lease_is_told_why_at_once_and_once() -> None:
    world = full()
    world.create(lease("u1"))
    world.run()
    said = world.lease("u1").conditions
    assert (said["Accepted"].status, said["Accepted"].reason) == ("True", "Accepted")
    assert (said["Bound"].status, said["Bound"].reason) == ("False", "WaitingForCapacity")
    assert (said["Ready"].status, said["Finished"].status) == ("False", "False")
    for _ in range(30):
        world.later(10)
        world.run()
    assert reports(world, "u1") == 1


def test_a_lease_that_is_granted_at_once_is_told_nothing_but_that() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    assert [w for w in world.run() if "u1" in w] == ["Claim aws-1 for u1", "Bind u1"]
    said = world.lease("u1").conditions
    assert [(c, said[c].status) for c in ("Accepted", "Bound", "Ready", "Finished")] == [
        ("Accepted", "True"),
        ("Bound", "True"),
        ("Ready", "True"),
        ("Finished", "False"),
    ]


def test_every_condition_is_there_from_the_first_report_on() -> None:
    world = full()
    world.create(lease("u1"))
    world.run()
    assert set(world.lease("u1").conditions) == {
        "Accepted",
        "Bound",
        "Ready",
        "HolderAlive",
        "ReclaimRequested",
        "Finished",
    }


def test_the_reason_is_told_anew_when_it_changes_but_not_within_ten_seconds() -> None:
    world = World(pool(names=2), resource("aws-1", state=BUSY), resource("aws-2", state=BUSY), lease("u1"))
    world.run()
    for name in ("aws-1", "aws-2"):
        world.change(world.resource(name), cordoned=True)
    world.run()
    assert world.reason("u1") == "WaitingForCapacity"
    world.later(9.9)
    world.run()
    assert world.reason("u1") == "WaitingForCapacity"
    world.later(0.1)
    world.run()
    assert world.reason("u1") == "AllCordoned"
    assert reports(world, "u1") == 2


def test_the_decision_wakes_itself_to_tell_the_new_reason() -> None:
    world = full()
    world.create(lease("u1"))
    world.run()
    world.change(world.resource("aws-1"), cordoned=True)
    world.run()
    assert world.wake_at is not None
    assert world.mono < world.wake_at <= world.mono + 10


def test_a_changed_sentence_alone_is_not_told_anew() -> None:
    world = World(pool("aws"), pool("gcp"), resource("aws-1", state=BUSY), resource("gcp-1"))
    world.create(lease("u1", asks={"aws": 1, "gcp": 1}))
    world.run()
    world.change(world.resource("aws-1"), state="free")
    world.change(world.resource("gcp-1"), state=BUSY)
    world.later(10)
    world.run()
    assert world.reason("u1") == "WaitingForOtherPool"
    assert reports(world, "u1") == 1


def test_a_paused_pool_is_told_at_once_to_who_was_told_nothing_for_ten_seconds() -> None:
    world = full()
    world.create(lease("u1"))
    world.run()
    world.later(10)
    world.run()
    world.change(world.pool("aws"), hold=True)
    world.run()
    assert world.reason("u1") == "PoolPaused"


def test_a_lease_that_is_leaving_is_told_nothing_more() -> None:
    world = full()
    world.create(lease("u1", deleting=True))
    assert [w for w in world.run() if "u1" in w] == ["End u1 as Released"]


# -- an unreadable object


def test_an_unreadable_object_is_told_on_itself_once() -> None:
    world = World(pool(), resource("aws-1"))
    item = world.spoil(world.resource("aws-1"))
    world.ledger.unreadable[a.resource_key("aws-1")] = replace(item, told=False)
    (tell,) = (x for x in world.decide() if isinstance(x, a.TellUnreadable))
    assert tell.key == a.resource_key("aws-1")
    assert not [x for x in world.decide() if isinstance(x, a.TellUnreadable)]


def test_telling_it_is_tried_again_after_a_failure() -> None:
    world = World(pool(), resource("aws-1"))
    item = world.spoil(world.resource("aws-1"))
    world.ledger.unreadable[a.resource_key("aws-1")] = replace(item, told=False)
    (tell,) = (x for x in world.decide() if isinstance(x, a.TellUnreadable))
    world.ledger.settled(tell)
    assert [x for x in world.decide() if isinstance(x, a.TellUnreadable)]


# -- a Pool


def test_a_pools_first_status_is_the_true_one() -> None:
    world = World(pool(count=3, next_ordinal=0))
    world.run()
    world.later(0.3)
    world.run()
    assert pool_reports(world) == 1
    assert world.pool("aws").said == ({"free": 3}, 3, 0)
    said = world.pool("aws").conditions
    assert (said["Ready"].status, said["Ready"].reason) == ("True", "Ready")
    assert (said["Exhausted"].status, said["Exhausted"].reason) == ("False", "SomeFree")


def test_counts_are_written_at_most_once_in_ten_seconds() -> None:
    world = World(pool(), resource("aws-1"))
    world.run()
    world.later(5)
    world.run()
    before = pool_reports(world)
    for n in range(40):
        world.create(lease(f"u{n}"))
        world.run()
        world.delete(world.lease(f"u{n}"))
        world.run()
        world.later(1)
    assert pool_reports(world) - before <= 4


def test_the_last_counts_are_written_though_nothing_happens_any_more() -> None:
    world = World(pool(), resource("aws-1"))
    world.run()
    world.later(5)
    world.run()
    world.create(lease("u1"))
    world.run()
    assert world.pool("aws").said[0] == {"free": 1}
    assert world.wake_at is not None
    world.later(world.wake_at - world.mono)
    world.run()
    assert world.pool("aws").said == ({"leased": 1}, 1, 0)
    assert world.pool("aws").conditions["Exhausted"].reason == "NothingFree"


def test_nothing_is_written_about_a_pool_in_which_nothing_changed() -> None:
    world = World(pool(), resource("aws-1"))
    world.run()
    world.later(5)
    world.run()
    before = pool_reports(world)
    for _ in range(20):
        world.later(60)
        world.change(world.resource("aws-1"), labels={"other": "label"})
        world.run()
    assert pool_reports(world) == before


def test_a_pause_is_told_without_waiting_for_the_ten_seconds() -> None:
    world = World(pool(), resource("aws-1"))
    world.run()
    world.later(5)
    world.run()
    world.change(world.pool("aws"), hold=True)
    world.later(0.3)
    world.run()
    said = world.pool("aws").conditions
    assert (said["Ready"].reason, said["Drained"].reason) == ("Paused", "Idle")
    assert world.pool("aws").observed_generation == 2


def test_a_pool_that_lends_again_has_no_drained_condition() -> None:
    world = World(pool(hold=True), resource("aws-1"))
    world.run()
    world.later(5)
    world.run()
    assert "Drained" in world.pool("aws").conditions
    world.change(world.pool("aws"), hold=False)
    world.later(5)
    world.run()
    assert "Drained" not in world.pool("aws").conditions


def test_a_pool_counts_who_waits_for_it() -> None:
    world = full()
    world.create(lease("u1"), lease("u2", asks={"aws": 1, "gcp": 1}, accepted=True))
    world.run()
    world.later(5)
    world.run()
    assert world.pool("aws").said == ({BUSY: 1}, 1, 2)


def test_a_pool_says_which_fields_it_does_not_support() -> None:
    world = World(pool(unsupported=("spec.needs",)))
    world.run()
    world.later(5)
    world.run()
    said = world.pool("aws").conditions["Ready"]
    assert (said.status, said.reason) == ("False", "NotSupportedYet")
    assert "spec.needs" in said.message


def test_a_pool_status_that_met_a_conflict_is_written_again() -> None:
    world = World(pool(), resource("aws-1"))
    world.run()
    world.later(0.3)
    (told,) = world.decide()
    world.change(world.pool("aws"), seen=False, generation=1)
    world.answer(told)
    world.run()
    world.later(10)
    world.run()
    assert world.pool("aws").said == ({"free": 1}, 1, 0)


def test_a_pool_counts_resources_that_have_no_state_yet() -> None:
    world = World(pool(unsupported=("spec.x",)), blank("aws-1"))
    world.run()
    world.later(10)
    world.run()
    assert world.pool("aws").said == ({}, 1, 0)


def test_names_once_written_into_a_request_leave_no_trace() -> None:
    world = World()
    for n in range(50):
        world.create(lease(f"u{n}", asks={f"typo-{n}": 1}))
        world.run()
        world.delete(world.lease(f"u{n}"))
        world.run()
    assert world.ledger.index == {}
    assert world.ledger.failing == {}
