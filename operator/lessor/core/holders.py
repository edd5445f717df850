"""What is known of the pods and objects that Leases name as their holders. The watches bring it (`kube/watch.py`).

Only what unfinished Leases name is wanted: `groups`, one watch each. Absence in a watch is no end: a watch can be
behind. So an end rests on one live read (`LookAtHolder`), begun after the Lease was known; what it finds is final,
since a uid never comes back and what has ended stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from .model import HolderFacts, HolderGroup, HolderKey, Lease, Tracked


class Blind(NamedTuple):
    """Why a group can't be watched: a CamelCase reason (Forbidden, KindNotFound) and a sentence."""

    reason: str
    message: str
    since: float | None  # `Now.mono`; None until the next reading of the clock


class Over(NamedTuple):
    """What a live read found: the Lease's holder has ended, or is `gone`. `words`: the end of a sentence."""

    tracked: Tracked
    words: str
    gone: bool


class Holders:
    """Part of the ledger, whose `leases` it reads. `touch` marks a Lease (by uid) to be looked at again."""

    def __init__(self, leases: Mapping[str, Lease], touch: Callable[[str], None]) -> None:
        self._leases, self._touch = leases, touch
        self.changes = 0  # grows whenever `groups` changes, for who runs the watches
        self.over: dict[str, Over] = {}  # by Lease uid
        self._found: dict[str, str] = {}  # Lease uid -> the holder's uid, as a live read showed it
        self.blinds: dict[HolderGroup, Blind] = {}
        self._seen: dict[HolderGroup, dict[str, HolderFacts]] = {}  # of groups that were listed
        self._by_key: dict[HolderKey, dict[str, int]] = {}  # Lease uid -> tick at which it was known to name it
        self._by_group: dict[HolderGroup, dict[HolderKey, None]] = {}

    # -- what is asked of it

    @property
    def groups(self) -> dict[HolderGroup, None]:
        """What unfinished Leases name: one watch each is wanted."""
        return dict.fromkeys(self._by_group)

    def listed_once(self, group: HolderGroup) -> bool:
        return group in self._seen

    def facts(self, key: HolderKey) -> HolderFacts | None:
        """As the watch shows it; None: not there, or not listed yet."""
        return self._seen.get(key.group, {}).get(key.name)

    def uid_of(self, lease: Lease, tracked: Tracked) -> str | None:
        """The uid that is its holder's: given in the spec, pinned in the status, or found by a live read just now."""
        if tracked != lease.pinnable:
            return tracked.uid
        return lease.holder_uid or self._found.get(lease.uid)

    def pin(self, lease: Lease) -> str | None:
        """What is to be written as status.holderUID; None: nothing (more)."""
        return self._found.get(lease.uid) if lease.holder_uid is None else None

    # -- what the watches and live reads say

    def listed(self, group: HolderGroup, facts: Mapping[str, HolderFacts]) -> None:
        """A whole LIST of a group, by name: what is absent is gone, once a live read has confirmed it."""
        if group not in self._by_group:
            return  # nobody asks for it any more
        sighted = self.blinds.pop(group, None) is not None or group not in self._seen
        old = self._seen.get(group, {})
        self._seen[group] = new = {name: _merged(old.get(name), fact) for name, fact in facts.items()}
        for key in self._by_group[group]:
            if sighted or old.get(key.name) != new.get(key.name):
                self.touch(key)

    def seen(self, key: HolderKey, facts: HolderFacts | None) -> None:
        """An event; None: DELETED."""
        group = self._seen.get(key.group)
        if group is None:
            return  # a LIST comes first
        old = group.get(key.name)
        if facts is None:
            group.pop(key.name, None)
        else:
            group[key.name] = facts = _merged(old, facts)
        if old != facts:
            self.touch(key)

    def blind(self, group: HolderGroup, reason: str, message: str) -> None:
        """It can't be watched, until the next `listed`. `reason` is CamelCase: Forbidden (403), KindNotFound …"""
        if group not in self._by_group:
            return
        old = self.blinds.get(group)
        self.blinds[group] = Blind(reason, message, old.since if old is not None else None)
        if old is None or old.reason != reason:
            for key in self._by_group[group]:
                self.touch(key)

    def looked(self, key: HolderKey, facts: HolderFacts | None, tick: int) -> None:
        """The answer of a LookAtHolder that was decided at the ledger's `tick`; None: 404."""
        self.seen(key, facts)
        for uid, since in self._by_key.get(key, {}).items():
            if since <= tick:  # what was read before a Lease named it says nothing about that Lease
                self._conclude(self._leases[uid], key, facts)
        self.touch(key)

    def _conclude(self, lease: Lease, key: HolderKey, facts: HolderFacts | None) -> None:
        tracked = next(tracked for tracked in lease.tracked if tracked.key == key)
        known = self.uid_of(lease, tracked)
        if facts is None:
            if known is not None:
                self.over[lease.uid] = Over(tracked, "is gone", gone=True)
        elif known is not None and known != facts.uid:
            self.over[lease.uid] = Over(tracked, f"is gone: the {key.kind} of that name is another", gone=True)
        elif facts.ended is not None:
            self.over[lease.uid] = Over(tracked, facts.ended, gone=False)
        elif tracked == lease.pinnable:
            self._found[lease.uid] = facts.uid

    # -- kept current by the ledger

    def add(self, lease: Lease, tick: int) -> None:
        for tracked in lease.tracked:
            self._by_key.setdefault(tracked.key, {}).setdefault(lease.uid, tick)
            if tracked.key.group not in self._by_group:
                self._by_group[tracked.key.group] = {}
                self.changes += 1
            self._by_group[tracked.key.group][tracked.key] = None

    def remove(self, lease: Lease) -> None:
        self.over.pop(lease.uid, None)
        self._found.pop(lease.uid, None)
        for tracked in lease.tracked:
            key, group = tracked.key, tracked.key.group
            by = self._by_key.get(key, {})
            by.pop(lease.uid, None)
            if by or key not in self._by_key:
                continue
            del self._by_key[key]
            del self._by_group[group][key]
            if not self._by_group[group]:
                del self._by_group[group]
                self._seen.pop(group, None)
                self.blinds.pop(group, None)
                self.changes += 1

    def stamp(self, mono: float) -> None:
        """The clock was read: what was heard before is not older than this."""
        for group, blind in self.blinds.items():
            if blind.since is None:
                self.blinds[group] = blind._replace(since=mono)

    def touch(self, key: HolderKey) -> None:
        """Its Leases are looked at again."""
        for uid in self._by_key.get(key, {}):
            self._touch(uid)


def _merged(old: HolderFacts | None, new: HolderFacts) -> HolderFacts:
    """What has ended stays so: an event that says otherwise of the same uid is an old one."""
    return old if old is not None and old.uid == new.uid and old.ended is not None else new
