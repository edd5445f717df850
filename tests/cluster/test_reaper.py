"""Holders that end, go silent, or only seem to, before a real API server. Pods never run here: the tests say what
becomes of them."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

from lessor.core.endings import reaped
from lessor.core.explain import overdue
from lessor.core.model import Lease
from lessor.core.reaper import Reason
from lessor.kube import codec, paths
from lessor.kube.calls import call_for
from lessor.kube.election import Timing
from lessor.kube.errors import Conflict
from tests.cluster.history import Json, is_bound, status_of, why
from tests.cluster.operators import OperatorProcess, Operators
from tests.cluster.pods import becomes, pod, remove_pod
from tests.cluster.world import World
from tests.kube.wire import Wire, through

JOBS = paths.Kind("batch", "v1", "jobs", True)
AT_ONCE = 12
SLOW = Timing(duration=15.0, deadline=12.0, retry=0.3)  # so that leadership is kept all the while


async def renew(world: World, name: str) -> Json:
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(random.randrange(2_000_000_000)))  # clocks may be years off
    return await world.patch_lease(name, {"spec": {"renewTime": f"{text}.{random.randrange(1_000_000):06}Z"}})


async def held_by(world: World, holder: Json, **spec: Any) -> str:
    """The Lease `a` has the one resource of a pool whose onLoss is `lost`; that resource's name."""
    name = await world.pool("p", count=1, lease={"onLoss": "lost"})
    await world.stocked(name, 1)
    await world.lease("a", name, holder=holder, **spec)
    (resource,) = await world.ready("a")
    return resource


async def ended(world: World, lease: str, reason: str, seconds: float = 20) -> str:
    message = await world.says("Lease", lease, "Finished", reason, seconds)
    assert status_of(world.seen_lease(lease))["state"] == "Expired"
    return message


# -- pods


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
@pytest.mark.parametrize("given", [True, False])
async def test_a_lease_ends_with_its_pod(world: World, operator: OperatorProcess, phase: str, given: bool) -> None:
    uid = await pod(world)
    resource = await held_by(world, {"pod": {"name": "p", "uid": uid} if given else {"name": "p"}})
    await world.says("Lease", "a", "HolderAlive", "PodRunning")
    await becomes(world, phase)
    await ended(world, "a", "HolderEnded")
    assert why(world.seen_lease("a"), "HolderAlive")[:2] == ("False", "HolderEnded")
    assert status_of(world.seen_lease("a")).get("holderUID", uid) == uid
    await world.is_in_state(resource, "lost")


async def test_a_pod_of_the_same_name_with_another_uid_is_not_the_holder(
    world: World, operator: OperatorProcess
) -> None:
    first = await pod(world)
    await held_by(world, {"pod": {"name": "p"}})
    await world.says("Lease", "a", "HolderAlive", "PodRunning")
    assert status_of(await world.read_lease("a"))["holderUID"] == first
    await remove_pod(world)
    await pod(world)
    await ended(world, "a", "HolderGone")


async def test_a_lease_keeps_what_it_has_while_its_pod_terminates(world: World, operator: OperatorProcess) -> None:
    uid = await pod(world, finalizers=["example.com/teardown"])
    resource = await held_by(world, {"pod": {"name": "p", "uid": uid}})
    await world.says("Lease", "a", "HolderAlive", "PodRunning")
    await remove_pod(world)
    await asyncio.sleep(1.0)  # time enough for an end that must not come
    assert is_bound(await world.read_lease("a"))
    path = paths.one(paths.PODS, "p", world.name)
    await world.client.merge_patch(path, {"metadata": {"finalizers": None}})
    await ended(world, "a", "HolderGone")
    await world.is_in_state(resource, "lost")


async def test_a_waiter_whose_pod_is_gone_leaves_the_queue(world: World, operator: OperatorProcess) -> None:
    uid = await pod(world)
    pool = await world.pool("p", count=1)
    await world.lease("holds", pool)
    await world.ready("holds")
    await world.lease("a", pool, holder={"pod": {"name": "p", "uid": uid}})
    await world.waits("a", "WaitingForCapacity")
    await remove_pod(world)
    await ended(world, "a", "HolderGone")


