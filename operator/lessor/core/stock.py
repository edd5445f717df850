"""A Pool's Resources: made, changed and deleted as its spec says. And what a Pool's status says of them.

Deleting is only asked for: the finalizer keeps a Resource until its holder has ended and it is clean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .actions import (
    Action,
    CreateResource,
    DeleteResource,
    MarkResource,
    ProtectPool,
    ReportPool,
    ReserveOrdinals,
    UnprotectPool,
    UpdateResource,
    pool_key,
    resource_key,
)
from .explain import Reason, pool_conditions
from .ledger import Ledger
from .model import Condition, ConditionStatus, Item, Now, Pool, Resource

COUNTS_EVERY_S = 10.0  # a busy pool's counts change all the time; people read them, no program waits for them
COMING_S_MAX = 5.0  # how long the first status waits for a new pool's Resources
SETTLE_S = 0.3  # a new pool's Resources come one by one: not a write for each


def stock(ledger: Ledger, name: str) -> Iterator[Action]:
    """What to do about the Resources of one Pool."""
    pool = ledger.pools.get(name)
    here = list(ledger.pool_index(name).names)
    if pool is None:
        for resource_name in here:
            yield from _unless_busy(ledger, resource_name, _orphan(ledger.resources[resource_name]))
        return
    if ledger.is_busy(pool_key(name)):
        return
    if not pool.protected:
        if not pool.deleting:
            yield ProtectPool(pool)
        return
    if pool.unsupported and not pool.deleting:
        return  # what it asks for can't be known; what there is stays
    if pool.counted and len(pool.items) > pool.next_ordinal and not pool.deleting:
        yield ReserveOrdinals(pool, len(pool.items))
        return
    wanted: Mapping[str, Item] = {} if pool.deleting else _wanted(ledger, pool)
    for resource_name in here:
        fitted = _fitted(ledger.resources[resource_name], wanted.get(resource_name))
        yield from _unless_busy(ledger, resource_name, fitted)
    yield from _missing(ledger, pool, wanted)
    if pool.deleting and not here and not _being_made(ledger, pool):
        yield UnprotectPool(pool)


def _unless_busy(ledger: Ledger, name: str, actions: Iterator[Action]) -> Iterator[Action]:
    """What is to be done about a Resource, now or when it was read again or its write is answered."""
    for action in actions:
        if ledger.is_busy(resource_key(name)):
            ledger.put_off[name] = None
        else:
            yield action


def _being_made(ledger: Ledger, pool: Pool) -> bool:
    return any(isinstance(action, CreateResource) and action.pool.uid == pool.uid for action in ledger.pending.values())


def _missing(ledger: Ledger, pool: Pool, wanted: Mapping[str, Item]) -> Iterator[CreateResource]:
    for item in pool.items.values():
        if item.name in wanted and item.name not in ledger.resources and not ledger.is_busy(resource_key(item.name)):
            yield CreateResource(pool, item, fresh=ledger.unborn.get(item.name) == pool.uid)


def _fitted(resource: Resource, item: Item | None) -> Iterator[Action]:
    """One Resource of a Pool, and what the Pool's spec says of it: None if it has no place there (any more)."""
    if resource.deleting:
        return
    if item is None:
        yield DeleteResource(resource)
    elif _differs(resource, item):
        yield UpdateResource(resource, item)
    elif "Ready" in resource.conditions:  # what was wrong with it is mended
        yield MarkResource(resource, {})


def _wanted(ledger: Ledger, pool: Pool) -> Mapping[str, Item]:
    """Its items but for the names that an older Pool has."""
    duplicates = ledger.claimed_names.duplicates(pool.name)
    return {name: item for name, item in pool.items.items() if name not in duplicates} if duplicates else pool.items


def _differs(resource: Resource, item: Item) -> bool:
    return not resource.protected or (
        dict(resource.attributes) != dict(item.attributes)
        or resource.credentials_secret != item.credentials_secret
        or any(resource.labels.get(key) != value for key, value in item.labels.items())
    )


def _orphan(resource: Resource) -> Iterator[MarkResource]:
    """A Resource whose Pool is not there is left alone (the Pool may be restored after it), and says so."""
    message = f"there is no pool {resource.pool}: nobody lends it; create the pool, or delete this resource"
    condition = Condition("Ready", ConditionStatus.FALSE, Reason.POOL_NOT_FOUND, message)
    if not condition.says(resource.conditions.get("Ready")):
        yield MarkResource(resource, {condition.type: condition})


def report(ledger: Ledger, name: str, now: Now) -> ReportPool | None:
    """A Pool's status, if it is due: at most once in 10 s for counts alone, sooner where a condition changed."""
    pool = ledger.pools.get(name)
    if pool is None or not pool.protected or ledger.is_busy(pool_key(name)):
        return None
    index = ledger.pool_index(name)
    conditions = pool_conditions(ledger, pool)
    counts, total, waiting = dict(index.counts), len(index.names), len(index.waiting)
    urgent = any(not conditions[c].says(pool.conditions.get(c)) for c in conditions if c != "Exhausted") or any(
        c not in conditions for c in pool.conditions
    )
    same = all(
        condition.says(old := pool.conditions.get(c)) and old is not None and condition.message == old.message
        for c, condition in conditions.items()
    )
    if same and not urgent and pool.said == (counts, total, waiting) and pool.observed_generation == pool.generation:
        return None
    last = ledger.reported_at.get(name)
    due = last + COUNTS_EVERY_S if last is not None else 0.0
    if urgent:
        due = min(due, (last or 0.0) + SETTLE_S)
    if last is None:
        first = ledger.first_reports.setdefault(name, now.mono)
        # Its Resources come one by one: the first word about a new pool is to be a true one.
        wanted = len(pool.items) - len(ledger.claimed_names.duplicates(name))
        coming = pool.lends and (index.blanks or len(index.names) < wanted)
        due = first + (COMING_S_MAX if coming else SETTLE_S)
    if due > now.mono:
        ledger.timers.set("counts", name, due)
        return None
    ledger.reported_at[name] = now.mono
    return ReportPool(pool, counts, total, waiting, conditions)
