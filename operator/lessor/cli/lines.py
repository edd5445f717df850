"""The line of each pool, from the ledger, in the operator's own order."""

from __future__ import annotations

from collections.abc import Iterable

from lessor.core.ledger import Ledger
from lessor.core.model import Lease
from lessor.core.queue import coupled, has_a_place, in_line


def pools_with_a_line(ledger: Ledger) -> list[str]:
    """Every pool that somebody waits for, also one that is not there."""
    return sorted({pool for lease in ledger.leases.values() if lease.waiting for pool in lease.pools})


def lines(ledger: Ledger, pools: Iterable[str], wall: float) -> dict[str, list[Lease]]:
    """Who waits for each of `pools`, first in line first. Pools that some Lease asks of together are ordered together,
    and each has its part of that order."""
    wanted = list(pools)
    out: dict[str, list[Lease]] = {}
    for group in coupled(ledger, wanted):
        order = [lease for lease in in_line(ledger, group, wall) if has_a_place(lease)]
        for pool in group:
            out[pool] = [lease for lease in order if pool in lease.pools]
    return {pool: out[pool] for pool in wanted}