async def test_a_lease_lives_as_long_as_its_job(world: World, operator: OperatorProcess) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "none"}]}}
    body = {"metadata": {"name": "j"}, "spec": {"template": template, "suspend": True}}
    await world.client.create(paths.collection(JOBS, world.name), body)
    await held_by(world, {"ref": {"apiVersion": "batch/v1", "kind": "Job", "name": "j"}})
    await world.says("Lease", "a", "HolderAlive", "ObjectActive")
    await world.client.delete(paths.one(JOBS, "j", world.name))
    await ended(world, "a", "HolderGone")


async def test_an_object_of_a_kind_that_does_not_exist_ends_nothing_and_is_told(
    world: World, operator: OperatorProcess
) -> None:
    await held_by(world, {"ref": {"apiVersion": "nowhere.example.com/v1", "kind": "Nothing", "name": "n"}})
    await world.says("Lease", "a", "HolderAlive", "KindNotFound")
    assert is_bound(await world.read_lease("a"))


async def test_a_namespace_with_bound_leases_goes_and_what_they_held_comes_back(
    world: World, operator: OperatorProcess
) -> None:
    resource = await held_by(world, {})
    await world.client.delete(paths.one(paths.NAMESPACES, world.name))
    await world.recorder.until(
        f"{resource} is held by nobody", lambda: "holder" not in status_of(world.seen_resource(resource))
    )


# -- heartbeats


async def test_who_goes_silent_loses_what_it_has_and_who_renews_keeps_it(
    world: World, operator: OperatorProcess
) -> None:
    pool = await world.pool("p", count=2, lease={"onLoss": "lost", "renewWithin": "3s"})
    await world.stocked(pool, 2)
    await world.lease("silent", pool)
    await world.lease("lives", pool)
    await world.ready("silent", "lives")
    until = time.monotonic() + 8
    while time.monotonic() < until:
        await renew(world, "lives")
        await asyncio.sleep(0.5)
    await ended(world, "silent", "RenewalOverdue")
    assert is_bound(await world.read_lease("lives"))
    assert why(world.seen_lease("lives"), "HolderAlive")[:2] == ("True", "Renewed")


async def test_a_new_operator_does_not_blame_holders_for_the_time_in_which_none_ran(
    world: World, operators: Operators
) -> None:
    first = operators.start()
    await asyncio.to_thread(first.wait_leading)
    pool = await world.pool("p", count=1)
    await world.lease("a", pool, renewWithin="4s")
    await world.ready("a")
    first.kill()
    await asyncio.sleep(3)
    await renew(world, "a")
    second = operators.start()
    await asyncio.to_thread(second.wait_leading)
    await asyncio.sleep(1)
    assert is_bound(await world.read_lease("a"))
    await ended(world, "a", "RenewalOverdue")


@pytest.mark.parametrize("how", ["cut off", "frozen"])
async def test_an_operator_that_heard_nothing_for_a_while_gives_everybody_a_full_term(
    world: World, operators: Operators, tmp_path: Path, how: str
) -> None:
    wire = Wire(world.plane.server)
    async with wire.open() as server:
        kubeconfig = through(world.plane, server, tmp_path / "kubeconfig")
        operator = operators.start("--kubeconfig", str(kubeconfig), timing=SLOW)
        await asyncio.to_thread(operator.wait_leading)
        pool = await world.pool("p", count=1)
        await world.lease("a", pool, renewWithin="6s")
        await world.ready("a")
        wire.mute = how == "cut off"
        if how == "frozen":
            operator.freeze()
        await asyncio.sleep(9)
        wire.mute = False
        operator.thaw()
        await asyncio.sleep(4)
        assert is_bound(await world.read_lease("a"))
        await ended(world, "a", "RenewalOverdue")


