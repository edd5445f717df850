"""What is known besides our own kinds: holders, namespaces, signs of life, and the API server's clock."""

from __future__ import annotations

from collections.abc import Iterable

from .contact import Contact
from .heartbeats import Heartbeats
from .holders import Holders
from .indexes import Indexes
from .model import Lease, Namespace


class Surroundings(Indexes):
    def __init__(self) -> None:
        super().__init__()
        self.holders = Holders(self.leases, self._look_again)
        self.heartbeats = Heartbeats()
        self.contact = Contact()
        self.namespaces: dict[str, Namespace] = {}

    def observe_contact(self, mono: float) -> None:
        """The API server has answered at `mono` (`Now.mono`). After more than `contact.OUTAGE_S` without an answer
        every heartbeat has its full term again. Before the first call nothing expires."""
        first = self.contact.last is None
        self.contact.heard(mono)
        self.stamp(mono)
        if first:
            self.dirty_leases.update(dict.fromkeys(self.leases))

    def observe_server_clock(self, server_wall: float, mono: float) -> None:
        """The Date header (seconds since the epoch) of an answer that came at `mono`."""
        self.contact.tell_server_clock(server_wall, mono)

    def observe_namespace(self, namespace: Namespace) -> None:
        if self.namespaces.get(namespace.name) != namespace:
            self.namespaces[namespace.name] = namespace
            self._namespaces_changed({namespace.name: None})

    def observe_namespaces(self, namespaces: Iterable[Namespace]) -> None:
        """A whole LIST. What is absent is gone, with all that was in it."""
        seen = {namespace.name: namespace for namespace in namespaces}
        changed = {name: None for name in (*self.namespaces, *seen) if self.namespaces.get(name) != seen.get(name)}
        self.namespaces = seen
        self._namespaces_changed(changed)

    def observe_namespace_gone(self, name: str) -> None:
        self.namespaces.pop(name, None)

    def _namespaces_changed(self, names: dict[str, None]) -> None:
        """Who may ask of which pool may have changed, and whose Leases go."""
        self.dirty_leases.update((uid, None) for uid, lease in self.leases.items() if lease.namespace in names)
        for pool in self.pools.values():
            if pool.access is not None and pool.access.selector is not None:
                self._touch_pool(pool.name)

    def is_going(self, namespace: str) -> bool:
        found = self.namespaces.get(namespace)
        return found is not None and found.going

    def stamp(self, mono: float) -> None:
        """Any reading of the clock: what was observed before is not older than this."""
        self.heartbeats.stamp(mono)
        self.holders.stamp(mono)

    def _look_again(self, uid: str) -> None:
        self.dirty_leases[uid] = None

    def _holder_changed(self, old: Lease | None, new: Lease | None, tick: int) -> None:
        """A Lease is there, is another, or is gone. Finished ones have no holder any more."""
        if new is not None and not new.finished:
            self.heartbeats.observe(new)
            if new.tracked:
                self.holders.add(new, tick)
        elif old is not None:
            self.heartbeats.forget(old.uid)
            if old.tracked:
                self.holders.remove(old)
