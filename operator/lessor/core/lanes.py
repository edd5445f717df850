"""The waiting, kept in order so that a walk over the queue looks only at those it may have to ask.

    line     Leases that ask for the same things: if the first can't be met, none behind it can
    lane     those of a line that have one priority and one tenant in each pool that tells tenants apart: in order of
             arrival
    head     the first of a lane; a line keeps its heads sorted, so thousands of tenants cost no more than a few
    parked   the heads of lanes whose tenant may have no more: no walk asks them

The order is total (design, "Queue"): priority, then who has waited for reserveAfter, then fair share, then arrival,
then uid. A place's key says just that, and keys of one lane only grow: what a tenant has waiting ahead does.
Leases with claims are not in line: what they hold is counted instead.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .model import Lease, Pool

DEFAULT_RESERVE_AFTER_S = 600.0

Arrival = tuple[float, str]  # created, uid
OrderKey = tuple[int, bool, float, float, str]  # -priority, waits less than reserveAfter, rank, created, uid
Tenant = tuple[str, str]  # a pool, and who it is there


def effective_priority(lease: Lease, pools: Mapping[str, Pool]) -> int:
    """Its priority as its pools cap it."""
    caps = [pool.max_priority for name in lease.pools if (pool := pools.get(name)) is not None]
    return min([lease.priority, *(cap for cap in caps if cap is not None)])


def reserve_after(names: Iterable[str], pools: Mapping[str, Pool]) -> float:
    """Seconds: the smallest of some pools."""
    known = (pool.reserve_after for name in names if (pool := pools.get(name)) is not None)
    return min(known, default=DEFAULT_RESERVE_AFTER_S)


def shape_of(lease: Lease, pools: Mapping[str, Pool]) -> tuple[object, ...]:
    """What it asks for. The wish for its end rules alternatives out, and so does its namespace where a pool is not for
    all, so Leases with alternatives differ by them."""
    requests = tuple(tuple(way.kind for way in request.ways) for request in lease.requests)
    if all(len(ways) == 1 for ways in requests):
        return (requests,)
    not_for_all = any((pool := pools.get(name)) is not None and pool.access is not None for name in lease.pools)
    return requests, lease.release_state, lease.namespace if not_for_all else None


@dataclass(slots=True)
class Lane:
    line: Line
    priority: int
    tenants: tuple[Tenant, ...]
    arrivals: list[Arrival] = field(default_factory=list)
    head: OrderKey | None = None  # as it stands among the line's heads
    parked: bool = False  # rather: among its parked ones


@dataclass(slots=True)
class Line:
    shape: tuple[object, ...]
    pools: tuple[str, ...]
    reserve_after: float
    lanes: dict[tuple[int, tuple[Tenant, ...]], Lane] = field(default_factory=dict)
    asks: Mapping[str, int] = field(default_factory=dict)  # of each pool, whatever becomes of alternatives
    heads: list[tuple[OrderKey, Lane]] = field(default_factory=list)
    parked: list[tuple[OrderKey, Lane]] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)  # of all its lanes
    stale: dict[int, Lane] = field(default_factory=dict)  # by id(): whose head is to be judged anew
    judged_at: float = 0.0  # wall clock

    def is_mature(self, created: float, wall: float) -> bool:
        return created + self.reserve_after <= wall

    def matures_next(self, wall: float) -> float | None:
        """When (wall clock) the next of them will have waited for reserveAfter."""
        at = self._mature_by(wall)
        return self.arrivals[at][0] + self.reserve_after if at < len(self.arrivals) else None

    def _mature_by(self, wall: float) -> int:
        return bisect_right(self.arrivals, wall, key=lambda arrival: arrival[0] + self.reserve_after)

    def touch(self, lane: Lane) -> None:
        self.stale[id(lane)] = lane

    def newly_mature(self, wall: float) -> list[str]:
        """Uids of those whose maturity differs from what it was when it was last asked for."""
        before, now = self._mature_by(self.judged_at), self._mature_by(wall)
        self.judged_at = wall
        return [uid for _, uid in self.arrivals[min(before, now) : max(before, now)]]


@dataclass(slots=True)
class Place:
    """Where a Lease stands, as it was when it came."""

    lease: Lease
    lane: Lane
    asked: dict[Tenant, int]  # how many it asks for, of the pools that tell tenants apart


@dataclass(slots=True)
class Backlog:
    """What one tenant has waiting in one pool, in its order."""

    keys: list[tuple[int, float, str]] = field(default_factory=list)  # -priority, created, uid
    counts: list[int] = field(default_factory=list)
    lanes: dict[int, Lane] = field(default_factory=dict)  # by id()

    def ahead_of(self, key: tuple[int, float, str]) -> int:
        return sum(self.counts[: bisect_left(self.keys, key)])


class Lanes:
    """The lines of all pools, and what each tenant holds."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = pools  # the ledger's own
        self._lines: dict[tuple[object, ...], Line] = {}
        self._of: dict[str, dict[int, Line]] = {}  # Pool name -> its lines, by id()
        self.places: dict[str, Place] = {}  # by uid
        self._backlogs: dict[Tenant, Backlog] = {}
        self._holds: dict[Tenant, int] = {}
        self._holder: dict[str, Tenant] = {}  # Resource name -> who holds it

    # -- who waits

    def lines(self, pools: Iterable[str]) -> list[Line]:
        found: dict[int, Line] = {}
        for pool in pools:
            found.update(self._of.get(pool, {}))
        return list(found.values())

    def join(self, lease: Lease) -> None:
        """Puts a Lease in line, or to another place if it has changed."""
        place = self.places.get(lease.uid)
        if place is not None:
            if _stands(place.lease) == _stands(lease):
                place.lease = lease
                return
            self.leave(lease.uid)
        line = self._line(lease)
        known = {name: pool for name in lease.pools if (pool := self._pools.get(name)) is not None}
        tenants = {n: (n, p.tenant_of(lease)) for n, p in known.items() if p.tells_tenants_apart}
        key = (effective_priority(lease, self._pools), tuple(tenants.values()))
        lane = line.lanes.get(key)
        if lane is None:
            lane = line.lanes[key] = Lane(line, *key)
        arrival = (lease.created, lease.uid)
        insort(lane.arrivals, arrival)
        insort(line.arrivals, arrival)
        line.touch(lane)
        asked = {tenant: lease.asks_of(n) for n, tenant in tenants.items()}
        self.places[lease.uid] = Place(lease, lane, asked)
        for tenant, count in asked.items():
            backlog = self._backlogs.setdefault(tenant, Backlog())
            order = (-lane.priority, *arrival)
            at = bisect_left(backlog.keys, order)
            backlog.keys.insert(at, order)
            backlog.counts.insert(at, count)
            backlog.lanes[id(lane)] = lane
            self._touch(tenant)

    def leave(self, uid: str) -> None:
        place = self.places.pop(uid, None)
        if place is None:
            return
        lane, line = place.lane, place.lane.line
        arrival = (place.lease.created, uid)
        del lane.arrivals[bisect_left(lane.arrivals, arrival)]
        del line.arrivals[bisect_left(line.arrivals, arrival)]
        line.touch(lane)
        for tenant in place.asked:
            backlog = self._backlogs[tenant]
            at = bisect_left(backlog.keys, (-lane.priority, *arrival))
            del backlog.keys[at], backlog.counts[at]
            self._touch(tenant)
            if not lane.arrivals:
                del backlog.lanes[id(lane)]
            if not backlog.keys:
                del self._backlogs[tenant]
        if not lane.arrivals:
            del line.lanes[lane.priority, lane.tenants]
            self._behead(lane)
            line.stale.pop(id(lane), None)
        if not line.lanes:
            del self._lines[line.shape]
            for pool in line.pools:
                del self._of[pool][id(line)]
                if not self._of[pool]:
                    del self._of[pool]

    def rules_changed(self, pool: str) -> None:
        """A Pool came, went, or has another `queueing`: all who ask of it are placed anew."""
        leases = [self.places[uid].lease for line in self.lines([pool]) for _, uid in line.arrivals]
        for lease in leases:
            self.leave(lease.uid)
        for lease in leases:
            self.join(lease)

    def _line(self, lease: Lease) -> Line:
        shape = shape_of(lease, self._pools)
        line = self._lines.get(shape)
        if line is None:
            line = Line(shape, lease.pools, reserve_after(lease.pools, self._pools))
            if all(len(request.ways) == 1 for request in lease.requests):
                line.asks = {pool: lease.asks_of(pool) for pool in line.pools}
            self._lines[shape] = line
            for pool in line.pools:
                self._of.setdefault(pool, {})[id(line)] = line
        return line

    # -- who holds

    def holds(self, pool: str, tenant: str) -> int:
        """How many Resources of a pool a tenant's live Leases have, claims on their way included."""
        return self._holds.get((pool, tenant), 0)

    def set_holder(self, resource: str, tenant: Tenant | None) -> bool:
        """Whose a Resource is now; True if that is news."""
        old = self._holder.get(resource)
        if old == tenant:
            return False
        if old is not None:
            del self._holder[resource]
            self._holds[old] -= 1
            if not self._holds[old]:
                del self._holds[old]
            self._touch(old)
        if tenant is not None:
            self._holder[resource] = tenant
            self._holds[tenant] = self._holds.get(tenant, 0) + 1
            self._touch(tenant)
        return True

    # -- the order

    def key_of(self, lane: Lane, at: int, wall: float) -> OrderKey:
        """The place of the at-th of a lane."""
        created, uid = lane.arrivals[at]
        if lane.line.is_mature(created, wall):
            return (-lane.priority, False, 0.0, created, uid)
        return (-lane.priority, True, self._rank(lane, created, uid), created, uid)

    def in_order(self, line: Line, wall: float) -> None:
        """Puts the first of each lane where it belongs."""
        for uid in line.newly_mature(wall):
            line.touch(self.places[uid].lane)
        stale, line.stale = line.stale, {}
        for lane in stale.values():
            self._behead(lane)
            lane.head, lane.parked = self.key_of(lane, 0, wall), self._is_full(lane)
            insort(line.parked if lane.parked else line.heads, (lane.head, lane), key=_key)

    def _is_full(self, lane: Lane) -> bool:
        """Whether its tenant may not have what it asks for, as things are: during a walk it only gets more."""
        for tenant in lane.tenants:
            pool = self._pools.get(tenant[0])
            limit, asked = pool.max_per_tenant if pool is not None else None, lane.line.asks.get(tenant[0], 0)
            # Of one that has more than a limit that was lowered since: it may yet take another alternative.
            if asked and limit is not None and self._holds.get(tenant, 0) + asked > limit:
                return True
        return False

    def _rank(self, lane: Lane, created: float, uid: str) -> float:
        """What its tenant holds and has waiting ahead, by weight; over several pools with fair shares the largest."""
        rank = 0.0
        for tenant in lane.tenants:
            pool = self._pools.get(tenant[0])
            if pool is not None and pool.fair_share is not None:
                ahead = self._backlogs[tenant].ahead_of((-lane.priority, created, uid))
                rank = max(rank, pool.fair_share.share(tenant[1], self._holds.get(tenant, 0) + ahead))
        return rank

    def _behead(self, lane: Lane) -> None:
        if lane.head is not None:
            heads = lane.line.parked if lane.parked else lane.line.heads
            del heads[bisect_left(heads, lane.head, key=_key)]
            lane.head = None

    def _touch(self, tenant: Tenant) -> None:
        backlog = self._backlogs.get(tenant)
        for lane in backlog.lanes.values() if backlog is not None else ():
            lane.line.touch(lane)


