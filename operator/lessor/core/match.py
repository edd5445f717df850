"""Which Resources meet the requests of a Lease: exactly, all of them or none.

Counts, names and selectors are a bipartite matching: a greedy choice fails falsely where one request takes what another
needs. Names are offered one by one in the order in which they are to be used, and each that fits somewhere stays in (it
only moves to another request): so what is held is used first, then the longest idle.

With alternatives the first combination that can be met is taken, in the order of the requests (`choose`). Finding it is
a bin packing, so it is bounded: a prefix is left at once if even a whole-number flow of what is left can't be placed
(with counts of 1 that is exact, and nothing is ever tried in vain), equal requests are not permuted, and after
STEPS_MAX steps the search says that it has not finished, which is not the same as no.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import Protocol

from .model import Request, Resource

Group = tuple[str, str]  # pool and the state asked for; "" where the state does not matter
Labels = Callable[[str], Mapping[str, str]]  # of a Resource, by its name
Ways = Sequence[tuple[Request, ...]]  # for each request of a Lease the plain ones that fulfil it, in order

START, END = 0, 1  # of a flow
STEPS_MAX = 200  # 16 requests of 8 alternatives each need 128 if nothing is tried in vain; it bounds the time too


class Names(Protocol):
    """Names of Resources, the first to be taken first."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...


def no_labels(_: str) -> Mapping[str, str]:
    return {}


def nobody_holds(_: Group) -> Sequence[str]:
    return ()


def without_limit(_: str) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class Supply:
    """What could be taken, and how much of it."""

    names: Callable[[Group], Names]
    labels: Labels
    by_state: bool = True  # else whatever its state is
    held: Callable[[Group], Sequence[str]] = nobody_holds  # by the Lease itself: to be used first
    room: Callable[[str], int | None] = without_limit  # of a pool: so many at most

    def group(self, request: Request) -> Group:
        return (request.pool, request.from_state if self.by_state else "")

    def available(self, group: Group) -> int:
        return len(self.names(group)) + len(self.held(group))


@dataclass(slots=True)
class Match:
    """Name -> the plain request that it is for, and whether all requests are met."""

    names: dict[str, Request] = field(default_factory=dict)
    whole: bool = False
    finished: bool = True  # False: there were more combinations than could be tried, and one may be met


# -- names and selectors


def match(
    requests: Sequence[Request], held: Iterable[str], shelf: Iterable[str], labels: Labels = no_labels
) -> tuple[dict[str, Request], bool]:
    """Assigns names to plain requests of one pool: as many as possible, and of those the first.

    Returns name -> request, and whether every request is met."""
    if not any(request.picky for request in requests):
        return _in_turn(requests, chain(held, shelf))
    left = [request.count for request in requests]
    missing = sum(left)
    place: dict[str, int] = {}  # name -> request
    fits: dict[str, list[int]] = {}
    closed: dict[int, None] = {}  # full, and no name in them can ever move: nobody need look there again
    for name in chain(held, shelf):
        if not missing:
            break
        mine = labels(name)
        fits[name] = [i for i, r in enumerate(requests) if i not in closed and r.takes(name, mine)]
        if fits[name] and _placed(name, place, fits, left, closed):
            missing -= 1
    return {name: requests[i] for name, i in place.items()}, not missing


def _in_turn(requests: Sequence[Request], names: Iterable[str]) -> tuple[dict[str, Request], bool]:
    got: dict[str, Request] = {}
    rest = iter(names)
    for request in requests:
        for name in islice(rest, request.count):
            got[name] = request
    return got, len(got) == sum(request.count for request in requests)


def _placed(
    name: str, place: dict[str, int], fits: dict[str, list[int]], left: list[int], closed: dict[int, None]
) -> bool:
    """One augmenting path: `name` goes into a request that has room, or others move on until one has."""
    came: dict[int, tuple[str, int | None]] = {i: (name, None) for i in fits[name]}  # request -> who moves in, whence
    queue = deque(came)
    while queue:
        at = queue.popleft()
        if left[at]:
            left[at] -= 1
            here: int | None = at
            while here is not None:
                mover, before = came[here]
                place[mover] = here
                here = before
            return True
        for mover in [n for n, i in place.items() if i == at]:
            for other in fits[mover]:
                if other not in came:
                    came[other] = (mover, at)
                    queue.append(other)
    closed.update(dict.fromkeys(came))
    return False


