"""When a Lease is refused: after ten seconds of the same failure and a live read, never for a Pool's later changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessor.core import actions as a
from lessor.core.model import Item, Lease, LeaseState
from tests.core.build import lease, pool, request, resource, words
from tests.core.world import World

BUSY = "busy"


def full() -> World:
    """A pool of which nothing is free."""
    return World(pool(), resource("aws-1", state=BUSY))


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