def _key(head: tuple[OrderKey, Lane]) -> OrderKey:
    return head[0]


def _band(head: tuple[OrderKey, Lane]) -> int:
    return head[0][0]


def _stands(lease: Lease) -> tuple[object, ...]:
    return lease.created, lease.priority, lease.namespace, lease.labels, lease.release_state, lease.requests


class _Cursor:
    """Where a walk stands among some heads of one line, and behind them."""

    def __init__(self, lanes: Lanes, line: Line, heads: list[tuple[OrderKey, Lane]], wall: float) -> None:
        self._lanes, self.line, self._wall = lanes, line, wall
        self._heads = heads
        self._at = 0  # among the heads
        self._begun: list[tuple[OrderKey, int, Lane]] = []  # second and later ones of lanes whose head has been passed
        self._last: tuple[Lane, int] | None = None
        self._mature_only = False

    def peek(self) -> OrderKey | None:
        self._go_on()
        while True:
            best = self._heads[self._at][0] if self._at < len(self._heads) else None
            if self._begun and (best is None or self._begun[0][0] < best):
                best = self._begun[0][0]
            if best is None or not (self._mature_only and best[1]):
                return best
            # All that is left of this priority has not waited long enough.
            self._begun.clear()
            self._at = bisect_left(self._heads, best[0] + 1, key=_band)

    def take(self) -> str:
        """The uid of the one that `peek` has shown."""
        if self._begun and (self._at == len(self._heads) or self._begun[0][0] < self._heads[self._at][0]):
            key, at, lane = heapq.heappop(self._begun)
        else:
            key, lane = self._heads[self._at]
            at = 0
            self._at += 1
        self._last = (lane, at)
        return key[-1]

    def _go_on(self) -> None:
        if self._last is not None:
            lane, at = self._last
            if at + 1 < len(lane.arrivals):
                heapq.heappush(self._begun, (self._lanes.key_of(lane, at + 1, self._wall), at + 1, lane))
            self._last = None

    def drop_lane(self) -> None:
        self._last = None

    def keep_mature(self) -> None:
        self._mature_only = True