# -- alternatives


def meet(ways: Ways, supply: Supply) -> Match:
    """The first combination that can be met, and with what."""
    return _Search(ways, supply).match() if any(len(w) > 1 for w in ways) else _meet_one([w[0] for w in ways], supply)


def choose(ways: Ways, supply: Supply) -> list[Request] | None:
    """The first combination that can be met."""
    if all(len(w) == 1 for w in ways):
        plain = [w[0] for w in ways]
        return plain if _meet_one(plain, supply).whole else None
    return _Search(ways, supply).first()


def by_group(requests: Iterable[Request], supply: Supply) -> dict[Group, list[Request]]:
    groups: dict[Group, list[Request]] = {}
    for request in requests:
        groups.setdefault(supply.group(request), []).append(request)
    return groups


def _meet_one(requests: list[Request], supply: Supply) -> Match:
    groups = by_group(requests, supply)
    asked: dict[str, int] = {}
    for group, mine in groups.items():
        count = sum(r.count for r in mine)
        if count > supply.available(group):
            return Match()  # the common case of a queue: no need to look at names
        asked[group[0]] = asked.get(group[0], 0) + count
    if any((room := supply.room(pool)) is not None and count > room for pool, count in asked.items()):
        return Match()
    out: dict[str, Request] = {}
    for group, mine in groups.items():
        got, whole = match(mine, supply.held(group), supply.names(group), supply.labels)
        if not whole:
            return Match()
        out.update(got)
    return Match(out, whole=True)


class _Search:
    """Depth first over the requests. All names of a group that the same ways would take are one kind of thing, of which
    there are so many: what a prefix leaves is judged by numbers, not by names."""

    def __init__(self, ways: Ways, supply: Supply) -> None:
        self._supply = supply
        self.finished = True
        self._steps = 0
        self._dead: dict[tuple[object, ...], None] = {}
        self._fixed: list[Request] = []
        kinds: dict[Request, int] = {}
        for way in chain.from_iterable(ways):
            kinds.setdefault(way, len(kinds))
        self._bit = kinds
        same: dict[tuple[object, ...], int] = {}
        self._same = {way: same.setdefault(way.kind, len(same)) for way in kinds}
        self._things = list(self._kinds_of_things())
        self._ways = [[way for way in mine if self._is_met_alone(way)] for mine in ways]

    def match(self) -> Match:
        """With what it is met. If the Lease holds something already, a combination that uses all of it goes first."""
        chosen = self.first()
        return _meet_one(chosen, self._supply) if chosen is not None else Match(finished=self.finished)

    def first(self) -> list[Request] | None:
        held = sum(len(self._supply.held(group)) for group in by_group(self._bit, self._supply))
        for uses in (held, 0) if held else (0,):
            self._fixed, self._dead, self._steps = [], {}, 0
            if all(self._ways) and self._fits(self._ways) and self._found(uses):
                return self._fixed
        return None

    def _is_met_alone(self, way: Request) -> bool:
        room, bit = self._supply.room(way.pool), 1 << self._bit[way]
        there = sum(count for _, takers, count in self._things if takers & bit)
        return way.count <= (there if room is None else min(there, room))

    def _found(self, uses: int) -> bool:
        number = len(self._fixed)
        if number == len(self._ways):
            return not uses or self._held_in_use() == uses
        state = tuple(sorted(self._same[way] for way in self._fixed))
        if state in self._dead:
            return False
        for way in self._ways[number]:
            if self._steps == STEPS_MAX:
                self.finished = False
                return False
            self._steps += 1
            self._fixed.append(way)
            if self._fits([*([w] for w in self._fixed), *self._ways[number + 1 :]]) and self._found(uses):
                return True
            self._fixed.pop()
        self._dead[state] = None
        return False

    def _held_in_use(self) -> int:
        supply = self._supply
        return sum(
            len(match(mine, supply.held(group), (), supply.labels)[0])
            for group, mine in by_group(self._fixed, supply).items()
        )

    def _kinds_of_things(self) -> Iterator[tuple[str, int, int]]:
        """Pool, the ways (as bits) that take a thing of this kind, and how many there are."""
        supply = self._supply
        for group, mine in by_group(self._bit, supply).items():
            every = sum(1 << self._bit[way] for way in mine if not way.picky)
            picky = [way for way in mine if way.picky]
            if not picky:
                yield group[0], every, supply.available(group)
                continue
            counts: dict[int, int] = {}
            for name in chain(supply.held(group), supply.names(group)):
                labels = supply.labels(name)
                takers = every + sum(1 << self._bit[way] for way in picky if way.takes(name, labels))
                counts[takers] = counts.get(takers, 0) + 1
            for takers, count in counts.items():
                yield group[0], takers, count

    def _fits(self, ways: Sequence[Sequence[Request]]) -> bool:
        """Whether the least that each request asks for can be placed, if it may be spread over its ways: false means
        that no combination can be met; with one way each it is exact."""
        wanted = [min(way.count for way in mine) for mine in ways]
        takes = [sum(1 << bit for bit in dict.fromkeys(self._bit[way] for way in mine)) for mine in ways]
        things = [(pool, takers, count) for pool, takers, count in self._things if count]
        there: dict[str, int] = {}
        for pool, _, count in things:
            there[pool] = there.get(pool, 0) + count
        room: dict[str, int] = {}
        for pool, count in there.items():
            limit = self._supply.room(pool)
            counts = [max((w.count for w in mine if w.pool == pool), default=0) for mine in ways]
            if all(len({w.count for w in mine if w.pool == pool}) < 2 for mine in ways):
                room[pool] = _fullest(counts, count if limit is None else min(count, limit))
            else:
                room[pool] = count if limit is None else min(count, limit)
        return _placeable(wanted, takes, things, room)


