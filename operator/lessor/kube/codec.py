"""JSON to core: the only code that knows how our kinds' fields are called when they are read (`calls.py`: when
written).

An object that can't be read becomes a `CannotRead`, never another exception: it harms no other object. Nothing here
loads pydantic: this runs at every event. The API server has judged the objects by the CRDs' schema, so what is read
here is what a schema can't say, and what stands in objects that an older schema let in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from lessor.api import durations
from lessor.api.names import FINALIZER, LEASE, RESOURCE
from lessor.core.actions import Key, lease_key, pool_key, resource_key
from lessor.core.model import (
    DIRTY,
    FREE,
    LEASED,
    Access,
    Condition,
    Conditions,
    ConditionStatus,
    Entry,
    FairShare,
    Holder,
    HolderKey,
    Item,
    Lease,
    LeaseState,
    Namespace,
    PastHolder,
    Pool,
    QueuePlace,
    Request,
    Resource,
    Terms,
    Tracked,
    Unreadable,
)
from lessor.core.selectors import Operator, Requirement, Selector

from . import shapes

Body = Mapping[str, Any]

_LEASE_FIELDS = frozenset(
    (
        "requests",
        "priority",
        "holder",
        "renewTime",
        "renewWithin",
        "waiterRenewWithin",
        "collectWithin",
        "renewSlack",
        "maxDuration",
        "waitTimeout",
        "releaseState",
        "ttlAfterFinished",
        "adopt",
        "release",
        "outcome",
    )
)
_REQUEST_FIELDS = frozenset(("name", "pool", "count", "names", "selector", "firstOf", "from", "as"))
_HOLDER_FIELDS = frozenset(("identity", "pod", "ref"))


class CannotRead(Exception):
    """An object of ours that this version can't read; `item` as the ledger wants it."""

    def __init__(self, item: Unreadable) -> None:
        super().__init__(item.message)
        self.item = item


def read(kind: str, body: Body, known: Pool | None = None) -> Pool | Resource | Lease:
    """An object of one of our kinds. `known`: the Pool as last read, whose items are reused while its spec is the same.

    Raises CannotRead."""
    try:
        shapes.check(body, shapes.SHAPES[kind], "")
        if kind == LEASE.kind:
            return lease(body)
        return resource(body) if kind == RESOURCE.kind else pool(body, known)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as e:
        raise CannotRead(_unreadable(kind, body, e)) from e


def _unreadable(kind: str, body: Body, e: Exception) -> Unreadable:
    meta, status = body["metadata"], body.get("status")
    what = f"there is no {e}" if isinstance(e, KeyError) else str(e)
    message = f"this version of lessor can't read it: {what}; correct or remove it"
    said = status.get("conditions") if isinstance(status, Mapping) else None
    kept = [c for c in said if isinstance(c, Mapping)] if isinstance(said, list) else []
    mine = unreadable_condition(kind)
    told = any(c.get("type") == mine and c.get("reason") == "Unreadable" and c.get("message") == message for c in kept)
    others = tuple(c for c in kept if c.get("type") != mine)
    version = int(meta["resourceVersion"])
    return Unreadable(kind, meta.get("namespace", ""), meta["name"], meta["uid"], version, message, told, others)


def unreadable_condition(kind: str) -> str:
    """The type of the condition that says so."""
    return "Accepted" if kind == LEASE.kind else "Ready"


def key_of(kind: str, meta: Body) -> Key:
    if kind == LEASE.kind:
        return lease_key(meta["uid"])
    return resource_key(meta["name"]) if kind == RESOURCE.kind else pool_key(meta["name"])


