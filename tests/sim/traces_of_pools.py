"""Pools and the Resources that they want, or want no more."""

from __future__ import annotations

from lessor.core import actions as a

from .people import LEASES
from .tracing import TWO, rest_and_check, trace, work_until
from .world import World, in_flight


@trace
def a_resource_that_a_pool_gives_up_while_it_is_being_claimed_is_deleted_afterwards(world: World) -> None:
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


@trace
def a_pool_goes_though_its_last_resource_was_seen_again_only_in_another_pool(world: World) -> None:
    world.people.make_pool("b", {"resources": {"names": ["x"]}})
    world.people.make_pool("d")
    one = world.operator("A")
    two = world.operator("B")
    world.rest()
    world.people.delete_pool("b")
    work_until(world, two, a.UnprotectPool)
    two.die()
    world.people.make_resource("x", "d", protected=True)
    while one.inbox.get(("Resource", "", "x")) and len(one.inbox["Resource", "", "x"]) > 1:
        one.miss(("Resource", "", "x"))
    rest_and_check(world, one)


@trace
def a_pool_stops_saying_that_a_name_is_another_pools_when_that_pool_is_gone(world: World) -> None:
    world.people.make_pool("b")
    world.people.make_pool("d")
    world.operator("A")
    rest_and_check(world)
    world.people.remove_by_force("Pool", "b")
    rest_and_check(world)


@trace
def what_a_pool_says_of_its_deletion_is_the_same_after_a_restart(world: World) -> None:
    world.people.make_pool("a")
    world.people.make_lease("l0", TWO)
    one = world.operator("A")
    world.rest()
    world.people.cordon("a-0", True)
    one.hear_all()
    world.people.delete_pool("a")
    rest_and_check(world)


@trace
def a_resource_made_for_a_pool_that_is_not_there_says_so_though_its_name_was_being_written(world: World) -> None:
    world.people.make_pool("b", {"resources": {"names": ["x"]}})
    one = world.operator("A")
    world.rest()
    world.people.make_lease("l0", LEASES[2])
    one.hear_all()
    world.decide(one)
    claim = in_flight(one, a.Claim, "x")
    world.people.remove_by_force("Resource", "x")
    world.people.remove_by_force("Pool", "b")
    world.people.make_resource("x", "nowhere", True)
    one.hear_all()
    world.decide(one)
    world.land(one, claim)
    world.hear(one, claim)
    rest_and_check(world)


@trace
def a_pool_counts_a_name_no_more_that_was_seen_again_only_in_another_pool(world: World) -> None:
    world.people.make_pool("b", {"resources": {"names": ["x", "y"]}})
    one = world.operator("A")
    world.rest()
    world.people.remove_by_force("Resource", "y")
    world.people.make_resource("y", "nowhere", True)
    for _ in range(2):
        world.miss(one, ("Resource", "", "y"))  # its end
    rest_and_check(world, one)
