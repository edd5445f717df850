"""Leases that are well-formed and odd: forged statuses, strange holders, wrong clocks, limits that contradict each
other."""

from __future__ import annotations

import pytest

from lessor.kube import paths
from tests.cluster.history import Json, condition_of, entries_of, is_bound, status_of, why
from tests.cluster.pods import pod
from tests.cluster.world import World
from tests.kube.wire import eventually

pytestmark = pytest.mark.usefixtures("operator")

DAYS = ("2026-11-23T15:00:00.000001Z", "2026-11-25T15:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")


@pytest.mark.parametrize(
    "api_version", ["../../healthz", "../openapi/v2?x=", "v1#", "a/b/c", "..", " ", "v1/namespaces/x"]
)
async def test_a_holder_of_an_impossible_kind_is_said_to_be_none_and_a_heartbeat_is_asked_for(
    world: World, api_version: str
) -> None:
    pool = await world.pool("p", count=1)
    ref = {"apiVersion": api_version, "kind": "Pod", "name": "n"}
    await world.lease("a", pool, holder={"ref": ref}, waitTimeout="1h")
    await world.says("Lease", "a", "HolderAlive", "KindNotFound")


async def test_who_names_a_kind_that_is_not_there_has_to_renew(world: World) -> None:
    pool = await world.pool("p", count=2, lease={"renewWithin": "3s", "onLoss": "lost"})
    await world.stocked(pool, 2)
    ref = {"apiVersion": "nowhere.example.com/v1", "kind": "Nothing", "name": "n"}
    await world.lease("a", pool, holder={"ref": ref})
    await world.ready("a")
    assert "renewed" in await world.says("Lease", "a", "HolderAlive", "KindNotFound")
    await world.says("Lease", "a", "Finished", "RenewalOverdue")


async def test_clocks_that_are_a_day_or_an_age_off_neither_end_a_lease_nor_keep_it(world: World) -> None:
    pool = await world.pool("p", count=len(DAYS), lease={"renewWithin": "5s"})
    await world.stocked(pool, len(DAYS))
    names = [await world.lease(f"a{number}", pool, renewTime=time) for number, time in enumerate(DAYS)]
    await world.ready(*names)
    for name, time in zip(names, reversed(DAYS), strict=True):
        await world.patch_lease(name, {"spec": {"renewTime": time}})
        await world.says("Lease", name, "HolderAlive", "Renewed")
    assert all(is_bound(await world.read_lease(name)) for name in names)
    for name in names:
        await world.says("Lease", name, "Finished", "RenewalOverdue")


async def test_a_waiter_that_gives_up_before_anything_is_kept_for_it_leaves_nothing_kept(world: World) -> None:
    pool = await world.pool("p", count=2, queue={"reserveAfter": "1h"})
    await world.stocked(pool, 2)
    await world.lease("one", pool)
    await world.ready("one")
    await world.lease("two", pool, count=2, waitTimeout="1s")
    await world.says("Lease", "two", "Finished", "WaitTimeout")
    await world.lease("three", pool)
    await world.ready("three")


async def test_a_status_forged_by_hand_gets_its_author_nothing_and_harms_nobody(world: World) -> None:
    """Without the admission policies, which keep everybody from it."""
    pool = await world.pool("p", count=2)
    held, idle = await world.stocked(pool, 2)
    await world.lease("holds", pool, names=[held])
    await world.ready("holds")
    await world.lease("forger", pool, names=[held])
    await world.waits("forger", "WaitingForCapacity")
    for claimed in (held, idle):
        entry = {"name": claimed, "request": "main", "pool": pool, "epoch": 99}
        forged: Json = {"status": {"state": "Bound", "resources": [entry]}}
        await world.patch_lease("forger", forged, subresource="status")
        assert entries_of(await world.read_lease("forger"))
        break
    assert status_of(await world.read_resource(held))["holder"]["name"] == "holds"
    await world.lease("other", pool)
    assert await world.ready("other") == [idle]
    assert condition_of(await world.read_lease("holds"), "Ready") == "True"
    await world.delete_lease("holds")


async def test_a_namespace_whose_leases_pods_hold_goes_and_what_they_held_is_lent_again(world: World) -> None:
    uid = await pod(world)
    pool = await world.pool("p", count=2)
    names = await world.stocked(pool, 2)
    await world.lease("a", pool, holder={"pod": {"name": "p", "uid": uid}})
    await world.lease("b", pool)
    await world.ready("a", "b")
    await world.says("Lease", "a", "HolderAlive", "PodRunning")
    await world.client.delete(paths.one(paths.NAMESPACES, world.name))
    # Nothing runs a pod here, so nothing else ends the one that waits for its node.
    for name in names:
        await world.is_in_state(name, "free")

    async def gone() -> bool:
        done = world.plane.kubectl("get", "namespace", world.name, check=False)
        return done.returncode == 1

    await eventually("the namespace is gone", gone, 30)
