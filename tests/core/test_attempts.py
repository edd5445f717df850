"""Half-done grants: completed, or given back after the Lease's attempt was raised."""

from __future__ import annotations

from dataclasses import replace

from lessor.core import actions as a
from tests.core.build import bound, held, lease, minutes, pool, request, resource, words
from tests.core.world import World

BUSY = "busy"


def test_a_half_done_grant_is_completed_before_anybody_else_is_given_something() -> None:
    of = lease("u1", asks={"aws": 2}, waited=1)
    world = World(pool(names=2), held("aws-1", of), resource("aws-2"), of, lease("u2", waited=minutes(60), priority=9))
    world.run()
    assert world.has("u1") == ["aws-1", "aws-2"]
    assert world.lease("u1").attempt == 0


def test_claims_that_are_all_it_needs_are_bound_as_they_are() -> None:
    of = lease("u1", asks={"aws": 2})
    world = World(pool(names=2), held("aws-1", of), held("aws-2", of), of)
    assert [words(x) for x in world.decide()] == ["Bind u1"]


def test_a_grant_that_can_not_be_completed_is_given_back_after_one_raise() -> None:
    of = lease("u1", asks={"aws": 2})
    world = World(pool(names=2), held("aws-1", of), resource("aws-2", state=BUSY), of)
    done = world.run()
    assert done[:2] == ["Raise u1", "Free aws-1 as free: NeverBound"]
    assert world.lease("u1").attempt == 1
    assert world.resource("aws-1").last_holders[0].ended == "NeverBound"


def test_what_was_claimed_dirty_is_given_back_dirty() -> None:
    of = lease("u1", requests=(request("aws", 2, from_state="dirty", as_state="cleaning"),))
    mine = held("aws-1", of, state="cleaning", from_state="dirty", release_state="free")
    world = World(pool(names=2), mine, resource("aws-2"), of)
    world.run()
    assert world.resource("aws-1").state == "dirty"


def test_a_claim_of_an_earlier_attempt_is_given_back_though_its_lease_waits_on() -> None:
    of = lease("u1", attempt=2)
    world = World(pool(), held("aws-1", of, attempt=1), of)
    assert world.run()[0] == "HandOver aws-1 to u1"
    assert world.resource("aws-1").holder.attempt == 2  # type: ignore[union-attr]
    assert world.has("u1") == ["aws-1"]


def test_a_claim_of_an_earlier_attempt_is_never_bound() -> None:
    of = lease("u1", attempt=2)
    world = World(pool(hold=True), held("aws-1", of, attempt=1), of)
    done = world.run()
    assert "Bind u1" not in done
    assert "Free aws-1 as free: NeverBound" in done


def test_nothing_is_given_back_on_a_raise_that_failed() -> None:
    of = lease("u1", asks={"aws": 2})
    world = World(pool(names=2), held("aws-1", of), resource("aws-2", state=BUSY), of)
    (up,) = (x for x in world.decide() if isinstance(x, a.Raise))
    world.change(world.lease("u1"), seen=False, identity="changed meanwhile")
    world.change(world.resource("aws-2"), seen=False, state="free")
    world.answer(up)
    world.ledger.observe(world.resource("aws-2"))
    world.run()
    assert world.has("u1") == ["aws-1", "aws-2"]
    assert world.lease("u1").attempt == 0


def test_of_several_that_block_each_other_the_last_in_line_gives_way_first() -> None:
    first, second, third = (lease(f"u{n}", asks={"aws": 2}, waited=10 - n) for n in (1, 2, 3))
    world = World(
        pool(names=3), *(held(f"aws-{n}", of) for n, of in ((1, first), (2, second), (3, third))), first, second, third
    )
    done = world.run()
    # u3 gives way to u1; u2, that nobody can complete then, gives back after it.
    assert [w for w in done if w.startswith("Raise")] == ["Raise u3", "Raise u2"]
    assert len(world.has("u1")) == 2
    assert [world.lease(f"u{n}").attempt for n in (1, 2, 3)] == [0, 1, 1]


