"""Durations, Resources, ClusterProfiles and unknown fields that must be refused."""

from __future__ import annotations

from collections.abc import Iterator

from tests.api.judgements import DURATION, DURATION_FIELDS, DURATION_OR_ZERO, ZERO_ALLOWED, Refused
from tests.api.objects import lease, lease_for, pool, pool_of, profile, resource


def _durations() -> Iterator[Refused]:
    for text in ("", "20", "1d", "woooo", "-5m", "1h 30m", "5 m", "1µs", "h", "1.h", ".5h", "１h"):
        yield Refused(f"a duration {text!r}", lease(maxDuration=text), "spec.maxDuration", DURATION)
    for text in ("100000h", "10000000m", "1000000000s", "1000000000000ms", "0s"):
        yield Refused(f"a duration of {text}", lease(maxDuration=text), "spec.maxDuration", DURATION)
    yield Refused(
        "a duration of 33 characters",
        lease(maxDuration="1m" * 16 + "s"),
        "spec.maxDuration",
        "may not be more than 32 bytes",
        schema=True,
    )
    for field in DURATION_FIELDS:
        says = DURATION_OR_ZERO if field in ZERO_ALLOWED else DURATION
        yield Refused(f"{field} of 1d", lease(**{field: "1d"}), f"spec.{field}", says)
        if field not in ZERO_ALLOWED:
            yield Refused(f"{field} of nothing", lease(**{field: "0h0.0s"}), f"spec.{field}", says)
    yield Refused("a pool's renewWithin of 1d", pool(lease={"renewWithin": "1d"}), "spec.lease.renewWithin", DURATION)
    yield Refused("a pool's maxDuration of 0s", pool(lease={"maxDuration": "0s"}), "spec.lease.maxDuration", DURATION)
    yield Refused(
        "a lifespan of 1d",
        pool_of(dynamic={"min": 1, "max": 2, "lifespan": "1d"}),
        "spec.resources.dynamic.lifespan",
        DURATION,
    )
    yield Refused("a janitor's timeout of 1d", pool(janitor={"timeout": "1d"}), "spec.janitor.timeout", DURATION)
    yield Refused(
        "reserveAfter of soon", pool(queue={"reserveAfter": "soon"}), "spec.queue.reserveAfter", DURATION_OR_ZERO
    )


def _others() -> Iterator[Refused]:
    yield Refused("a resource without a pool", resource(pool=None), "spec.pool", "Required value", schema=True)
    yield Refused(
        "a cordon without a reason", resource(cordoned={}), "spec.cordoned.reason", "Required value", schema=True
    )
    yield Refused("a negative recheck", resource(recheck=-1), "spec.recheck", "greater than or equal to 0", schema=True)
    yield Refused("a profile without requests", profile(requests=[]), "spec.requests", "at least 1 items", schema=True)
    yield Refused(
        "a profile of 17 requests",
        profile(requests=[{"name": f"r{n}", "pool": "a"} for n in range(17)]),
        "spec.requests",
        "at most 16 items",
        schema=True,
    )
    yield Refused(
        "a profile of 257 resources",
        profile(requests=[{"name": "a", "pool": "a", "count": 200}, {"name": "b", "pool": "b", "count": 57}]),
        "spec.requests",
        "a profile may ask for 256 Resources in all, as a Lease may",
    )
    for kind in (pool, resource, lease, profile):
        yield Refused(
            f"{kind.__name__} with an unknown field", kind(colour="red"), "", 'unknown field "spec.colour"', schema=True
        )
    yield Refused(
        "an unknown field in a request",
        lease_for({"pool": "a", "size": 1}),
        "",
        'unknown field "spec.requests[0].size"',
        schema=True,
    )


REFUSED = (*_durations(), *_others())
