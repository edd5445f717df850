"""The first lease, end to end: granted, released, handed on; who is next; all or nothing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.cluster.history import condition_of, entries_of, holder_of, names_of, status_of, version_of
from tests.cluster.world import World

pytestmark = pytest.mark.usefixtures("operator")


async def test_a_pool_that_is_applied_has_its_resources_free_and_with_a_finalizer(world: World) -> None:
    pool = await world.pool("slice", count=3)
    names = await world.stocked(pool, 3)
    assert names == [f"{pool}-{n}" for n in range(3)]
    for name in names:
        resource = await world.read_resource(name)
        assert resource["metadata"]["finalizers"] == ["lessor.dev/protection"]
        assert resource["status"]["state"] == "free"
        assert "holder" not in resource["status"]
    await world.says("Pool", pool, "Ready", "Ready")
    await world.recorder.until("the pool counts them", lambda: status_of(world.seen_pool(pool)).get("total") == 3)
    assert (await world.read_pool(pool))["status"]["counts"] == {"free": 3, "leased": 0, "dirty": 0}


async def test_the_first_lease_becomes_ready_and_says_what_it_holds(world: World) -> None:
    await world.pool(
        "aws",
        resources={"items": [{"name": world.named("aws-1"), "attributes": {"region": "us-east-1"}}]},
        template={"attributes": {"platform": "aws", "account": "of-$(NAME)"}},
    )
    await world.lease("e2e", world.named("aws"), holder={"identity": "pull-ci e2e"})
    assert await world.ready("e2e") == [world.named("aws-1")]
    lease = await world.read_lease("e2e")
    resource = await world.read_resource(world.named("aws-1"))
    assert entries_of(lease) == [
        {
            "name": world.named("aws-1"),
            "request": "main",
            "pool": world.named("aws"),
            "epoch": resource["status"]["epoch"],
            "attributes": {"region": "us-east-1", "platform": "aws", "account": f"of-{world.named('aws-1')}"},
        }
    ]
    assert lease["status"]["state"] == "Bound"
    assert lease["status"]["boundTime"]
    assert lease["status"]["terms"]["renewWithin"] == "30m"
    holder = resource["status"]["holder"]
    assert (holder["namespace"], holder["name"], holder["uid"]) == (world.name, "e2e", lease["metadata"]["uid"])
    assert holder["identity"] == "pull-ci e2e"
    assert resource["status"]["state"] == "leased"


async def test_a_grant_is_five_writes_from_create_to_free(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.says("Pool", pool, "Ready", "Ready")
    before = version_of(await world.read_resource(name))
    await world.lease("a", pool)
    await world.ready("a")
    await world.delete_lease("a")
    await world.is_in_state(name, "free")
    history = await world.recorder.history()
    leases = [event.change for event in history.of("Lease", namespace=world.name)]
    assert leases == ["ADDED", "MODIFIED", "DELETED"]  # create, bind, delete
    assert len([e for e in history.of("Resource", name) if e.version > before]) == 2  # claim, free


async def test_a_deleted_lease_hands_its_resource_to_the_next_in_line_in_one_write(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    message = await world.waits("b", "WaitingForCapacity")
    assert pool in message
    await world.delete_lease("a")
    assert await world.ready("b") == [name]
    history = await world.recorder.history()
    assert history.holders(name) == [None, "a", "b"]
    resource = await world.read_resource(name)
    assert [(past["name"], past["ended"]) for past in resource["status"]["lastHolders"]] == [("a", "Deleted")]


async def test_the_line_is_by_priority_and_then_by_arrival(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("holder", pool)
    await world.ready("holder")
    for lease in ("one", "two", "urgent", "three"):
        await world.lease(lease, pool, priority=5 if lease == "urgent" else 0)
        await world.waits(lease, "WaitingForCapacity")
    # Arrival is the API server's creationTimestamp, which has whole seconds; the uid decides within one.
    arrived = {
        lease: (meta["creationTimestamp"], meta["uid"])
        for lease in ("one", "two", "three")
        if (meta := world.seen_lease(lease)["metadata"])
    }
    line = ["holder", "urgent", *sorted(arrived, key=lambda lease: arrived[lease])]
    for current, following in itertools.pairwise(line):
        await world.delete_lease(current)
        assert await world.ready(following) == [name]
    history = await world.recorder.history()
    assert history.holders(name) == [None, *line]


async def test_several_of_one_pool_are_granted_together_or_not_at_all(world: World) -> None:
    pool = await world.pool("p", count=3)
    await world.stocked(pool, 3)
    await world.lease("one", pool)
    (held,) = await world.ready("one")
    await world.lease("three", pool, count=3)
    await world.waits("three", "WaitingForCapacity")
    assert {name for name, body in world.resources_of(pool).items() if holder_of(body)} == {held}
    await world.delete_lease("one")
    assert sorted(await world.ready("three")) == [f"{pool}-{n}" for n in range(3)]


async def test_requests_of_several_pools_are_granted_together_or_not_at_all(world: World) -> None:
    aws, gcp = await world.pool("aws", count=1), await world.pool("gcp", count=2)
    await world.stocked(aws, 1)
    await world.stocked(gcp, 2)
    await world.lease("a", aws)
    await world.ready("a")
    await world.lease("both", requests=[{"name": "aws", "pool": aws}, {"name": "gcp", "pool": gcp, "count": 2}])
    message = await world.waits("both", "WaitingForOtherPool")
    assert aws in message
    assert gcp not in message
    await world.lease("c", gcp)  # what cannot be used whole is not kept back from others
    await world.ready("c")
    await world.delete_lease("c")
    await world.delete_lease("a")
    await world.ready("both")
    entries = entries_of(await world.read_lease("both"))
    assert sorted((entry["request"], entry["name"]) for entry in entries) == [
        ("aws", f"{aws}-0"),
        ("gcp", f"{gcp}-0"),
        ("gcp", f"{gcp}-1"),
    ]


async def test_a_lease_may_ask_by_name_and_gets_none_but_these(world: World) -> None:
    pool = await world.pool("p", names=["x", "y", "z"])
    await world.stocked(pool, 3)
    x, y, z = map(world.named, "xyz")
    await world.lease("y", pool, names=[y])
    assert await world.ready("y") == [y]
    await world.lease("again", pool, names=[y])
    await world.waits("again", "WaitingForCapacity")
    await world.lease("two", pool, names=[x, y, z], count=2)
    assert sorted(await world.ready("two")) == [x, z]
    await world.delete_lease("y")
    assert await world.ready("again") == [y]


async def test_a_request_by_name_leaves_the_others_to_a_request_without(world: World) -> None:
    pool = await world.pool("p", names=["x", "y"])
    await world.stocked(pool, 2)
    x = world.named("x")
    await world.lease("a", requests=[{"name": "any", "pool": pool}, {"name": "mine", "pool": pool, "names": [x]}])
    await world.ready("a")
    entries = {entry["request"]: entry["name"] for entry in entries_of(await world.read_lease("a"))}
    assert entries == {"mine": x, "any": world.named("y")}


async def test_a_lease_that_is_deleted_while_it_waits_holds_nothing_and_is_passed_over(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    for lease in "abc":
        await world.lease(lease, pool, priority=-ord(lease))
    await world.ready("a")
    await world.delete_lease("b")
    await world.delete_lease("a")
    assert await world.ready("c") == [name]
    history = await world.recorder.history()
    assert history.holders(name) == [None, "a", "c"]


async def test_a_lease_of_a_name_that_is_used_again_is_another_lease(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    for _ in range(3):
        await world.lease("same", pool)
        await world.ready("same")
        await world.delete_lease("same")
    await world.is_in_state(name, "free")
    history = await world.recorder.history()
    uids = [holder["uid"] for e in history.of("Resource", name) if (holder := holder_of(e.body))]
    assert len(set(uids)) == 3


async def test_a_lease_with_somebody_elses_finalizer_is_released_when_it_is_deleted(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_lease("a", {"metadata": {"finalizers": ["example.com/bookkeeping"]}})
    await world.delete_lease("a")
    await world.is_in_state(name, "free")
    lease = await world.read_lease("a")
    assert lease["status"]["state"] == "Released"
    assert names_of(lease) == []
    assert condition_of(lease, "Ready") == "False"
    await world.patch_lease("a", {"metadata": {"finalizers": None}})
    await world.gone("Lease", "a")


async def test_the_longest_idle_is_lent_first(world: World) -> None:
    pool = await world.pool("p", count=2)
    await world.stocked(pool, 2)
    order: list[Any] = []
    for lease in "abcd":
        await world.lease(lease, pool)
        order += await world.ready(lease)
        await world.delete_lease(lease)
        await world.is_in_state(order[-1], "free")
    assert order[0] != order[1]
    assert order == order[:2] * 2
