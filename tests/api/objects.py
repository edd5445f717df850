"""Objects of the four kinds as a user would write them: the few facts that matter to a test, the rest filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessor.api.names import API_VERSION, CLUSTER_PROFILE, LEASE, POOL, RESOURCE, Kind

Json = dict[str, Any]
NOW = "2026-11-24T15:37:00Z"


def _object(kind: Kind, name: str, spec: Mapping[str, Any]) -> Json:
    metadata = {"name": name, "namespace": "default"} if kind.namespaced else {"name": name}
    return {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": dict(spec)}


def pool(name: str = "a-pool", **spec: Any) -> Json:
    return _object(POOL, name, {"resources": {"count": 3}, **spec})


def pool_of(**resources: Any) -> Json:
    return pool(resources=resources)


def resource(name: str = "a-pool-0", **spec: Any) -> Json:
    return _object(RESOURCE, name, {"pool": "a-pool", **spec})


def lease(name: str = "e2e-aws", **spec: Any) -> Json:
    return _object(LEASE, name, {"requests": [{"pool": "a-pool"}], **spec})


def lease_for(*requests: Mapping[str, Any], name: str = "e2e-aws") -> Json:
    return lease(name, requests=[dict(request) for request in requests])


def profile(name: str = "hypershift", **spec: Any) -> Json:
    return _object(CLUSTER_PROFILE, name, {"requests": [{"pool": "a-pool"}], **spec})


def names(count: int, length: int = 8) -> list[str]:
    """Names of Resources, all different: n-000…1."""
    return [f"n-{number:0{length - 2}d}" for number in range(count)]


def condition(type: str, status: str) -> Json:
    return {"type": type, "status": status, "reason": type, "message": "", "lastTransitionTime": NOW}


def listed(name: str, epoch: int = 1) -> Json:
    """A line of Lease.status.resources."""
    return {"name": name, "request": "main", "pool": "a-pool", "epoch": epoch}


def held_by(uid: str) -> Json:
    """Resource.status.holder."""
    return {"namespace": "default", "name": "e2e-aws", "uid": uid}


def merged(object: Json, patch: Mapping[str, Any]) -> Json:
    """`object` after a merge patch (RFC 7386)."""
    after = dict(object)
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        elif isinstance(value, Mapping):
            after[key] = merged(after.get(key) or {}, value)
        else:
            after[key] = value
    return after
