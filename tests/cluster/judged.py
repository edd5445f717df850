"""Whether what the operator said of an object is right, told from the objects alone: no line of ours is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tests.cluster.history import ENDED, Json, condition_of, entries_of, is_bound, status_of, why


def settled(lease: Json) -> bool:
    """It is bound, waits with a reason, or is finished with one."""
    state = status_of(lease).get("state")
    kind = "Finished" if state in ENDED else "Bound" if state == "Waiting" else "Ready"
    status, reason, message = why(lease, kind)
    return status == ("False" if state == "Waiting" else "True") and bool(reason) and bool(message)


def looked_at(pool: Json) -> bool:
    """Its present spec was read, and what is said of it has a reason."""
    seen = status_of(pool).get("observedGeneration") == pool["metadata"]["generation"]
    return seen and all(condition_of(pool, kind) and why(pool, kind)[1] for kind in ("Ready", "Exhausted"))


def unjust(lease: Json, pools: dict[str, Json], resources: dict[str, Json]) -> Iterator[str]:
    """What is wrong with what a Bound Lease was given, each as a sentence."""
    for request in lease["spec"]["requests"]:
        got = [entry for entry in entries_of(lease) if entry["request"] == request["name"]]
        ways = request.get("firstOf") or [request]
        if not any(_meets(got, {"count": request["count"], **way}, resources) for way in ways):
            yield f"request {request['name']} got {[entry['name'] for entry in got]}"
    for name in {entry["pool"] for entry in entries_of(lease)}:
        spec = pools[name]["spec"]
        if spec["mode"] != "Active" or spec.get("needs") or spec.get("janitor", {}).get("provider", "none") != "none":
            yield f"pool {name} lends nothing"
        if not _may_ask(spec.get("access"), lease["metadata"]["namespace"]):
            yield f"pool {name} is not for this namespace"


def _meets(got: list[Json], way: Json, resources: dict[str, Json]) -> bool:
    return len(got) == way["count"] and all(
        entry["pool"] == way["pool"]
        and entry["name"] in way.get("names", [entry["name"]])
        and fits(resources[entry["name"]]["metadata"].get("labels", {}), way.get("selector", {}))
        for entry in got
    )


def _may_ask(access: Json | None, namespace: str) -> bool:
    if access is None:
        return True
    if "namespaces" in access:
        return namespace in access["namespaces"]
    return fits({"kubernetes.io/metadata.name": namespace}, access["namespaceSelector"])


def fits(labels: dict[str, str], selector: Json) -> bool:
    """metav1.LabelSelector."""
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        _holds(labels.get(e["key"]), e["operator"], e.get("values", ())) for e in selector.get("matchExpressions", ())
    )


def _holds(value: str | None, operator: str, values: Iterable[str]) -> bool:
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def over_limit(leases: Iterable[Json], pools: dict[str, Json]) -> Iterator[str]:
    """Tenants that hold more than their pools allow."""
    held: Counter[tuple[str, Any]] = Counter()
    for lease in leases:
        for entry in entries_of(lease) if is_bound(lease) else ():
            key = pools[entry["pool"]]["spec"]["queue"].get("fairShare", {}).get("labelKey", "")
            meta = lease["metadata"]
            held[entry["pool"], meta.get("labels", {}).get(key, f"namespace {meta['namespace']}")] += 1
    for (name, tenant), count in held.items():
        most = pools[name]["spec"]["queue"].get("maxPerTenant", count)
        if count > most:
            yield f"{tenant} holds {count} of pool {name} and may hold {most}"
