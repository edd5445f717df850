"""Core to JSON: each action as the one call that carries it out. The only code that knows our fields' names when
written.

A write is a merge patch with the uid and resourceVersion it was decided on. On the status of a custom resource the API
server judges only the resourceVersion (measured on 1.36); the client compares the answer's uid besides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from lessor.api.durations import format_duration
from lessor.api.names import API_VERSION, FINALIZER, LAST_HOLDERS_MAX, RESOURCE
from lessor.core import actions as a
from lessor.core.model import (
    FREE,
    LEASED,
    Condition,
    Conditions,
    ConditionStatus,
    Entry,
    Holder,
    Lease,
    PastHolder,
    Pool,
    Request,
    Resource,
    Terms,
    Unreadable,
)
from lessor.core.selectors import Operator, Selector

from . import paths
from .codec import unreadable_condition

Json = dict[str, Any]
_KINDS = {a.POOL: paths.POOLS, a.RESOURCE: paths.RESOURCES, a.LEASE: paths.LEASES}
LABELS_MAX = 32  # in matchLabels


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `verb` is a method of the client."""

    verb: str  # get, list, create, merge_patch, delete
    path: str
    body: Json | None = None
    subresource: str | None = None


@lru_cache(maxsize=64)  # one write has up to eight of the same
def stamp(at: float) -> str:
    """Seconds since the epoch as RFC 3339 with microseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _to_the_second(at: float) -> str:
    """For what kubectl shows as it is written, rounded up."""
    return datetime.fromtimestamp(math.ceil(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def call_for(action: a.Action, at: float) -> Call:
    """The call of one action, decided at `at` (seconds since the epoch)."""
    match action:
        case a.LookAtLease():
            return Call("get", paths.one(paths.LEASES, action.name, action.namespace))
        case a.LookAtPool():
            return Call("get", paths.one(paths.POOLS, action.name))
        case a.LookAtNamespace():
            return Call("get", paths.one(paths.NAMESPACES, action.name))
        case a.LookAtHolder():
            raise AssertionError("under which path a holder's kind is served is found out where it is watched")
        case a.ListLeases():
            return Call("list", paths.collection(paths.LEASES))
        case a.TellUnreadable():
            return Call("merge_patch", path_of(action), _unreadable(action.item, at), "status")
        case a.CreateResource():
            return Call("create", paths.collection(paths.RESOURCES), _new_resource(action))
        case a.DeleteResource():
            return Call("delete", path_of(action), _precondition(action.resource))
        case a.ProtectPool() | a.UnprotectPool() | a.ReserveOrdinals() | a.ReportPool():
            return _pool(action, at)
        case a.DeleteLease():
            return Call("delete", path_of(action), _precondition(action.lease))
        case a.Bind() | a.Raise() | a.Report() | a.NoteHolder() | a.Shrink() | a.End():
            lease = action.lease
            path = paths.one(paths.LEASES, lease.name, lease.namespace)
            return Call("merge_patch", path, _guarded(lease, {"status": _lease_status(action, at)}), "status")
        case _:
            return _resource(action, at)


def path_of(action: a.Write) -> str:
    """Where to look at the object of a write whose outcome is unknown, or that met a conflict."""
    match action:
        case a.TellUnreadable():
            return paths.one(_KINDS[action.item.kind], action.item.name, action.item.namespace)
        case a.CreateResource():
            return paths.one(paths.RESOURCES, action.item.name)
        case a.ProtectPool() | a.UnprotectPool() | a.ReserveOrdinals() | a.ReportPool():
            return paths.one(paths.POOLS, action.pool.name)
        case a.Bind() | a.Raise() | a.Report() | a.NoteHolder() | a.Shrink() | a.End() | a.DeleteLease():
            return paths.one(paths.LEASES, action.lease.name, action.lease.namespace)
        case _:
            return paths.one(paths.RESOURCES, action.resource.name)


def _guarded(item: Pool | Resource | Lease, body: Json, **meta: Any) -> Json:
    return {"metadata": {"uid": item.uid, "resourceVersion": str(item.version), **meta}, **body}


def _precondition(item: Resource | Lease) -> Json:
    return {"preconditions": {"uid": item.uid, "resourceVersion": str(item.version)}}


def _unreadable(item: Unreadable, at: float) -> Json:
    mine = Condition(unreadable_condition(item.kind), ConditionStatus.FALSE, "Unreadable", item.message)
    body: Json = {"status": {"conditions": [*item.conditions, _condition(mine, None, at)]}}
    return {"metadata": {"uid": item.uid, "resourceVersion": str(item.version)}, **body}


# -- Resources


def _resource(action: a.ResourceWrite, at: float) -> Call:
    path = paths.one(paths.RESOURCES, action.resource.name)
    match action:
        case a.DropFinalizer():
            return Call(
                "merge_patch", path, _guarded(action.resource, {}, finalizers=list(action.resource.other_finalizers))
            )
        case a.UpdateResource():
            item, old = action.item, action.resource
            spec = {
                "attributes": _replaced(old.attributes, item.attributes),
                "credentialsSecret": item.credentials_secret,
            }
            body = _guarded(
                old, {"spec": spec}, finalizers=[*old.other_finalizers, FINALIZER], labels=dict(item.labels)
            )
            return Call("merge_patch", path, body)
        case _:
            return Call(
                "merge_patch", path, _guarded(action.resource, {"status": _resource_status(action, at)}), "status"
            )


def _resource_status(action: a.ResourceWrite, at: float) -> Json:
    resource = action.resource
    match action:
        case a.Claim():
            return _held(action.holder, action.state, resource.epoch + 1, at)
        case a.HandOver():
            status = _held(action.holder, action.state, resource.epoch + 1, at)
            return status | {"lastHolders": _last_holders(resource, action.ended, at)}
        case a.Adopt():
            return _held(action.holder, action.state, action.epoch, at)
        case a.Free():
            return {
                "state": action.state,
                "holder": None,
                "epoch": resource.epoch + 1,
                "since": stamp(at),
                "holdUntil": stamp(action.hold_until) if action.hold_until else None,
                "lastHolders": _last_holders(resource, action.ended, at),
            }
        case a.Initialise():
            until = stamp(action.hold_until) if action.hold_until else None
            return {"state": action.state, "epoch": resource.epoch, "since": stamp(at), "holdUntil": until}
        case a.MarkResource():
            return {"conditions": _conditions(action.conditions, resource.conditions, at)}
        case _:
            raise AssertionError(f"{action} is no status")


def _held(holder: Holder, state: str, epoch: int, at: float) -> Json:
    """`holder` whole, absent keys as null: a merge patch would keep the last holder's."""
    return {
        "state": state,
        "holder": {
            "namespace": holder.namespace,
            "name": holder.name,
            "uid": holder.uid,
            "identity": holder.identity or None,
            "attempt": holder.attempt,
            "from": holder.from_state,
            "releaseState": holder.release_state,
            "term": format_duration(timedelta(seconds=holder.term)),
        },
        "epoch": epoch,
        "since": stamp(at),
        "holdUntil": None,
    }


