"""Leases that are well-formed and odd: forged statuses, strange holders, wrong clocks, limits that contradict each
other."""

from __future__ import annotations

import pytest

from lessor.kube import paths
from tests.cluster.history import Json, condition_of, is_bound, status_of
from tests.cluster.pods import pod
from tests.cluster.world import World
from tests.kube.wire import eventually

pytestmark = pytest.mark.usefixtures("operator")

IMPOSSIBLE = (
    ("../../healthz", "Pod"),
    ("../openapi/v2?x=", "Pod"),
    ("v1#", "Pod"),
    ("v1?x=", "Pod"),
    ("a/b/c", "Pod"),
    ("..", "Pod"),
    (" ", "Pod"),
    ("v1/namespaces/default/pods", "Pod"),
    ("v1", "Binding"),
    ("authorization.k8s.io/v1", "LocalSubjectAccessReview"),
    ("v1", "../Pod"),
)
DAYS = ("2026-11-23T15:00:00.000001Z", "2026-11-25T15:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")


async def test_of_a_holder_that_nobody_can_watch_it_is_said_so_whatever_its_kind_is(world: World) -> None:
    """Its Lease would live for ever if the operator went on trying. Some of these lead elsewhere as parts of a path."""
    pool = await world.pool("p", count=1)
    for number, (api_version, kind) in enumerate(IMPOSSIBLE):
        ref = {"apiVersion": api_version, "kind": kind, "name": "n"}
        await world.lease(f"a{number}", pool, holder={"ref": ref})
    for number in range(len(IMPOSSIBLE)):
        await world.says("Lease", f"a{number}", "HolderAlive", "KindNotFound")


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
    for name in names:
        assert is_bound(await world.read_lease(name))
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


async def test_a_status_forged_by_hand_gets_its_author_nothing_and_harms_no_holder(world: World) -> None:
    """Without the admission policies, which keep everybody from it. Who has forged a claim keeps a resource from the
    others until that Lease ends, and never has it."""
    pool = await world.pool("p", count=2)
    held, idle = await world.stocked(pool, 2)
    await world.lease("holds", pool, names=[held])
    await world.ready("holds")
    world.forged = ("forger",)
    await world.lease("forger", pool, names=[held])
    await world.waits("forger", "WaitingForCapacity")
    entry = {"name": held, "request": "main", "pool": pool, "epoch": 99}
    forged: Json = {"status": {"state": "Bound", "resources": [entry]}}
    await world.patch_lease("forger", forged, subresource="status")
    await world.lease("other", pool)
    assert await world.ready("other") == [idle]
    assert status_of(await world.read_resource(held))["holder"]["name"] == "holds"
    assert condition_of(await world.read_lease("holds"), "Ready") == "True"
    await world.delete_lease("holds")
    await world.lease("next", pool, names=[held])
    await world.waits("next", "WaitingForCapacity")
    await world.delete_lease("forger")
    await world.ready("next")


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
