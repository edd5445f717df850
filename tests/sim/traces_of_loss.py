"""Resources that are torn away or stripped, and what may still be on its way for the lost ones (design, Initialise)."""

from __future__ import annotations

from lessor.core import actions as a

from .invariants import holder_of, is_bound, names_of
from .people import lease_of
from .sim_operator import Flight, Operator
from .tracing import ONE, URGENT, rest_and_check, trace, two_operators
from .world import World, in_flight


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


@trace
def a_resource_removed_by_force_in_a_counted_pool_is_made_again_as_one_that_existed(world: World) -> None:
    one, two, bind = a_bind_in_flight(world)
    world.people.remove_by_force("Resource", "a-0")
    world.people.make_lease("l1", URGENT)
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["a-0"]
    thaw(world, two, bind)


@trace
def a_counted_pool_that_is_made_again_has_names_that_existed(world: World) -> None:
    one, two, bind = a_bind_in_flight(world)
    world.people.remove_by_force("Pool", "a")
    world.people.remove_by_force("Resource", "a-0")
    world.wait(1)
    world.people.make_pool("a", {"resources": {"count": 1}})
    world.people.make_lease("l1", URGENT)
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["a-0"]
    thaw(world, two, bind)


@trace
def a_status_that_was_stripped_by_hand_leaves_no_lease_too_young_to_be_raised(world: World) -> None:
    one, two, bind = a_bind_in_flight(world)
    world.people.strip_status("a-0", holder=True)
    world.people.make_lease("l1", URGENT)
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["a-0"]
    thaw(world, two, bind)


@trace
def what_was_raised_for_a_resource_counts_for_its_next_loss_no_more(world: World) -> None:
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


@trace
def a_name_that_moves_to_another_pool_by_force_is_cleared_of_binds_from_the_old_one(world: World) -> None:
    world.people.make_pool("d", {"resources": {"names": ["z"]}})
    one, two, bind = a_bind_in_flight(world, ["x", "w"])
    world.people.remove_by_force("Resource", "x")
    world.people.fill_pool("b", {"names": ["w"]})
    world.people.fill_pool("d", {"names": ["z", "x"]})
    world.people.make_lease("l1", {"requests": [{"pool": "d", "count": 2}]})
    world.rest([one])
    assert names_of(lease_of(world.server, "l1")) == ["x", "z"]
    thaw(world, two, bind)


@trace
def a_resource_that_is_held_and_has_no_state_is_neither_initialised_nor_adopted(world: World) -> None:
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


@trace
def a_lost_resource_goes_back_to_the_bound_lease_that_lists_it_though_nobody_knew_that_lease(world: World) -> None:
    one, two = two_operators(world, 1)
    world.people.make_lease("l0", ONE)
    world.rest([two])
    for key in one.waiting_events():
        while key in one.inbox:
            world.miss(one, key)
    world.wait(1)
    world.people.lose_and_restore("a-0", "a")
    one.hear_all()
    for _ in range(4):
        world.decide(one)
        one.answer_all()
    assert holder_of(world.server.get(("Resource", "", "a-0")))["name"] == "l0"
    rest_and_check(world)


@trace
def a_lost_resource_is_adopted(world: World) -> None:
    two_operators(world, 1)
    world.people.make_lease("l0", ONE)
    world.rest()
    world.people.lose_and_restore("a-0", "a")
    rest_and_check(world)
