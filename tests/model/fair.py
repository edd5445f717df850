"""Does everything come to rest well, once people have stopped and no write is in flight?

A fair run is deterministic: one operator that has seen everything, then two that take turns, each a turn behind. They
do what the rules allow in the order of `lessor.core.decide` (endings and unfinished grants, then Resources, then new
grants), and of what is allowed only what is sensible: that is the part of the allocator on which liveness rests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tests.model.rules import (
    ListLeases,
    Raised,
    Write,
    cleared_by,
    initialised,
    is_blocked,
    lease_writes,
    resource_writes,
)
from tests.model.setup import UNLIMITED, Setup
from tests.model.world import ABSENT, BLANK, BOUND, HELD, IDLE, WAITING, Lease, Memo, Resource, World, wrong

TURNS_MAX = 1000  # the longest run seen has fewer than a hundred


class Operator(NamedTuple):
    seen: World
    raised: frozenset[Raised]


class Position(NamedTuple):
    world: World
    operators: tuple[Operator, ...]  # whose turn it is comes first
    idle_turns: int


class Judge:
    """Says what is wrong with a world: now, or (if the run checks that) where it comes to rest."""

    def __init__(self, setup: Setup) -> None:
        self._checks_rest = setup.checks_rest
        self._setup = replace(setup, maxa=UNLIMITED)
        self._known: dict[World, str] = {}
        self._good: set[Position] = set()  # on the way to a good rest
        self._sensible: Memo[Operator, list[Write]] = Memo(lambda me: list(sensible_writes(self._setup, *me)))
        self.fair_runs = 0

    def __call__(self, world: World) -> str:
        why = self._known.get(world)
        if why is None:
            why = self._known[world] = self._find(world)
        return why

    def _find(self, world: World) -> str:
        why = wrong(world, self._setup.inv)
        return self._comes_to_rest(world) if not why and self._checks_rest else why

    def _comes_to_rest(self, world: World) -> str:
        self.fair_runs += 1
        fresh = Operator(world, frozenset())
        return self._follow(Position(world, (fresh,), 0)) or self._follow(Position(world, (fresh, fresh), 0))

    def _follow(self, position: Position) -> str:
        path = []
        for _ in range(TURNS_MAX):
            if position in self._good:
                break
            path.append(position)
            if position.idle_turns >= 2 * len(position.operators):
                why = wrong(position.world) or lost_or_waiting(self._setup, position.world)
                if why:
                    return f"at rest: {why}"
                break
            position = self._turn(position)
        else:
            return f"no rest after {TURNS_MAX} turns"
        self._good.update(path)
        return ""

    def _turn(self, position: Position) -> Position:
        """One operator decides on what it saw at its last turn, writes once, and sees everything."""
        world, (operator, *others), idle_turns = position
        raised = operator.raised
        for write in self._sensible[operator]:
            after = carried_out(self._setup, write, operator.seen, world, raised)
            if after is not None:
                if write.verb == "Raise":
                    raised = raised | credit(write.place, world)
                world, idle_turns = after, -1
                break
        return Position(world, (*others, Operator(world, raised)), idle_turns + 1)


def carried_out(setup: Setup, write: Write, seen: World, world: World, raised: frozenset[Raised]) -> World | None:
    """None: the object has changed since it was seen, or the confirming read says no."""
    if isinstance(write.after, Lease):
        same = seen.leases[write.place] == world.leases[write.place]
        return world.lease_is(write.place, write.after) if same else None
    if seen.resources[write.place] != world.resources[write.place]:
        return None
    resource, read = write.after, write.read
    if isinstance(read, ListLeases):
        now = world.resources[write.place]
        cleared = cleared_by(raised, write.place, now, world.leases)
        resource = initialised(setup, now, write.place, world.leases, cleared)
    elif read is not None and world.leases[read.place].uid == read.uid and world.leases[read.place].state != ABSENT:
        return None
    return world.resource_is(write.place, resource) if isinstance(resource, Resource) else None


def credit(place: int, world: World) -> frozenset[Raised]:
    blanks = [(r, x.uid) for r, x in enumerate(world.resources) if x.phase == BLANK]
    return frozenset(Raised(r, uid, place, world.leases[place].uid) for r, uid in blanks)


def sensible_writes(setup: Setup, seen: World, raised: frozenset[Raised]) -> Iterator[Write]:
    for place in range(len(seen.leases)):
        for write in lease_writes(setup, place, seen):
            if write.verb == "Raise":
                if gives_way(setup, place, seen) or clears(place, seen, raised):
                    yield write
            elif not write.unasked:
                yield write
    writes = [w for r in range(len(seen.resources)) for w in resource_writes(setup, r, seen)]
    yield from (write for write in writes if write.verb != "Claim")
    for write in writes:
        if write.verb == "Claim" and isinstance(write.after, Resource) and completes(setup, write.after.holder, seen):
            yield write


def clears(place: int, seen: World, raised: frozenset[Raised]) -> bool:
    """A Raise that is still needed before some blank Resource is initialised."""
    return not credit(place, seen) <= raised


def gives_way(setup: Setup, place: int, seen: World) -> bool:
    """Of several unfinished grants that block each other only the last in the order gives way."""
    return is_blocked(setup, place, seen) and place == unfinished(seen)[-1]


def completes(setup: Setup, place: int, seen: World) -> bool:
    """All that is missing is idle, and no grant that was begun before is unfinished."""
    if setup.has("greedy"):
        return True
    begun = unfinished(seen)
    if begun and place not in begun:
        return False
    lease = seen.leases[place]
    have = sum(1 for x in seen.resources if x.held_by(place, lease) and x.attempt == lease.attempt)
    return have + sum(1 for x in seen.resources if x.phase == IDLE and not x.deleting) >= setup.leases[place]


def unfinished(seen: World) -> list[int]:
    """Waiting Leases that have claims at their present attempt; first in line first."""
    return [
        place
        for place, lease in enumerate(seen.leases)
        if lease.state == WAITING
        and any(x.phase == HELD and x.held_by(place, lease) and x.attempt == lease.attempt for x in seen.resources)
    ]


def lost_or_waiting(setup: Setup, world: World) -> str:
    """What must not be so when nothing moves any more."""
    for r, resource in enumerate(world.resources):
        if resource.phase == BLANK:
            return f"R{r} is never initialised"
        if resource.phase == HELD:
            lease = world.leases[resource.holder]
            if not (resource.held_by(resource.holder, lease) and lease.lists(r)):
                return f"R{r} is lost: L{resource.holder}.{resource.holder_uid} holds it and does not list it"
    free = sum(1 for x in world.resources if x.phase == IDLE and not x.deleting)
    for place, lease in enumerate(world.leases):
        if lease.state == WAITING and setup.leases[place] <= free:
            return f"L{place} waits while {free} are free"
        if lease.state == BOUND:
            for r, resource in enumerate(world.resources):
                if lease.lists(r) and not resource.held_by(place, lease):
                    return f"Bound L{place} lists R{r}, which it does not hold"
    return ""
