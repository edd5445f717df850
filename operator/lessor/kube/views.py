"""JSON to what people are shown: the fields of our kinds that no decision needs, read for the command line.

A view never fails: a field that is missing or odd is shown as absent. Times stay texts as the API server has them;
`moment` reads one. What decisions need is read by `codec`, as strictly as they need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lessor.core.model import FREE

from . import codec

Json = dict[str, Any]
Body = Mapping[str, Any]


def moment(text: str) -> float | None:
    """An RFC 3339 time as seconds since the epoch; None if there is none."""
    try:
        return codec.seconds(text)
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Said:
    """One condition."""

    status: str = ""
    reason: str = ""
    message: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class PoolView:
    name: str
    created: str
    deleting: bool
    mode: str
    counts: Mapping[str, Any]
    total: Any
    waiting: Any
    ready: Said


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds a Resource, from its status."""

    namespace: str
    name: str
    identity: str = ""


@dataclass(frozen=True, slots=True)
class ResourceView:
    name: str
    uid: str
    version: str
    created: str
    pool: str
    state: str
    since: str
    epoch: int
    holder: Holding | None
    cordoned: bool
    cordon_reason: str
    cordoned_by: str
    recheck: Any
    labels: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a Lease asks for: `count` of a pool (perhaps only of `names`), of a profile, or one of `first_of`."""

    name: str
    count: int = 1
    pool: str = ""
    profile: str = ""
    names: tuple[str, ...] = ()
    selected: bool = False  # only Resources with certain labels
    from_state: str = FREE
    first_of: tuple[Ask, ...] = ()

    @property
    def pools(self) -> tuple[str, ...]:
        return tuple(way.pool for way in self.first_of) if self.first_of else (self.pool,) if self.pool else ()

    def __str__(self) -> str:
        return self.words()

    def words(self, known: str = "") -> str:
        """For people. `known`: a pool whose name need not be said."""
        if self.first_of:
            return " or ".join(way.words(known) for way in self.first_of)
        state = f" {self.from_state}" if self.from_state != FREE else ""
        what = f" of profile {self.profile}" if self.profile else f" of {self.pool}" if self.pool != known else ""
        names = f" ({', '.join(self.names[:3])}{', …' if len(self.names) > 3 else ''})" if self.names else ""
        return f"{self.count}{state}{what}{names}{' by labels' if self.selected else ''}"

    def as_json(self) -> Json:
        out: Json = {"name": self.name, "count": self.count}
        out |= {"pool": self.pool} if self.pool else {}
        out |= {"clusterProfile": self.profile} if self.profile else {}
        out |= {"names": list(self.names)} if self.names else {}
        out |= {"from": self.from_state} if self.from_state != FREE else {}
        return out | ({"firstOf": [way.as_json() for way in self.first_of]} if self.first_of else {})


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """status.queue: rounded, and written rarely."""

    position: Any = None
    of: Any = None
    since: str = ""
    blocked_by: str = ""
    latest_start: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """One entry of status.resources."""

    name: str
    request: str
    pool: str
    epoch: Any
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeaseView:
    namespace: str
    name: str
    uid: str
    created: str
    deleting: bool
    state: str
    reason: str
    priority: Any
    holder: str
    bound_time: str
    expire_time: str
    asks: tuple[Ask, ...]
    resources: tuple[Given, ...]
    queue: QueuePlace
    conditions: Mapping[str, Said] = field(default_factory=dict)

    @property
    def waiting(self) -> bool:
        """Also before any operator has looked at it."""
        return self.state in ("", "Waiting")

    @property
    def pools(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(pool for ask in self.asks for pool in ask.pools))

    def said(self, condition: str) -> Said:
        return self.conditions.get(condition, Said())


def pool(body: Body) -> PoolView:
    meta, spec, status = _parts(body)
    return PoolView(
        name=_text(meta, "name"),
        created=_text(meta, "creationTimestamp"),
        deleting="deletionTimestamp" in meta,
        mode=_text(spec, "mode") or "Active",
        counts=_fields(status, "counts"),
        total=status.get("total"),
        waiting=status.get("waiting"),
        ready=_conditions(status).get("Ready", Said()),
    )


def resource(body: Body) -> ResourceView:
    meta, spec, status = _parts(body)
    holder, cordoned = _fields(status, "holder"), _fields(spec, "cordoned")
    held = Holding(_text(holder, "namespace"), _text(holder, "name"), _text(holder, "identity")) if holder else None
    epoch = status.get("epoch")
    return ResourceView(
        name=_text(meta, "name"),
        uid=_text(meta, "uid"),
        version=_text(meta, "resourceVersion"),
        created=_text(meta, "creationTimestamp"),
        pool=_text(spec, "pool"),
        state=_text(status, "state"),
        since=_text(status, "since"),
        epoch=epoch if isinstance(epoch, int) else 0,
        holder=held,
        cordoned="cordoned" in spec,
        cordon_reason=_text(cordoned, "reason"),
        cordoned_by=_text(cordoned, "by"),
        recheck=spec.get("recheck"),
        labels=_fields(meta, "labels"),
    )


def lease(body: Body) -> LeaseView:
    meta, spec, status = _parts(body)
    place, terms = _fields(status, "queue"), _fields(status, "terms")
    return LeaseView(
        namespace=_text(meta, "namespace"),
        name=_text(meta, "name"),
        uid=_text(meta, "uid"),
        created=_text(meta, "creationTimestamp"),
        deleting="deletionTimestamp" in meta,
        state=_text(status, "state"),
        reason=_text(status, "reason"),
        priority=terms.get("priority", spec.get("priority", 0)),
        holder=_holder(_fields(spec, "holder")),
        bound_time=_text(status, "boundTime"),
        expire_time=_text(status, "expireTime"),
        # With what a cluster profile stands for, once the operator has looked it up.
        asks=tuple(_ask(r) for r in _entries(status, "requests") or _entries(spec, "requests")),
        resources=tuple(
            Given(_text(e, "name"), _text(e, "request"), _text(e, "pool"), e.get("epoch"), _fields(e, "attributes"))
            for e in _entries(status, "resources")
        ),
        queue=QueuePlace(
            position=place.get("position"),
            of=place.get("of"),
            since=_text(place, "since"),
            blocked_by=_text(place, "blockedBy"),
            latest_start=_text(place, "latestStart"),
        ),
        conditions=_conditions(status),
    )


def _holder(holder: Body) -> str:
    """Who holds or waits, in a word or two: what the Lease says itself, else its pod or object."""
    pod, ref = _fields(holder, "pod"), _fields(holder, "ref")
    if identity := _text(holder, "identity"):
        return identity
    if pod:
        return f"pod/{_text(pod, 'name')}"
    return f"{_text(ref, 'kind').lower()}/{_text(ref, 'name')}" if ref else ""


def _ask(r: Body, count: Any = 1) -> Ask:
    asked = r.get("count", count)
    number = asked if isinstance(asked, int) else 1
    return Ask(
        name=_text(r, "name"),
        count=number,
        pool=_text(r, "pool"),
        profile=_text(r, "clusterProfile"),
        names=tuple(map(str, names)) if isinstance(names := r.get("names"), list) else (),
        selected=bool(r.get("selector")),
        from_state=_text(r, "from") or FREE,
        first_of=tuple(_ask(way, number) for way in _entries(r, "firstOf")),
    )


def _conditions(status: Body) -> dict[str, Said]:
    return {
        _text(c, "type"): Said(
            _text(c, "status"), _text(c, "reason"), _text(c, "message"), _text(c, "lastTransitionTime")
        )
        for c in _entries(status, "conditions")
    }


def _parts(body: Body) -> tuple[Body, Body, Body]:
    return _fields(body, "metadata"), _fields(body, "spec"), _fields(body, "status")


def _fields(body: Body, name: str) -> Body:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def _entries(body: Body, name: str) -> list[Body]:
    value = body.get(name)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else "" if value is None else str(value)
