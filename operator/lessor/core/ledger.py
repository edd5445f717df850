"""What is known: objects as last observed, own writes on their way, and the indexes that keep a decision's cost small.

    observed --assume--> on its way --answered--> observed
                              `-----settled-----> observed (after a conflict or an unknown outcome: read again)

An assumed write only keeps its object from being given or written again; Bind, Give back and Free follow from an
observed version, never from an assumed one (model, hole E). An observation counts only if its version is newer than
the object's last; what a LIST lacks is gone if the last version seen is not newer than the LIST's; late events of it
are dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from .actions import (
    LEASE,
    POOL,
    RESOURCE,
    Action,
    CreateResource,
    Key,
    ListLeases,
    LookAtHolder,
    LookAtLease,
    LookAtNamespace,
    LookAtPool,
    UpdateResource,
    lease_key,
    pool_key,
    resource_key,
)
from .budget import Budget
from .indexes import Objection, Vanished, stock_of
from .model import Lease, Pool, Resource, Unreadable
from .states import next_lease_state, next_resource_phase
from .surroundings import Surroundings
from .timers import Timers

KINDS = (POOL, RESOURCE, LEASE)
HIGHS_MAX = 4096  # versions remembered per kind, to judge a LIST by what was seen before it was begun


class Ledger(Surroundings):
    """Lives on one event loop, takes no lock, and knows no clock but the one given to `decide`."""

    def __init__(self) -> None:
        super().__init__()
        self.pool_looks: dict[str, float] = {}  # Pool name -> `Now.mono` of the last live read
        self.namespace_looks: dict[str, float] = {}  # the same of Namespaces
        self.failing: dict[str, tuple[str, float]] = {}  # Lease uid -> what it fails of, since `Now.mono`
        self.timers = Timers()
        self.telling = Budget()
        self.tick = 0  # grows with each observation and answer
        self.leases_listed_at = -1  # tick at which the last full list of Leases was begun
        self.restored = False  # a LIST older than what was seen: etcd came back from a backup
        self._floor: dict[str, int] = {}
        self._highs: dict[str, deque[tuple[int, int]]] = {kind: deque(maxlen=HIGHS_MAX) for kind in KINDS}
        self._gone: dict[Key, int] = {}

    # -- what is asked of it

    @property
    def ready(self) -> bool:
        """Nothing is decided before the first LIST of every kind, nor on a world that went back in time."""
        return len(self._floor) == len(KINDS) and not self.restored

    # -- observations

    def is_news(self, key: Key, version: int) -> bool:
        """Whether a version says more of an object than is known. What is no news need not be read: an event of an own
        write comes after its answer."""
        if self._known(key) is not None or key in self.unreadable:
            return version > self._known_version(key)
        # Absent from a LIST of that version or seen deleted since: a late event does not bring it back. The first LIST
        # itself comes before its floor is set.
        return version > max(self._gone.get(key, 0), self._floor.get(key[0], 0))

    def observe_pool(self, pool: Pool) -> bool:
        """A version of a Pool; False if it is not news. The same holds for the two below."""
        key = pool_key(pool.name)
        old = self.pools.get(pool.name)
        if not self._news(key, pool.version):
            return False
        self.pools[pool.name] = pool
        if old is None or old.uid != pool.uid or old.generation != pool.generation:
            self._names_moved(self.claimed_names.set(pool))
        self._pool_changed(pool.name, old, pool)
        return True

    def observe_resource(self, resource: Resource) -> bool:
        key = resource_key(resource.name)
        old = self.resources.get(resource.name)
        if not self._news(key, resource.version):
            return False
        if old is not None:
            self._unindex_resource(old)
            if old.uid != resource.uid:
                self._torn_away(old)
            if old.pool != resource.pool:  # its end was never seen
                self._stock_of(old.name, old.pool)
                self._touch_pool(old.pool)
        self.resources[resource.name] = resource
        self.unborn.pop(resource.name, None)
        self._accepted(resource)
        self._index_resource(resource)
        self._prune(old)
        if old is None or stock_of(old) != stock_of(resource):
            self._stock_of(resource.name, resource.pool)
        return True

    def observe_lease(self, lease: Lease) -> bool:
        old = self.leases.get(lease.uid)
        if not self._news(lease_key(lease.uid), lease.version):
            return False
        if old is not None:
            self._unindex_lease(old)
        self.leases[lease.uid] = lease
        self.vanished.pop(lease.uid, None)
        self._index_lease(lease)
        self._weigh(lease.uid)
        self._holder_changed(old, lease, self.tick)
        if lease.finished:
            self.stops_failing(lease.uid)
        self._lease_changed(old, lease)
        if not lease.waiting:
            self.telling.forget(lease.uid)
        return True

    def observe_unreadable(self, item: Unreadable) -> None:
        """An object that can't be read is decided about no more; what is known of it stays, and harms no other."""
        key = (item.kind, item.uid if item.kind == LEASE else item.name)
        if self._news(key, item.version):
            self.unreadable[key] = item
            self.dirty_unreadable[key] = None
            resource = self.resources.get(key[1]) if key[0] == RESOURCE else None
            if resource is not None:  # off the shelf
                self._unindex_resource(resource)
                self._index_resource(resource, quiet=True)

    def observe_gone(self, key: Key, version: int, last: Lease | None = None) -> bool:
        """A DELETED event (`version` is the deletion's); of a Lease it carries the last version."""
        if version <= self._known_version(key):
            return False
        self._saw(key[0], version)
        return self._forget(key, version, last)

    def observe_missing(self, key: Key, known: int) -> bool:
        """A call that was decided on version `known` (0: none) found no such object."""
        last = self._known_version(key)
        if last > known and key[0] != LEASE:
            return False  # it may have been made after that answer was given; a Lease's uid never comes back
        return self._forget(key, last)

    def observe_list(
        self,
        kind: str,
        objects: Iterable[Pool | Resource | Lease],
        version: int,
        begun: int,
        present: Iterable[Key] = (),
    ) -> None:
        """A whole LIST of one kind at `version`, begun at tick `begun`. `present`: keys of what need not be read
        again (no news), and of what can't be."""
        if version < self._highest_at(kind, begun):
            self.restored = True
            return
        self._saw(kind, version)
        self.tick += 1
        floor = self._floor.get(kind, 0)
        if version >= floor:
            # What it holds is there, whatever was believed to be gone before.
            self._floor.pop(kind, None)
            self._gone = {key: at for key, at in self._gone.items() if key[0] != kind or at > version}
        seen: dict[Key, None] = dict.fromkeys(present)
        for item in objects:
            seen[self._key_of(item)] = None
            self.observe(item)
        for key in [key for key in self._keys(kind) if key not in seen]:
            if self._known_version(key) <= version:
                self._forget(key, version)
        self._floor[kind] = max(version, floor)
        self._gone = {key: at for key, at in self._gone.items() if key[0] != kind or at > version}
        if kind == LEASE:
            self.leases_listed_at = max(self.leases_listed_at, begun)
            self.dirty_resources.update(dict.fromkeys(self.blanks))

    def observe(self, item: Pool | Resource | Lease) -> bool:
        match item:
            case Pool():
                return self.observe_pool(item)
            case Resource():
                return self.observe_resource(item)
            case Lease():
                return self.observe_lease(item)

    def observe_lease_absent(self, uid: str) -> None:
        """The confirming read found no such uid."""
        self.tick += 1
        if uid in self.claims:
            self.vanished.setdefault(uid, Vanished(None)).confirmed = True
            self._forget(lease_key(uid), self._known_version(lease_key(uid)))
            self.dirty_resources.update(self.claims[uid])

    def reserved(self, pool: Pool, upto: int) -> None:
        """Our guarded write reserved ordinals: nobody had made what is above the old mark (`pool`: from before)."""
        for name in list(pool.items)[pool.next_ordinal : upto]:
            if name not in self.resources:
                self.unborn[name] = pool.uid

    def object_to(self, action: CreateResource | UpdateResource, message: str) -> None:
        """The API server refused to make or change a Resource as its Pool's spec says: the Pool tells it, until it is
        edited or the Resource is there."""
        name = action.pool.name if isinstance(action, CreateResource) else action.resource.pool
        pool = self.pools.get(name)
        if pool is not None:
            self.objections[name] = Objection(pool.generation, action.key[1], message)
            self.dirty_counts[name] = None

    def _accepted(self, resource: Resource) -> None:
        objection = self.objections.get(resource.pool)
        if objection is not None and objection.resource == resource.name:
            del self.objections[resource.pool]
            self.dirty_counts[resource.pool] = None

    def observe_pool_look(self, name: str, at: float) -> None:
        """A live read of a Pool was answered (its content was observed before)."""
        self.pool_looks[name] = at

    def observe_namespace_look(self, name: str, at: float) -> None:
        """The same of a Namespace."""
        self.namespace_looks[name] = at

    def stops_failing(self, uid: str) -> None:
        self.failing.pop(uid, None)
        if not self.failing:
            self.pool_looks.clear()
            self.namespace_looks.clear()

    # -- own writes

    def assume(self, action: Action) -> None:
        """Takes the object out of every further decision until the answer. A step the tables lack is a bug."""
        key = action.key
        assert key not in self.pending, f"{action} while {self.pending[key]} is on its way"
        event = action.event
        if isinstance(action, CreateResource):
            self.unborn.pop(key[1], None)  # once: whatever becomes of it, the name may have existed
        match key[0]:
            case "Resource" if event is not None:
                next_resource_phase(self.resources[key[1]], event)
            case "Lease" if event is not None:
                next_lease_state(self.leases[key[1]], event)
        if key[0] == RESOURCE and key[1] in self.resources:
            resource = self.resources[key[1]]
            self.pending[key] = action
            self._unindex_resource(resource)
            self._index_resource(resource, quiet=True)
        else:
            self.pending[key] = action
        holder = getattr(action, "holder", None)
        if holder is not None:
            self.claiming.setdefault(holder.uid, {})[key[1]] = None
            self._weigh(holder.uid)

    def settled(self, action: Action) -> None:
        """The answer was observed (call it after `observe…`), or the object was read again after a failure."""
        self.tick += 1
        key = action.key
        self.pending.pop(key, None)
        match action:
            case ListLeases():
                self.dirty_resources.update(dict.fromkeys(self.blanks))
            case LookAtLease():
                self.dirty_resources.update(self.claims.get(action.uid, {}))
            case LookAtPool() | LookAtNamespace():
                self.dirty_leases.update(dict.fromkeys(self.failing))
            case LookAtHolder():
                self.holders.touch(action.about)
            case _:
                if (holder := getattr(action, "holder", None)) is not None:
                    self._claim_settled(holder.uid, key[1])
                self._write_settled(action, *key)
        if key in self.unreadable:
            self.dirty_unreadable[key] = None

    def _claim_settled(self, uid: str, name: str) -> None:
        claiming = self.claiming.get(uid, {})
        claiming.pop(name, None)
        if not claiming:
            self.claiming.pop(uid, None)
            if uid not in self.claims:
                self.vanished.pop(uid, None)
        self._weigh(uid)
        self._touch_lease(uid)

    def _write_settled(self, action: Action, kind: str, name: str) -> None:
        if kind == RESOURCE and (resource := self.resources.get(name)) is not None:
            self._unindex_resource(resource)
            self._index_resource(resource)
            if action.event is None:
                self._stock_of(name, resource.pool)
        elif kind == RESOURCE:
            self._stock_of(name, None)
        elif kind == LEASE:
            self._touch_lease(name)
            lease = self.leases.get(name)
            # Its event may have come before this answer, and have been put off while it was being written.
            for pool in lease.pools if lease is not None and lease.waiting else ():
                self._touch_pool(pool)
        elif kind == POOL:
            self._touch_pool(name)
            self.dirty_stock[name] = None

    # -- versions

    def _news(self, key: Key, version: int) -> bool:
        self._saw(key[0], version)
        if not self.is_news(key, version):
            return False
        self._gone.pop(key, None)
        self.unreadable.pop(key, None)
        self.tick += 1
        return True

    def _saw(self, kind: str, version: int) -> None:
        highs = self._highs[kind]
        if not highs or version > highs[-1][1]:
            highs.append((self.tick + 1, version))

    def _highest_at(self, kind: str, tick: int) -> int:
        """The newest version that was known at `tick`. What was seen since may be newer than a LIST begun then."""
        return next((version for at, version in reversed(self._highs[kind]) if at <= tick), 0)

    def _key_of(self, item: Pool | Resource | Lease) -> Key:
        match item:
            case Pool():
                return pool_key(item.name)
            case Resource():
                return resource_key(item.name)
            case Lease():
                return lease_key(item.uid)

    def _keys(self, kind: str) -> Iterator[Key]:
        known: dict[str, Iterable[str]] = {POOL: self.pools, RESOURCE: self.resources, LEASE: self.leases}
        yield from ((kind, name) for name in known[kind])
        yield from (key for key in self.unreadable if key[0] == kind and self._known(key) is None)

    def _known(self, key: Key) -> Pool | Resource | Lease | None:
        match key:
            case ("Pool", name):
                return self.pools.get(name)
            case ("Resource", name):
                return self.resources.get(name)
            case (_, uid):
                return self.leases.get(uid)

    def _known_version(self, key: Key) -> int:
        item, spoilt = self._known(key), self.unreadable.get(key)
        if item is None and spoilt is None:
            return self._gone.get(key, 0)
        return max(known.version for known in (item, spoilt) if known is not None)

    def _forget(self, key: Key, version: int, last: Lease | None = None) -> bool:
        kind, name = key
        self.tick += 1
        self.unreadable.pop(key, None)
        self._gone[key] = max(version, self._gone.get(key, 0))
        if kind == POOL and (pool := self.pools.pop(name, None)):
            self._names_moved(self.claimed_names.drop(pool))
            self.objections.pop(name, None)
            self.unborn = {of: uid for of, uid in self.unborn.items() if uid != pool.uid}
            self._pool_changed(name, pool, None)
        elif kind == RESOURCE and (resource := self.resources.pop(name, None)):
            self._unindex_resource(resource)
            self.lanes.set_holder(name, None)
            self._torn_away(resource)
            self.blanks.pop(name, None)
            self.fresh.pop(resource.uid, None)
            self.ripe.pop(name, None)
            self.put_off.pop(name, None)
            self._prune(resource)
            self._stock_of(name, resource.pool)
            self._touch_pool(resource.pool)
        elif kind == LEASE:
            lease = self.leases.pop(name, None)
            if lease is not None:
                self._unindex_lease(lease)
                self._holder_changed(lease, None, self.tick)
                self.timers.drop("lease", name)
                self.stops_failing(name)
                self.telling.forget(name)
            if name in self.claims or name in self.claiming:
                known = self.vanished.setdefault(name, Vanished(lease))
                known.lease, known.final = last or known.lease or lease, known.final or last is not None
            self._weigh(name)
            self.dirty_resources.update(self.claims.get(name, {}))
            if lease is not None:
                self._lease_changed(lease, None)
            return lease is not None
        else:
            return False
        return True