class InLine:
    """The waiting of some pools, first in line first. Who walks says who need not be asked any more.

    The ledger may not change meanwhile. `parked`: also those whose tenant may have no more."""

    def __init__(self, lanes: Lanes, pools: Iterable[str], wall: float, *, parked: bool = True) -> None:
        self._lanes, self._wall = lanes, wall
        self._next: list[tuple[OrderKey, int, _Cursor]] = []
        self._last: tuple[int, _Cursor] | None = None
        lines = lanes.lines(pools)
        for number, line in enumerate(lines):
            lanes.in_order(line, wall)
            self._push(number, _Cursor(lanes, line, line.heads, wall))
            if parked and line.parked:
                self._push(len(lines) + number, _Cursor(lanes, line, line.parked, wall))

    def __iter__(self) -> Iterator[Lease]:
        return self

    def __next__(self) -> Lease:
        if self._last is not None:
            self._push(*self._last)
            self._last = None
        if not self._next:
            raise StopIteration
        _, number, cursor = heapq.heappop(self._next)
        self._last = (number, cursor)
        return self._lanes.places[cursor.take()].lease

    def _push(self, number: int, cursor: _Cursor) -> None:
        key = cursor.peek()
        if key is not None:
            heapq.heappush(self._next, (key, number, cursor))

    # Of the one that came last:

    def drop_line(self) -> None:
        """Nobody who asks for the same need be asked any more."""
        self._last = None

    def drop_lane(self) -> None:
        """Nobody of its line, priority and tenants need be asked any more."""
        if self._last is not None:
            self._last[1].drop_lane()

    def drop_young(self) -> float | None:
        """Nobody who asks for the same need be asked any more, but those that have waited for reserveAfter. Returns
        when (wall clock) there will be one more of them."""
        if self._last is None:
            return None
        cursor = self._last[1]
        cursor.keep_mature()
        return cursor.line.matures_next(self._wall)
