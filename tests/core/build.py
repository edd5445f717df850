"""Builders of the few facts that matter to a test, and `World`: a ledger with the truth it observes.

The world answers each action at once with the object's next version, purely, no JSON; `tests/kube/test_calls.py` proves
that `calls.py` writes and `codec.py` reads the same. What no test may ever see is asserted after every write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lessor.core import actions as a
from lessor.core.decide import decide
from lessor.core.initialise import raised
from lessor.core.ledger import Ledger
from lessor.core.model import (
    FREE,
    LEASED,
    Conditions,
    Entry,
    Holder,
    Item,
    Lease,
    LeaseState,
    Now,
    PastHolder,
    Pool,
    Request,
    Resource,
    Terms,
    Unreadable,
)

WALL = 1_800_000_000.0  # when every world begins, seconds since the epoch
MONO = 5_000.0
Thing = Pool | Resource | Lease
Facts = dict[str, Any]


def minutes(n: float) -> float:
    return n * 60.0


def hours(n: float) -> float:
    return n * 3600.0


def pool(name: str = "aws", *, names: int | Iterable[str] = 1, count: int | None = None, **facts: Any) -> Pool:
    """A Pool an hour old. `names=3`: <pool>-1 … <pool>-3; `count=3`: nameless <pool>-0 … <pool>-2, all reserved."""
    wanted = list(names) if not isinstance(names, int) else [f"{name}-{n}" for n in range(1, names + 1)]
    if count is not None:
        wanted = [f"{name}-{n}" for n in range(count)]
        facts = {"counted": True, "next_ordinal": count} | facts
    usual: Facts = {
        "uid": f"{name}-pool-uid",
        "version": 0,
        "created": WALL - hours(1),
        "items": {n: Item(n) for n in wanted},
        "generation": 1,
    }
    return Pool(name=name, **usual | facts)


def resource(name: str, *, idle: float = minutes(1), of: str | None = None, **facts: Any) -> Resource:
    """A free Resource of the pool that its name begins with, `idle` seconds in its state."""
    usual: Facts = {
        "uid": f"{name}-uid",
        "version": 0,
        "created": WALL - hours(1),
        "pool": of or name.rpartition("-")[0],
        "state": FREE,
        "since": WALL - idle,
    }
    return Resource(name=name, **usual | facts)


def blank(name: str, **facts: Any) -> Resource:
    """A Resource that nobody has initialised, made just now."""
    return resource(name, **{"state": None, "created": WALL, "since": 0.0, **facts})


def held(name: str, by: Lease, *, state: str = LEASED, epoch: int = 1, **facts: Any) -> Resource:
    """A Resource that a Lease holds, claimed at the Lease's attempt unless `attempt` says otherwise."""
    names = Holder.__dataclass_fields__.keys() & facts.keys()
    return resource(name, state=state, holder=holder(by, **{n: facts.pop(n) for n in names}), epoch=epoch, **facts)


def holder(of: Lease, **facts: Any) -> Holder:
    usual: Facts = {"attempt": of.attempt, "from_state": FREE, "release_state": FREE, "identity": of.identity}
    return Holder(of.namespace, of.name, of.uid, **usual | facts)


def lease(
    uid: str = "u1", *, asks: Mapping[str, int | Iterable[str]] | None = None, waited: float = 1.0, **facts: Any
) -> Lease:
    """A waiting Lease ci/<uid>. `asks={"aws": 2, "gcp": ["gcp-1"]}`: two of aws, and that one of gcp."""
    requests = tuple(request(p, wanted) for p, wanted in (asks or {"aws": 1}).items())
    usual: Facts = {"namespace": "ci", "name": uid, "version": 0, "created": WALL - waited, "requests": requests}
    return Lease(uid=uid, **usual | facts)


def request(of: str, wanted: int | Iterable[str] = 1, *, name: str | None = None, **facts: Any) -> Request:
    if isinstance(wanted, int):
        return Request(name or of, of, wanted, **facts)
    names = frozenset(wanted)
    return Request(name or of, of, facts.pop("count", len(names)), names, **facts)


def bound(uid: str, *resources: str, epoch: int = 1, **facts: Any) -> Lease:
    """A Bound Lease that lists `resources`."""
    wanted: dict[str, int] = {}
    for name in resources:
        wanted[name.rpartition("-")[0]] = wanted.get(name.rpartition("-")[0], 0) + 1
    entries = tuple(Entry(n, n.rpartition("-")[0], n.rpartition("-")[0], epoch) for n in resources)
    terms = facts.pop("terms", Terms(1800.0, None, FREE, FREE, 0))
    asks = facts.pop("asks", wanted)
    return lease(uid, asks=asks, state=LeaseState.BOUND, resources=entries, terms=terms, accepted=True, **facts)


def words(action: a.Action) -> str:
    """An action as a test reads it."""
    match action:
        case a.Claim(r, h):
            return f"Claim {r.name} for {h.uid}"
        case a.HandOver(r, h):
            return f"HandOver {r.name} to {h.uid}"
        case a.Free(r, state, ended):
            return f"Free {r.name} as {state}: {ended}"
        case a.Initialise(r, state):
            return f"Initialise {r.name} as {state}"
        case a.Adopt(r, h):
            return f"Adopt {r.name} for {h.uid}"
        case a.CreateResource(p, item):
            return f"Create {item.name} of {p.name}"
        case a.End(of, _, state):
            return f"End {of.uid} as {state}"
        case a.LookAtLease(_, _, uid):
            return f"LookAtLease {uid}"
        case a.LookAtPool(name, _):
            return f"LookAtPool {name}"
        case a.ListLeases():
            return "ListLeases"
    return f"{type(action).__name__} {_subject(action)}"


