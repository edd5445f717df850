"""Builders of the few facts that matter to a test; the rest is filled in. And an action in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lessor.core import actions as a
from lessor.core.model import (
    FREE,
    LEASED,
    Entry,
    Holder,
    Item,
    Lease,
    LeaseState,
    Pool,
    Request,
    Resource,
    Terms,
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
        case a.LookAtNamespace(name):
            return f"LookAtNamespace {name}"
        case a.ListLeases():
            return "ListLeases"
    return f"{type(action).__name__} {_subject(action)}"


def _subject(action: a.Action) -> str:
    return action.lease.uid if hasattr(action, "lease") else action.key[1]
