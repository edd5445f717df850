"""The queue on a real API server: selectors, alternatives, fair shares and limits, and what the statuses say."""

from __future__ import annotations

import pytest

from tests.cluster.history import entries_of
from tests.cluster.world import World

pytestmark = pytest.mark.usefixtures("operator")


async def test_selectors_and_alternatives_are_met_and_shown_as_they_were_read(world: World) -> None:
    items = [{"name": world.named(f"aws-{size}"), "labels": {"size": size}} for size in ("small", "large")]
    aws = await world.pool("aws", resources={"items": items})
    gcp = await world.pool("gcp", count=1)
    await world.stocked(aws, 2)
    await world.stocked(gcp, 1)
    large = {"matchLabels": {"size": "large"}}
    ways = [{"pool": world.named("nowhere")}, {"pool": aws, "selector": large}, {"pool": gcp, "count": 1}]
    await world.lease("a", requests=[{"name": "any", "firstOf": ways}, {"name": "slice", "pool": gcp}])
    await world.ready("a")
    lease = await world.read_lease("a")
    assert {(e["request"], e["name"]) for e in entries_of(lease)} == {
        ("any", world.named("aws-large")),
        ("slice", f"{gcp}-0"),
    }
    assert lease["status"]["requests"] == [
        {"name": "any", "count": 1, "firstOf": [{"count": 1, **way} for way in ways]},
        {"name": "slice", "count": 1, "pool": gcp},
    ]


async def test_a_selector_that_nothing_fits_is_refused_with_a_sentence(world: World) -> None:
    pool = await world.pool("aws", count=1)
    await world.stocked(pool, 1)
    asked = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["x", "y"]}]}
    await world.lease("a", requests=[{"pool": pool, "selector": asked}])
    message = await world.says("Lease", "a", "Finished", "NoMatchingResource")
    expected = f"pool {pool} has no resource with labels zone in (x,y): correct the request, or the labels in the pool"
    assert message == expected


async def test_a_tenant_waits_at_its_limit_and_fair_shares_are_lent_by(world: World) -> None:
    fair = {"by": "Label", "labelKey": "team"}
    pool = await world.pool("aws", count=3, queue={"maxPerTenant": 2, "fairShare": fair, "maxPriority": 3})
    await world.stocked(pool, 3)
    for name in ("a", "b", "c"):
        await world.lease(name, pool, priority=9)
    await world.ready("a", "b")
    message = await world.says("Lease", "c", "Bound", "TenantLimitReached")
    assert message == f"tenant {world.name} holds 2 of pool {pool} and may hold 2; 1 more are asked for"
    assert (await world.read_lease("a"))["status"]["terms"]["priority"] == 3
    await world.delete_lease("a")
    await world.ready("c")
