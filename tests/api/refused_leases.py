"""Leases that must be refused."""

from __future__ import annotations

from collections.abc import Iterator

from tests.api.judgements import NAME, NAME_LENGTH, SHORT_NAME, STATE, Refused
from tests.api.objects import Json, lease, lease_for, names

FIRST_OF = "with firstOf, give selector and names in its alternatives, and as many names as count asks for"
ONE_WAY = "name exactly one of pool, clusterProfile and firstOf"


def _leases() -> Iterator[Refused]:
    yield Refused("a lease without requests", lease(requests=[]), "spec.requests", "at least 1 items", schema=True)
    yield Refused(
        "count 0",
        lease_for({"pool": "a", "count": 0}),
        "spec.requests[0].count",
        "greater than or equal to 1",
        schema=True,
    )
    yield Refused(
        "count -1",
        lease_for({"pool": "a", "count": -1}),
        "spec.requests[0].count",
        "greater than or equal to 1",
        schema=True,
    )
    yield Refused(
        "count 257",
        lease_for({"pool": "a", "count": 257}),
        "spec.requests[0].count",
        "less than or equal to 256",
        schema=True,
    )
    yield Refused(
        "a count in words",
        lease_for({"pool": "a", "count": "2"}),
        "spec.requests[0].count",
        "must be of type integer",
        schema=True,
    )
    many = [{"name": f"r{number}", "pool": "a"} for number in range(17)]
    yield Refused("17 requests", lease_for(*many), "spec.requests", "must have at most 16 items", schema=True)
    yield Refused(
        "two requests of one name",
        lease_for({"pool": "a"}, {"pool": "b"}),
        "spec.requests[1]",
        "Duplicate value",
        schema=True,
    )
    yield Refused("a request for nothing", lease_for({}), "spec.requests[0]", ONE_WAY)
    yield Refused(
        "a request for two things", lease_for({"pool": "a", "clusterProfile": "b"}), "spec.requests[0]", ONE_WAY
    )
    yield Refused(
        "257 resources in two requests",
        lease_for({"name": "a", "pool": "a", "count": 200}, {"name": "b", "pool": "b", "count": 57}),
        "spec.requests",
        "may ask for 256 Resources in all: make several Leases",
    )
    yield Refused(
        "257 resources by the greatest alternative",
        lease_for(
            {"name": "a", "pool": "a", "count": 200},
            {"name": "b", "firstOf": [{"pool": "b"}, {"pool": "c", "count": 57}]},
        ),
        "spec.requests",
        "may ask for 256 Resources in all: make several Leases",
    )
    yield Refused(
        "nine alternatives",
        lease_for({"firstOf": [{"pool": name} for name in names(9)]}),
        "spec.requests[0].firstOf",
        "at most 8 items",
        schema=True,
    )
    yield Refused(
        "no alternative", lease_for({"firstOf": []}), "spec.requests[0].firstOf", "at least 1 items", schema=True
    )
    yield Refused(
        "33 names in an alternative",
        lease_for({"firstOf": [{"pool": "a", "names": names(33)}]}),
        "spec.requests[0].firstOf[0].names",
        "at most 32 items",
        schema=True,
    )
    yield Refused(
        "257 names",
        lease_for({"pool": "a", "names": names(257)}),
        "spec.requests[0].names",
        "at most 256 items",
        schema=True,
    )
    yield Refused(
        "no names", lease_for({"pool": "a", "names": []}), "spec.requests[0].names", "at least 1 items", schema=True
    )
    yield Refused(
        "a name twice",
        lease_for({"pool": "a", "names": ["x", "x"]}),
        "spec.requests[0].names[1]",
        "Duplicate value",
        schema=True,
    )
    yield Refused(
        "fewer names than count",
        lease_for({"pool": "a", "count": 2, "names": ["x"]}),
        "spec.requests[0].names",
        "names lists fewer Resources than count asks for",
    )
    yield Refused(
        "fewer names in an alternative than the request's count",
        lease_for({"count": 2, "firstOf": [{"pool": "a", "names": ["x"]}]}),
        "spec.requests[0]",
        FIRST_OF,
    )
    for field, value in (("count", 2), ("names", ["x"]), ("selector", {})):
        yield Refused(
            f"a profile with {field}",
            lease_for({"clusterProfile": "a", field: value}),
            "spec.requests[0]",
            "a clusterProfile brings its own pools and counts: leave out count, selector and names",
        )
    for field, value in (("names", ["x"]), ("selector", {})):
        yield Refused(
            f"firstOf beside {field}",
            lease_for({"firstOf": [{"pool": "a"}], field: value}),
            "spec.requests[0]",
            FIRST_OF,
        )
    yield Refused(
        "a request's name with dots", lease_for({"name": "a.b", "pool": "a"}), "spec.requests[0].name", SHORT_NAME
    )
    yield Refused(
        "a request's name of 64 characters",
        lease_for({"name": "a" * 64, "pool": "a"}),
        "spec.requests[0].name",
        "may not be more than 63 bytes",
        schema=True,
    )
    yield Refused(
        "a pool's name of 254 characters",
        lease_for({"pool": "a" * 254}),
        "spec.requests[0].pool",
        NAME_LENGTH,
        schema=True,
    )
    for name in ("", "AWS", "a_b", "-a", "a.", "a..b"):
        yield Refused(f"a pool called {name!r}", lease_for({"pool": name}), "spec.requests[0].pool", NAME)
    for state in ("", "two words", "tab\there", "*"):
        yield Refused(f"a state {state!r}", lease_for({"pool": "a", "from": state}), "spec.requests[0].from", STATE)
    yield Refused(
        "a state of 254 characters",
        lease_for({"pool": "a", "as": "a" * 254}),
        "spec.requests[0].as",
        NAME_LENGTH,
        schema=True,
    )
    yield Refused(
        "In without values",
        _selecting("In"),
        _EXPRESSION,
        "In and NotIn need values, Exists and DoesNotExist take none",
    )
    yield Refused(
        "Exists with values",
        _selecting("Exists", "x"),
        _EXPRESSION,
        "In and NotIn need values, Exists and DoesNotExist take none",
    )
    yield Refused(
        "an unknown operator",
        _selecting("Gt", "x"),
        f"{_EXPRESSION}.operator",
        'supported values: "In", "NotIn"',
        schema=True,
    )
    yield Refused(
        "a priority beyond 32 bits",
        lease(priority=2**31),
        "spec.priority",
        "less than or equal to 2147483647",
        schema=True,
    )
    yield Refused(
        "an owner of 4,097 characters",
        lease(holder={"identity": "a" * 4097}),
        "spec.holder.identity",
        "may not be more than 4096 bytes",
        schema=True,
    )
    yield Refused(
        "a pod without a name", lease(holder={"pod": {}}), "spec.holder.pod.name", "Required value", schema=True
    )
    yield Refused(
        "a ref without a kind",
        lease(holder={"ref": {"apiVersion": "batch/v1", "name": "a"}}),
        "spec.holder.ref.kind",
        "Required value",
        schema=True,
    )
    yield Refused(
        "a time in words", lease(renewTime="yesterday"), "spec.renewTime", "must be of type date-time", schema=True
    )
    yield Refused(
        "adopt without names", lease(adopt=True), "spec.adopt", "adopt needs the names of the Resources in each request"
    )
    yield Refused(
        "a release twice",
        lease(release=[{"name": "*"}, {"name": "*", "state": "dirty"}]),
        "spec.release[1]",
        "Duplicate value",
        schema=True,
    )
    yield Refused(
        "a release of no name",
        lease(release=[{"name": "A"}]),
        "spec.release[0].name",
        "write the name of a resource of this Lease, or '*' for all of them",
    )
    yield Refused(
        "258 releases",
        lease(release=[{"name": name} for name in names(258)]),
        "spec.release",
        "at most 257 items",
        schema=True,
    )
    yield Refused(
        "an unknown result",
        lease(outcome={"result": "Great"}),
        "spec.outcome.result",
        'supported values: "Succeeded"',
        schema=True,
    )
    for report in ("a" * 8189, "é" * 4095):
        yield Refused(
            f"an outcome of over 8 KiB ({report[0]})",
            lease(outcome={"result": "Empty", "message": "none", "report": report}),
            "spec.outcome",
            "message and report may have 8192 bytes together: shorten them or put a link",
        )
    yield Refused(
        "a message of over 8,192 characters",
        lease(outcome={"result": "Empty", "message": "a" * 8193}),
        "spec.outcome.message",
        "may not be more than 8192 bytes",
        schema=True,
    )


_EXPRESSION = "spec.requests[0].selector.matchExpressions[0]"


def _selecting(operator: str, *values: str) -> Json:
    expression = {"key": "region", "operator": operator, **({"values": list(values)} if values else {})}
    return lease_for({"pool": "a", "selector": {"matchExpressions": [expression]}})


REFUSED = tuple(_leases())
