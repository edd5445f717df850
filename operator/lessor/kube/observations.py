"""Bodies into the ledger: what the API server showed, one object or a whole LIST. For whoever keeps a ledger: the
operator, and the command line that asks for the order of the waiting."""

from __future__ import annotations

from typing import Any

from lessor.core import actions as a
from lessor.core.actions import Key
from lessor.core.ledger import Ledger
from lessor.core.model import Lease, Pool, Resource
from lessor.kube import codec

Json = dict[str, Any]


def observe(ledger: Ledger, kind: str, body: Json) -> bool:
    """One object as the API server showed it; False if that is no news. What can't be read the ledger knows then."""
    meta = body["metadata"]
    if not ledger.is_news(codec.key_of(kind, meta), int(meta["resourceVersion"])):
        return False
    known = ledger.pools.get(meta["name"]) if kind == a.POOL else None
    try:
        ledger.observe(codec.read(kind, body, known))
    except codec.CannotRead as e:
        ledger.observe_unreadable(e.item)
    return True


def observe_list(ledger: Ledger, kind: str, bodies: list[Json], version: int, begun: int) -> None:
    """A whole LIST, begun at the ledger's tick `begun`."""
    items: list[Pool | Resource | Lease] = []
    present: list[Key] = []  # what need not be read again, and what can't be
    for body in bodies:
        meta = body["metadata"]
        key = codec.key_of(kind, meta)
        if not ledger.is_news(key, int(meta["resourceVersion"])):
            present.append(key)
            continue
        known = ledger.pools.get(meta["name"]) if kind == a.POOL else None
        try:
            items.append(codec.read(kind, body, known))
        except codec.CannotRead as e:
            ledger.observe_unreadable(e.item)
            present.append(key)
    ledger.observe_list(kind, items, version, begun, present)