def _last_holders(resource: Resource, ended: str, at: float) -> list[Json]:
    assert resource.holder is not None
    last = PastHolder(resource.holder.namespace, resource.holder.name, resource.holder.uid, ended, stamp(at))
    return [
        {"namespace": h.namespace, "name": h.name, "uid": h.uid, "ended": h.ended, "at": h.at}
        for h in (last, *resource.last_holders)[:LAST_HOLDERS_MAX]
    ]


def _new_resource(action: a.CreateResource) -> Json:
    item = action.item
    spec: Json = {"pool": action.pool.name}
    if item.attributes:
        spec["attributes"] = dict(item.attributes)
    if item.credentials_secret:
        spec["credentialsSecret"] = item.credentials_secret
    meta: Json = {"name": item.name, "finalizers": [FINALIZER]}
    if item.labels:
        meta["labels"] = dict(item.labels)
    return {"apiVersion": API_VERSION, "kind": RESOURCE.kind, "metadata": meta, "spec": spec}


def _replaced(old: Mapping[str, str], new: Mapping[str, str]) -> Json:
    return {**dict.fromkeys(old), **new}


# -- Leases


def _lease_status(action: a.LeaseWrite, at: float) -> Json:
    lease = action.lease
    match action:
        case a.Raise():
            return {"attempt": lease.attempt + 1}
        case a.Shrink():
            return {"resources": [_entry(entry) for entry in action.entries]}
        case a.NoteHolder():
            # Not observedGeneration: it tells what the holder has changed since the bind.
            said = {**lease.conditions, action.alive.type: action.alive}
            return {"conditions": _conditions(said, lease.conditions, at), **_pinned(action.holder_uid)}
        case a.Bind():
            extra = {
                "state": "Bound",
                "attempt": lease.attempt,
                "boundTime": stamp(at),
                "terms": _terms(action.terms),
                "resources": [_entry(entry) for entry in action.entries],
                **_pinned(action.holder_uid),
            }
            if action.expires is not None:
                extra["expireTime"] = _to_the_second(action.expires)
        case a.Report():
            extra = {"state": "Waiting", **_pinned(action.holder_uid)}
            if action.place is not None:
                extra["queue"] = {
                    "position": action.place.position,
                    "of": action.place.of,
                    "since": stamp(lease.created),
                    "blockedBy": action.place.blocked_by or None,
                }
        case a.End():
            extra = {"state": str(action.state), "resources": []}
    if lease.place is not None and not isinstance(action, a.Report):
        extra["queue"] = None  # it waits no more
    return {
        **extra,
        "reason": action.conditions["Bound"].reason,
        "observedGeneration": lease.generation,
        "requests": [_request(r) for r in lease.requests],
        "conditions": _conditions(action.conditions, lease.conditions, at),
    }