async def test_the_age_of_a_renewal_is_in_the_lease_whoever_renews_it(world: World, operator: OperatorProcess) -> None:
    pool = await world.pool("p", count=1)
    await world.lease("a", pool)
    await world.ready("a")
    first = codec.lease(await renew(world, "a")).renewed_at
    assert first is not None
    assert abs(first - time.time()) < 5
    await asyncio.sleep(2.1)  # whole seconds
    same = await world.patch_lease("a", {"metadata": {"labels": {"other": "change"}}})
    again = codec.lease(await renew(world, "a")).renewed_at
    assert again is not None
    assert again - first >= 2
    assert codec.lease(same).renewal != codec.lease(await world.read_lease("a")).renewal


async def test_limits_of_time_end_a_lease_each_for_its_reason(world: World, operator: OperatorProcess) -> None:
    pool = await world.pool("p", count=3, lease={"onLoss": "lost"})
    names = await world.stocked(pool, 3)
    await world.lease("long", pool, maxDuration="2s")
    await world.lease("uncollected", pool, collectWithin="2s")
    await world.lease("collected", pool, collectWithin="3s")
    await world.ready("long", "uncollected", "collected")
    await renew(world, "collected")
    await world.lease("waits", pool, count=3, waitTimeout="2s")
    await world.lease("silent", pool, count=3, waiterRenewWithin="2s")
    for lease, reason in {
        "long": "MaxDuration",
        "uncollected": "NotCollected",
        "waits": "WaitTimeout",
        "silent": "WaiterSilent",
    }.items():
        await ended(world, lease, reason)
    await world.recorder.until(
        "one is lost, one is free again, one is held",
        lambda: sorted(status_of(world.seen_resource(n)).get("state", "") for n in names) == ["free", "leased", "lost"],
    )
    assert is_bound(await world.read_lease("collected"))


async def test_a_finished_lease_goes_after_its_time_to_live(world: World, operator: OperatorProcess) -> None:
    pool = await world.pool("p", count=1)
    await world.lease("a", pool, ttlAfterFinished="1s")
    await world.ready("a")
    await world.patch_lease("a", {"spec": {"release": [{"name": "*"}]}})
    await world.gone("Lease", "a")


# -- the race


@pytest.mark.parametrize("races", [200, pytest.param(1000, marks=pytest.mark.long)])
async def test_a_renewal_and_an_end_that_race_never_end_a_lease_that_was_renewed(
    world: World, operator: OperatorProcess, races: int
) -> None:
    """The operator's own call that ends a Lease, sent at the same moment as a renewal: again until it was in time."""
    pool = await world.pool("p", count=AT_ONCE)
    await world.stocked(pool, AT_ONCE)
    won = {"renewal": 0, "end": 0}

    async def one_after_the_other(racer: int) -> None:
        number = 0
        while sum(won.values()) < races:
            name = await world.lease(f"r{racer}-{number}", pool)
            await world.ready(name)
            while (winner := await _race(world, codec.lease(await world.read_lease(name)))) == "renewal":
                won[winner] += 1
            won[winner] += 1
            await world.delete_lease(name)
            number += 1

    await asyncio.gather(*(one_after_the_other(racer) for racer in range(AT_ONCE)))
    assert min(won.values()) > races / 20, f"it was no race: {won}"


async def _race(world: World, lease: Lease) -> str:
    """Whose write came first. The other has no effect: there is no end after a renewal."""
    end = call_for(reaped(lease, overdue(Reason.RENEWAL_OVERDUE, 1800.0)), time.time())

    async def ends() -> bool:
        await asyncio.sleep(random.uniform(0, 0.003))
        try:
            await world.client.merge_patch(end.path, end.body or {}, subresource=end.subresource)
        except Conflict:
            return False
        return True

    async def renews() -> Json:
        await asyncio.sleep(random.uniform(0, 0.003))
        return await renew(world, lease.name)

    was_ended, renewed = await asyncio.gather(ends(), renews())
    now = await world.read_lease(lease.name)
    if is_bound(renewed):
        assert not was_ended
        assert is_bound(now)
        return "renewal"
    assert status_of(now)["reason"] == "RenewalOverdue"
    return "end"
