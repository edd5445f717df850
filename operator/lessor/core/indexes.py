"""What is known, indexed so that a decision looks only at what changed: who claims what, who is listed by whom, what
stands on which shelf, who waits, and what is to be looked at again.

The objects are put in and taken out by the ledger alone (`ledger.py`), which judges what is news.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .actions import Action, Key, resource_key
from .claimed_names import ClaimedNames
from .lanes import Lanes, Tenant
from .model import Lease, Pool, Resource, Unreadable
from .shelves import PoolIndex


@dataclass(slots=True)
class Vanished:
    """A Lease that is gone while Resources still name it. `final`: its DELETED event was seen, so this is its last
    word."""

    lease: Lease | None
    final: bool = False
    confirmed: bool = False  # by a live read: 404 or another uid


@dataclass(frozen=True, slots=True)
class Objection:
    """What the API server refused of a Resource as its Pool's spec of this generation says."""

    generation: int
    resource: str
    message: str


@dataclass(slots=True)
class Blank:
    """An uninitialised Resource on its way to a state (see `initialise.py`). One that was claimed since and lost its
    state by hand has the same uid and a greater epoch: that is another Blank."""

    uid: str
    epoch: int
    raised: dict[str, None] = field(default_factory=dict)  # uids of Leases raised for it by this process
    ready_at: int | None = None  # tick at which nothing was left to raise


