"""Traces that once broke a promise, each found by the simulation or by reading, each told step by step."""

from __future__ import annotations

import pytest

from lessor.core import actions as a

from . import at_rest
from .invariants import holder_of, is_bound, names_of
from .people import LEASES, lease_of
from .sim_operator import Flight, Operator
from .world import World, in_flight

ONE, URGENT = LEASES[0], LEASES[6]


@pytest.fixture
def world() -> World:
    return World()


def rest_and_check(world: World, *ops: Operator) -> None:
    world.rest(ops or None)
    at_rest.check(world, ops or world.operators)


def a_bind_in_flight(world: World, names: list[str] | None = None) -> tuple[Operator, Operator, Flight]:
    """All of a pool (a-0, or `names` in pool b) is held, and lease l0 waits for it and was told so. The holder of the
    first resource goes, operator A hands that to l0; operator B sees it, decides to bind l0, and freezes. l0's object
    is the same as when it was told to wait."""
    pool, first = ("b", names[0]) if names else ("a", "a-0")
    world.people.make_pool(pool, {"resources": {"names": names} if names else {"count": 1}})
    one = world.operator("A")
    world.rest()
    for name in names or ["a-0"]:
        world.people.make_lease(f"of-{name}", {"requests": [{"pool": pool, "names": [name]}]})
    world.rest()
    world.wait(1)
    world.people.make_lease("l0", {"requests": [{"pool": pool}]})
    world.rest()
    two = world.operator("B")
    world.rest()
    world.people.delete_lease(f"of-{first}")
    one.hear_all()
    world.decide(one)
    look = in_flight(one, a.LookAtLease, f"of-{first}")
    world.land(one, look)
    world.hear(one, look)
    world.decide(one)
    world.land(one, in_flight(one, a.HandOver, first))
    two.hear_all()
    world.decide(two)
    return one, two, in_flight(two, a.Bind, "l0")


def thaw(world: World, two: Operator, bind: Flight) -> None:
    """The frozen operator wakes up: its bind lands, whatever became of it; then all come to rest."""
    world.land(two, bind)
    rest_and_check(world)


def test_a_resource_removed_by_force_in_a_counted_pool_is_made_again_as_one_that_existed(world: World) -> None:
    one, two, bind = a_bind_in_flight(world)
    world.people.remove_by_force("Resource", "a-0")
    world.people.make_lease("l1", URGENT)
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["a-0"]
    thaw(world, two, bind)


def test_a_counted_pool_that_is_made_again_has_names_that_existed(world: World) -> None:
    one, two, bind = a_bind_in_flight(world)
    world.people.remove_by_force("Pool", "a")
    world.people.remove_by_force("Resource", "a-0")
    world.wait(1)
    world.people.make_pool("a", {"resources": {"count": 1}})
    world.people.make_lease("l1", URGENT)
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["a-0"]
    thaw(world, two, bind)


def test_a_status_that_was_stripped_by_hand_leaves_no_lease_too_young_to_be_raised(world: World) -> None:
    one, two, bind = a_bind_in_flight(world)
    world.people.strip_status("a-0", holder=True)
    world.people.make_lease("l1", URGENT)
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["a-0"]
    thaw(world, two, bind)


def test_what_was_raised_for_a_resource_counts_for_its_next_loss_no_more(world: World) -> None:
    one, two, bind = a_bind_in_flight(world)
    world.people.strip_status("a-0", holder=True)
    third = world.operator("C")
    third.answer_all()
    world.decide(third)  # raises l0, and stops there
    world.land(third, raised := in_flight(third, a.Raise, "l0"))
    world.hear(third, raised)
    world.land(two, bind)
    world.lose(two, bind)
    two.answer_all()
    two.hear_all()
    world.rest([one])
    assert is_bound(lease_of(world.server, "l0"))
    world.people.strip_status("a-0", holder=True)
    rest_and_check(world, third)


def test_a_name_that_moves_to_another_pool_by_force_is_cleared_of_binds_from_the_old_one(world: World) -> None:
    world.people.make_pool("d", {"resources": {"names": ["z"]}})
    one, two, bind = a_bind_in_flight(world, ["x", "w"])
    world.people.remove_by_force("Resource", "x")
    world.people.fill_pool("b", {"names": ["w"]})
    world.people.fill_pool("d", {"names": ["z", "x"]})
    world.people.make_lease("l1", {"requests": [{"pool": "d", "count": 2}]})
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["x", "z"]
    thaw(world, two, bind)


