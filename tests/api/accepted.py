"""Objects that must not be refused: the least of each kind, every field of each kind, and all that the limits allow."""

from __future__ import annotations

from collections.abc import Iterator

from lessor.api.names import COUNTED_POOL_NAME_CHARS_MAX
from tests.api.judgements import DURATION_FIELDS, ZERO_ALLOWED, Accepted
from tests.api.objects import lease, lease_for, names, pool, pool_of, profile, resource

_FULL_HOLDER = {
    "identity": "é" * 4096,
    "pod": {"name": "build-1", "uid": "1"},
    "ref": {"apiVersion": "batch/v1", "kind": "Job", "name": "build", "uid": "2"},
}
_FULL_SELECTOR = {
    "matchLabels": {"a": "b"},
    "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}, {"key": "e", "operator": "Exists"}],
}


def _accepted() -> Iterator[Accepted]:
    yield Accepted("a lease for one resource", lease())
    yield Accepted("names of 253 characters", lease("a" * 253, requests=[{"pool": "a." + "b" * 251}]))
    yield Accepted(
        "16 requests of 16 resources", lease_for(*({"name": f"r{n}", "pool": "a", "count": 16} for n in range(16)))
    )
    yield Accepted("256 named resources", lease_for({"pool": "a", "count": 256, "names": names(256, 253)}))
    alternative = {"pool": "a", "count": 16, "names": names(32, 200), "selector": _FULL_SELECTOR}
    yield Accepted(
        "8 alternatives with 32 names in 16 requests",
        lease_for(*({"name": f"r{n}", "firstOf": [alternative] * 8} for n in range(16))),
    )
    yield Accepted("a profile and a state", lease_for({"clusterProfile": "hypershift", "as": "busy", "from": "dirty"}))
    yield Accepted(
        "a lease with every field",
        lease(
            requests=[{"name": "cloud", "pool": "a", "count": 2, "names": ["x", "y"], "selector": _FULL_SELECTOR}],
            priority=-(2**31),
            holder=_FULL_HOLDER,
            renewTime="2026-11-24T15:37:00.123456Z",
            **{field: "1h30m" for field in DURATION_FIELDS},
            releaseState="Größe-1",
            adopt=True,
            release=[{"name": "*"}, {"name": "x", "state": "dirty"}],
            outcome={"result": "Left", "message": "a" * 92, "report": "é" * 4050},
        ),
    )
    yield Accepted(
        "257 releases", lease(release=[{"name": "*"}, *({"name": name, "state": "dirty"} for name in names(256, 253))])
    )
    for field in ZERO_ALLOWED:
        yield Accepted(f"{field} of 0s", lease(**{field: "0s"}))
    for text in ("1ms", "1.5h", "6h30m", "99999h59m", "999999999s", "0.000001h"):
        yield Accepted(f"a duration of {text}", lease(maxDuration=text))
    yield Accepted("a pool of slices", pool())
    yield Accepted("a pool of no slices", pool_of(count=0))
    yield Accepted(
        "10,000 slices of the longest name", pool("a" * COUNTED_POOL_NAME_CHARS_MAX, resources={"count": 10000})
    )
    yield Accepted("5,000 names of 200 characters", pool_of(names=names(5000, 200)))
    item = {
        "labels": {"a": "b"},
        "attributes": {"region": "us-east-1"},
        "credentialsSecret": "keys",
        "initialState": "dirty",
    }
    yield Accepted("5,000 items", pool_of(items=[{"name": name, **item} for name in names(5000, 50)]))
    yield Accepted(
        "a pool with every field",
        pool(
            resources={"dynamic": {"min": 0, "max": 10000, "lifespan": "24h"}},
            template={
                "labels": {"a": "$(NAME)"},
                "attributes": {"b": "$(NAME)"},
                "credentialsSecret": "$(NAME)-keys",
                "initialState": "dirty",
            },
            lease={"renewWithin": "5m", "maxDuration": "6h", "releaseStates": ["dirty", "*"], "onLoss": "dirty"},
            queue={
                "reserveAfter": "0s",
                "fairShare": {"by": "Label", "labelKey": "team", "weights": dict.fromkeys(names(500), 1000)},
                "maxPerTenant": 1,
                "maxPriority": 100,
            },
            access={"namespaces": names(1000, 63)},
            mode="HoldAndDrain",
            needs=[{"pool": "b"}, {"pool": "c", "count": 3}],
            credentials={"rotate": {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}},
            janitor={"provider": "aws", "timeout": "1h", "maxAttempts": 1},
        ),
    )
    yield Accepted("a pool with a janitor by default", pool(janitor={}))
    yield Accepted(
        "a pool with fair share by default", pool(queue={"fairShare": {}}, access={"namespaceSelector": _FULL_SELECTOR})
    )
    yield Accepted("a resource", resource())
    yield Accepted(
        "a resource with every field",
        resource(attributes={"a": "b"}, credentialsSecret="keys", cordoned={"reason": "broken", "by": "me"}, recheck=7),
    )
    yield Accepted("a profile", profile())
    yield Accepted(
        "a profile with every field",
        profile(
            requests=[{"name": "cloud", "pool": "a", "count": 2}, {"pool": "b"}],
            attributes={"platform": "aws"},
            credentialsSecret="keys",
            access={"namespaces": ["ci"]},
        ),
    )


ACCEPTED = tuple(_accepted())
