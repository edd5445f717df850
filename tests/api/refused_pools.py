"""Pools that must be refused."""

from __future__ import annotations

from collections.abc import Iterator

from lessor.api.names import COUNTED_POOL_NAME_CHARS_MAX
from tests.api.judgements import NAME, NAME_LENGTH, SHORT_NAME, STATE, Refused
from tests.api.objects import names, pool, pool_of

ONE_SOURCE = "give exactly one of items, names, count and dynamic"


def _pools() -> Iterator[Refused]:
    yield Refused("a pool of nothing", pool_of(), "spec.resources", ONE_SOURCE)
    yield Refused("a pool with two sources", pool_of(count=3, names=["x"]), "spec.resources", ONE_SOURCE)
    yield Refused(
        "a name twice in a pool", pool_of(names=["x", "x"]), "spec.resources.names[1]", "Duplicate value", schema=True
    )
    yield Refused(
        "an item twice in a pool",
        pool_of(items=[{"name": "x"}, {"name": "x"}]),
        "spec.resources.items[1]",
        "Duplicate value",
        schema=True,
    )
    yield Refused("an empty list of names", pool_of(names=[]), "spec.resources.names", "at least 1 items", schema=True)
    yield Refused("an empty list of items", pool_of(items=[]), "spec.resources.items", "at least 1 items", schema=True)
    yield Refused("5,001 names", pool_of(names=names(5001)), "spec.resources.names", "at most 5000 items", schema=True)
    yield Refused(
        "5,001 items",
        pool_of(items=[{"name": name} for name in names(5001)]),
        "spec.resources.items",
        "at most 5000 items",
        schema=True,
    )
    yield Refused(
        "a resource's name of 254 characters",
        pool_of(names=["a" * 254]),
        "spec.resources.names[0]",
        NAME_LENGTH,
        schema=True,
    )
    yield Refused(
        "a resource's name in capitals", pool_of(items=[{"name": "AWS"}]), "spec.resources.items[0].name", NAME
    )
    yield Refused("a count of -1", pool_of(count=-1), "spec.resources.count", "greater than or equal to 0", schema=True)
    yield Refused(
        "a count of 10,001", pool_of(count=10001), "spec.resources.count", "less than or equal to 10000", schema=True
    )
    yield Refused(
        "min above max",
        pool_of(dynamic={"min": 3, "max": 2}),
        "spec.resources.dynamic",
        "min may not be greater than max",
    )
    yield Refused(
        "a counted pool's name of 249 characters",
        pool("a" * (COUNTED_POOL_NAME_CHARS_MAX + 1)),
        "spec.resources.count",
        "are called <pool>-0, <pool>-1 and so on: its name may have 248 characters",
    )
    yield Refused(
        "a label value with blanks",
        pool_of(items=[{"name": "x", "labels": {"a": "b c"}}]),
        "spec.resources.items[0].labels.a",
        "should match",
        schema=True,
    )
    yield Refused(
        "a label value of 64 characters",
        pool_of(items=[{"name": "x", "labels": {"a": "b" * 64}}]),
        "spec.resources.items[0].labels.a",
        "may not be more than 63 bytes",
        schema=True,
    )
    yield Refused(
        "33 labels",
        pool(template={"labels": dict.fromkeys(names(33), "x")}),
        "spec.template.labels",
        "at most 32 items",
        schema=True,
    )
    yield Refused(
        "33 attributes",
        pool(template={"attributes": dict.fromkeys(names(33), "x")}),
        "spec.template.attributes",
        "at most 32 items",
        schema=True,
    )
    yield Refused(
        "an attribute of 1,025 characters",
        pool(template={"attributes": {"a": "b" * 1025}}),
        "spec.template.attributes.a",
        "may not be more than 1024 bytes",
        schema=True,
    )
    yield Refused("a first state of *", pool(template={"initialState": "*"}), "spec.template.initialState", STATE)
    yield Refused(
        "* as the default of releaseStates",
        pool(lease={"releaseStates": ["*", "free"]}),
        "spec.lease.releaseStates",
        "the first of releaseStates is the default, so put a state before '*'",
    )
    yield Refused(
        "no releaseStates",
        pool(lease={"releaseStates": []}),
        "spec.lease.releaseStates",
        "at least 1 items",
        schema=True,
    )
    yield Refused(
        "17 releaseStates",
        pool(lease={"releaseStates": names(17)}),
        "spec.lease.releaseStates",
        "at most 16 items",
        schema=True,
    )
    yield Refused(
        "a releaseState with a blank",
        pool(lease={"releaseStates": ["a b"]}),
        "spec.lease.releaseStates[0]",
        f"{STATE}, or '*' for any",
    )
    yield Refused("onLoss of *", pool(lease={"onLoss": "*"}), "spec.lease.onLoss", STATE)
    yield Refused(
        "an unknown mode",
        pool(mode="Closed"),
        "spec.mode",
        'supported values: "Active", "Hold", "HoldAndDrain"',
        schema=True,
    )
    fair = "'by: Label' needs labelKey, and labelKey needs 'by: Label'"
    yield Refused(
        "fair share by a label without its key",
        pool(queue={"fairShare": {"by": "Label"}}),
        "spec.queue.fairShare",
        fair,
    )
    yield Refused(
        "a labelKey without by: Label", pool(queue={"fairShare": {"labelKey": "team"}}), "spec.queue.fairShare", fair
    )
    for weight in (0, -1):
        yield Refused(
            f"a weight of {weight}",
            pool(queue={"fairShare": {"weights": {"a": weight}}}),
            "spec.queue.fairShare.weights.a",
            "greater than or equal to 1",
            schema=True,
        )
    yield Refused(
        "a weight of 1,001",
        pool(queue={"fairShare": {"weights": {"a": 1001}}}),
        "spec.queue.fairShare.weights.a",
        "less than or equal to 1000",
        schema=True,
    )
    yield Refused(
        "501 weights",
        pool(queue={"fairShare": {"weights": dict.fromkeys(names(501), 1)}}),
        "spec.queue.fairShare.weights",
        "at most 500 items",
        schema=True,
    )
    yield Refused(
        "maxPerTenant of 0",
        pool(queue={"maxPerTenant": 0}),
        "spec.queue.maxPerTenant",
        "greater than or equal to 1",
        schema=True,
    )
    access = "give either namespaces or namespaceSelector; leave access out to let all namespaces ask"
    yield Refused("access for nobody", pool(access={}), "spec.access", access)
    yield Refused(
        "access in two ways", pool(access={"namespaces": ["a"], "namespaceSelector": {}}), "spec.access", access
    )
    yield Refused(
        "an empty list of namespaces",
        pool(access={"namespaces": []}),
        "spec.access.namespaces",
        "at least 1 items",
        schema=True,
    )
    yield Refused(
        "1,001 namespaces",
        pool(access={"namespaces": names(1001)}),
        "spec.access.namespaces",
        "at most 1000 items",
        schema=True,
    )
    yield Refused(
        "a namespace with a dot", pool(access={"namespaces": ["a.b"]}), "spec.access.namespaces[0]", SHORT_NAME
    )
    yield Refused(
        "a pool that needs itself", pool("self", needs=[{"pool": "self"}]), "spec.needs", "a pool can't need itself"
    )
    yield Refused(
        "a pool needed twice",
        pool(needs=[{"pool": "x"}, {"pool": "x"}]),
        "spec.needs[1]",
        "Duplicate value",
        schema=True,
    )
    yield Refused(
        "17 needs", pool(needs=[{"pool": name} for name in names(17)]), "spec.needs", "at most 16 items", schema=True
    )
    yield Refused(
        "a need of 0",
        pool(needs=[{"pool": "x", "count": 0}]),
        "spec.needs[0].count",
        "greater than or equal to 1",
        schema=True,
    )
    yield Refused(
        "an unknown cleaner",
        pool(janitor={"provider": "gce"}),
        "spec.janitor.provider",
        'supported values: "none", "aws"',
        schema=True,
    )
    for attempts in (0, 101):
        yield Refused(
            f"maxAttempts of {attempts}",
            pool(janitor={"maxAttempts": attempts}),
            "spec.janitor.maxAttempts",
            "or equal to 1",
            schema=True,
        )


REFUSED = tuple(_pools())
