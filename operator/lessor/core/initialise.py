"""How a Resource without a state gets one: raise, list, then initialise or adopt (design, section 3; model, hole A).

A Resource without `status.state` is new, or was removed by force and made again, or restored without status. A bind
that was decided on the lost one may still be in flight. So first the attempt of every waiting Lease that could hold a
claim on it is raised, which makes such a bind fail; then a full list of Leases shows who is Bound to the name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .actions import Action, Adopt, Initialise, ListLeases, Raise, lease_key, resource_key
from .endings import initial_state
from .indexes import Blank
from .ledger import Ledger
from .model import FREE, LEASED, Holder, Lease, Pool, Resource

CLOCK_SLACK_S = 60.0  # creationTimestamps come from the clocks of several API servers, and have whole seconds


def initialise(ledger: Ledger, names: list[str]) -> Iterator[Action]:
    """The next step of each uninitialised Resource in `names`. One raise and one list serve all of them."""
    listing = False
    to_raise: dict[str, dict[tuple[str, int], None]] = {}
    for name in names:
        resource, blank = ledger.resources.get(name), ledger.blanks.get(name)
        if resource is None or blank is None or ledger.is_busy(resource_key(name)) or not resource.protected:
            continue
        pool = ledger.pools.get(resource.pool)
        if pool is None or (pool.unsupported and not pool.deleting):
            continue
        if name not in pool.items and not resource.deleting:
            continue
        suspects = list(_suspects(ledger, resource, blank, _old_enough(ledger, resource, pool)))
        if suspects:
            blank.ready_at = None
            for lease in suspects:
                to_raise.setdefault(lease.uid, {})[resource.uid, resource.epoch] = None
            continue
        if blank.ready_at is None:
            blank.ready_at = ledger.tick
        if ledger.leases_listed_at >= blank.ready_at:
            yield _from_list(ledger, resource)
        else:
            listing = True
    for uid, blanks in to_raise.items():
        if not ledger.is_busy(lease_key(uid)):
            yield Raise(ledger.leases[uid], tuple(blanks))
    if listing and ListLeases.key not in ledger.pending:
        yield ListLeases(ledger.tick)


def _old_enough(ledger: Ledger, resource: Resource, pool: Pool) -> float:
    """Leases created later could have no claim on an earlier Resource of the name."""
    if resource.epoch:
        return math.inf  # this very Resource was held before its state was taken away by hand
    # A name that its Pool has never had may have been another's: of a Pool of the same name, removed by force.
    return CLOCK_SLACK_S + (pool.created if resource.uid in ledger.fresh else resource.created)


def _suspects(ledger: Ledger, resource: Resource, blank: Blank, created: float) -> Iterator[Lease]:
    """Waiting Leases not younger than `created` that could have a claim on an earlier Resource of the name, not yet
    raised for this one."""
    pools = dict.fromkeys((resource.pool, *ledger.former.get(resource.name, ())))
    for uid in dict.fromkeys(uid for pool in pools for uid in ledger.pool_index(pool).waiting_uids()):
        lease = ledger.leases[uid]
        # Of one that can't be read there is a newer version than any that a bind was decided on: such a bind fails.
        if uid in blank.raised or lease.created > created or lease_key(uid) in ledger.unreadable:
            continue
        ways = (way for request in lease.requests for way in request.ways)
        if any(way.pool in pools and (not way.names or resource.name in way.names) for way in ways):
            yield lease


def _from_list(ledger: Ledger, resource: Resource) -> Action:
    lease = ledger.listed_by(resource.name)
    pool = ledger.pools[resource.pool]
    if lease is None:
        return Initialise(resource, initial_state(pool, resource))
    entry = next(entry for entry in lease.resources if entry.name == resource.name)
    request = next((r for r in lease.requests if r.name == entry.request), None)
    holder = Holder(
        namespace=lease.namespace,
        name=lease.name,
        uid=lease.uid,
        attempt=lease.attempt,
        from_state=request.from_state if request is not None else FREE,
        release_state=(lease.terms.release_state if lease.terms is not None else None) or pool.release_states[0],
        identity=lease.identity,
        term=lease.terms.renew_within if lease.terms is not None else pool.renew_within,
    )
    state = request.as_state if request is not None else LEASED
    return Adopt(resource, holder, state, epoch=max(entry.epoch, resource.epoch) + 1)


def raised(ledger: Ledger, action: Raise) -> None:
    """A raise of ours was answered: what it clears is remembered, in memory only (after a restart it is made again)."""
    for blank in ledger.blanks.values():
        if (blank.uid, blank.epoch) in action.blanks:
            blank.raised[action.lease.uid] = None
