"""Model `two`: two operators, each with a cache of its own that lags behind, and writes on their way.

A write is decided from the cache and lands at any later time, even after its operator has crashed. Compare-and-set is
kept without counters: a cached version is current or not, and a write in flight is dropped as soon as its object
changes (it can only fail). Whatever one operator does depends on the world and on itself alone, so that is computed
once for each pair of them; a state is three numbers and the actions that people have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.fair import Judge
from tests.model.rules import (
    ListLeases,
    LookAtLease,
    Raised,
    Write,
    cleared_by,
    initialised,
    initialised_label,
    lease_writes,
    resource_writes,
)
from tests.model.search import State
from tests.model.setup import UNLIMITED, Setup
from tests.model.world import (
    ABSENT,
    BLANK,
    ENDED,
    HELD,
    Lease,
    Memo,
    Numbers,
    Object,
    Resource,
    World,
    bits,
    deeds_on_leases,
    deeds_on_resource,
    first_world,
)

GUARDED, UNGUARDED, OVERTAKEN = range(3)  # OVERTAKEN: an unguarded End whose Lease was renewed after the decision


class Flight(NamedTuple):
    """A write on its way. Objects are counted Leases first."""

    target: int
    after: Object
    guard: int


class Operator(NamedTuple):
    cache: World
    current: int  # mask of the objects whose cached version is the newest
    flights: tuple[Flight, ...]
    raised: tuple[Raised, ...]  # kept in memory only


class Step(NamedTuple):
    labels: tuple[str, str]  # when operator A takes it, and B
    world: int
    operator: int
    written: int  # the object, or -1
    broken: str = ""


class Two:
    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._leases = len(setup.leases)
        self._everything = (1 << setup.objects) - 1
        self._worlds: Numbers[World] = Numbers()
        self._operators: Numbers[Operator] = Numbers()
        self._steps: Memo[tuple[int, int], list[Step]] = Memo(self._find_steps)
        self._decisions: Memo[tuple[World, int], list[tuple[int, Write]]] = Memo(self._find_decisions)
        self._overtaken: Memo[tuple[int, int, bool], int] = Memo(self._overtake)
        self._deeds: Memo[int, list[tuple[str, int, int, bool]]] = Memo(self._find_deeds)
        self._judge = Judge(setup)
        world = first_world(setup)
        operator = self._operators.of(Operator(world, self._everything, (), ()))
        self.start: State = (self._worlds.of(world), operator, operator, setup.env)

    @property
    def fair_runs(self) -> int:
        return self._judge.fair_runs

    def canon(self, state: State) -> State:
        world, a, b, env = state
        return state if a <= b else (world, b, a, env)

    def judge(self, state: State) -> str:
        return self._judge(self._worlds.content[state[0]])

    def moves(self, state: State) -> Iterator[tuple[str, State | None]]:
        world, a, b, env = state
        for labels, after, me, written, broken in self._steps[world, a]:
            other = b if written < 0 else self._overtaken[b, written, False]
            yield (broken, None) if broken else (labels[0], (after, me, other, env))
        for labels, after, me, written, broken in self._steps[world, b]:
            other = a if written < 0 else self._overtaken[a, written, False]
            yield (broken, None) if broken else (labels[1], (after, other, me, env))
        if env:
            left = env - (env < UNLIMITED)
            for label, after, written, renews in self._deeds[world]:
                yield label, (after, self._overtaken[a, written, renews], self._overtaken[b, written, renews], left)

    # -- one operator

    def _find_steps(self, key: tuple[int, int]) -> list[Step]:
        real, me = self._worlds.content[key[0]], self._operators.content[key[1]]
        return [*self._sees(real, me), *self._crashes(real, me), *self._decides(real, me), *self._lands(real, me)]

    def _step(self, label: str, world: World, operator: Operator, written: int = -1, broken: str = "") -> Step:
        labels = (f"A {label}", f"B {label}")
        return Step(labels, self._worlds.of(world), self._operators.of(operator), written, broken)

    def _sees(self, real: World, me: Operator) -> Iterator[Step]:
        for target in range(self._setup.objects):
            if not me.current >> target & 1:
                cache = self._with(me.cache, target, self._object(real, target))
                after = Operator(cache, me.current | 1 << target, me.flights, still_blank(cache, me.raised))
                yield self._step(f"sees {self._name(target)}", real, after)

    def _crashes(self, real: World, me: Operator) -> Iterator[Step]:
        """What is lost is what it remembers to have raised. For the rest a crash is seeing everything at once."""
        if me.raised:
            after = Operator(real, self._everything, me.flights, ())
            yield self._step("crashes, starts again and lists", real, after)

    def _decides(self, real: World, me: Operator) -> Iterator[Step]:
        if len(me.flights) >= self._setup.pend:
            return
        cache, current = me.cache, me.current
        if self._setup.has("assumed"):
            for flight in me.flights:
                cache = self._with(cache, flight.target, flight.after)
                current &= ~(1 << flight.target)
        for target, write in self._decisions[cache, current]:
            if any(flight.target == target for flight in me.flights):
                continue
            after = self._confirmed(write, real, me)
            if after is None:
                continue
            label = write.label
            if isinstance(write.read, ListLeases) and isinstance(after, Resource):
                label = initialised_label(write.place, after)
            unguarded = write.verb == "Bind" and self._setup.has("bindnorv")
            unguarded |= write.unasked and self._setup.has("endnorv")
            flight = Flight(target, after, UNGUARDED if unguarded else GUARDED)
            flights = tuple(sorted((*me.flights, flight)))
            yield self._step(f"decides: {label}", real, me._replace(flights=flights))

    def _find_decisions(self, key: tuple[World, int]) -> list[tuple[int, Write]]:
        """All that the rules allow. What rests on an old version of the object itself can only fail, so it is left
        out."""
        (cache, current), setup, n = key, self._setup, self._leases
        decided = [(i, w) for i in range(n) if current >> i & 1 for w in lease_writes(setup, i, cache)]
        for r in range(setup.res):
            if current >> (n + r) & 1:
                decided += [(n + r, w) for w in resource_writes(setup, r, cache)]
        return decided

    def _confirmed(self, write: Write, real: World, me: Operator) -> Object | None:
        """What is written after the live read that it needs; None if that forbids it."""
        match write.read:
            case LookAtLease(place, uid):
                lease = real.leases[place]
                there = lease.uid == uid and lease.state != ABSENT
                return None if there and not self._setup.has("noconfirm") else write.after
            case ListLeases():
                blank = me.cache.resources[write.place]
                cleared = cleared_by(me.raised, write.place, blank, real.leases)
                return initialised(self._setup, blank, write.place, real.leases, cleared)
            case _:
                return write.after

    def _lands(self, real: World, me: Operator) -> Iterator[Step]:
        for flight in me.flights:
            target, after, guard = flight
            rest = tuple(x for x in me.flights if x != flight)
            old = self._object(real, target)
            if guard and isinstance(old, Lease) and (old.uid != after.uid or old.state == ABSENT):
                yield self._step("fails to write", real, me._replace(flights=rest))
                continue
            if guard == OVERTAKEN:
                yield self._step("", real, me, broken="a Lease ends though it was renewed after that was decided")
            world = self._with(real, target, after)
            rest = tuple(x for x in rest if x.target != target or x.guard)
            cache = self._with(me.cache, target, after)
            raised = self._remembers(me, flight, old)
            told = Operator(cache, me.current | 1 << target, rest, still_blank(cache, raised))
            label = f"writes: {described(self._name(target), after)}"
            yield self._step(label, world, told, target)
            if self._setup.has("unknown"):
                untold = Operator(me.cache, me.current & ~(1 << target), rest, me.raised)
                yield self._step(f"{label}; the answer is lost", world, untold, target)

    def _remembers(self, me: Operator, landed: Flight, old: Object) -> tuple[Raised, ...]:
        """A Raise that succeeded clears the Resources that were seen blank before."""
        place, lease, _ = landed
        if self._setup.has("noraisefirst"):
            return ()
        if not (isinstance(old, Lease) and isinstance(lease, Lease) and lease.attempt > old.attempt):
            return me.raised
        blanks = [(r, x.uid) for r, x in enumerate(me.cache.resources) if x.phase == BLANK]
        return tuple(sorted({*me.raised, *(Raised(r, uid, place, lease.uid) for r, uid in blanks)}))

    # -- the other operator, and people

    def _overtake(self, key: tuple[int, int, bool]) -> int:
        """Somebody else wrote an object: the cached version is old, a guarded write on its way to it can only fail."""
        operator, written, renewed = key
        me = self._operators.content[operator]
        flights = tuple(x for x in me.flights if x.target != written or x.guard)
        if renewed:
            flights = tuple(self._outrun(x) if x.target == written else x for x in flights)
        return self._operators.of(me._replace(current=me.current & ~(1 << written), flights=flights))

    def _outrun(self, flight: Flight) -> Flight:
        ends = isinstance(flight.after, Lease) and flight.after.state == ENDED
        return flight._replace(guard=OVERTAKEN) if ends else flight

    def _find_deeds(self, world: int) -> list[tuple[str, int, int, bool]]:
        """What people may do: label, the world after it, the object written, whether that is a renewal."""
        real, n = self._worlds.content[world], self._leases
        found = [(0, deed) for deed in deeds_on_leases(self._setup, real)]
        for r, resource in enumerate(real.resources):
            found += [(n, deed) for deed in deeds_on_resource(self._setup, r, resource)]
        deeds = [
            (label, self._worlds.of(self._with(real, first + place, after)), first + place, False)
            for first, (place, after, label) in found
        ]
        if self._setup.has("renew"):
            live = [(place, x) for place, x in enumerate(real.leases) if x.live]
            deeds += [(f"a user renews L{place}.{x.uid}", world, place, True) for place, x in live]
        return deeds

    # -- objects, counted Leases first

    def _object(self, world: World, target: int) -> Object:
        n = self._leases
        return world.leases[target] if target < n else world.resources[target - n]

    def _with(self, world: World, target: int, after: Object) -> World:
        if isinstance(after, Lease):
            return world.lease_is(target, after)
        return world.resource_is(target - self._leases, after)

    def _name(self, target: int) -> str:
        return f"L{target}" if target < self._leases else f"R{target - self._leases}"


def still_blank(cache: World, raised: tuple[Raised, ...]) -> tuple[Raised, ...]:
    return tuple(x for x in raised if cache.resources[x.r][:2] == (x.resource_uid, BLANK))


def described(target: str, after: Object) -> str:
    """An object as it was written, for a trace."""
    if isinstance(after, Lease):
        state = ("waiting", "Bound to " + " ".join(f"R{r}" for r in bits(after.resources)), "ended", "absent")
        return f"{target}.{after.uid} is {state[after.state]}, attempt {after.attempt}"
    if after.phase == HELD:
        return f"{target} is held by L{after.holder}.{after.holder_uid}@{after.attempt}"
    return f"{target} is {'blank' if after.phase == BLANK else 'free'}"
