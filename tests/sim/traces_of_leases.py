"""Leases and their claims: what is late, lost, old, or was never seen."""

from __future__ import annotations

from lessor.core import actions as a

from . import at_rest
from .invariants import holder_of, is_bound, names_of
from .people import lease_of
from .tracing import ONE, THREE, TWO, carry_out, rest_and_check, trace, two_operators, work_until
from .world import World, in_flight


@trace
def an_answer_not_there_that_is_older_than_what_was_seen_forgets_nothing(world: World) -> None:
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
    assert not [flight for flight in world.decide(one) if isinstance(flight.action, a.CreateResource)]
    rest_and_check(world)


@trace
def a_held_resource_is_freed_though_its_unknown_lease_went_while_it_was_looked_at(world: World) -> None:
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


@trace
def a_name_released_before_the_bind_does_not_silence_the_operator(world: World) -> None:
    world.people.make_pool("a")
    world.operator("A")
    world.rest()
    world.people.edit_pool("a", {"mode": "Hold"})
    world.people.make_lease("l0", ONE)
    world.people.release("l0", "a-0")
    rest_and_check(world)


@trace
def a_lease_that_an_operator_does_not_know_is_looked_at_before_its_resource_is_freed(world: World) -> None:
    one, two = two_operators(world, 1)
    world.people.make_lease("l0", ONE)
    world.rest([one])
    while ("Lease", "ci", "l0") in two.inbox:
        world.miss(two, ("Lease", "ci", "l0"))
    two.hear_all()
    world.decide(two)
    for _ in range(4):
        two.answer_all()
        world.decide(two)
    rest_and_check(world)
    assert is_bound(lease_of(world.server, "l0"))


@trace
def a_claim_of_a_waiting_lease_is_given_back_only_after_a_raise(world: World) -> None:
    """B has seen one of l0's two claims, and of the other resource only who held it before."""
    one, two = two_operators(world, 2)
    world.people.make_lease("first", {"requests": [{"pool": "a", "names": ["a-1"]}]})
    world.rest()
    world.people.make_lease("l0", TWO)
    world.rest()
    world.people.release("first", "*")
    work_until(world, one, a.HandOver)
    one.answer_all()
    world.decide(one)
    bind = in_flight(one, a.Bind, "l0")
    two.deliver(("Resource", "", "a-0"))
    world.decide(two)
    world.land(one, bind)
    two.answer_all()
    rest_and_check(world)


@trace
def a_claim_of_an_earlier_attempt_counts_for_nothing(world: World) -> None:
    """l0 gets one of two and is raised; B takes that one back while A completes l0 with the other."""
    one, two = two_operators(world, 2)
    world.people.make_lease("l0", TWO)
    one.hear_all()
    world.decide(one)
    world.land(one, first := in_flight(one, a.Claim, "a-0"))
    world.people.cordon("a-1", True)
    one.hear_all()
    world.hear(one, first)
    carry_out(world, one, a.Claim, "a-1")
    one.answer_all()
    world.decide(one)
    carry_out(world, one, a.Raise, "l0")
    two.hear_all()
    world.decide(two)
    free = in_flight(two, a.Free, "a-0")
    world.people.cordon("a-1", False)
    for _ in range(3):
        one.hear_all()
        for flight in world.decide(one):
            if not isinstance(flight.action, a.Free):
                world.land(one, flight)
                world.hear(one, flight)
    world.land(two, free)
    rest_and_check(world)


@trace
def of_two_half_done_leases_one_gives_way(world: World) -> None:
    one, two = two_operators(world, 3)
    world.people.make_lease("l0", THREE)
    one.hear_all()
    two.miss(("Lease", "ci", "l0"))
    world.people.make_lease("l1", THREE)
    two.hear_all()
    world.decide(one)
    world.decide(two)
    world.land(one, in_flight(one, a.Claim, "a-0"))
    world.land(two, in_flight(two, a.Claim, "a-1"))
    rest_and_check(world)
    assert [is_bound(lease_of(world.server, name)) for name in ("l0", "l1")].count(True) == 1


