"""The order of the waiting: who is asked first when something can be lent.

Priority, then who has waited for `reserveAfter` (the smallest of its pools), then arrival, then uid: total, and
computed from the Lease objects alone, so it survives every restart. Waiting Leases hold nothing, so they can't
deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .ledger import Ledger
from .model import Lease


def coupled(ledger: Ledger, pools: Iterable[str]) -> list[list[str]]:
    """`pools` in groups to be decided together: with every pool that some waiting Lease asks of as well.

    Only so can a Lease over two pools be kept what it needs in both, whichever of them changed."""
    groups: list[list[str]] = []
    seen: dict[str, None] = {}
    for start in pools:
        if start in seen:
            continue
        seen[start] = None
        group = [start]
        for pool in group:  # grows as it goes
            for uid in ledger.pool_index(pool).many:
                for other in ledger.leases[uid].pools:
                    if other not in seen:
                        seen[other] = None
                        group.append(other)
        groups.append(group)
    return groups


def mature_at(ledger: Ledger, lease: Lease) -> float:
    """When (wall clock, seconds) its wait reaches reserveAfter."""
    return lease.created + min(
        (pool.reserve_after for name in lease.pools if (pool := ledger.pools.get(name)) is not None), default=600.0
    )


def in_line(ledger: Ledger, group: list[str], wall: float) -> Iterator[Lease]:
    """The waiting Leases of a group of coupled pools, first in line first."""
    if len(group) == 1:
        # One pool has one reserveAfter, so those who reached it are the earliest anyway.
        yield from (ledger.leases[uid] for uid in ledger.pool_index(group[0]).waiting_uids())
        return
    leases = {uid: ledger.leases[uid] for pool in group for uid in ledger.pool_index(pool).waiting_uids()}

    def place(lease: Lease) -> tuple[int, bool, float, str]:
        return (-lease.priority, mature_at(ledger, lease) > wall, lease.created, lease.uid)

    yield from sorted(leases.values(), key=place)
