"""What people are told: each waiting Lease once for each reason, each Pool at most once in ten seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessor.core import actions as a
from lessor.core.model import Item, Lease, LeaseState
from tests.core.build import Thing, World, blank, bound, held, lease, minutes, pool, request, resource, words

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


def test_a_paused_pool_is_told_at_once_to_who_waits_for_it() -> None:
    world = full()
    world.create(lease("u1"))
    world.run()
    world.change(world.pool("aws"), hold=True)
    world.run()
    assert world.reason("u1") == "PoolPaused"


def test_a_lease_that_is_leaving_is_told_nothing_more() -> None:
    world = full()
    world.create(lease("u1", deleting=True))
    assert [w for w in world.run() if "u1" in w] == ["End u1 as Released"]


# -- refused


def test_a_lease_of_a_pool_that_is_not_there_is_told_so_and_not_refused_yet() -> None:
    world = World(lease("u1"))
    world.run()
    said = world.lease("u1").conditions["Accepted"]
    assert (said.status, said.reason) == ("Unknown", "PoolNotFound")
    assert said.message == (
        "there is no pool aws: create it, or correct the request's pool; it is refused if that stays so for 10 s"
    )
    assert world.lease("u1").state is LeaseState.WAITING


def test_it_is_refused_after_ten_seconds_and_a_live_read() -> None:
    world = World(lease("u1"))
    world.run()
    world.later(9.9)
    assert world.run() == []
    assert world.wake_at == pytest.approx(world.mono + 0.1)
    world.later(0.1)
    assert world.run() == ["LookAtPool aws", "End u1 as Refused"]
    said = world.lease("u1").conditions
    assert (said["Accepted"].status, said["Accepted"].reason) == ("False", "PoolNotFound")
    assert (said["Bound"].status, said["Ready"].status, said["Finished"].status) == ("False", "False", "True")


def test_a_live_read_that_finds_the_pool_accepts_the_lease() -> None:
    world = World(lease("u1"))
    world.run()
    world.later(10)
    world.truth[a.pool_key("aws")] = replace(pool(), version=world.version + 1)
    world.version += 1
    done = world.run()
    assert "LookAtPool aws" in done
    assert "End u1 as Refused" not in done
    assert world.has("u1") == ["aws-1"]


def test_a_lease_is_not_refused_while_the_live_read_is_not_answered() -> None:
    world = World(lease("u1"))
    world.run()
    world.later(10)
    assert [words(x) for x in world.decide()] == ["LookAtPool aws"]
    world.later(60)
    world.ledger.dirty_leases["u1"] = None
    assert world.decide() == []


def test_one_live_read_serves_all_that_name_the_pool() -> None:
    world = World(lease("u1"), lease("u2"))
    world.run()
    world.later(10)
    assert world.run().count("LookAtPool aws") == 1
    assert [world.lease(u).state for u in ("u1", "u2")] == [LeaseState.REFUSED] * 2


def test_the_ten_seconds_begin_anew_when_it_fails_of_something_else() -> None:
    world = World(lease("u1", asks={"aws": 2}))
    world.run()
    world.later(8)
    world.create(pool(), resource("aws-1"))
    world.run()
    world.later(8)
    world.run()
    assert world.lease("u1").state is LeaseState.WAITING
    assert world.reason("u1", "Accepted") == "CountExceedsPool"
    world.later(2)
    world.run()
    assert world.lease("u1").state is LeaseState.REFUSED


def test_objects_applied_together_arrive_in_any_order() -> None:
    world = World(lease("u1"))
    world.run()
    world.later(3)
    world.create(pool(), resource("aws-1"))
    world.run()
    assert world.has("u1") == ["aws-1"]
    world.later(60)
    world.run()
    assert world.lease("u1").state is LeaseState.BOUND


def test_what_this_version_does_not_support_is_refused_at_once() -> None:
    world = World(pool(), resource("aws-1"), lease("u1", unsupported=("spec.maxDuration", "spec.waitTimeout")))
    assert [w for w in world.run() if "u1" in w] == ["End u1 as Refused"]
    assert world.reason("u1", "Accepted") == "NotSupportedYet"
    assert world.message("u1", "Accepted") == (
        "this version does not support spec.maxDuration, spec.waitTimeout: leave it out"
    )


@pytest.mark.parametrize(
    ("of", "reason", "says"),
    [
        (lease("u1", asks={"aws": 3}), "CountExceedsPool", "3 of pool aws are asked for; it has 2"),
        (
            lease("u1", requests=(request("aws", 2, name="a"), request("aws", 1, name="b"))),
            "CountExceedsPool",
            "3 of pool aws are asked for; it has 2",
        ),
        (
            lease("u1", asks={"aws": ["aws-1", "aws-7"]}),
            "NoMatchingResource",
            "the names asked of pool aws can't be met: it has no aws-7",
        ),
        (
            lease("u1", requests=(request("aws", ["aws-1"], name="a"), request("aws", ["aws-1"], name="b"))),
            "NoMatchingResource",
            "the names asked of pool aws can't be met: the requests name the same ones too often",
        ),
        (
            lease("u1", release_state="dirty"),
            "ReleaseStateNotAllowed",
            "pool aws does not allow releaseState dirty; it allows free",
        ),
        (
            lease("u1", asks={"aws": 1, "gcp": 1}),
            "PoolNotFound",
            "there is no pool gcp: create it, or correct the request's pool",
        ),
    ],
)
def test_what_can_never_be_met_is_refused_with_a_sentence(of: Lease, reason: str, says: str) -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2"), of)
    world.run()
    world.later(10)
    world.run()
    assert world.lease("u1").state is LeaseState.REFUSED
    assert (world.reason("u1", "Accepted"), world.message("u1", "Accepted")) == (reason, says)


def test_who_takes_from_another_state_is_not_refused_for_a_wish() -> None:
    world = World(pool(release_states=("dirty",)), resource("aws-1", state="dirty"))
    world.create(lease("u1", requests=(request("aws", from_state="dirty"),), release_state="free"))
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_changes_of_a_pool_never_refuse_a_lease_that_was_accepted() -> None:
    world = World(pool(names=2), resource("aws-1", state=BUSY), resource("aws-2", state=BUSY))
    world.create(lease("u1", asks={"aws": 2}))
    world.run()
    world.change(world.pool("aws"), items={"aws-1": Item("aws-1")})
    world.later(60)
    world.run()
    world.later(60)
    world.run()
    assert world.lease("u1").state is LeaseState.WAITING
    assert world.lease("u1").accepted


def test_a_lease_whose_pool_was_deleted_since_waits_for_it() -> None:
    world = full()
    world.create(lease("u1"))
    world.run()
    world.remove(world.pool("aws"))
    world.later(60)
    world.run()
    assert world.lease("u1").state is LeaseState.WAITING
    assert world.reason("u1") == "PoolNotFound"
    assert world.message("u1") == "pool aws was deleted; the lease waits until it is back"


def test_a_lease_that_names_a_pool_that_can_not_be_read_is_not_told_that_there_is_none() -> None:
    world = World()
    world.truth[a.pool_key("aws")] = pool()
    world.spoil(world.pool("aws"))
    world.create(lease("u1"))
    world.run()
    world.later(20)
    world.run()
    assert world.lease("u1").state is LeaseState.WAITING
    assert (world.reason("u1"), world.message("u1", "Accepted")) == ("Unreadable", "pool aws: no spec")
    world.change(world.pool("aws"))
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_a_lease_accepted_before_its_pool_became_unreadable_waits_for_it() -> None:
    world = World(lease("u1", accepted=True))
    world.truth[a.pool_key("aws")] = pool()
    world.spoil(world.pool("aws"))
    world.run()
    assert world.reason("u1") == "Unreadable"


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


# -- what a cycle costs


def settled_world(*things: Thing) -> World:
    world = World(*things)
    for _ in range(3):
        world.run()
        world.later(10)
    world.run()
    world.done.clear()
    return world


def cycle(world: World) -> list[str]:
    """What was written but for the counts, which follow every 10 s however many cycles there are."""
    assert pool_reports(world) <= 1
    return [w for w in world.writes() if w != "ReportPool aws"]


def test_a_cycle_costs_the_operator_three_writes() -> None:
    world = settled_world(pool(), resource("aws-1"))
    world.create(lease("u1"))
    world.run()
    world.delete(world.lease("u1"))
    world.run()
    assert cycle(world) == ["Claim aws-1 for u1", "Bind u1", "Free aws-1 as free: Deleted"]


def test_a_hand_over_costs_the_operator_two_writes() -> None:
    of = bound("u1", "aws-1")
    world = settled_world(pool(), held("aws-1", of), of, lease("u2", waited=minutes(1)))
    world.delete(world.lease("u1"))
    world.run()
    assert cycle(world) == ["HandOver aws-1 to u2", "Bind u2"]


def test_a_wait_costs_one_write_more() -> None:
    of = bound("u1", "aws-1")
    world = settled_world(pool(), held("aws-1", of), of)
    world.create(lease("u2"))
    world.run()
    world.delete(world.lease("u1"))
    world.run()
    world.delete(world.lease("u2"))
    world.run()
    assert cycle(world) == ["Report u2", "HandOver aws-1 to u2", "Bind u2", "Free aws-1 as free: Deleted"]


def test_a_renewal_costs_nothing() -> None:
    of = bound("u1", "aws-1")
    world = settled_world(pool(), held("aws-1", of), of, lease("u2", waited=minutes(1)))
    for _ in range(5):
        world.change(world.lease("u1"))
        world.change(world.lease("u2"))
        world.run()
    assert world.done == []
