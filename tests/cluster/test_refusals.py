"""What can't be met: waited for a moment, since objects applied together arrive in any order, then refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.cluster.history import condition_of, status_of, why
from tests.cluster.world import World

pytestmark = pytest.mark.usefixtures("operator")

REFUSED_AFTER_S = 10.0  # design, section 2


async def test_a_lease_that_is_applied_before_its_pool_is_granted_when_the_pool_comes(world: World) -> None:
    await world.lease("a", world.named("late"))
    await world.says("Lease", "a", "Accepted", "PoolNotFound")
    assert condition_of(world.seen_lease("a"), "Accepted") == "Unknown"
    assert status_of(world.seen_lease("a"))["state"] == "Waiting"
    await world.pool("late", count=1)
    assert await world.ready("a") == [f"{world.named('late')}-0"]
    history = await world.recorder.history()
    states = [status_of(event.body).get("state") for event in history.of("Lease", "a", world.name)]
    assert "Refused" not in states


async def test_a_lease_for_more_than_its_pool_has_is_granted_when_the_pool_grows_in_time(world: World) -> None:
    pool = await world.pool("p", count=1)
    await world.lease("a", pool, count=2)
    await world.says("Lease", "a", "Accepted", "CountExceedsPool")
    await world.patch_pool(pool, resources={"count": 2})
    assert len(await world.ready("a")) == 2


async def test_what_can_never_be_met_is_refused_after_ten_seconds_with_a_sentence(world: World) -> None:
    """One test, because all of them have to wait for the same ten seconds."""
    pool = await world.pool("p", count=2, lease={"releaseStates": ["free", "dirty"]})
    await world.stocked(pool, 2)
    await world.lease("holder", pool)
    await world.ready("holder")
    await world.lease("accepted", pool, count=2)
    await world.waits("accepted", "WaitingForCapacity")
    await world.lease("no-pool", world.named("nowhere"))
    await world.lease("too-many", pool, count=3)
    await world.lease("too-many-in-all", requests=[{"name": n, "pool": pool} for n in ("a", "b", "c")])
    await world.lease("no-such-name", pool, names=[world.named("unheard-of")])
    await world.lease("no-such-wish", pool, releaseState="precious")
    await world.patch_pool(pool, resources={"count": 1})  # changes of a pool never refuse who was accepted

    reads = await reads_of_pools(world)
    begun = asyncio.get_running_loop().time()
    message = await world.refused("no-pool", "PoolNotFound", REFUSED_AFTER_S + 10)
    assert await reads_of_pools(world) > reads  # nobody is refused for what a watch has not shown yet
    assert asyncio.get_running_loop().time() - begun > REFUSED_AFTER_S - 2
    assert message == f"there is no pool {world.named('nowhere')}: create it, or correct the request's pool"
    assert "1" in await world.refused("too-many", "CountExceedsPool")
    assert "3 of pool" in await world.refused("too-many-in-all", "CountExceedsPool")
    assert world.named("unheard-of") in await world.refused("no-such-name", "NoMatchingResource")
    message = await world.refused("no-such-wish", "ReleaseStateNotAllowed")
    assert "precious" in message
    assert "free, dirty" in message
    lease = await world.read_lease("no-such-wish")
    assert condition_of(lease, "Accepted") == "False"
    assert condition_of(lease, "Ready") == "False"
    assert status_of(await world.read_lease("accepted"))["state"] == "Waiting"
    await world.pool("nowhere", count=1)  # too late: a refused lease stays refused
    await world.stocked(world.named("nowhere"), 1)
    assert status_of(await world.read_lease("no-pool"))["state"] == "Refused"


async def reads_of_pools(world: World) -> float:
    """How many GETs of single Pools the API server has answered."""
    lines = (await world.client.get_raw("/metrics")).decode().splitlines()
    wanted = ('resource="pools"', 'verb="GET"', 'group="lessor.dev"')
    name = "apiserver_request_total{"
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and all(w in line for w in wanted)
    )


async def test_a_lease_whose_pool_is_deleted_waits_until_it_is_back(world: World) -> None:
    pool = await world.pool("p", count=1)
    await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    await world.delete_pool(pool)
    await world.waits("b", "PoolPaused")
    await world.delete_lease("a")
    await world.gone("Pool", pool)
    await world.waits("b", "PoolNotFound")
    assert condition_of(world.seen_lease("b"), "Accepted") == "True"
    await world.pool("p", count=1)
    assert await world.ready("b") == [f"{pool}-0"]


# Each field that has no effect in this version: what is said of it names it.
LEASES: dict[str, dict[str, Any]] = {
    "spec.requests[main].clusterProfile": {"requests": [{"clusterProfile": "some"}]},
    "spec.adopt": {"adopt": True, "requests": [{"pool": "POOL", "names": ["POOL-0"]}]},
    "spec.outcome": {"outcome": {"result": "Succeeded"}},
}
POOLS: dict[str, dict[str, Any]] = {
    "spec.needs": {"needs": [{"pool": "some"}]},
    "spec.credentials": {"credentials": {"rotate": {"template": {}}}},
    "spec.resources.dynamic": {"resources": {"dynamic": {"min": 1, "max": 2}}},
    "spec.mode: HoldAndDrain": {"mode": "HoldAndDrain"},
    "spec.janitor": {"janitor": {"provider": "aws"}},
    "spec.template.credentialsSecret": {"template": {"credentialsSecret": "some"}},
    "spec.resources.items[NAME].credentialsSecret": {
        "resources": {"items": [{"name": "NAME", "credentialsSecret": "some"}]}
    },
}


def filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, words) for inner in value]
    for word, meaning in words.items() if isinstance(value, str) else ():
        value = value.replace(word, meaning)
    return value


async def test_a_lease_with_a_field_that_has_no_effect_yet_is_refused_at_once(world: World) -> None:
    pool = await world.pool("p", count=1)
    await world.stocked(pool, 1)
    for number, spec in enumerate(LEASES.values()):
        await world.lease(f"a{number}", pool, **filled(spec, {"POOL": pool}))
    for number, field in enumerate(LEASES):
        message = await world.refused(f"a{number}", "NotSupportedYet", REFUSED_AFTER_S / 2)
        assert message == f"this version does not support {field}: leave it out"
    assert all("holder" not in status_of(body) for body in world.resources_of(pool).values())


async def test_a_pool_with_a_field_that_has_no_effect_yet_is_not_ready_and_lends_nothing(world: World) -> None:
    names = {field: world.named(f"item{number}") for number, field in enumerate(POOLS)}
    pools = {}
    for number, (field, spec) in enumerate(POOLS.items()):
        given = {"resources": {"count": 1}} | filled(spec, {"NAME": names[field]})
        pools[field] = await world.pool(f"p{number}", **given)
        await world.lease(f"a{number}", pools[field])
    for number, (field, pool) in enumerate(pools.items()):
        message = await world.says("Pool", pool, "Ready", "NotSupportedYet")
        assert field.replace("NAME", names[field]) in message
        assert condition_of(world.seen_pool(pool), "Ready") == "False"
        await world.waits(f"a{number}", "PoolPaused")
        assert world.resources_of(pool) == {}


async def test_a_pool_lends_again_when_the_field_is_taken_out(world: World) -> None:
    pool = await world.pool("p", count=1, needs=[{"pool": "some"}])
    await world.lease("a", pool)
    await world.says("Pool", pool, "Ready", "NotSupportedYet")
    await world.patch_pool(pool, needs=None)
    await world.ready("a")
    await world.says("Pool", pool, "Ready", "Ready")


async def test_a_field_without_effect_takes_nothing_from_who_holds(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_pool(pool, needs=[{"pool": "some"}])
    await world.says("Pool", pool, "Ready", "NotSupportedYet")
    await world.lease("b", pool)
    await world.waits("b", "PoolPaused")
    assert why(await world.read_lease("a"), "Ready")[:2] == ("True", "Ready")
    await world.delete_lease("a")
    await world.is_in_state(name, "free")
    assert (await world.recorder.history()).holders(name) == [None, "a", None]
