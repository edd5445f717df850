"""Traces told step by step: each once broke a promise, or is how a rule that is taken away would break one.

Every one is a function of a new world. `test_traces.py` runs it as it is: then it must hold. `test_planted_bugs.py`
runs some with a rule taken away: then they must not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lessor.core import actions as a

from . import at_rest
from .invariants import holder_of, is_bound, names_of
from .people import LEASES, lease_of
from .sim_operator import Flight, Operator
from .world import World, in_flight

Trace: TypeAlias = Callable[[World], None]
TRACES: list[Trace] = []


def trace(told: Trace) -> Trace:
    TRACES.append(told)
    return told


ONE, URGENT = LEASES[0], LEASES[6]


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


def work_until(world: World, op: Operator, kind: type) -> None:
    """Fair rounds until it has asked for an action of that type."""
    for _ in range(10):
        if any(isinstance(flight.action, kind) for flight in op.flights):
            return
        world.work(op)
    raise AssertionError(f"{op.name} never asks for {kind.__name__}")


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
    world.people.make_lease("l0", LEASES[1])
    one = world.operator("A")
    world.rest()
    world.people.cordon("a-0", True)
    one.hear_all()
    world.people.delete_pool("a")
    rest_and_check(world)


@trace
def a_name_released_before_the_bind_does_not_silence_the_operator(world: World) -> None:
    world.people.make_pool("a")
    world.operator("A")
    world.rest()
    world.people.edit_pool("a", {"mode": "Hold"})
    world.people.make_lease("l0", ONE)
    world.people.release("l0", "a-0")
    rest_and_check(world)


def two_operators(world: World, count: int) -> tuple[Operator, Operator]:
    """Both at rest over pool a."""
    world.people.make_pool("a", {"resources": {"count": count}})
    one = world.operator("A")
    world.rest()
    two = world.operator("B")
    world.rest()
    return one, two


def carry_out(world: World, op: Operator, kind: type, about: str = "") -> None:
    flight = in_flight(op, kind, about)
    world.land(op, flight)
    world.hear(op, flight)


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
    world.people.make_lease("l0", LEASES[1])
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
    world.people.make_lease("l0", LEASES[1])
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
    world.people.make_lease("l0", LEASES[7])
    one.hear_all()
    two.miss(("Lease", "ci", "l0"))
    world.people.make_lease("l1", LEASES[7])
    two.hear_all()
    world.decide(one)
    world.decide(two)
    world.land(one, in_flight(one, a.Claim, "a-0"))
    world.land(two, in_flight(two, a.Claim, "a-1"))
    rest_and_check(world)
    assert [is_bound(lease_of(world.server, name)) for name in ("l0", "l1")].count(True) == 1


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


@trace
def a_single_resource_leaves_its_lease_before_it_is_freed(world: World) -> None:
    one, _ = two_operators(world, 2)
    world.people.make_lease("l0", LEASES[1])
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
