"""The order of the waiting: who is asked first when something can be lent.

Priority (as the pools cap it), then who has waited for `reserveAfter` (the smallest of its pools), then fair share,
then arrival, then uid: total, and computed from the objects alone, so it survives every restart. Waiting Leases hold
nothing, so they can't deadlock. How it is kept in order: `lanes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from .lanes import InLine, effective_priority, reserve_after
from .ledger import Ledger
from .model import EVERYTHING, Lease


def coupled(ledger: Ledger, pools: Iterable[str]) -> list[list[str]]:
    """`pools` in groups to be decided together: with every pool that some waiting Lease asks of as well.

    Only so can a Lease over two pools be kept what it needs in both, whichever of them changed."""
    half_done: dict[str, dict[str, None]] = {}  # those with claims are in no line
    for uid in ledger.half_done:
        together = dict.fromkeys(ledger.leases[uid].pools)
        for pool in together:
            half_done.setdefault(pool, {}).update(together)
    groups: list[list[str]] = []
    seen: dict[str, None] = {}
    for start in pools:
        if start in seen:
            continue
        seen[start] = None
        group = [start]
        for pool in group:  # grows as it goes
            for others in (*(line.pools for line in ledger.lanes.lines([pool])), half_done.get(pool, ())):
                for other in others:
                    if other not in seen:
                        seen[other] = None
                        group.append(other)
        groups.append(group)
    return groups


def mature_at(ledger: Ledger, lease: Lease) -> float:
    """When (wall clock, seconds) its wait reaches reserveAfter."""
    return lease.created + reserve_after(lease.pools, ledger.pools)


def in_line(ledger: Ledger, group: Iterable[str], wall: float, *, parked: bool = True) -> InLine:
    """The waiting Leases without claims of a group of coupled pools, first in line first. Those whose tenant may have
    no more are among them if `parked`."""
    return InLine(ledger.lanes, group, wall, parked=parked)


def has_a_place(lease: Lease) -> bool:
    """Whether a waiting Lease is in anybody's way: not one that leaves, or that is about to be refused."""
    leaves = lease.deleting or EVERYTHING in lease.release or bool(lease.unsupported)
    return not leaves and (lease.accepted or "Accepted" not in lease.conditions)


def priority_of(ledger: Ledger, lease: Lease) -> int:
    """Its priority as its pools cap it (queue.maxPriority)."""
    return effective_priority(lease, ledger.pools)
