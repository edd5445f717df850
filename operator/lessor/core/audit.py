"""The invariant that everything else exists for, looked at while the operator runs: no two Bound Leases list one
Resource.

The events of two Leases come in no order, so for a moment both may seem Bound: the end of one is seen after the bind of
the other. What stays so is a violation, by a hand-written status or by a bug.
"""

from __future__ import annotations

from .ledger import Ledger
from .model import Now

LATE_S_MAX = 10.0  # an event that is later than this was lost, and the next LIST brings it


def doubly_listed(ledger: Ledger, now: Now) -> dict[str, tuple[str, ...]]:
    """Names of Resources with the uids of the live Bound Leases that list them, since LATE_S_MAX or longer."""
    out: dict[str, tuple[str, ...]] = {}
    for name in list(ledger.doubly_listed):
        uids = tuple(uid for uid in ledger.listed.get(name, ()) if ledger.live(uid) is not None)
        if len(uids) < 2:
            del ledger.doubly_listed[name]
            continue
        since = ledger.doubly_listed[name]
        if since is None:
            ledger.doubly_listed[name] = now.mono
        elif now.mono - since >= LATE_S_MAX:
            out[name] = uids
    return out
