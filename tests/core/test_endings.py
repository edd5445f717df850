"""How a hold ends, and in which state that leaves a Resource."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessor.core import actions as a
from lessor.core.model import LeaseState, PastHolder, Terms
from tests.core.build import bound, held, lease, pool, request, resource, words
from tests.core.world import World

ANY = ("free", "*")
LOSSY = Terms(1800.0, None, "free", "dirty", 0)


def ended(world: World, name: str) -> list[str]:
    return [past.ended for past in world.resource(name).last_holders]


# -- by deletion


def test_a_deleted_lease_leaves_its_resource_in_the_state_agreed_at_the_claim() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(release_states=("free", "tested")), held("aws-1", of, release_state="tested"), of)
    world.delete(of)
    assert [w for w in world.run() if "Report" not in w] == ["LookAtLease u1", "Free aws-1 as tested: Deleted"]
    assert world.resource("aws-1").epoch == 2


def test_a_wish_that_a_deleted_lease_had_still_holds() -> None:
    of = bound("u1", "aws-1", "aws-2", release={"aws-1": "dirty"})
    world = World(pool(names=2, release_states=("free", "dirty")), held("aws-1", of), held("aws-2", of), of)
    world.delete(of)
    world.run()
    assert [world.resource(f"aws-{n}").state for n in (1, 2)] == ["dirty", "free"]


def test_a_lease_that_somebody_elses_finalizer_keeps_is_released_all_the_same() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.change(of, deleting=True)
    assert [w for w in world.run() if "Report" not in w] == ["End u1 as Released", "Free aws-1 as free: Released"]
    assert world.reason("u1", "Finished") == "Deleted"


def test_a_lease_that_expired_and_was_deleted_before_its_resource_was_freed_is_still_a_loss() -> None:
    of = replace(bound("u1", "aws-1"), state=LeaseState.EXPIRED, resources=(), terms=LOSSY)
    world = World(pool(), held("aws-1", of), of)
    world.delete(of)
    world.run()
    assert world.resource("aws-1").state == "dirty"
    assert ended(world, "aws-1") == ["Lost"]


def test_a_lease_that_was_released_with_a_wish_and_deleted_before_its_resource_was_freed_keeps_the_wish() -> None:
    of = replace(bound("u1", "aws-1", release={"*": "dirty"}), state=LeaseState.RELEASED, resources=())
    world = World(pool(release_states=("free", "dirty")), held("aws-1", of), of)
    world.delete(of)
    world.run()
    assert world.resource("aws-1").state == "dirty"


# -- by spec.release


def test_a_whole_release_ends_the_lease_before_anything_is_freed() -> None:
    of = bound("u1", "aws-1", "aws-2", release={"*": None})
    world = World(pool(names=2), held("aws-1", of), held("aws-2", of), of)
    assert [w for w in world.run() if "Report" not in w] == [
        "End u1 as Released",
        "Free aws-1 as free: Released",
        "Free aws-2 as free: Released",
    ]
    assert world.lease("u1").resources == ()
    said = world.lease("u1").conditions
    assert [(said[c].status, said[c].reason) for c in ("Bound", "Ready", "Finished")] == [
        ("False", "Released"),
        ("False", "Released"),
        ("True", "Released"),
    ]


def test_a_single_release_takes_the_entry_out_before_its_resource_is_freed() -> None:
    of = bound("u1", "aws-1", "aws-2", release={"aws-1": None})
    world = World(pool(names=2), held("aws-1", of), held("aws-2", of), of)
    assert [w for w in world.run() if "Report" not in w] == ["Shrink u1", "Free aws-1 as free: Released"]
    assert world.has("u1") == ["aws-2"]
    assert world.holder_of("aws-2") == "u1"


def test_the_release_of_the_last_single_resource_ends_the_lease() -> None:
    of = bound("u1", "aws-1", "aws-2", release={"aws-1": None, "aws-2": None})
    world = World(pool(names=2), held("aws-1", of), held("aws-2", of), of)
    world.run()
    assert world.lease("u1").state is LeaseState.RELEASED


def test_the_release_of_what_it_does_not_have_changes_nothing() -> None:
    of = bound("u1", "aws-1", release={"aws-9": None})
    world = World(pool(), held("aws-1", of), of)
    assert not [w for w in world.run() if "u1" in w]


@pytest.mark.parametrize(
    ("release", "states"),
    [
        ({"*": "dirty"}, ["dirty", "dirty"]),
        ({"aws-1": "dirty", "*": None}, ["dirty", "free"]),
        ({"aws-1": None, "*": "dirty"}, ["free", "dirty"]),
        ({"aws-1": "tested", "*": "dirty"}, ["tested", "dirty"]),
    ],
)
def test_what_is_wished_for_one_resource_is_more_particular_than_for_all(
    release: dict[str, str | None], states: list[str]
) -> None:
    of = bound("u1", "aws-1", "aws-2", release=release)
    world = World(pool(names=2, release_states=ANY), held("aws-1", of), held("aws-2", of), of)
    world.run()
    assert [world.resource(f"aws-{n}").state for n in (1, 2)] == states


def test_a_state_that_the_pool_does_not_allow_is_not_what_it_ends_in() -> None:
    of = bound("u1", "aws-1", release={"*": "quarantined"})
    world = World(pool(release_states=("free", "dirty")), held("aws-1", of, release_state="dirty"), of)
    world.run()
    assert world.resource("aws-1").state == "dirty"


def test_any_state_may_be_wished_where_the_pool_says_so() -> None:
    of = bound("u1", "aws-1", release={"*": "rotated-2024"})
    world = World(pool(release_states=ANY), held("aws-1", of), of)
    world.run()
    assert world.resource("aws-1").state == "rotated-2024"


def test_who_takes_from_another_state_may_wish_any() -> None:
    taker = replace(
        bound("u1", "aws-1", release={"*": "free"}),
        requests=(request("aws", from_state="dirty", as_state="cleaning"),),
    )
    world = World(pool(release_states=("dirty",)), held("aws-1", taker, state="cleaning", from_state="dirty"), taker)
    world.run()
    assert world.resource("aws-1").state == "free"


def test_a_waiting_lease_that_is_released_leaves_the_queue() -> None:
    world = World(pool(), resource("aws-1", state="busy"), lease("u1"), lease("u2"))
    world.run()
    world.change(world.lease("u1"), release={"*": None})
    world.run()
    assert world.lease("u1").state is LeaseState.RELEASED
    assert list(world.ledger.pool_index("aws").waiting_uids()) == ["u2"]


# -- a loss


def test_a_lease_that_this_process_never_saw_ends_as_a_loss() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(on_loss="suspect"), held("aws-1", of))
    assert [w for w in world.run() if "Report" not in w] == ["LookAtLease u1", "Free aws-1 as suspect: Lost"]


def test_without_its_pool_a_lost_resource_is_dirty() -> None:
    world = World(held("aws-1", bound("u1", "aws-1")))
    world.run()
    assert world.resource("aws-1").state == "dirty"


def test_a_lease_that_was_only_missed_in_a_list_ends_as_a_loss() -> None:
    """Its last version may be older than its end, so nobody knows how it ended."""
    of = bound("u1", "aws-1")
    world = World(pool(on_loss="suspect"), held("aws-1", of), of)
    world.remove(of, seen=False)
    world.relist(a.LEASE)
    world.run()
    assert world.resource("aws-1").state == "suspect"


def test_the_loss_agreed_at_the_bind_goes_before_what_the_pool_says_now() -> None:
    of = replace(bound("u1", "aws-1"), state=LeaseState.EXPIRED, resources=(), terms=LOSSY)
    world = World(pool(on_loss="free"), held("aws-1", of), of)
    world.run()
    assert world.resource("aws-1").state == "dirty"


def test_where_pools_differ_a_lost_resource_ends_as_its_own_pool_says() -> None:
    terms = Terms(1800.0, None, None, None, 0)
    of = replace(bound("u1", "aws-1", "gcp-1"), state=LeaseState.EXPIRED, resources=(), terms=terms)
    world = World(pool("aws", on_loss="a"), pool("gcp", on_loss="g"), held("aws-1", of), held("gcp-1", of), of)
    world.run()
    assert [world.resource(n).state for n in ("aws-1", "gcp-1")] == ["a", "g"]


@pytest.mark.parametrize("state", [LeaseState.EXPIRED, LeaseState.REFUSED, LeaseState.RELEASED])
def test_a_claim_that_was_never_bound_returns_to_where_it_was_however_its_lease_ended(state: LeaseState) -> None:
    of = lease("u1", state=state)
    world = World(pool(on_loss="dirty"), held("aws-1", of, from_state="tested", release_state="dirty"), of)
    world.run()
    assert world.resource("aws-1").state == "tested"
    assert ended(world, "aws-1") == ["NeverBound"]


# -- what is never freed


def test_a_resource_of_a_live_bound_lease_is_never_freed() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.change(of, identity="renewed")
    world.change(world.pool("aws"), hold=True)
    world.run()
    assert world.holder_of("aws-1") == "u1"


@pytest.mark.parametrize("holder_is_there", [True, False])
def test_a_resource_that_another_live_bound_lease_lists_is_never_freed(holder_is_there: bool) -> None:
    """Only a hand-edited status gets there."""
    lists, holds = bound("u1", "aws-1"), lease("u2", state=LeaseState.RELEASED)
    world = World(pool(), held("aws-1", holds), lists, *([holds] if holder_is_there else []))
    for _ in range(3):
        done = world.decide()
        assert not [x for x in done if isinstance(x, a.Free | a.HandOver)]
        world.answer(*(x for x in done if not isinstance(x, a.ReportPool)))


def test_a_resource_whose_lease_is_being_written_waits_for_the_answer() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.change(of, release={"*": None})
    (end,) = (x for x in world.decide() if isinstance(x, a.End))
    world.change(world.resource("aws-1"), cordoned=True)
    assert not [x for x in world.decide() if isinstance(x, a.Free)]
    world.answer(end)
    world.run()
    assert world.holder_of("aws-1") is None


def test_what_a_bound_lease_lists_is_not_given_back_whatever_its_claims_attempt() -> None:
    of = bound("u1", "aws-1", attempt=2)
    world = World(pool(), held("aws-1", of, attempt=1), of)
    world.run()
    assert world.holder_of("aws-1") == "u1"


# -- the last five


def test_the_last_five_holders_are_kept_the_newest_first() -> None:
    past = tuple(PastHolder("ci", f"old{n}", f"old{n}", "Released", "") for n in range(5))
    of = bound("u1", "aws-1", release={"*": None})
    world = World(pool(), held("aws-1", of, last_holders=past), of)
    world.run()
    assert [h.uid for h in world.resource("aws-1").last_holders] == ["u1", "old0", "old1", "old2", "old3"]


# -- deletion of a Resource


def test_a_resource_that_is_deleted_goes_when_its_holder_has_ended() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.delete(world.resource("aws-1"))
    world.run()
    assert world.there("aws-1")
    world.delete(of)
    done = world.run()
    assert [w for w in done if "aws-1" in w][:2] == ["Free aws-1 as free: Deleted", "DropFinalizer aws-1"]
    assert world.holder_of("aws-1") is None  # its Pool still wants the name: made anew
    assert world.resource("aws-1").uid != "aws-1-uid"


def test_an_idle_resource_that_is_deleted_goes_at_once() -> None:
    world = World(resource("aws-1"))
    world.delete(world.resource("aws-1"))
    assert world.run() == ["DropFinalizer aws-1"]
    assert not world.there("aws-1")


@pytest.mark.parametrize("state", ["dirty", "cleaning", "quarantined"])
def test_where_a_janitor_is_a_resource_goes_when_it_is_clean(state: str) -> None:
    world = World(pool(janitor=True), resource("aws-1", state=state, deleting=True))
    world.run()
    assert world.there("aws-1")
    world.change(world.resource("aws-1"), state="free")
    assert "DropFinalizer aws-1" in world.run()


def test_without_a_janitor_a_dirty_resource_goes_as_it_is() -> None:
    world = World(pool(), resource("aws-1", state="dirty", deleting=True))
    assert "DropFinalizer aws-1" in world.run()


def test_a_resource_that_a_live_bound_lease_lists_does_not_go() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), resource("aws-1", deleting=True), of)
    assert "DropFinalizer aws-1" not in [words(x) for x in world.decide()]
