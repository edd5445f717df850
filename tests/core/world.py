"""`World`: a ledger with the truth it observes. It answers each action at once with the object's next version, and
asserts after every write what no test may ever see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lessor.core import actions as a
from lessor.core.decide import decide
from lessor.core.initialise import raised
from lessor.core.ledger import Ledger
from lessor.core.model import (
    Lease,
    LeaseState,
    Namespace,
    Now,
    Pool,
    Resource,
    Unreadable,
)
from tests.core.applied import applied
from tests.core.build import MONO, WALL, Thing, words


class World:
    """The API server's truth, one operator's ledger, and both clocks. What a person does is observed at once."""

    def __init__(self, *things: Thing, listed: bool = True) -> None:
        self.ledger = Ledger()
        self.wall, self.mono, self.version = WALL, MONO, 100
        self.truth: dict[a.Key, Thing] = {}
        self.spoilt: dict[a.Key, Unreadable] = {}
        self.namespaces: dict[str, Namespace] = {}
        self._listing: dict[str, dict[str, None]] = {}  # Resource -> uids of the Bound Leases that list it
        self.done: list[a.Action] = []  # everything asked for, in order
        self.wake_at: float | None = None
        for thing in things:
            self._store(thing)
        if listed:
            self.list_all()

    # what is there

    def pool(self, name: str) -> Pool:
        found = self.truth[a.pool_key(name)]
        assert isinstance(found, Pool)
        return found

    def resource(self, name: str) -> Resource:
        found = self.truth[a.resource_key(name)]
        assert isinstance(found, Resource)
        return found

    def lease(self, uid: str) -> Lease:
        found = self.truth[a.lease_key(uid)]
        assert isinstance(found, Lease)
        return found

    def there(self, name: str) -> bool:
        return a.resource_key(name) in self.truth

    def holder_of(self, name: str) -> str | None:
        now = self.resource(name).holder
        return now.uid if now is not None else None

    def has(self, uid: str) -> list[str]:
        """The Resources that a Bound Lease lists."""
        found = self.lease(uid)
        return sorted(e.name for e in found.resources) if found.state is LeaseState.BOUND else []

    def reason(self, uid: str, condition: str = "Bound") -> str:
        return self.lease(uid).conditions[condition].reason

    def message(self, uid: str, condition: str = "Bound") -> str:
        return self.lease(uid).conditions[condition].message

    def things(self, kind: str) -> list[Any]:
        return [thing for key, thing in self.truth.items() if key[0] == kind]

    # what people do

    def create(self, *things: Thing) -> None:
        for thing in things:
            self.ledger.observe(self._store(thing))

    def change(self, thing: Thing, *, seen: bool = True, **facts: Any) -> Any:
        """A write by somebody else. Of a Pool it is a change of the spec; `seen=False`: no event has come yet."""
        now = self.truth[_key(thing)]
        if isinstance(now, Pool) and "generation" not in facts:
            facts["generation"] = now.generation + 1
        new = self._store(replace(now, **facts))
        if seen:
            self.ledger.observe(new)
        return new

    def delete(self, thing: Thing, *, seen: bool = True) -> None:
        """As `kubectl delete`: finalizers keep it, else it is gone, and the DELETED event carries its last version."""
        now = self.truth[_key(thing)]
        if not isinstance(now, Lease) and (now.protected or now.other_finalizers):
            self.change(now, seen=seen, deleting=True)
        else:
            self.remove(now, seen=seen)

    def remove(self, thing: Thing, *, seen: bool = True) -> None:
        """Gone at once, by force if need be."""
        now = self.truth[_key(thing)]
        self._forget(now)
        self.version += 1
        if seen:
            last = replace(now, version=self.version) if isinstance(now, Lease) else None
            self.ledger.observe_gone(_key(now), self.version, last)

    def spoil(self, thing: Thing, *, seen: bool = True) -> Unreadable:
        """A version that this lessor can't read, as an older schema let it in."""
        self.version += 1
        self.spoilt[_key(thing)] = item = Unreadable(
            _key(thing)[0], getattr(thing, "namespace", ""), thing.name, thing.uid, self.version, "no spec", told=True
        )
        if seen:
            self.ledger.observe_unreadable(item)
        return item

    def namespace(self, name: str, *, seen: bool = True, going: bool = False, **labels: str) -> None:
        """A namespace with these labels; `seen=False`: no event has come yet."""
        self.namespaces[name] = Namespace(name, f"{name}-uid", labels, going)
        if seen:
            self.ledger.observe_namespace(self.namespaces[name])

    def later(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds

    @property
    def now(self) -> Now:
        return Now(self.wall, self.mono)

    # what the operator does

    def list_all(self) -> None:
        for kind in (a.POOL, a.RESOURCE, a.LEASE):
            self.relist(kind)

    def relist(self, kind: str) -> None:
        spoilt = [key for key in self.spoilt if key[0] == kind]
        for key in spoilt:
            self.ledger.observe_unreadable(self.spoilt[key])
        readable = [thing for key, thing in self.truth.items() if key[0] == kind and key not in spoilt]
        self.ledger.observe_list(kind, readable, self.version, self.ledger.tick, spoilt)

    def decide(self) -> list[a.Action]:
        """One decision, not yet carried out."""
        decision = decide(self.ledger, self.now)
        self.wake_at = decision.wake_at
        self.done += decision.actions
        return list(decision.actions)

    def answer(self, *actions: a.Action) -> None:
        """Carries actions out. A stale guard is a conflict: the object is read again instead."""
        for action in actions:
            self._answer(action)
            self._never_wrong(action)

    def run(self, rounds: int = 40) -> list[str]:
        """Decides and answers until nothing is left to do; returns what was done, in words."""
        out: list[str] = []
        for _ in range(rounds):
            actions = self.decide()
            if not actions:
                return out
            out += [words(action) for action in actions]
            self.answer(*actions)
        raise AssertionError(f"it does not come to rest: {out[-10:]}")

    def writes(self, actions: Sequence[a.Action] | None = None) -> list[str]:
        """What was written, without reads."""
        done = self.done if actions is None else actions
        return [words(x) for x in done if not isinstance(x, a.Read)]

    def _answer(self, action: a.Action) -> None:
        ledger = self.ledger
        match action:
            case a.ListLeases(tick):
                ledger.observe_list(a.LEASE, self.things(a.LEASE), self.version, tick)
            case a.LookAtPool(name, _):
                self._observe_or_miss(a.pool_key(name))
                ledger.observe_pool_look(name, self.mono)
            case a.LookAtNamespace(name):
                if name in self.namespaces:
                    ledger.observe_namespace(self.namespaces[name])
                ledger.observe_namespace_look(name, self.mono)
            case a.LookAtLease(_, _, uid):
                if a.lease_key(uid) not in self.truth:
                    ledger.observe_lease_absent(uid)
                else:
                    self._observe_or_miss(a.lease_key(uid))
            case _:
                self._write(action)
        ledger.settled(action)

    def _write(self, action: a.Write) -> None:
        key = action.key
        now = self.truth.get(key)
        if isinstance(action, a.CreateResource):
            if now is None:
                new = self._store(applied(action, self.wall, self.version + 1))
                if action.fresh:
                    self.ledger.fresh[new.uid] = None
                self.ledger.observe(new)
            else:
                self.ledger.observe(now)
            return
        decided_on = _object_of(action)
        if now is None or now.version != decided_on.version or now.uid != decided_on.uid:
            self._observe_or_miss(key)
            return
        new = self._store(applied(action, self.wall, self.version + 1))
        if isinstance(action, a.ReserveOrdinals):
            self.ledger.reserved(action.pool, action.next_ordinal)
        self.ledger.observe(new)
        if isinstance(action, a.Raise):
            raised(self.ledger, action)
        if not isinstance(new, Lease) and new.deleting and not (new.protected or new.other_finalizers):
            self.remove(new)

    def _observe_or_miss(self, key: a.Key) -> None:
        now = self.truth.get(key)
        if key in self.spoilt:
            self.ledger.observe_unreadable(self.spoilt[key])
        elif now is None:
            self.ledger.observe_missing(key, getattr(self.ledger._known(key), "version", 0))
        else:
            self.ledger.observe(now)

    def _store(self, thing: Any) -> Any:
        self.version += 1
        new = replace(thing, version=self.version)
        self._forget(new)
        self.truth[_key(new)] = new
        if isinstance(new, Lease) and new.state is LeaseState.BOUND:
            for entry in new.resources:
                self._listing.setdefault(entry.name, {})[new.uid] = None
        return new

    def _forget(self, thing: Thing) -> None:
        old = self.truth.pop(_key(thing), None)
        self.spoilt.pop(_key(thing), None)
        if isinstance(old, Lease):
            for entry in old.resources:
                self._listing.get(entry.name, {}).pop(old.uid, None)

    def _never_wrong(self, action: a.Action) -> None:
        """No two Bound Leases list one Resource, and what one lists is held by it."""
        found = self.truth.get(action.key)
        names = [found.name] if isinstance(found, Resource) else []
        if isinstance(found, Lease):
            names = [entry.name for entry in found.resources]
        for name in names:
            by = list(self._listing.get(name, ()))
            assert len(by) < 2, f"{name} is listed by {by}"
            of = self.truth.get(a.resource_key(name))
            if by and isinstance(of, Resource) and of.state is not None:
                assert of.holder is not None, f"{name} was freed while {by} lists it"
                assert of.holder.uid in by, f"{name} is listed by {by}, held by {of.holder.uid}"


def _object_of(action: a.Write) -> Thing:
    for name in ("resource", "lease", "pool"):
        if hasattr(action, name):
            found: Thing = getattr(action, name)
            return found
    raise AssertionError(action)


def _key(thing: Thing) -> a.Key:
    match thing:
        case Pool():
            return a.pool_key(thing.name)
        case Resource():
            return a.resource_key(thing.name)
        case Lease():
            return a.lease_key(thing.uid)
