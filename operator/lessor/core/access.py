"""Which namespaces may ask of a Pool (`spec.access`)."""

from __future__ import annotations

from .ledger import Ledger
from .model import Lease, Pool, Request


def may_ask(ledger: Ledger, pool: Pool, namespace: str) -> bool:
    return pool.access is None or _lacks(ledger, pool, namespace) is None


def what_is_missing(ledger: Ledger, pool: Pool, namespace: str) -> str | None:
    """A sentence for who may not ask: what they lack, and what to do. None: they may."""
    return _lacks(ledger, pool, namespace) if pool.access is not None else None


def is_open(ledger: Ledger, lease: Lease, way: Request) -> bool:
    """Whether a Lease's namespace may ask for it. Of a Pool that is not there nobody knows."""
    pool = ledger.pools.get(way.pool)
    return pool is None or may_ask(ledger, pool, lease.namespace)


def names_matter(ledger: Ledger, lease: Lease) -> bool:
    """Whether some Pool that it asks of is not for all namespaces."""
    return any((pool := ledger.pools.get(name)) is not None and pool.access is not None for name in lease.pools)


def _lacks(ledger: Ledger, pool: Pool, namespace: str) -> str | None:
    access = pool.access
    assert access is not None
    if access.namespaces is not None:
        if namespace in access.namespaces:
            return None
        return f"namespace {namespace} is not one of pool {pool.name}'s spec.access.namespaces: have it added"
    known = ledger.namespaces.get(namespace)
    if known is None:
        return f"pool {pool.name} goes by the labels of namespaces, and those of {namespace} are not known yet"
    if access.selector is not None and access.selector.matches(known.labels):
        return None
    wanted = f"pool {pool.name} is for namespaces with labels {access.selector}"
    return f"{wanted}; {namespace} is none: have it labelled, or ask of another pool"