def test_a_resource_that_is_held_and_has_no_state_is_neither_initialised_nor_adopted(world: World) -> None:
    world.people.make_pool("a")
    world.people.make_lease("l0", ONE)
    world.operator("A")
    world.rest()
    world.people.strip_status("a-0", holder=False)
    rest_and_check(world)
    world.people.cordon("a-1", True)
    rest_and_check(world)
    world.people.delete_lease("l0")
    rest_and_check(world)
    assert world.server.get(("Resource", "", "a-0"))["status"]["state"] == "free"


def test_an_answer_not_there_that_is_older_than_what_was_seen_forgets_nothing(world: World) -> None:
    world.people.make_pool("a", {"resources": {"count": 1}})
    one = world.operator("A")
    world.rest()
    two = world.operator("B")
    world.rest()
    world.people.delete_resource("a-0")
    one.hear_all()
    world.decide(one)
    drop = in_flight(one, a.DropFinalizer, "a-0")
    world.people.remove_by_force("Resource", "a-0")
    world.land(one, drop)
    world.rest([two])  # it is made again
    one.hear_all()
    world.hear(one, drop)
    rest_and_check(world)


def test_a_resource_that_a_pool_gives_up_while_it_is_being_claimed_is_deleted_afterwards(world: World) -> None:
    world.people.make_pool("b", {"resources": {"names": ["x"]}})
    one = world.operator("A")
    world.rest()
    world.people.make_lease("l0", LEASES[2])
    one.hear_all()
    world.decide(one)
    claim = in_flight(one, a.Claim, "x")
    world.people.fill_pool("b", {"names": ["y"]})
    one.hear_all()
    world.decide(one)
    world.land(one, claim)
    world.hear(one, claim)
    rest_and_check(world)


def test_a_pool_goes_though_its_last_resource_was_seen_again_only_in_another_pool(world: World) -> None:
    world.people.make_pool("b", {"resources": {"names": ["x"]}})
    world.people.make_pool("d")
    one = world.operator("A")
    two = world.operator("B")
    world.rest()
    world.people.delete_pool("b")
    for _ in range(3):
        world.work(two)
    while in_flight_count(two, a.UnprotectPool) == 0:
        world.work(two)
    two.die()
    world.people.make_resource("x", "d", protected=True)
    while one.inbox.get(("Resource", "", "x")) and len(one.inbox["Resource", "", "x"]) > 1:
        one.miss(("Resource", "", "x"))
    rest_and_check(world, one)


def in_flight_count(op: Operator, kind: type) -> int:
    return sum(isinstance(flight.action, kind) for flight in op.flights)


def test_a_held_resource_is_freed_though_its_unknown_lease_went_while_it_was_looked_at(world: World) -> None:
    world.people.make_pool("a", {"resources": {"count": 1}})
    one = world.operator("A")
    two = world.operator("B")
    world.rest()
    world.people.make_lease("l0", ONE)
    one.miss(("Lease", "ci", "l0"))
    world.rest([two])
    for key in [key for key in one.waiting_events() if key[0] == "Lease"]:
        while key in one.inbox:
            one.miss(key)
    one.hear_all()
    world.decide(one)
    look = in_flight(one, a.LookAtLease, "l0")
    world.land(one, look)
    world.people.delete_lease("l0")
    one.hear_all()
    world.hear(one, look)
    rest_and_check(world, one)
    assert not holder_of(world.server.get(("Resource", "", "a-0")))


def test_a_pool_stops_saying_that_a_name_is_another_pools_when_that_pool_is_gone(world: World) -> None:
    world.people.make_pool("b")
    world.people.make_pool("d")
    world.operator("A")
    rest_and_check(world)
    world.people.remove_by_force("Pool", "b")
    rest_and_check(world)


def test_what_a_pool_says_of_its_deletion_is_the_same_after_a_restart(world: World) -> None:
    world.people.make_pool("a")
    world.people.make_lease("l0", LEASES[1])
    one = world.operator("A")
    world.rest()
    world.people.cordon("a-0", True)
    one.hear_all()
    world.people.delete_pool("a")
    rest_and_check(world)


def test_a_name_released_before_the_bind_does_not_silence_the_operator(world: World) -> None:
    world.people.make_pool("a")
    world.operator("A")
    world.rest()
    world.people.edit_pool("a", {"mode": "Hold"})
    world.people.make_lease("l0", ONE)
    world.people.release("l0", "a-0")
    rest_and_check(world)