def _fullest(counts: Iterable[int], limit: int) -> int:
    """The greatest sum of some of these counts that is not above the limit: a pool of 3 has room for one of 2."""
    sums = 1
    for count in counts:
        sums |= sums << count
    return (sums & ((1 << (limit + 1)) - 1)).bit_length() - 1


def _placeable(wanted: list[int], takes: list[int], things: list[tuple[str, int, int]], room: dict[str, int]) -> bool:
    """A maximum flow: requests -> kinds of things -> pools. `takes` and the second of a thing are ways as bits."""
    first_thing = 2 + len(wanted)  # nodes are numbers: START, END, requests, kinds of things, pools
    pools = {pool: first_thing + len(things) + n for n, pool in enumerate(room)}
    left: list[dict[int, int]] = [{} for _ in range(first_thing + len(things) + len(pools))]

    def edge(start: int, end: int, units: int) -> None:
        left[start][end] = units
        left[end][start] = 0

    for pool, node in pools.items():
        edge(node, END, room[pool])
    for t, (pool, _, count) in enumerate(things, first_thing):
        edge(t, pools[pool], count)
    missing = sum(wanted)
    for i, count in enumerate(wanted, 2):
        edge(START, i, count)
        for t, (pool, takers, _) in enumerate(things, first_thing):
            if takes[i - 2] & takers:
                edge(i, t, count)
                missing -= _send(left, (START, i, t, pools[pool], END))  # most goes where there is room at once
    while missing and (units := _push(left)):
        missing -= units
    return not missing


def _push(left: list[dict[int, int]]) -> int:
    """Sends what fits along one shortest path; returns how much."""
    came = {START: START}
    queue = deque(came)
    while queue and END not in came:
        at = queue.popleft()
        for to, units in left[at].items():
            if units and to not in came:
                came[to] = at
                queue.append(to)
    if END not in came:
        return 0
    path = [END]
    while path[-1] != START:
        path.append(came[path[-1]])
    return _send(left, path[::-1])


def _send(left: list[dict[int, int]], path: Sequence[int]) -> int:
    """Sends what fits along a path; returns how much."""
    units = min(left[start][end] for start, end in pairwise(path))
    if units:
        for start, end in pairwise(path):
            left[start][end] -= units
            left[end][start] += units
    return units


def claims_by_group(claims: Iterable[Resource]) -> dict[Group, list[str]]:
    """The names of what a Lease holds, by pool and the state that it was taken from."""
    out: dict[Group, list[str]] = {}
    for resource in claims:
        if resource.holder is not None:
            out.setdefault((resource.pool, resource.holder.from_state), []).append(resource.name)
    return out