def test_over_several_pools_too_the_last_in_line_gives_way() -> None:
    first = lease("u1", asks={"aws": 1, "gcp": 1}, waited=9)
    second = lease("u2", asks={"gcp": 1, "aws": 1}, waited=8)
    world = World(pool("aws"), pool("gcp"), held("aws-1", first), held("gcp-1", second), first, second)
    world.run()
    assert world.has("u1") == ["aws-1", "gcp-1"]
    assert world.lease("u2").attempt == 1
    assert world.lease("u1").attempt == 0


def test_half_a_grant_in_a_pool_that_was_paused_since_is_given_back() -> None:
    of = lease("u1", asks={"aws": 2})
    world = World(pool(names=2, hold=True), held("aws-1", of), resource("aws-2"), of)
    world.run()
    assert world.holder_of("aws-1") is None
    world.later(10)
    world.run()
    assert world.reason("u1") == "PoolPaused"


def test_half_a_grant_of_a_pool_that_was_removed_since_is_given_back() -> None:
    of = lease("u1", asks={"aws": 2}, accepted=True)
    world = World(held("aws-1", of), resource("aws-2"), of)
    world.run()
    assert world.holder_of("aws-1") is None


def test_an_excess_claim_is_given_back_once_its_lease_is_bound() -> None:
    of = lease("u1")
    world = World(pool(names=2), held("aws-1", of), held("aws-2", of), of)
    world.run()
    (kept,) = world.has("u1")
    (other,) = {"aws-1", "aws-2"} - {kept}
    assert world.holder_of(other) is None
    assert world.resource(other).state == "free"
    assert world.resource(other).last_holders[0].ended == "NeverBound"


def test_two_claims_that_meet_a_conflict_each_end_in_one_whole_grant() -> None:
    world = World(
        pool(names=3), *(resource(f"aws-{n}", idle=minutes(9 - n)) for n in (1, 2, 3)), lease("u1", asks={"aws": 2})
    )
    claims = world.decide()
    assert [words(x) for x in claims] == ["Claim aws-1 for u1", "Claim aws-2 for u1"]
    world.change(world.resource("aws-2"), seen=False, cordoned=True)
    world.answer(*claims)
    assert world.run()[:2] == ["Claim aws-3 for u1", "Bind u1"]
    assert world.has("u1") == ["aws-1", "aws-3"]


def test_a_lease_that_ends_half_done_returns_what_it_claimed_to_where_it_was() -> None:
    of = lease("u1", asks={"aws": 2}, release={"*": "dirty"})
    world = World(pool(names=2, release_states=("free", "dirty")), held("aws-1", of), resource("aws-2", state=BUSY), of)
    done = world.run()
    assert done[:2] == ["End u1 as Released", "Free aws-1 as free: NeverBound"]


def test_a_lease_deleted_half_done_returns_what_it_claimed_to_where_it_was() -> None:
    of = lease("u1", asks={"aws": 2})
    world = World(pool(names=2, on_loss="dirty"), held("aws-1", of), resource("aws-2", state=BUSY), of)
    world.delete(of)
    world.run()
    assert world.resource("aws-1").state == "free"
    assert world.resource("aws-1").last_holders[0].ended == "NeverBound"


def test_a_lease_deleted_while_its_claims_are_on_their_way_loses_them() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    (claim,) = world.decide()
    world.delete(world.lease("u1"))
    world.answer(claim)
    world.run()
    assert world.holder_of("aws-1") is None
    assert world.resource("aws-1").state == "free"
    assert world.ledger.vanished == {}


def test_a_bound_lease_is_never_raised() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(names=2), held("aws-1", of, attempt=0), resource("aws-2", state=BUSY), replace(of, attempt=0))
    world.run()
    assert not [x for x in world.done if isinstance(x, a.Raise)]
