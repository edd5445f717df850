"""How a Resource without a state gets one: raise, list, then initialise or adopt (model, hole A)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessor.core import actions as a
from lessor.core.initialise import CLOCK_SLACK_S
from lessor.core.model import Item, Terms
from tests.core.applied import applied
from tests.core.build import Facts, blank, bound, holder, lease, minutes, pool, request, resource, words
from tests.core.world import World


def raises(done: list[str]) -> list[str]:
    return [w for w in done if w.startswith("Raise")]


def force_removed(world: World, name: str, **facts: object) -> None:
    """A person strips the finalizer and deletes it, and it is made again: without a state."""
    old = world.resource(name)
    world.remove(old)
    world.create(blank(name, uid=f"{name}-again", created=world.wall, **facts))


# -- the raises


def test_a_resource_without_a_state_is_never_lent() -> None:
    world = World(pool(), blank("aws-1"), lease("u1"))
    done = world.run()
    assert done.index("Initialise aws-1 as free") < done.index("Claim aws-1 for u1")


def test_who_could_have_a_claim_on_the_lost_one_is_raised_before_the_list() -> None:
    world = World(pool(), blank("aws-1"), lease("u1", waited=minutes(1)))
    steps = [w for w in world.run() if not w.startswith("Report")]
    assert steps[:3] == ["Raise u1", "ListLeases", "Initialise aws-1 as free"]


def test_a_list_from_before_the_raise_does_not_count() -> None:
    world = World(pool(), blank("aws-1"), lease("u1", waited=minutes(1)))
    up = world.decide()
    world.relist(a.LEASE)  # begun before the raise was answered
    assert not [x for x in world.decide() if isinstance(x, a.Initialise)]
    world.answer(*up)
    assert "ListLeases" in [words(x) for x in world.decide()]


def test_a_list_begun_before_the_raise_was_answered_does_not_count_either() -> None:
    world = World(pool(), blank("aws-1"), lease("u1", waited=minutes(1)))
    up = world.decide()
    begun, there, at = world.ledger.tick, world.things(a.LEASE), world.version
    world.answer(*up)
    world.ledger.observe_list(a.LEASE, there, at, begun)
    assert not [x for x in world.decide() if isinstance(x, a.Initialise)]


def test_one_raise_and_one_list_serve_all_resources_that_are_new_at_that_moment() -> None:
    world = World(pool(names=5), *(blank(f"aws-{n}") for n in range(1, 6)))
    world.create(lease("u1", waited=minutes(2)), lease("u2", waited=minutes(1)))
    done = world.run()
    assert raises(done) == ["Raise u1", "Raise u2"]
    assert done.count("ListLeases") == 1


def test_a_younger_lease_is_not_raised() -> None:
    world = World(pool(), blank("aws-1", created=0.0), lease("u1"))
    assert raises(world.run()) == []


@pytest.mark.parametrize("later", [0.0, 1.0, CLOCK_SLACK_S], ids="{:.0f} s later".format)
def test_a_lease_that_only_another_clock_calls_younger_is_raised(later: float) -> None:
    world = World(pool(), lease("u1"))
    world.create(blank("aws-1", created=world.lease("u1").created - later))
    assert raises(world.run()) == ["Raise u1"]


@pytest.mark.parametrize("asks", [{"gcp": 1}, {"aws": ["aws-2"]}], ids=["of another pool", "of another name"])
def test_a_lease_that_could_not_use_it_is_not_raised(asks: dict[str, int | list[str]]) -> None:
    world = World(pool(names=2), pool("gcp"), resource("gcp-1", state="busy"), resource("aws-2", state="busy"))
    world.create(lease("u1", waited=minutes(9), asks=asks))
    world.create(blank("aws-1"))
    assert raises(world.run()) == []


def test_a_lease_that_names_it_is_raised() -> None:
    world = World(pool(), blank("aws-1"), lease("u1", asks={"aws": ["aws-1"]}, waited=9))
    assert raises(world.run()) == ["Raise u1"]


def test_a_bound_or_finished_lease_is_not_raised() -> None:
    world = World(pool(names=2), blank("aws-1"), resource("aws-2", holder=holder(bound("u1", "aws-2")), state="leased"))
    world.create(bound("u1", "aws-2", waited=minutes(9)))
    assert raises(world.run()) == []


def test_an_older_lease_seen_only_now_is_raised_too() -> None:
    world = World(pool(), blank("aws-1"))
    (listing,) = (x for x in world.decide() if isinstance(x, a.ListLeases))
    world.create(lease("u1", waited=minutes(1)))
    world.answer(listing)
    done = world.run()
    assert done[0] == "Raise u1"
    assert "Initialise aws-1 as free" in done


def test_each_is_raised_once_for_each_resource_of_that_name() -> None:
    world = World(
        pool(), blank("aws-1"), lease("u1", waited=minutes(1), asks={"aws": 1}), lease("u2", waited=minutes(2))
    )
    world.run()
    assert [world.lease(u).attempt for u in ("u1", "u2")] == [1, 1]
    assert world.has("u2") == ["aws-1"]
    world.delete(world.lease("u2"))
    world.run()
    force_removed(world, "aws-1")
    # u1 is Bound to it, so it is its holder again and nobody waits
    world.run()
    assert world.holder_of("aws-1") == "u1"


def test_after_a_restart_the_raises_are_made_again() -> None:
    before = World(pool(), blank("aws-1"), lease("u1", waited=minutes(1)))
    before.answer(*before.decide())
    after = World(*(replace(x) for x in before.truth.values()))
    assert raises(after.run()) == ["Raise u1"]
    assert after.lease("u1").attempt == 2


def test_a_raise_that_met_a_conflict_is_made_again() -> None:
    world = World(pool(), blank("aws-1"), lease("u1", waited=minutes(1)))
    up = world.decide()
    world.change(world.lease("u1"), seen=False, identity="written meanwhile")
    world.answer(*up)
    assert raises(world.run()) == ["Raise u1"]
    assert world.has("u1") == ["aws-1"]


def test_the_bind_in_flight_on_the_lost_resource_fails() -> None:
    """Hole A: an operator decided to bind and froze; the Resource was removed by force and made again."""
    world = World(pool(), resource("aws-1", created=0.0), lease("u1", waited=minutes(2)))
    world.answer(*world.decide())
    (bind,) = (x for x in world.decide() if isinstance(x, a.Bind))
    world.ledger.settled(bind)  # this operator takes over; the other one's write is still in flight
    force_removed(world, "aws-1")
    world.create(lease("u2", waited=minutes(9), priority=1))
    world.answer(*world.decide())
    world._write(bind)
    world.run()
    assert world.has("u2") == ["aws-1"]
    assert world.has("u1") == []


# -- names that never existed


def test_a_pools_first_resources_need_no_raise() -> None:
    world = World(pool(count=2, next_ordinal=0), lease("u1", waited=minutes(9)))
    done = world.run()
    assert done.index("ReserveOrdinals aws") < done.index("Create aws-0 of aws")
    assert raises(done) == []
    assert len(world.has("u1")) == 1


def test_what_a_pool_grows_by_needs_no_raise() -> None:
    world = World(pool(count=1), resource("aws-0", state="busy"), lease("u1", waited=minutes(9)))
    world.run()
    world.change(world.pool("aws"), items={n: Item(n) for n in ("aws-0", "aws-1")})
    done = world.run()
    assert raises(done) == []
    assert world.has("u1") == ["aws-1"]


def test_a_name_that_was_reserved_by_another_process_needs_a_raise() -> None:
    world = World(pool(count=1), lease("u1", waited=minutes(9)))
    assert raises(world.run()) == ["Raise u1"]


def test_a_name_made_again_after_it_was_lost_needs_a_raise_though_its_ordinal_is_new_to_this_process() -> None:
    world = World(pool(count=1, next_ordinal=0))
    world.run()
    world.create(lease("u1", waited=0))
    world.answer(*world.decide())  # claimed, not bound yet: the bind may be in flight
    world.remove(world.resource("aws-0"))
    assert "Raise u1" in world.run()


def test_a_new_resources_event_may_come_before_the_answer_to_its_making() -> None:
    world = World(pool(count=1, next_ordinal=0), lease("u1", waited=minutes(9)))
    world.answer(*world.decide())
    (make,) = (x for x in world.decide() if isinstance(x, a.CreateResource))
    made = applied(make, world.wall, world.version + 1)
    world.create(made)
    world.answer(*world.decide())
    world.ledger.fresh[made.uid] = None  # what the answer says
    world.ledger.settled(make)
    assert raises(world.run()) == []


def test_a_making_with_an_unknown_outcome_is_not_repeated_as_new() -> None:
    world = World(pool(count=1, next_ordinal=0))
    world.answer(*world.decide())
    (make,) = (x for x in world.decide() if isinstance(x, a.CreateResource))
    assert make.fresh
    world.ledger.settled(make)  # looked again: not there
    (again,) = (x for x in world.decide() if isinstance(x, a.CreateResource))
    assert not again.fresh


def test_a_new_leader_takes_no_name_for_new() -> None:
    world = World(pool(count=1, next_ordinal=0), lease("u1", waited=minutes(9)))
    world.answer(*world.decide())
    world.ledger.touch_everything()
    assert "Raise u1" in world.run()


def test_names_that_a_person_chose_may_have_existed() -> None:
    world = World(pool(names=["aws-1"]), lease("u1", waited=minutes(9)))
    assert raises(world.run()) == ["Raise u1"]


# -- the state it gets


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "free"),
        ({"items": {"aws-1": Item("aws-1", initial_state="untested")}}, "untested"),
        ({"janitor": True, "items": {"aws-1": Item("aws-1", initial_state="untested")}}, "dirty"),
    ],
)
def test_its_first_state_is_the_items_and_with_a_janitor_always_dirty(facts: Facts, state: str) -> None:
    world = World(pool(**facts), blank("aws-1"))
    world.run()
    assert world.resource("aws-1").state == state


def test_a_resource_whose_pool_can_not_be_understood_stays_as_it_is() -> None:
    world = World(pool(unsupported=("spec.needs",)), blank("aws-1"))
    world.run()
    assert world.resource("aws-1").state is None


def test_it_is_initialised_once_its_pool_is_there() -> None:
    world = World(blank("aws-1"))
    world.run()
    assert world.resource("aws-1").state is None
    world.create(pool())
    world.run()
    assert world.resource("aws-1").state == "free"


def test_one_that_is_deleted_before_it_had_a_state_goes() -> None:
    world = World(pool(names=[]), blank("aws-1", deleting=True))
    assert "DropFinalizer aws-1" in world.run()
    assert not world.there("aws-1")


# -- adoption


def test_a_live_bound_lease_that_lists_it_becomes_its_holder_again() -> None:
    terms = Terms(90.0, None, "tested", "free", 0)
    of = bound(
        "u1", "aws-1", epoch=7, attempt=3, terms=terms, identity="job 7", requests=(request("aws", as_state="busy"),)
    )
    world = World(pool(release_states=("free", "tested")), blank("aws-1"), of)
    done = world.run()
    assert "Adopt aws-1 for u1" in done
    now = world.resource("aws-1")
    assert now.state == "busy"
    assert now.epoch == 8
    got = now.holder
    assert got is not None
    assert (got.uid, got.attempt, got.identity, got.release_state, got.term) == ("u1", 3, "job 7", "tested", 90.0)
    assert world.has("u1") == ["aws-1"]


def test_what_is_adopted_remembers_where_it_was_taken_from() -> None:
    of = bound("u1", "aws-1", requests=(request("aws", from_state="dirty", as_state="cleaning"),))
    world = World(pool(), blank("aws-1"), of)
    world.run()
    got = world.resource("aws-1").holder
    assert got is not None
    assert got.from_state == "dirty"


def test_the_epoch_of_the_adopted_is_above_all_that_were_given_out() -> None:
    world = World(pool(), blank("aws-1", epoch=9), bound("u1", "aws-1", epoch=7))
    world.run()
    assert world.resource("aws-1").epoch == 10


def test_what_was_adopted_is_released_as_ever() -> None:
    world = World(pool(), blank("aws-1"), bound("u1", "aws-1"))
    world.run()
    world.delete(world.lease("u1"))
    world.run()
    assert world.resource("aws-1").state == "free"
    assert world.holder_of("aws-1") is None


def test_a_resource_restored_without_its_status_goes_back_to_its_holder() -> None:
    world = World(pool(), resource("aws-1"), lease("u1", waited=minutes(5)), lease("u2", waited=minutes(4)))
    world.run()
    force_removed(world, "aws-1")
    done = world.run()
    assert "Raise u2" in done
    assert world.holder_of("aws-1") == "u1"


def test_a_lease_that_was_released_meanwhile_is_not_adopted() -> None:
    world = World(pool(), blank("aws-1"), bound("u1", "aws-1"))
    (listing,) = (x for x in world.decide() if isinstance(x, a.ListLeases))
    world.change(world.lease("u1"), release={"*": None})
    world.answer(listing)
    world.run()
    assert world.holder_of("aws-1") is None
    assert world.resource("aws-1").state == "free"


def test_what_a_lease_gave_back_alone_is_not_adopted() -> None:
    of = bound("u1", "aws-1", "aws-2")
    world = World(pool(names=2), blank("aws-1"), blank("aws-2"), replace(of, resources=of.resources[1:]))
    world.run()
    assert world.holder_of("aws-1") is None
    assert world.holder_of("aws-2") == "u1"


def test_a_pool_that_goes_gives_back_to_a_lease_what_it_lists_whatever_else_it_asks_for() -> None:
    """Found by the simulation: a field without effect yet kept the Resource from being adopted, and so from going."""
    of = bound("u1", "aws-1")
    world = World(pool(unsupported=("spec.needs",), deleting=True), blank("aws-1", deleting=True), of)
    world.run()
    assert world.holder_of("aws-1") == "u1"
    world.delete(world.lease("u1"))
    world.run()
    assert not world.there("aws-1")
