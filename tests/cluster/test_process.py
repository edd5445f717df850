"""The operator as a process: what it says of itself, how it starts and ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lessor.kube import paths
from tests.cluster.history import status_of
from tests.cluster.operators import OperatorProcess, Operators
from tests.cluster.recorder import ANCHOR
from tests.cluster.world import World
from tests.kube.wire import eventually, service_account

ROLES = paths.Kind("rbac.authorization.k8s.io", "v1", "clusterroles")
BINDINGS = paths.Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings")


async def test_it_says_that_it_is_alive_and_ready_and_serves_its_metrics(
    world: World, operator: OperatorProcess
) -> None:
    pool = await world.pool("p", count=2)
    await world.lease("a", pool)
    await world.ready("a")
    assert operator.get("/healthz") == (200, "ok\n")
    assert operator.get("/readyz") == (200, "ok\n")
    assert operator.metric("lessor_leader") == 1
    assert operator.metric('lessor_writes_total{action="Bind",result="ok"}') >= 1
    assert operator.metric("lessor_exclusivity_violations_total") == 0
    assert operator.get("/nowhere")[0] == 404


async def test_it_is_not_ready_before_it_has_listed_everything_and_says_why(
    world: World, operators: Operators, tmp_path: Path
) -> None:
    """With an account that may not list our kinds until somebody gives it the right."""
    kubeconfig = await service_account(world.client, world.plane, world.name, "operator", tmp_path / "kubeconfig")
    rules = [
        {"apiGroups": ["lessor.dev"], "resources": ["pools"], "verbs": ["*"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    ]
    await world.client.create(paths.collection(ROLES), {"metadata": {"name": world.name}, "rules": rules})
    binding = {
        "metadata": {"name": world.name},
        "roleRef": {"apiGroup": ROLES.group, "kind": "ClusterRole", "name": world.name},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": world.name}],
    }
    await world.client.create(paths.collection(BINDINGS), binding)
    try:
        operator = operators.start("--kubeconfig", str(kubeconfig))
        await asyncio.to_thread(lambda: operator.address)
        await eventually("it leads", lambda: asyncio.to_thread(lambda: operator.leads))
        status, text = await asyncio.to_thread(operator.get, "/readyz")
        assert status == 503
        assert "not everything is listed yet" in text
        assert (await asyncio.to_thread(operator.get, "/healthz"))[0] == 200
        rules[0]["resources"] = ["*"]
        await world.client.merge_patch(paths.one(ROLES, world.name), {"rules": rules})
        await asyncio.to_thread(operator.wait_ready)
        pool = await world.pool("p", count=1)
        await world.lease("a", pool)
        await world.ready("a")
    finally:
        await world.client.delete(paths.one(BINDINGS, world.name))
        await world.client.delete(paths.one(ROLES, world.name))


async def test_without_the_namespace_of_its_election_it_ends_in_a_sentence(world: World, operators: Operators) -> None:
    operator = operators.start("--namespace", world.named("nowhere"))
    assert await asyncio.to_thread(operator.process.wait, 60) == 1
    operator.ended = True
    assert f"there is no namespace {world.named('nowhere')} for the leader election" in operator.text
    assert f"kubectl create namespace {world.named('nowhere')}" in operator.text


async def test_nothing_is_written_for_what_does_not_change(world: World, operators: Operators) -> None:
    """Not at a resync, which happens each second here, and not by an operator that starts."""
    first = operators.start("--resync", "1s")
    await asyncio.to_thread(first.wait_leading)
    held, idle = await world.pool("held", count=1), await world.pool("idle", count=3)
    paused = await world.pool("paused", count=1, mode="Hold")
    await world.stocked(idle, 3)
    await world.stocked(paused, 1)
    await world.lease("holds", held)
    await world.ready("holds")
    await world.lease("waits", held)
    await world.waits("waits", "WaitingForCapacity")
    await world.lease("paused", paused)
    await world.waits("paused", "PoolPaused")
    await world.lease("refused", idle, outcome={"result": "Succeeded"})
    await world.refused("refused", "NotSupportedYet")
    for pool, free, waiting in ((held, 0, 1), (idle, 3, 0), (paused, 1, 1), (ANCHOR, 0, 0)):
        await world.recorder.until(
            f"the last word about {pool}",
            lambda pool=pool, told=(free, waiting): counts(world, pool) == told,  # type: ignore[misc]
            30,
        )
    resyncs = await asyncio.to_thread(first.metric, "lessor_resync_seconds_count")
    await world.recorder.silent(3)
    assert await asyncio.to_thread(first.metric, "lessor_resync_seconds_count") > resyncs
    assert await asyncio.to_thread(first.terminate) == 0
    second = operators.start("--resync", "1s")
    await asyncio.to_thread(second.wait_leading)
    await world.recorder.silent(3)


def counts(world: World, pool: str) -> tuple[int, int]:
    """How many a Pool says are free, and how many wait."""
    status = status_of(world.seen_pool(pool))
    return status.get("counts", {}).get("free", -1), status.get("waiting", -1)
