"""Who gets what: walks the queue over what stands on the shelf, all of a Lease's requests or none.

A Resource is "on the shelf" when a Claim may take it, or when it is being freed in this very decision (then the grant
is a HandOver). The longest idle goes first. What meets the requests: `match.py`; in which order they are asked:
`lanes.py`. During a walk there is only ever less on the shelf, so when one can't be met, none that asks for the same
need be asked: a walk costs what it grants and keeps, not what waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .access import is_open
from .actions import Free, Report, lease_key
from .lanes import InLine
from .ledger import Ledger
from .match import Group, Match, Supply, by_group, choose, claims_by_group, match, meet, without_limit
from .model import EVERYTHING, Lease, Now, Request, Resource
from .queue import in_line, mature_at, priority_of
from .supplies import Room, labels_of, may_end_as_it_wishes, room_of, usable, ways_of


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


NOTHING = Shelf([])
NO_NAMES: dict[str, None] = {}


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


def assign(lease: Lease, held: list[Resource]) -> dict[str, Request] | None:
    """Which claim is for which request, if the claims that a Lease has are all it needs."""
    mine = claims_by_group(held)
    labels = {resource.name: resource.labels for resource in held}
    supply = Supply(lambda group: mine.get(group, []), labels.__getitem__)
    got = meet([request.ways for request in lease.requests], supply)
    return got.names if got.whole else None


class Walk:
    """One walk over the queue of a group of coupled pools."""

    def __init__(self, ledger: Ledger, freeing: dict[str, Free], now: Now) -> None:
        self._ledger, self._freeing, self._now = ledger, freeing, now
        self._shelves: dict[Group, Shelf] = {}
        self._left = 0  # on all shelves of pools that lend
        self._granted: dict[tuple[str, str], int] = {}  # to a tenant of a pool, in this walk
        self.out = Allocation()

    def run(self, group: list[str]) -> Allocation:
        """Half-done grants come before new ones: what they hold serves nobody until they are whole."""
        for lease in unfinished_in(self._ledger, group):
            self._complete(lease)
        lending = [pool for pool in group if self._lends(pool)]
        self._left = sum(len(shelf) for pool in lending for shelf in self._open(pool))
        if self._left:  # else nobody need be put in order
            line = in_line(self._ledger, group, self._now.wall, parked=False)
            for lease in line:
                if may_be_granted(self._ledger, lease):
                    self._ask(lease, line)
                if not self._left:
                    break
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

    def _names(self, group: Group) -> Shelf:
        return self._shelf(group) if self._lends(group[0]) else NOTHING

    def _ask(self, lease: Lease, line: InLine) -> None:
        """Grants what a Lease asks for, or keeps it, or says who behind it need not be asked."""
        room = room_of(self._ledger, lease, self._granted)
        supply = Supply(self._names, labels_of(self._ledger), room=room or without_limit)
        ways = ways_of(self._ledger, lease)
        got = meet(ways, supply)
        if got.whole:
            self._grant(lease, got)
        elif room is not None and meet(ways, Supply(self._names, labels_of(self._ledger))).whole:
            line.drop_lane()  # its tenant's limit holds it back, and nothing else
        elif mature_at(self._ledger, lease) > self._now.wall:
            at = line.drop_young()
            if at is not None and (self.out.mature_next is None or at < self.out.mature_next):
                self.out.mature_next = at
        elif not self._keep(lease, room):
            if room is None:
                line.drop_line()
            else:
                line.drop_lane()  # another tenant's may have room

    def _grant(self, lease: Lease, got: Match, held: dict[str, None] = NO_NAMES) -> None:
        new = {name: request for name, request in got.names.items() if name not in held}
        for name, request in new.items():
            self._take(name, request)
            pool = self._ledger.pools[request.pool]
            if pool.max_per_tenant is not None:
                tenant = (pool.name, pool.tenant_of(lease))
                self._granted[tenant] = self._granted.get(tenant, 0) + 1
        self.out.grants.append(Grant(lease, new))

    def _take(self, name: str, request: Request) -> None:
        self._shelf((request.pool, request.from_state)).taken[name] = None
        self._left -= 1

    def _complete(self, lease: Lease) -> None:
        """What it holds stays used, if it can be. Its tenant's limit was judged when it got the first of it."""
        if lease.uid in self._ledger.claiming or self._ledger.is_busy(lease_key(lease.uid)):
            return  # its claims are on their way
        held = self._ledger.held_by(lease)
        if assign(lease, held) is not None:
            return
        mine = claims_by_group(held)
        supply = Supply(self._names, labels_of(self._ledger), held=lambda group: mine.get(group, ()))
        got = meet(ways_of(self._ledger, lease), supply)
        if got.whole and all(self._lends(request.pool) for request in got.names.values()):
            self._grant(lease, got, {resource.name: None for resource in held})
        elif held:  # without claims of this attempt it has given way already
            self.out.stuck.append(lease)

    def _keep(self, lease: Lease, room: Room | None) -> bool:
        """Keeps what a Lease needs that has waited for reserveAfter, if capacity alone holds it back in all its pools:
        nothing idles for one that waits on a pause, a cordon, its tenant's limit, or for more than there is.

        False if there was nothing to keep."""
        chosen = choose(ways_of(self._ledger, lease), usable(self._ledger, room))
        if chosen is None:
            return False
        kept = False
        supply = Supply(self._names, labels_of(self._ledger))
        for group, requests in by_group(chosen, supply).items():
            for name, request in match(requests, (), self._names(group), supply.labels)[0].items():
                self._take(name, request)
                self.out.kept_for[name] = lease.uid
                kept = True
        return kept


def unfinished_in(ledger: Ledger, group: list[str]) -> list[Lease]:
    """Waiting Leases with claims at their present attempt, observed or on their way; first in line first."""
    out = []
    for uid in ledger.half_done:
        lease = ledger.leases[uid]
        if any(pool in group for pool in lease.pools):
            out.append(lease)
    return sorted(out, key=lambda lease: (-priority_of(ledger, lease), lease.created, lease.uid))


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
        or not all(any(is_open(ledger, lease, way) for way in request.ways) for request in lease.requests)
        or not (lease.accepted or all(may_end_as_it_wishes(ledger, lease, w) for w in ways_of(ledger, lease)))
    )