class Indexes:
    """The objects as last observed, and all that is derived from them."""

    def __init__(self) -> None:
        self.pools: dict[str, Pool] = {}
        self.resources: dict[str, Resource] = {}
        self.leases: dict[str, Lease] = {}
        self.vanished: dict[str, Vanished] = {}
        self.unreadable: dict[Key, Unreadable] = {}
        self.pending: dict[Key, Action] = {}
        self.index: dict[str, PoolIndex] = {}
        self.claims: dict[str, dict[str, None]] = {}  # Lease uid -> names of the Resources whose observed holder it is
        self.claiming: dict[str, dict[str, None]] = {}  # the same for claims on their way
        self.lanes = Lanes(self.pools)  # the waiting Leases without claims, in order
        self.kept: dict[str, str] = {}  # Resource name -> uid of the Lease that it is kept idle for
        self.kept_in: dict[str, dict[str, None]] = {}  # the same by Pool name
        self.half_done: dict[str, None] = {}  # uids of waiting Leases with claims, observed or on their way
        self.listed: dict[str, dict[str, None]] = {}  # Resource name -> uids of the live Bound Leases that list it
        self.doubly_listed: dict[str, float | None] = {}  # of these more than one, since `Now.mono` (see audit.py)
        self.ripe: dict[str, float] = {}  # Resource name -> its holdUntil that is over
        self.blanks: dict[str, Blank] = {}
        self.former: dict[str, dict[str, None]] = {}  # Resource name -> Pools that it was in when it was torn away
        self.fresh: dict[str, None] = {}  # uids of Resources made by this process under names that never existed
        self.unborn: dict[str, str] = {}  # names that never existed, reserved by this process -> uid of their Pool
        self.claimed_names = ClaimedNames()
        self.objections: dict[str, Objection] = {}  # by Pool name
        self.dirty_leases: dict[str, None] = {}
        self.dirty_resources: dict[str, None] = {}
        self.dirty_pools: dict[str, None] = {}  # something can be lent, or somebody wants something
        self.dirty_stock: dict[str, None] = {}  # Resources to make, change or delete
        self.put_off: dict[str, None] = {}  # Resources that their Pool's spec has a say in, busy when it was asked
        self.dirty_counts: dict[str, None] = {}
        self.dirty_unreadable: dict[Key, None] = {}
        self.reported_at: dict[str, float] = {}  # Pool name -> `Now.mono` of the last status
        self.first_reports: dict[str, float] = {}  # Pool name -> `Now.mono` before which its first status is not due

    # -- what is asked of it

    def pool_index(self, pool: str) -> PoolIndex:
        found = self.index.get(pool)
        if found is None:
            found = self.index[pool] = PoolIndex()
        return found

    def held_by(self, lease: Lease) -> list[Resource]:
        """The observed claims at the Lease's current attempt: all that a bind may rest on."""
        return [
            resource
            for name in self.claims.get(lease.uid, ())
            if (resource := self.resources[name]).holder is not None and resource.holder.attempt == lease.attempt
        ]

    def is_busy(self, key: Key) -> bool:
        return key in self.pending or key in self.unreadable

    def is_lendable(self, resource: Resource) -> bool:
        """Whether a Claim may take it now."""
        return (
            resource.holder is None
            and resource.state is not None
            and resource.protected
            and not (resource.cordoned or resource.deleting or self.is_busy(resource_key(resource.name)))
            and (not resource.hold_until or self.ripe.get(resource.name) == resource.hold_until)
            # Somebody edited the status by hand. It saves work, the holder's version makes it safe.
            and self.listed_by(resource.name) is None
        )

    def ripen(self, resource: Resource) -> None:
        """Its holdUntil is over."""
        self._unindex_resource(resource)
        self.ripe[resource.name] = resource.hold_until
        self._index_resource(resource, quiet=True)
        self._touch_pool(resource.pool)

    def listed_by(self, name: str) -> Lease | None:
        """The live Bound Lease that lists a Resource."""
        return next((lease for uid in self.listed.get(name, ()) if (lease := self.live(uid)) is not None), None)

    def live(self, uid: str) -> Lease | None:
        lease = self.leases.get(uid)
        return lease if lease is not None and not lease.finished else None

    # -- what is to be looked at again

    def touch_everything(self) -> None:
        """A new leader decides about all there is, once. What it knew to be new may have lived and died meanwhile."""
        self.unborn.clear()
        self.fresh.clear()
        self.dirty_leases = dict.fromkeys(self.leases)
        self.dirty_resources = dict.fromkeys(self.resources)
        for dirty in (self.dirty_pools, self.dirty_stock, self.dirty_counts):
            dirty.update(dict.fromkeys(self.index))

    def rest(self) -> None:
        """A standby decides nothing, so what changed need not be remembered."""
        for dirty in (self.dirty_leases, self.dirty_resources, self.dirty_pools, self.dirty_stock, self.dirty_counts):
            dirty.clear()

    def forget_if_empty(self, pool: str) -> None:
        """No Pool, no Resource, nobody waiting: a name that somebody once wrote into a request."""
        index = self.index.get(pool)
        if index is not None and not index.names and not index.waiting and pool not in self.pools:
            del self.index[pool]
            self.reported_at.pop(pool, None)
            self.first_reports.pop(pool, None)

    def keep(self, pools: Iterable[str], kept: dict[str, str]) -> None:
        """What a walk over these pools keeps idle, and for which Lease (uid)."""
        for pool in pools:
            for name in self.kept_in.pop(pool, ()):
                del self.kept[name]
        for name, uid in kept.items():
            self.kept[name] = uid
            self.kept_in.setdefault(self.resources[name].pool, {})[name] = None

    # -- kept current

    def _index_resource(self, resource: Resource, *, quiet: bool = False) -> None:
        name = resource.name
        self.pool_index(resource.pool).add(resource, lendable=self.is_lendable(resource))
        if resource.holder is not None:
            self.claims.setdefault(resource.holder.uid, {})[name] = None
            self._weigh(resource.holder.uid)
        self.lanes.set_holder(name, self._tenant_with(resource))
        if resource.state is None and resource.holder is None:  # who is held has an owner, whatever its state
            blank = self.blanks.get(name)
            if blank is None or (blank.uid, blank.epoch) != (resource.uid, resource.epoch):
                self.blanks[name] = Blank(resource.uid, resource.epoch)
        elif self.blanks.pop(name, None):
            self.fresh.pop(resource.uid, None)
            self.former.pop(name, None)
        if quiet:
            return
        self.dirty_resources[name] = None
        if name in self.put_off:
            del self.put_off[name]
            self._stock_of(name, resource.pool)
        self._touch_pool(resource.pool)
        if resource.holder is not None:
            self._touch_lease(resource.holder.uid)

    def _unindex_resource(self, resource: Resource) -> None:
        self.pool_index(resource.pool).remove(resource)
        if resource.holder is not None:
            held = self.claims[resource.holder.uid]
            del held[resource.name]
            if not held:
                del self.claims[resource.holder.uid]
                self._weigh(resource.holder.uid)

    def _weigh(self, uid: str) -> None:
        """Whether a Lease has claims, and so is in line no more."""
        lease = self.leases.get(uid)
        waiting, claims = lease is not None and lease.waiting, uid in self.claims or uid in self.claiming
        if waiting and claims:
            self.half_done[uid] = None
        else:
            self.half_done.pop(uid, None)
        if lease is not None and waiting and not claims:
            self.lanes.join(lease)
        else:
            self.lanes.leave(uid)

    def _tenant_with(self, resource: Resource) -> Tenant | None:
        """Who has a Resource of a Pool that tells tenants apart: the tenant of the live Lease that holds it or is about
        to. What is to be freed counts no more."""
        pool = self.pools.get(resource.pool)
        if pool is None or not pool.tells_tenants_apart:
            return None
        holder = getattr(self.pending.get(resource_key(resource.name)), "holder", None) or resource.holder
        if holder is None:
            return None
        lease = self.leases.get(holder.uid)
        if lease is None:
            return (pool.name, holder.namespace) if holder.uid not in self.vanished else None
        if lease.finished or not (lease.waiting or lease.lists(resource.name)):
            return None
        return (pool.name, pool.tenant_of(lease))

    def _count_held(self, names: Iterable[str]) -> None:
        """The Leases or the Pool that say whose these Resources are have changed."""
        for name in names:
            resource = self.resources.get(name)
            if resource is not None and self.lanes.set_holder(name, self._tenant_with(resource)):
                self._touch_pool(resource.pool)

    def _torn_away(self, resource: Resource) -> None:
        """Gone without an order, or while it was held: a bind that was decided on it may come yet, whatever Pool the
        name is in when it is made again. (An operator that starts after that knows only the present one.)"""
        if resource.holder is not None or not resource.deleting:
            self.former.setdefault(resource.name, {})[resource.pool] = None

    def _prune(self, old: Resource | None) -> None:
        """The last word of a Lease is kept until the last claim of it is freed."""
        if old is not None and old.holder is not None:
            uid = old.holder.uid
            if uid not in self.claims and uid not in self.claiming:
                self.vanished.pop(uid, None)
                if (lease := self.leases.get(uid)) is not None and lease.finished:
                    self.dirty_leases[uid] = None  # it may go now

    def _index_lease(self, lease: Lease) -> None:
        if lease.waiting:
            for pool in lease.pools:
                self.pool_index(pool).join(lease)
        elif not lease.finished:
            for entry in lease.resources:
                by = self.listed.setdefault(entry.name, {})
                by[lease.uid] = None
                if len(by) > 1:
                    self.doubly_listed.setdefault(entry.name, None)
                self._listing_changed(entry.name)

    def _unindex_lease(self, lease: Lease) -> None:
        if lease.waiting:
            for pool in lease.pools:
                self.pool_index(pool).leave(lease)
        elif not lease.finished:
            for entry in lease.resources:
                by = self.listed[entry.name]
                del by[lease.uid]
                if not by:
                    del self.listed[entry.name]
                self._listing_changed(entry.name)

    def _listing_changed(self, name: str) -> None:
        resource = self.resources.get(name)
        if resource is not None and resource.holder is None:
            self._unindex_resource(resource)
            self._index_resource(resource)

    def _lease_changed(self, old: Lease | None, new: Lease | None) -> None:
        uid = (new or old).uid  # type: ignore[union-attr]
        self.dirty_leases[uid] = None
        self.dirty_resources.update(self.claims.get(uid, {}))
        self._count_held(self.claims.get(uid, ()))
        for lease in (old, new):
            if lease is None:
                continue
            self.dirty_resources.update((entry.name, None) for entry in lease.resources)
            if lease.waiting:
                # Who leaves the queue may have been kept for; who joins it may have to be raised for a blank Resource.
                for pool in lease.pools:
                    self._touch_pool(pool)

    def _pool_changed(self, name: str, old: Pool | None, new: Pool | None) -> None:
        self._touch_pool(name)
        if old is None or new is None or old.queueing != new.queueing:
            self.lanes.rules_changed(name)
            self._count_held(self.pool_index(name).names)
        if old is None or new is None or _spec(old) != _spec(new):
            index = self.pool_index(name)
            self.dirty_resources.update(dict.fromkeys(index.names))
            self.dirty_leases.update(dict.fromkeys(index.waiting_uids()))
            self.dirty_stock[name] = None

    def _names_moved(self, pools: Iterable[str]) -> None:
        """These Pools have more names now or fewer, and say so."""
        for pool in pools:
            self.dirty_stock[pool] = None
            self.dirty_counts[pool] = None

    def _touch_pool(self, pool: str) -> None:
        self.dirty_pools[pool] = None
        self.dirty_counts[pool] = None

    def _touch_lease(self, uid: str) -> None:
        self.dirty_leases[uid] = None
        self.dirty_resources.update(self.claims.get(uid, {}))

    def _stock_of(self, name: str, pool: str | None) -> None:
        if pool is not None:
            self.dirty_stock[pool] = None
        self.dirty_stock.update(dict.fromkeys(self.claimed_names.pools_of(name)))


def stock_of(resource: Resource) -> tuple[object, ...]:
    """What of a Resource its Pool's spec has a say in."""
    labels, attributes = dict(resource.labels), dict(resource.attributes)
    told = "Ready" in resource.conditions
    return resource.uid, resource.deleting, resource.protected, labels, attributes, resource.credentials_secret, told


def _spec(pool: Pool) -> tuple[object, ...]:
    """What of a Pool is worth a look at all that is in it."""
    return pool.uid, pool.generation, pool.protected, pool.deleting
