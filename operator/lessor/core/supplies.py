"""What Leases may choose from: on paper, in use or not, and how much a tenant may still have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .access import is_open
from .ledger import Ledger
from .match import Group, Labels, Names, Supply, without_limit
from .model import Lease, Request
from .shelves import PoolIndex

Room = Callable[[str], int | None]  # of a pool: so many more at most


def labels_of(ledger: Ledger) -> Labels:
    """A Resource's labels as they are now."""
    return lambda name: ledger.resources[name].labels


@dataclass(frozen=True, slots=True)
class Usable:
    """The names of a Pool that are not cordoned or being deleted."""

    index: PoolIndex

    def __len__(self) -> int:
        return self.index.usable

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.index.names if name not in self.index.cordoned)


def usable(ledger: Ledger, room: Room | None = None) -> Supply:
    """What pools that lend could give if nobody held anything."""

    def names(group: Group) -> Names:
        pool = ledger.pools.get(group[0])
        return Usable(ledger.pool_index(pool.name)) if pool is not None and pool.lends else ()

    return Supply(names, labels_of(ledger), by_state=False, room=room or without_limit)


def specified(ledger: Ledger, room: Room | None = None) -> Supply:
    """What the pools' specs say that there is."""

    def names(group: Group) -> Names:
        pool = ledger.pools.get(group[0])
        return pool.items if pool is not None else ()

    def labels(name: str) -> Mapping[str, str]:
        owner = ledger.claimed_names.owner(name)
        return ledger.pools[owner].items[name].labels if owner is not None else {}

    return Supply(names, labels, by_state=False, room=room or without_limit)


def room_of(ledger: Ledger, lease: Lease, granted: Mapping[tuple[str, str], int]) -> Room | None:
    """How much a Lease's tenant may still have of each pool, beside what it holds and was `granted` since. None: no
    pool of it sets a limit."""
    limits: dict[str, int] = {}
    for name in lease.pools:
        pool = ledger.pools.get(name)
        if pool is not None and pool.max_per_tenant is not None:
            tenant = pool.tenant_of(lease)
            has = ledger.lanes.holds(name, tenant) + granted.get((name, tenant), 0)
            limits[name] = max(0, pool.max_per_tenant - has)  # it may have more: of before the limit was set
    return limits.get if limits else None


def ways_of(ledger: Ledger, lease: Lease) -> list[tuple[Request, ...]]:
    """The plain requests that may fulfil each request: of alternatives those whose pools it may ask of, and which let
    it end as it wishes.

    Where none does it is as if all did: a Lease that was accepted is not to suffer from a Pool's edit, and one that
    was not is refused."""
    out = []
    for request in lease.requests:
        ways = request.ways
        if len(ways) > 1:
            ways = tuple(way for way in ways if is_open(ledger, lease, way)) or ways
            ways = tuple(way for way in ways if may_end_as_it_wishes(ledger, lease, (way,))) or ways
        out.append(ways)
    return out


def may_end_as_it_wishes(ledger: Ledger, lease: Lease, ways: Sequence[Request]) -> bool:
    """Whether every pool of these that there is allows the releaseState that a Lease asks for."""
    if lease.release_state is None:
        return True
    pools = (pool for way in ways if (pool := ledger.pools.get(way.pool)) is not None)
    return all(lease.may_wish(lease.release_state, pool) for pool in pools)
