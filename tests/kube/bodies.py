"""Objects as the API server sends them, and what its merge patch makes of them (RFC 7386)."""

from __future__ import annotations

from typing import Any

from lessor.api.names import API_VERSION, FINALIZER, LEASE, POOL, RESOURCE, Kind

Json = dict[str, Any]
CREATED = "2026-11-24T15:00:00Z"


def body(kind: Kind, name: str, spec: Json, status: Json | None = None, **meta: Any) -> Json:
    usual: Json = {"name": name, "uid": f"{name}-uid", "resourceVersion": "7", "generation": 3}
    usual |= {"creationTimestamp": CREATED}
    if kind.namespaced:
        usual["namespace"] = "ci"
    out: Json = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": usual | meta, "spec": spec}
    return out if status is None else out | {"status": status}


def pool(status: Json | None = None, **spec: Any) -> Json:
    usual: Json = {"resources": {"names": ["aws-1"]}, "lease": {"renewWithin": "30m"}, "queue": {"reserveAfter": "10m"}}
    return body(POOL, "aws", usual | {"mode": "Active"} | spec, status, finalizers=["x.io/y", FINALIZER])


def resource(status: Json | None = None, **spec: Any) -> Json:
    return body(RESOURCE, "aws-1", {"pool": "aws", **spec}, status, finalizers=["x.io/y", FINALIZER])


def lease(status: Json | None = None, **spec: Any) -> Json:
    request = {"name": "main", "pool": "aws", "count": 1, "from": "free", "as": "leased"}
    usual: Json = {"requests": [request], "priority": 0, "ttlAfterFinished": "1h", "adopt": False}
    return body(LEASE, "e2e", usual | spec, status)


HELD: Json = {
    "state": "leased",
    "holder": {
        "namespace": "ci",
        "name": "e2e",
        "uid": "e2e-uid",
        "identity": "job 7",
        "attempt": 2,
        "from": "free",
        "releaseState": "dirty",
        "term": "45m",
    },
    "epoch": 8,
    "since": "2026-11-24T15:00:01.250000Z",
}


def merged(old: Any, patch: Any) -> Any:
    """JSON merge patch: null removes, objects merge, all else is replaced."""
    if not isinstance(patch, dict):
        return patch
    out = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def patched(old: Json, patch: Json, subresource: str | None) -> Json:
    """The object after a merge patch. The status subresource takes nothing but the status, and the other way round."""
    guard = patch["metadata"]
    assert guard["uid"] == old["metadata"]["uid"]
    assert guard["resourceVersion"] == old["metadata"]["resourceVersion"]
    new: Json = merged(old, patch)
    if subresource == "status":
        new["metadata"], new["spec"] = old["metadata"], old["spec"]
    elif "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)
    new["metadata"] = new["metadata"] | {"resourceVersion": str(int(old["metadata"]["resourceVersion"]) + 1)}
    return new