def _pinned(holder_uid: str | None) -> Json:
    return {"holderUID": holder_uid} if holder_uid is not None else {}


def _request(r: Request) -> Json:
    out: Json = {"name": r.name, **_asked(r)}
    if r.alternatives:
        out["firstOf"] = [_asked(way) for way in r.alternatives]
    if r.from_state != FREE:
        out["from"] = r.from_state
    if r.as_state != LEASED:
        out["as"] = r.as_state
    return out


def _asked(r: Request) -> Json:
    """What a request and an alternative have in common."""
    out: Json = {"count": r.count}
    if r.pool:
        out["pool"] = r.pool
    if r.names:
        out["names"] = sorted(r.names)
    if r.selector is not None:
        out["selector"] = _selector(r.selector)
    return out


def _selector(selector: Selector) -> Json:
    """As matchLabels what they can say: expressions of more than 16 the schema refuses."""
    labels: dict[str, str] = {}
    others: list[Json] = []
    for r in selector.requirements:
        if r.operator is Operator.IN and len(r.values) == 1 and r.key not in labels and len(labels) < LABELS_MAX:
            labels[r.key] = r.values[0]
        else:
            others.append({"key": r.key, "operator": str(r.operator), **({"values": [*r.values]} if r.values else {})})
    return {**({"matchLabels": labels} if labels else {}), **({"matchExpressions": others} if others else {})}


def _entry(entry: Entry) -> Json:
    out: Json = {"name": entry.name, "request": entry.request, "pool": entry.pool, "epoch": entry.epoch}
    if entry.attributes:
        out["attributes"] = dict(entry.attributes)
    return out


def _terms(terms: Terms) -> Json:
    out: Json = {"renewWithin": format_duration(timedelta(seconds=terms.renew_within)), "priority": terms.priority}
    if terms.renew_slack:
        out["renewSlack"] = format_duration(timedelta(seconds=terms.renew_slack))
    if terms.max_duration is not None:
        out["maxDuration"] = format_duration(timedelta(seconds=terms.max_duration))
    if terms.release_state is not None:
        out["releaseState"] = terms.release_state
    if terms.on_loss is not None:
        out["onLoss"] = terms.on_loss
    return out


def _conditions(new: Conditions, old: Conditions, at: float) -> list[Json]:
    """The whole list (a merge patch replaces it); lastTransitionTime moves only when a status flips (API
    conventions)."""
    return [_condition(condition, old.get(kind), at) for kind, condition in new.items()]


def _condition(new: Condition, old: Condition | None, at: float) -> Json:
    kept = old is not None and old.status == new.status and old.since
    return {
        "type": new.type,
        "status": str(new.status),
        "reason": new.reason,
        "message": new.message,
        "lastTransitionTime": old.since if kept and old is not None else stamp(at),
    }


# -- Pools


def _pool(action: a.PoolWrite, at: float) -> Call:
    pool = action.pool
    path = paths.one(paths.POOLS, pool.name)
    match action:
        case a.ProtectPool():
            return Call("merge_patch", path, _guarded(pool, {}, finalizers=[*pool.other_finalizers, FINALIZER]))
        case a.UnprotectPool():
            return Call("merge_patch", path, _guarded(pool, {}, finalizers=list(pool.other_finalizers)))
        case a.ReserveOrdinals():
            status: Json = {"nextOrdinal": action.next_ordinal}
        case a.ReportPool():
            status = {
                "counts": _counts(action.counts, pool.said[0]),
                "total": action.total,
                "waiting": action.waiting,
                "conditions": _conditions(action.conditions, pool.conditions, at),
                "observedGeneration": pool.generation,
            }
    return Call("merge_patch", path, _guarded(pool, {"status": status}), "status")


def _counts(new: Mapping[str, int], old: Iterable[str]) -> Json:
    """States that nobody is in any more go, but for the three that the columns show."""
    return {**dict.fromkeys(old), **dict.fromkeys((FREE, LEASED, "dirty"), 0), **new}