def seconds(text: str) -> float:
    """An RFC 3339 time as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


@lru_cache(maxsize=1024)
def duration(text: str) -> float:
    """A duration such as 6h30m in seconds."""
    return durations.parse(text).total_seconds()


def conditions(status: Body) -> Conditions:
    return {
        c["type"]: Condition(
            c["type"],
            ConditionStatus(c["status"]),
            c.get("reason", ""),
            c.get("message", ""),
            c.get("lastTransitionTime", ""),
        )
        for c in status.get("conditions") or ()
    }


def lease(body: Body) -> Lease:
    meta, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    said = conditions(status)
    accepted = "Accepted" in said and said["Accepted"].status is ConditionStatus.TRUE
    terms, holder = status.get("terms"), spec.get("holder") or {}
    renewal, bound = spec.get("renewTime"), status.get("boundTime")
    state = LeaseState(status.get("state", LeaseState.WAITING))
    return Lease(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=int(meta["resourceVersion"]),
        created=seconds(meta["creationTimestamp"]),
        requests=tuple(_request(r) for r in spec["requests"]),
        priority=spec.get("priority", 0),
        labels=meta.get("labels") or {},
        identity=holder.get("identity") or "",
        release_state=spec.get("releaseState"),
        release={r["name"]: r.get("state") for r in spec.get("release") or ()},
        state=state,
        attempt=status.get("attempt", 0),
        resources=tuple(
            Entry(e["name"], e["request"], e["pool"], e["epoch"], e.get("attributes") or {})
            for e in status.get("resources") or ()
        ),
        accepted=accepted,
        terms=_terms(terms) if terms else None,
        place=_place(status["queue"]) if status.get("queue") else None,
        deleting="deletionTimestamp" in meta,
        # An accepted Lease is never refused; what may be added to it later has its effect in a later version.
        unsupported=() if accepted else _unsupported_in_lease(spec),
        generation=meta.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        conditions=said,
        tracked=tuple(_tracked(holder, meta["namespace"])),
        holder_uid=status.get("holderUID"),
        renewal=renewal,
        renewed_at=_renewed_at(meta) if renewal else None,
        renew_within=_optional(spec.get("renewWithin")),
        waiter_renew_within=_optional(spec.get("waiterRenewWithin")),
        collect_within=_optional(spec.get("collectWithin")),
        renew_slack=duration(spec.get("renewSlack", "0s")),
        max_duration=_optional(spec.get("maxDuration")),
        wait_timeout=_optional(spec.get("waitTimeout")),
        ttl=duration(spec.get("ttlAfterFinished", "1h")),
        bound_time=seconds(bound) if bound else None,
        finished_at=_since(said.get("Finished")) if state.finished else None,
    )


def _optional(text: str | None) -> float | None:
    return duration(text) if text is not None else None


def _since(condition: Condition | None) -> float | None:
    return seconds(condition.since) if condition is not None and condition.since else None


def _tracked(holder: Body, namespace: str) -> Iterator[Tracked]:
    if pod := holder.get("pod"):
        yield Tracked(HolderKey("v1", "Pod", namespace, pod["name"]), pod.get("uid"))
    if ref := holder.get("ref"):
        yield Tracked(HolderKey(ref["apiVersion"], ref["kind"], namespace, ref["name"]), ref.get("uid"))


def _renewed_at(meta: Body) -> float | None:
    """When the API server took the last change of spec.renewTime, by its own clock, in whole seconds."""
    times = [entry["time"] for entry in meta.get("managedFields") or () if _owns_renewal(entry)]
    return max(map(seconds, times), default=None)


def _owns_renewal(entry: Body) -> bool:
    spec = (entry.get("fieldsV1") or {}).get("f:spec")
    return spec is not None and "f:renewTime" in spec and "time" in entry


def selector(s: Body) -> Selector:
    """A metav1.LabelSelector."""
    labels = [Requirement(key, Operator.IN, (value,)) for key, value in (s.get("matchLabels") or {}).items()]
    others = [
        Requirement(e["key"], Operator(e["operator"]), tuple(e.get("values") or ()))
        for e in s.get("matchExpressions") or ()
    ]
    return Selector((*labels, *others))


def _request(r: Body) -> Request:
    plain = _plain(r, r)
    ways = tuple(_plain({"count": plain.count, **way}, r) for way in r.get("firstOf") or ())
    return replace(plain, alternatives=ways) if ways else plain


def _plain(r: Body, request: Body) -> Request:
    """A request itself, or one of its alternatives."""
    return Request(
        name=request.get("name", "main"),
        pool=r.get("pool", ""),
        count=r.get("count", 1),
        names=frozenset(r.get("names") or ()),
        from_state=request.get("from", FREE),
        as_state=request.get("as", LEASED),
        selector=selector(r["selector"]) if "selector" in r else None,
    )


def _place(q: Body) -> QueuePlace:
    return QueuePlace(q.get("position", 0), q.get("of", 0), q.get("blockedBy", ""))


def _terms(t: Body) -> Terms:
    longest = t.get("maxDuration")
    return Terms(
        renew_within=duration(t["renewWithin"]),
        max_duration=duration(longest) if longest else None,
        release_state=t.get("releaseState"),
        on_loss=t.get("onLoss"),
        priority=t.get("priority", 0),
        renew_slack=duration(t.get("renewSlack", "0s")),
    )


def _unsupported_in_lease(spec: Body) -> tuple[str, ...]:
    """The fields that are set to other than their default and have no effect yet: nobody shall be misled."""
    out = [f"spec.{field}" for field in spec if field not in _LEASE_FIELDS]
    out += [f"spec.holder.{field}" for field in spec.get("holder") or () if field not in _HOLDER_FIELDS]
    if spec.get("adopt"):
        out.append("spec.adopt")
    if spec.get("outcome"):
        out.append("spec.outcome")
    for r in spec["requests"]:
        out += [f"spec.requests[{r.get('name', 'main')}].{field}" for field in r if field not in _REQUEST_FIELDS]
    return tuple(sorted(out))


def namespace(body: Body) -> Namespace:
    """Whatever its finalizers: a deleted one takes no new objects, and all in it is being deleted."""
    meta = body["metadata"]
    return Namespace(meta["name"], meta["uid"], meta.get("labels") or {}, "deletionTimestamp" in meta)


def resource(body: Body) -> Resource:
    meta, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    holder = status.get("holder")
    until = status.get("holdUntil")
    since = status.get("since")
    return Resource(
        name=meta["name"],
        uid=meta["uid"],
        version=int(meta["resourceVersion"]),
        created=seconds(meta["creationTimestamp"]),
        pool=spec["pool"],
        state=status.get("state"),
        holder=_holder(holder) if holder else None,
        epoch=status.get("epoch", 0),
        since=seconds(since) if since else 0.0,
        hold_until=seconds(until) if until else 0.0,
        cordoned="cordoned" in spec,
        protected=FINALIZER in (meta.get("finalizers") or ()),
        other_finalizers=tuple(f for f in meta.get("finalizers") or () if f != FINALIZER),
        deleting="deletionTimestamp" in meta,
        labels=meta.get("labels") or {},
        attributes=spec.get("attributes") or {},
        credentials_secret=spec.get("credentialsSecret"),
        last_holders=tuple(
            PastHolder(h["namespace"], h["name"], h["uid"], h.get("ended", ""), h.get("at", ""))
            for h in status.get("lastHolders") or ()
        ),
        conditions=conditions(status),
    )


def _holder(h: Body) -> Holder:
    return Holder(
        namespace=h["namespace"],
        name=h["name"],
        uid=h["uid"],
        attempt=h.get("attempt", 0),
        from_state=h.get("from", FREE),
        release_state=h.get("releaseState", FREE),
        identity=h.get("identity") or "",
        term=duration(h.get("term", "30m")),
    )


def pool(body: Body, known: Pool | None = None) -> Pool:
    meta, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    lending = spec.get("lease") or {}
    janitor = (spec.get("janitor") or {}).get("provider", "none") != "none"
    longest = lending.get("maxDuration")
    queue = spec.get("queue") or {}
    same = known is not None and known.uid == meta["uid"] and known.generation == meta.get("generation", 0)
    return Pool(
        name=meta["name"],
        uid=meta["uid"],
        version=int(meta["resourceVersion"]),
        created=seconds(meta["creationTimestamp"]),
        items=known.items if same and known is not None else _items(meta["name"], spec),
        counted="count" in spec["resources"],
        next_ordinal=status.get("nextOrdinal", 0),
        release_states=tuple(lending.get("releaseStates") or (DIRTY if janitor else FREE,)),
        on_loss=lending.get("onLoss") or (DIRTY if janitor else FREE),
        renew_within=duration(lending.get("renewWithin", "30m")),
        max_duration=duration(longest) if longest else None,
        reserve_after=duration(queue.get("reserveAfter", "10m")),
        max_priority=queue.get("maxPriority"),
        max_per_tenant=queue.get("maxPerTenant"),
        fair_share=_fair_share(queue["fairShare"]) if "fairShare" in queue else None,
        access=_access(spec["access"]) if spec.get("access") else None,
        hold=spec.get("mode", "Active") != "Active",
        janitor=janitor,
        protected=FINALIZER in (meta.get("finalizers") or ()),
        other_finalizers=tuple(f for f in meta.get("finalizers") or () if f != FINALIZER),
        deleting="deletionTimestamp" in meta,
        unsupported=_unsupported_in_pool(spec),
        generation=meta.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        conditions=conditions(status),
        said=(
            {k: v for k, v in (status.get("counts") or {}).items() if v},
            status.get("total", -1),
            status.get("waiting", -1),
        ),
    )


def _fair_share(f: Body) -> FairShare:
    by_label = f.get("by", "Namespace") == "Label"
    return FairShare(f["labelKey"] if by_label else None, f.get("weights") or {})


def _access(a: Body) -> Access:
    names, labels = a.get("namespaces"), a.get("namespaceSelector")
    return Access(frozenset(names) if names is not None else None, selector(labels) if labels is not None else None)


def _items(pool_name: str, spec: Body) -> dict[str, Item]:
    resources, template = spec["resources"], spec.get("template") or {}
    shapes.check(resources, shapes.POOL_RESOURCES, "spec.resources")
    if "items" in resources:
        given = resources["items"]
    elif "names" in resources:
        given = [{"name": name} for name in resources["names"]]
    else:
        given = [{"name": f"{pool_name}-{i}"} for i in range(resources.get("count", 0))]
    return {item["name"]: _item(item, template) for item in given}


def _item(item: Body, template: Body) -> Item:
    """An item with what the template says; the item's own word is the more particular."""
    name = item["name"]

    def filled(field: str) -> dict[str, str]:
        base = {key: value.replace("$(NAME)", name) for key, value in (template.get(field) or {}).items()}
        return base | (item.get(field) or {})

    return Item(
        name=name,
        labels=filled("labels"),
        attributes=filled("attributes"),
        credentials_secret=item.get("credentialsSecret") or template.get("credentialsSecret"),
        initial_state=item.get("initialState") or template.get("initialState") or FREE,
    )


def _unsupported_in_pool(spec: Body) -> tuple[str, ...]:
    resources = spec["resources"]
    out = [f"spec.{field}" for field in ("needs", "credentials") if spec.get(field)]
    if "dynamic" in resources:
        out.append("spec.resources.dynamic")
    if spec.get("mode") == "HoldAndDrain":
        out.append("spec.mode: HoldAndDrain")
    if (spec.get("janitor") or {}).get("provider", "none") != "none":
        out.append("spec.janitor")
    if (spec.get("template") or {}).get("credentialsSecret"):
        out.append("spec.template.credentialsSecret")
    out += [
        f"spec.resources.items[{item['name']}].credentialsSecret"
        for item in resources.get("items") or ()
        if item.get("credentialsSecret")
    ]
    return tuple(out[:5])
