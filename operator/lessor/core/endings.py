"""What has ended, and what may therefore be freed.

Two rules carry everything: a Lease's end is written before anything of it is freed, and a Resource is freed only when
no live Lease lists it.
"""

from __future__ import annotations

from .actions import Action, DropFinalizer, End, Free, LookAtLease, Shrink, lease_key, resource_key
from .explain import Reason, Why, end_conditions
from .ledger import Ledger
from .model import DIRTY, EVERYTHING, FREE, UNCLEAN, Lease, LeaseState, Pool, Resource
from .states import Event


def end_of(lease: Lease) -> Action | None:
    """The write that ends a live Lease, or takes single resources out of it; None while nobody asked."""
    if lease.deleting:
        # Somebody else's finalizer keeps the object; to its holder it is gone.
        return released(lease, Reason.DELETED, "the lease is being deleted")
    if EVERYTHING in lease.release:
        return released(lease, Reason.RELEASED, "its holder released it")
    if lease.waiting or not lease.release:
        return None  # single names mean nothing before a bind
    kept = tuple(entry for entry in lease.resources if entry.name not in lease.release)
    if not kept:
        return released(lease, Reason.RELEASED, "its holder released every resource")
    return Shrink(lease, kept) if len(kept) < len(lease.resources) else None


def released(lease: Lease, reason: Reason, message: str) -> End:
    state = LeaseState.RELEASED
    return End(lease, Event.RELEASE, state, end_conditions(lease, state, (reason, message)))


def reaped(lease: Lease, why: Why) -> End:
    """An end that its holder did not ask for."""
    state = LeaseState.EXPIRED
    return End(lease, Event.EXPIRE, state, end_conditions(lease, state, why))


def free_of(ledger: Ledger, resource: Resource) -> Free | LookAtLease | None:
    """How a held Resource comes free, if it may: its holder has ended, is gone for certain, or has no right to it."""
    holder = resource.holder
    assert holder is not None
    by = ledger.listed_by(resource.name)
    if by is not None and by.uid != holder.uid:
        # A live Bound Lease lists it though another is its holder: never by our writes. Nothing is freed on such
        # ground.
        return None
    pool = ledger.pools.get(resource.pool)
    lease = ledger.leases.get(holder.uid)
    if lease is not None:
        if ledger.pending.get(lease_key(lease.uid)) is not None:
            return None  # whatever is being written of it decides; ask again then
        return _free_of_known(resource, lease, pool)
    if lease_key(holder.uid) in ledger.unreadable:
        return None  # it is there, that much is known
    gone = ledger.vanished.get(holder.uid)
    if gone is None or not gone.confirmed:
        return LookAtLease(holder.namespace, holder.name, holder.uid)
    if gone.lease is None or not gone.final:
        return Free(resource, on_loss(pool), Reason.LOST)
    last = gone.lease
    if last.waiting:
        return Free(resource, holder.from_state, Reason.NEVER_BOUND)
    if last.finished or not last.lists(resource.name):
        return _free_of_known(resource, last, pool)
    return Free(resource, wished(resource, last, pool), Reason.DELETED)


def _free_of_known(resource: Resource, lease: Lease, pool: Pool | None) -> Free | None:
    holder = resource.holder
    assert holder is not None
    if lease.finished and lease.terms is None:
        return Free(resource, holder.from_state, Reason.NEVER_BOUND)
    if lease.state is LeaseState.RELEASED:
        return Free(resource, wished(resource, lease, pool), Reason.RELEASED)
    if lease.state is LeaseState.EXPIRED and _never_collected(lease):
        return Free(resource, holder.from_state, Reason.NOT_COLLECTED)
    if lease.state is LeaseState.EXPIRED:
        agreed = lease.terms.on_loss if lease.terms is not None else None
        return Free(resource, agreed or on_loss(pool), Reason.LOST)
    if lease.state is LeaseState.BOUND and lease.lists(resource.name):
        return None
    if lease.state is LeaseState.REFUSED or holder.attempt < lease.attempt:
        return Free(resource, holder.from_state, Reason.NEVER_BOUND)
    if lease.state is LeaseState.BOUND:
        if lease.wish_for(resource.name) is not None or resource.name in lease.release:
            return Free(resource, wished(resource, lease, pool), Reason.RELEASED)
        return Free(resource, holder.from_state, Reason.NEVER_BOUND)
    return None


def _never_collected(lease: Lease) -> bool:
    """Nobody learnt of it, so nobody used it: as a claim that was never Bound it goes back to where it came from."""
    ended = lease.conditions.get("Finished")
    return ended is not None and ended.reason == Reason.NOT_COLLECTED


def wished(resource: Resource, lease: Lease, pool: Pool | None) -> str:
    """The state a voluntary end leads to: the one asked for where the pool allows it, else the one agreed at the
    claim."""
    assert resource.holder is not None
    wish = lease.wish_for(resource.name)
    if wish is not None and pool is not None and lease.may_wish(wish, pool):
        return wish
    return resource.holder.release_state


def on_loss(pool: Pool | None) -> str:
    """Without its pool nobody can say that a lost Resource is clean."""
    return pool.on_loss if pool is not None else DIRTY


def dropped(ledger: Ledger, resource: Resource) -> DropFinalizer | None:
    """A Resource that is being deleted goes when nobody holds it and, where a janitor is, when it is clean."""
    if not (resource.deleting and resource.protected) or resource.holder is not None:
        return None
    pool = ledger.pools.get(resource.pool)
    if resource.state in UNCLEAN and pool is not None and pool.janitor:
        return None
    if ledger.listed_by(resource.name) is not None or ledger.is_busy(resource_key(resource.name)):
        return None  # one without a state that a Bound Lease lists is adopted first
    return DropFinalizer(resource)


def initial_state(pool: Pool, resource: Resource) -> str:
    """With a janitor always dirty: nobody knows what is in it (model, hole D)."""
    if pool.janitor:
        return DIRTY
    item = pool.items.get(resource.name)
    return item.initial_state if item is not None else FREE
