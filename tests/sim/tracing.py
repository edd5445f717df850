"""What the traces share: stories told step by step, each a function of a new world.

Each once broke a promise, or is how a rule that is taken away would break one. `test_traces.py` tells them as they are:
then they hold. `test_planted_bugs.py` tells some with a rule taken away: then they must not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from . import at_rest
from .people import LEASES
from .sim_operator import Operator
from .world import World, in_flight

Trace: TypeAlias = Callable[[World], None]
TRACES: list[Trace] = []
ONE, TWO, URGENT, THREE = LEASES[0], LEASES[1], LEASES[6], LEASES[7]


def trace(told: Trace) -> Trace:
    TRACES.append(told)
    return told


def rest_and_check(world: World, *ops: Operator) -> None:
    world.rest(ops or None)
    at_rest.check(world, ops or world.operators)


def work_until(world: World, op: Operator, kind: type) -> None:
    """Fair rounds until it has asked for an action of that type."""
    for _ in range(10):
        if any(isinstance(flight.action, kind) for flight in op.flights):
            return
        world.work(op)
    raise AssertionError(f"{op.name} never asks for {kind.__name__}")


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
