"""A Pool's Resources and its queue, indexed so that a grant costs the same with a hundred Resources and ten
thousand."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from .model import Lease, Resource

IdleKey = tuple[float, str]  # idle since, name: the longest idle comes first
QueueKey = tuple[int, float, str]  # Lease.order


class Names:
    """The names on a shelf."""

    __slots__ = ("_keys",)

    def __init__(self, keys: list[IdleKey]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return (name for _, name in self._keys)


class PoolIndex:
    """What stands on the shelf per state, who waits, and counts per state."""

    __slots__ = ("_idle", "_place", "blanks", "cordoned", "counts", "names", "waiting")

    def __init__(self) -> None:
        self._idle: dict[str, list[IdleKey]] = {}
        self._place: dict[str, tuple[str, IdleKey]] = {}  # where on the shelf a name stands
        self.names: dict[str, None] = {}  # every Resource that says it is of this Pool
        self.blanks: dict[str, None] = {}
        self.cordoned: dict[str, None] = {}  # cordoned or being deleted: never lent again as it is
        self.counts: dict[str, int] = {}
        self.waiting: list[QueueKey] = []

    def add(self, resource: Resource, *, lendable: bool) -> None:
        name, state = resource.name, resource.state
        self.names[name] = None
        if resource.cordoned or resource.deleting:
            self.cordoned[name] = None
        if state is None:
            self.blanks[name] = None
            return
        self.counts[state] = self.counts.get(state, 0) + 1
        if lendable:
            key = (resource.since, name)
            insort(self._idle.setdefault(state, []), key)
            self._place[name] = (state, key)

    def remove(self, resource: Resource) -> None:
        name, state = resource.name, resource.state
        del self.names[name]
        self.cordoned.pop(name, None)
        if state is None:
            del self.blanks[name]
            return
        self.counts[state] -= 1
        if not self.counts[state]:
            del self.counts[state]
        place = self._place.pop(name, None)
        if place is not None:
            shelf = self._idle[place[0]]
            del shelf[bisect_left(shelf, place[1])]

    def idle(self, state: str) -> list[IdleKey]:
        return self._idle.get(state, [])

    def on_shelf(self, state: str) -> Names:
        """What may be lent from a state, the longest idle first."""
        return Names(self.idle(state))

    def idle_states(self) -> Iterator[str]:
        return (state for state, shelf in self._idle.items() if shelf)

    def join(self, lease: Lease) -> None:
        insort(self.waiting, lease.order)

    def leave(self, lease: Lease) -> None:
        del self.waiting[bisect_left(self.waiting, lease.order)]

    def waiting_uids(self) -> Iterator[str]:
        return (uid for _, _, uid in self.waiting)

    @property
    def usable(self) -> int:
        """How many could be lent if nobody held one."""
        return len(self.names) - len(self.cordoned)
