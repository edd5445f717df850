"""Who gets what: walks the queue over what stands on the shelf, all of a Lease's requests or none.

A Resource is "on the shelf" when a Claim may take it, or when it is being freed in this very decision (then the grant
is a HandOver). The longest idle goes first. Matching is exact (augmenting paths), since a greedy one fails falsely
where one request names what another took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .actions import Free, Report, lease_key
from .ledger import Ledger
from .model import EVERYTHING, Lease, Now, Request, Resource
from .queue import in_line, mature_at

Group = tuple[str, str]  # pool and the state asked for


@dataclass(slots=True)
class Shelf:
    """What can still be lent of one pool in one state, in this decision."""

    idle: list[tuple[float, str]]
    freeing: dict[str, None] = field(default_factory=dict)  # after the idle ones: they were used until now
    taken: dict[str, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.idle) + len(self.freeing) - len(self.taken)

    def __iter__(self) -> Iterator[str]:
        for _, name in self.idle:
            if name not in self.taken:
                yield name
        for name in self.freeing:
            if name not in self.taken:
                yield name

    def first(self, n: int) -> list[str]:
        return [name for name, _ in zip(self, range(n), strict=False)]


@dataclass(frozen=True, slots=True)
class Grant:
    """Resources to be claimed for a Lease: name -> the request it is for."""

    lease: Lease
    names: dict[str, Request]


@dataclass(slots=True)
class Allocation:
    grants: list[Grant] = field(default_factory=list)
    stuck: list[Lease] = field(default_factory=list)  # unfinished, and can't be completed now; first in line first
    kept_for: dict[str, str] = field(default_factory=dict)  # Resource -> uid of the Lease it is kept for
    mature_next: float | None = None  # wall clock: when the next of the unmet may keep what it needs


def by_group(requests: Iterable[Request]) -> dict[Group, list[Request]]:
    groups: dict[Group, list[Request]] = {}
    for request in requests:
        groups.setdefault((request.pool, request.from_state), []).append(request)
    return groups


def match(requests: list[Request], held: list[str], shelf: Iterable[str]) -> tuple[dict[str, Request], bool]:
    """Assigns names to the requests of one pool and state: as many as possible, `held` ones before those of the shelf.

    Returns name -> request, and whether every request is met. An augmenting path never drops a name once matched, so
    what is held stays used."""
    slots = [r for r in sorted(requests, key=lambda r: not r.names) for _ in range(r.count)]
    got: dict[str, int] = {}  # name -> slot

    def place(slot: int, names: list[str], tried: dict[str, None]) -> bool:
        wanted = slots[slot].names
        for name in names:
            if name in tried or (wanted and name not in wanted):
                continue
            tried[name] = None
            if name not in got or place(got[name], names, tried):
                got[name] = slot
                return True
        return False

    open_slots = [slot for slot in range(len(slots)) if not place(slot, held, {})]
    if open_slots:
        # Requests without names need no more than the first few; those with names may need any of theirs.
        named = frozenset().union(*(request.names for request in requests))
        names = list(held)
        plain = 0
        for name in shelf:
            if name in named:
                names.append(name)
            elif plain < len(slots):
                names.append(name)
                plain += 1
            elif not named:
                break
        open_slots = [slot for slot in open_slots if not place(slot, names, {})]
    return {name: slots[slot] for name, slot in got.items()}, not open_slots


def assign(lease: Lease, held: list[Resource]) -> dict[str, Request] | None:
    """Which claim is for which request, if the claims that a Lease has are all it needs."""
    out: dict[str, Request] = {}
    for (pool, state), requests in by_group(lease.requests).items():
        mine = [r.name for r in held if r.pool == pool and r.holder is not None and r.holder.from_state == state]
        got, whole = match(requests, mine, ())
        if not whole:
            return None
        out.update(got)
    return out


class Walk:
    """One walk over the queue of a group of coupled pools."""

    def __init__(self, ledger: Ledger, freeing: dict[str, Free], now: Now) -> None:
        self._ledger, self._freeing, self._now = ledger, freeing, now
        self._shelves: dict[Group, Shelf] = {}
        self.out = Allocation()

    def run(self, group: list[str]) -> Allocation:
        """Half-done grants come before new ones: what they hold serves nobody until they are whole."""
        unfinished = [lease for lease in unfinished_in(self._ledger, group)]
        for lease in unfinished:
            self._complete(lease)
        lending = [pool for pool in group if self._lends(pool)]
        for lease in in_line(self._ledger, group, self._now.wall):
            if not any(len(shelf) for pool in lending for shelf in self._open(pool)):
                break
            if may_be_granted(self._ledger, lease) and not self._grant(lease):
                self._keep(lease)
        return self.out

    def _lends(self, pool: str) -> bool:
        known = self._ledger.pools.get(pool)
        return known is not None and known.lends

    def _open(self, pool: str) -> Iterator[Shelf]:
        states = dict.fromkeys(self._ledger.pool_index(pool).idle_states())
        states.update((free.state, None) for free in self._freeing.values() if free.resource.pool == pool)
        return (self._shelf((pool, state)) for state in states)

    def _shelf(self, group: Group) -> Shelf:
        shelf = self._shelves.get(group)
        if shelf is None:
            pool, state = group
            shelf = self._shelves[group] = Shelf(self._ledger.pool_index(pool).idle(state))
            for name, free in self._freeing.items():
                resource = free.resource
                if resource.pool == pool and free.state == state and may_be_handed_over(free):
                    shelf.freeing[name] = None
        return shelf

    def _grant(self, lease: Lease, held: Iterable[Resource] = ()) -> bool:
        mine = list(held)
        groups = by_group(lease.requests)
        if not mine and any(sum(r.count for r in rs) > len(self._shelf(g)) for g, rs in groups.items()):
            return False  # the common case of a queue: no need to look at names
        if not all(self._lends(pool) for pool, _ in groups):
            return False
        found: dict[str, Request] = {}
        for (pool, state), requests in groups.items():
            here = [r.name for r in mine if r.pool == pool and r.holder is not None and r.holder.from_state == state]
            got, whole = match(requests, here, self._shelf((pool, state)))
            if not whole:
                return False
            found.update((name, request) for name, request in got.items() if name not in here)
        for name, request in found.items():
            self._shelf((request.pool, request.from_state)).taken[name] = None
        self.out.grants.append(Grant(lease, found))
        return True

    def _complete(self, lease: Lease) -> None:
        if lease.uid in self._ledger.claiming or self._ledger.is_busy(lease_key(lease.uid)):
            return  # its claims are on their way
        held = self._ledger.held_by(lease)
        if assign(lease, held) is None and not self._grant(lease, held) and held:
            self.out.stuck.append(lease)  # without claims of this attempt it has given way already

    def _keep(self, lease: Lease) -> None:
        """Keeps what a Lease needs that has waited for reserveAfter, if capacity alone holds it back in all its
        pools."""
        at = mature_at(self._ledger, lease)
        if at > self._now.wall:
            if self.out.mature_next is None or at < self.out.mature_next:
                self.out.mature_next = at
            return
        groups = by_group(lease.requests)
        if not all(self._short_of_capacity_only(pool, requests) for (pool, _), requests in groups.items()):
            return
        for group, requests in groups.items():
            shelf = self._shelf(group)
            for name in match(requests, [], shelf)[0]:
                shelf.taken[name] = None
                self.out.kept_for[name] = lease.uid

    def _short_of_capacity_only(self, pool: str, requests: list[Request]) -> bool:
        """Nothing idles for one that waits on a pause, a cordon, or for more than there is."""
        if not self._lends(pool):
            return False
        index = self._ledger.pool_index(pool)
        return match(requests, [], (name for name in index.names if name not in index.cordoned))[1]


def unfinished_in(ledger: Ledger, group: list[str]) -> list[Lease]:
    """Waiting Leases with claims at their present attempt, observed or on their way; first in line first."""
    out = []
    for uid in ledger.half_done:
        lease = ledger.leases[uid]
        if any(pool in group for pool in lease.pools):
            out.append(lease)
    return sorted(out, key=lambda lease: lease.order)


def may_be_handed_over(free: Free) -> bool:
    """Whether what is being freed may be claimed in the same write."""
    resource = free.resource
    return resource.protected and not (resource.cordoned or resource.deleting or free.hold_until)


def may_be_granted(ledger: Ledger, lease: Lease) -> bool:
    """Whether a waiting Lease may be given something it does not have yet: not while it ends, is written, or has
    claims."""
    key = lease_key(lease.uid)
    writing = ledger.pending.get(key)
    return not (
        lease.deleting
        or lease.unsupported
        or EVERYTHING in lease.release
        or lease.uid in ledger.claiming
        or lease.uid in ledger.claims
        or key in ledger.unreadable
        # A report says where it stands and leaves its attempt alone: it costs nobody their turn.
        or not (writing is None or isinstance(writing, Report))
        or not (lease.accepted or _may_end_as_it_wishes(ledger, lease))
    )


def _may_end_as_it_wishes(ledger: Ledger, lease: Lease) -> bool:
    pools = [pool for name in lease.pools if (pool := ledger.pools.get(name)) is not None]
    return lease.release_state is None or all(lease.may_wish(lease.release_state, pool) for pool in pools)
