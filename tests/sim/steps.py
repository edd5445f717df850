"""What may happen next, and how likely: only steps that change something are offered, so that few are wasted.

Most of them belong to the operators, since what breaks a protocol is the order of what they do. People mostly make
and end Leases; what else they do is their `Manner`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from . import at_rest
from .api import Json
from .invariants import is_bound, names_of
from .people import LEASES, NAMESPACE, PODS, POOLS, RULES, SOURCES, TIMED, finished
from .sim_operator import Operator
from .world import World

Step: TypeAlias = tuple[float, Callable[[], object]]  # weight and what to do

LEASE_NAMES = ("l0", "l1", "l2", "l3")
RESOURCE_NAMES = ("a-0", "a-1", "x", "y", "a-2", "z")
POOL_NAMES = ("a", "b", "d")
STATES = (None, "dusty", "free", "elsewhere")
NARROW = [LEASES[0], LEASES[1], LEASES[6]]
# A name that is removed by force and made again in another pool is a known hole (test_traces.py): these don't move.
ROOTED = ("a-0", "a-1", "z")
POOL_OF = {"a-0": "a", "a-1": "a", "a-3": "a", "z": "d", "x": "b", "y": "d", "stray": "nowhere"}


@dataclass(frozen=True, slots=True)
class Manner:
    """How a world goes on. `rough`: what people do besides making and ending Leases: nothing (0), to Resources (1), to
    Pools as well (2). `narrow`: few Leases of a kind want the same two Resources. `lazy`: B's calls take long. `timed`:
    clients renew and die, pods come and go, outages happen."""

    rough: int
    narrow: bool
    lazy: bool
    timed: bool = False


def begin(world: World, manner: Manner) -> None:
    """Two pools, one operator that is at rest, and another that has just been started."""
    world.timed = manner.timed
    world.people.make_pool("a", {**POOLS["a"], "resources": {"count": 2}} if manner.narrow else None)
    world.people.make_pool("b")
    world.operator("A")
    world.rest()
    world.operator("B")
    if manner.lazy:
        world.rest()


def take(world: World, manner: Manner, whose: float, roll: float) -> None:
    """One step. Both numbers are from 0 to below 1: whose turn it is, and which of what may be done then."""
    steps = list(_turn(world, manner, whose))
    left = roll * sum(weight for weight, _ in steps)
    for weight, act in steps:
        left -= weight
        if left < 0:
            act()
            return


def _turn(world: World, manner: Manner, whose: float) -> Iterator[Step]:
    if manner.timed and whose < 0.16:
        yield from _outside(world)
    elif whose < 0.09:
        for name in LEASE_NAMES[: 3 if manner.narrow else None]:
            yield from _lease(world, name, NARROW if manner.narrow else LEASES)
    elif whose < 0.12:
        yield from _rarely(world)
    elif whose < 0.12 + 0.04 * min(manner.rough, 1):
        for name in RESOURCE_NAMES[: 2 if manner.narrow else None]:
            yield from _resource(world, name)
    elif whose < 0.12 + 0.035 * manner.rough:
        for name in POOL_NAMES[: 1 if manner.narrow else None]:
            yield from _pool(world, name)
    else:
        number = int(whose * 1000) % len(world.operators)
        yield from _operator(world, world.operators[number], lazy=manner.lazy and number == 1)


# -- operators


def _operator(world: World, op: Operator, *, lazy: bool) -> Iterator[Step]:
    if not lazy:
        yield 1, partial(world.work, op)
    if op.has_something_to_decide():
        yield 5, partial(world.decide, op)
    for flight in op.flights:
        reads = 1 if flight.writes else 3  # of who is lazy the writes take long
        if flight.landed:
            yield 3, partial(world.hear, op, flight)
        else:
            yield 0.2 * reads if lazy else 3, partial(world.land, op, flight)
        yield 0.05 if lazy else 0.4, partial(world.lose, op, flight)
    for flight in op.orphans:
        yield 1, partial(world.land, op, flight)
    keys = op.waiting_events()
    if keys:
        yield 3, partial(world.see_all, op)
    for key in keys:
        yield 2 / len(keys), partial(world.see, op, key)
        yield 1 / len(keys), partial(world.miss, op, key)


def _rarely(world: World) -> Iterator[Step]:
    for op in world.operators:
        yield 0.2, partial(world.relist, op)
        yield 0.15, partial(world.die, op)
        yield 0.15, partial(world.lead_again, op)
        yield 0.1, partial(settle, world, [op])
        for event in world.server.history[-12:]:
            yield 0.04, partial(world.see_again, op, event)
    yield 0.1, partial(settle, world, world.operators)
    for seconds in (0.4, 11.0, 61.0, 700.0):
        yield 0.15, partial(world.wait, seconds)


def settle(world: World, ops: list[Operator]) -> None:
    """All, or one while the others are frozen, come to rest, and what must be true then is."""
    world.say(f"{', '.join(op.name for op in ops)} come to rest")
    world.rest(ops)
    at_rest.check(world, ops)


# -- where time has a meaning


def _outside(world: World) -> Iterator[Step]:
    people = world.people
    for name in LEASE_NAMES:
        if ("Lease", NAMESPACE, name) not in world.server.objects:
            for spec in TIMED:
                yield 2 / len(TIMED), partial(people.hold, name, spec)
        elif name in people.living:
            yield 0.2, partial(people.client_dies, name)
        yield 0.02, partial(people.delete_lease, name)
    for name in PODS:
        if ("Pod", NAMESPACE, name) not in world.server.objects:
            yield 1, partial(people.start_pod, name)
            continue
        for act in (people.stop_pod, people.forget_pod):
            yield 0.15, partial(act, name)
        yield 0.1, partial(people.end_pod, name, "Succeeded")
        yield 0.05, partial(people.end_pod, name, "Failed")
    for op in world.operators:
        yield 0.1, partial(world.look_at_pods, op)
        yield 0.05, partial(world.blind, op)
        yield 0.1, partial(world.cut_off, op, op.connected)
        yield 0.03, partial(world.die, op)
        yield 0.03, partial(world.lead_again, op)
    yield 0.05, partial(settle, world, world.operators)
    for seconds in (1.0, 5.0, 25.0, 70.0, 400.0):
        yield 0.25, partial(world.wait, seconds)


# -- people


def _lease(world: World, name: str, shapes: list[Json]) -> Iterator[Step]:
    people, body = world.people, world.server.objects.get(("Lease", NAMESPACE, name))
    if body is None:
        for spec in shapes:
            yield 1 / len(shapes), partial(people.make_lease, name, spec)
        yield 0.1, partial(people.make_lease, name, LEASES[0], True)
        return
    yield 1 if is_bound(body) else 0.4, partial(people.delete_lease, name)
    if body["metadata"].get("finalizers"):
        yield 0.5, partial(people.let_go, name)
    if finished(body):
        return
    yield 0.2, partial(people.renew, name)
    for state in STATES:
        yield 0.1, partial(people.release, name, "*", state)
        for resource in names_of(body) or ["a-0"]:
            yield 0.1 if is_bound(body) else 0.02, partial(people.release, name, resource, state)


def _resource(world: World, name: str) -> Iterator[Step]:
    people, body = world.people, world.server.objects.get(("Resource", "", name))
    if body is None:
        yield 0.1, partial(people.make_resource, name, POOL_OF.get(name, "a"), False)
        yield 0.1, partial(people.make_resource, name, POOL_OF.get(name, "a"), True)
        return
    yield 0.1, partial(people.cordon, name, "cordoned" not in body["spec"])
    yield 0.1, partial(people.delete_resource, name)
    yield 0.05, partial(people.strip_status, name, True)
    yield 0.05, partial(people.strip_status, name, False)
    if name in ROOTED:
        yield 0.15, partial(people.remove_by_force, "Resource", name)
        yield 0.2, partial(people.lose_and_restore, name, POOL_OF[name])


def _pool(world: World, name: str) -> Iterator[Step]:
    people, body = world.people, world.server.objects.get(("Pool", "", name))
    if body is None:
        yield 0.6, partial(people.make_pool, name)
        return
    yield 0.15, partial(people.delete_pool, name)
    yield 0.08, partial(people.remove_by_force, "Pool", name)
    for source in SOURCES[name]:
        yield 0.12, partial(people.fill_pool, name, source)
    for rules in RULES:
        yield 0.06, partial(people.edit_pool, name, rules)