@trace
def a_single_resource_leaves_its_lease_before_it_is_freed(world: World) -> None:
    one, _ = two_operators(world, 2)
    world.people.make_lease("l0", TWO)
    world.rest()
    world.people.release("l0", "a-1")
    one.hear_all()
    for flight in world.decide(one)[::-1]:
        world.land(one, flight)
    rest_and_check(world)
    assert names_of(lease_of(world.server, "l0")) == ["a-0"]


@trace
def an_end_is_written_before_anything_is_freed(world: World) -> None:
    one, _ = two_operators(world, 1)
    world.people.make_lease("l0", ONE)
    world.rest()
    world.people.release("l0", "*")
    one.hear_all()
    for flight in world.decide(one)[::-1]:
        world.land(one, flight)
    rest_and_check(world)


@trace
def how_a_lease_ended_is_not_guessed_by_who_never_saw_it(world: World) -> None:
    """Hole G: it ended with a wish, its end was written, it was deleted; then another process starts."""
    one, _ = two_operators(world, 1)
    world.people.edit_pool("a", {"lease": {"releaseStates": ["free", "dusty"], "onLoss": "lost"}})
    world.rest()
    world.people.make_lease("l0", ONE)
    world.rest()
    world.people.release("l0", "*", "dusty")
    one.hear_all()
    world.decide(one)
    world.land(one, in_flight(one, a.End, "l0"))
    world.people.delete_lease("l0")
    for op in world.operators:
        op.die()
    rest_and_check(world)
    assert world.server.get(("Resource", "", "a-0"))["status"]["state"] == "lost"


@trace
def an_old_event_changes_nothing(world: World) -> None:
    one, _ = two_operators(world, 1)
    world.people.make_lease("l0", ONE)
    world.rest()
    for event in world.server.history[::-1]:
        world.see_again(one, event)
    at_rest.check(world, [one])


@trace
def what_a_list_lacks_is_gone(world: World) -> None:
    one, _ = two_operators(world, 1)
    world.people.make_lease("l0", ONE)
    world.rest()
    world.people.delete_lease("l0")
    world.miss(one, ("Lease", "ci", "l0"))
    rest_and_check(world)
    assert not holder_of(world.server.get(("Resource", "", "a-0")))


@trace
def what_a_holder_wishes_is_done(world: World) -> None:
    two_operators(world, 1)
    world.people.edit_pool("a", {"lease": {"releaseStates": ["free", "dusty"]}})
    world.people.make_lease("l0", ONE)
    world.rest()
    world.people.release("l0", "*", "dusty")
    rest_and_check(world)
    assert world.server.get(("Resource", "", "a-0"))["status"]["state"] == "dusty"


@trace
def a_wish_that_no_pool_allows_is_refused(world: World) -> None:
    two_operators(world, 1)
    world.people.make_lease("l0", {"requests": [{"pool": "a"}], "releaseState": "nowhere"})
    rest_and_check(world)
    assert lease_of(world.server, "l0")["status"]["state"] == "Refused"


@trace
def of_a_write_whose_answer_was_lost_nothing_is_believed(world: World) -> None:
    """The claim never reached the server."""
    one, _ = two_operators(world, 1)
    world.people.make_lease("l0", ONE)
    one.hear_all()
    world.decide(one)
    world.lose(one, in_flight(one, a.Claim, "a-0"))
    one.orphans.clear()
    rest_and_check(world)


@trace
def a_claim_too_many_comes_back(world: World) -> None:
    """Both operators claim for l0, another resource each."""
    one, two = two_operators(world, 2)
    world.people.cordon("a-1", True)
    one.hear_all()
    world.people.cordon("a-0", True)
    world.people.cordon("a-1", False)
    for key in two.waiting_events():
        while key in two.inbox:
            two.deliver(key)
    world.people.cordon("a-0", False)
    one.inbox.pop(("Resource", "", "a-1"), None)
    one.hear_all()
    world.people.make_lease("l0", ONE)
    for op in (one, two):
        op.deliver(("Lease", "ci", "l0"))
        world.decide(op)
    for op in (one, two):
        for flight in op.flights[:]:
            world.land(op, flight)
    rest_and_check(world)