def _subject(action: a.Action) -> str:
    return action.lease.uid if hasattr(action, "lease") else action.key[1]


# -- what a write makes of its object


def applied(action: a.Write, wall: float, version: int, stamp: Callable[[float], str] = lambda _: "") -> Thing:
    """The object of a guarded write afterwards. `stamp`: how times that people read are written."""
    match action:
        case a.CreateResource(p, item):
            return Resource(
                item.name,
                f"{item.name}-uid-{version}",
                version,
                float(int(wall)),
                p.name,
                labels=item.labels,
                attributes=item.attributes,
                credentials_secret=item.credentials_secret,
            )
        case a.ProtectPool(p):
            return replace(p, version=version, protected=True)
        case a.UnprotectPool(p):
            return replace(p, version=version, protected=False)
        case a.ReserveOrdinals(p, ordinal):
            return replace(p, version=version, next_ordinal=ordinal)
        case a.ReportPool(p):
            said = ({k: v for k, v in action.counts.items() if v}, action.total, action.waiting)
            seen = p.generation
            conditions = _stamped(action.conditions, p.conditions, stamp(wall))
            return replace(p, version=version, said=said, observed_generation=seen, conditions=conditions)
        case a.Bind() | a.Raise() | a.Report() | a.Shrink() | a.End():
            return _lease_after(action, version, stamp(wall))
        case a.TellUnreadable():
            raise AssertionError("what can't be read has no model")
        case _:
            return _resource_after(action, wall, version, stamp)


def _lease_after(action: a.LeaseWrite, version: int, at: str) -> Lease:
    old = replace(action.lease, version=version)
    match action:
        case a.Raise():
            return replace(old, attempt=old.attempt + 1)
        case a.Shrink(_, entries):
            return replace(old, resources=entries)
        case a.Bind(_, entries, terms):
            new = replace(old, state=LeaseState.BOUND, resources=entries, terms=terms, accepted=True)
        case a.Report(_, accepted):
            new = replace(old, accepted=accepted)
        case a.End(_, _, state):
            accepted = action.conditions["Accepted"].status == "True"
            new = replace(old, state=state, resources=(), accepted=accepted)
    return replace(new, conditions=_stamped(action.conditions, old.conditions, at))


def _resource_after(action: a.ResourceWrite, wall: float, version: int, stamp: Callable[[float], str]) -> Resource:
    old = replace(action.resource, version=version)
    given: dict[str, Any] = {"since": wall, "hold_until": 0.0, "epoch": old.epoch + 1}
    match action:
        case a.Claim(_, new, state):
            return replace(old, holder=new, state=state, **given)
        case a.HandOver(_, new, state, ended):
            return replace(old, holder=new, state=state, last_holders=_past(old, ended, stamp(wall)), **given)
        case a.Free(_, state, ended, until):
            given["hold_until"] = until
            return replace(old, holder=None, state=state, last_holders=_past(old, ended, stamp(wall)), **given)
        case a.Initialise(_, state, until):
            return replace(old, state=state, since=wall, hold_until=until)
        case a.Adopt(_, new, state, epoch):
            return replace(old, holder=new, state=state, **{**given, "epoch": epoch})
        case a.DropFinalizer():
            return replace(old, protected=False)
        case a.MarkResource(_, conditions):
            return replace(old, conditions=_stamped(conditions, old.conditions, stamp(wall)))
        case a.UpdateResource(_, item):
            return replace(
                old,
                protected=True,
                labels={**old.labels, **item.labels},
                attributes=item.attributes,
                credentials_secret=item.credentials_secret,
            )
        case a.DeleteResource():
            return replace(old, deleting=True)
    raise AssertionError(f"{action} is no write to a Resource")


def _past(old: Resource, ended: str, at: str) -> tuple[PastHolder, ...]:
    assert old.holder is not None
    last = PastHolder(old.holder.namespace, old.holder.name, old.holder.uid, str(ended), at)
    return (last, *old.last_holders)[:5]


def _stamped(new: Conditions, old: Conditions, at: str) -> Conditions:
    out = {}
    for kind, condition in new.items():
        before = old.get(kind)
        kept = before.since if before is not None and before.status == condition.status and before.since else at
        out[kind] = replace(condition, since=kept)
    return out


class World:
    """The API server's truth, one operator's ledger, and both clocks. What a person does is observed at once."""

    def __init__(self, *things: Thing, listed: bool = True) -> None:
        self.ledger = Ledger()
        self.wall, self.mono, self.version = WALL, MONO, 100
        self.truth: dict[a.Key, Thing] = {}
        self.spoilt: dict[a.Key, Unreadable] = {}
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
        return [words(x) for x in done if not isinstance(x, a.LookAtLease | a.LookAtPool | a.ListLeases)]

    def _answer(self, action: a.Action) -> None:
        ledger = self.ledger
        match action:
            case a.ListLeases(tick):
                ledger.observe_list(a.LEASE, self.things(a.LEASE), self.version, tick)
            case a.LookAtPool(name, _):
                self._observe_or_miss(a.pool_key(name))
                ledger.observe_pool_look(name, self.mono)
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
