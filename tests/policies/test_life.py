"""The operator as it is installed: the account of deploy/rbac, with the policies, for as long as a lease lives."""

from __future__ import annotations

import asyncio

import pytest

from lessor.kube import paths
from lessor.kube.client import Client
from tests.cluster.history import Json, condition_of, status_of
from tests.cluster.operators import OperatorProcess, Operators
from tests.cluster.world import World
from tests.kube.wire import eventually
from tests.policies.people import People, Person, is_gone


@pytest.fixture
async def operator(operators: Operators, operator_account: Person) -> OperatorProcess:
    """Leads with its own account's token, not with cluster-admin's."""
    made = operators.start("--kubeconfig", str(operator_account.kubeconfig))
    await asyncio.to_thread(made.wait_leading)
    return made


def assert_was_refused_nothing(operator: OperatorProcess) -> None:
    said = operator.text.lower()
    assert "forbidden" not in said and "cannot" not in said, operator.text[-5000:]
    assert 'result="refused"' not in operator.get("/metrics")[1]


async def test_a_pool_and_a_lease_live_and_end(operator: OperatorProcess, world: World, people: People) -> None:
    person = await people.plain(world.name, "person")
    pool = await world.pool("p", count=2)
    both = await world.stocked(pool, 2)
    await world.patch_pool(pool, template={"attributes": {"region": "us-east-1"}})
    await world.recorder.until("they are changed", lambda: all(map(_has_attributes, world.resources_of(pool).values())))

    await person.lease(world.name, "a", pool)
    held = await world.ready("a")
    await person.lease(world.name, "b", requests=[{"pool": pool, "count": 2}])
    await world.waits("b", "WaitingForCapacity")
    await person.patch(world.name, "a", renewTime="2026-11-24T12:00:00Z")
    await person.delete(world.name, "a")
    assert sorted(await world.ready("b")) == both
    assert held[0] in both

    await world.delete_pool(pool)
    await world.says("Pool", pool, "Ready", "Deleting")
    await person.patch(world.name, "b", release=[{"name": "*"}])
    await world.gone("Pool", pool)
    assert not world.resources_of(pool)
    assert status_of(await world.read_lease("b"))["state"] == "Released"
    await asyncio.to_thread(assert_was_refused_nothing, operator)


async def test_who_names_an_object_that_the_operator_may_not_read_is_told_so_and_has_to_renew(
    operator: OperatorProcess, world: World
) -> None:
    pool = await world.pool("p", count=1, lease={"renewWithin": "3s"})
    await world.stocked(pool, 1)
    await world.lease("a", pool, holder={"ref": {"apiVersion": "v1", "kind": "ConfigMap", "name": "c"}})
    message = await world.says("Lease", "a", "HolderAlive", "Forbidden")
    assert 'cannot list resource "configmaps"' in message
    assert condition_of(world.seen_lease("a"), "HolderAlive") == "Unknown"
    await world.says("Lease", "a", "Finished", "RenewalOverdue")


async def test_an_operator_that_runs_as_cluster_admin_is_let_too(operators: Operators, world: World) -> None:
    """As `make run` does, if somebody installs the policies there."""
    made = operators.start()
    await asyncio.to_thread(made.wait_leading)
    pool = await world.pool("p", count=1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.delete_lease("a")
    await world.delete_pool(pool)
    await world.gone("Pool", pool)
    await asyncio.to_thread(assert_was_refused_nothing, made)


async def test_a_namespace_with_leases_that_pods_hold_is_deleted_and_goes(
    operator: OperatorProcess, world: World, people: People, admin: Client
) -> None:
    jobs = await people.namespace("going")
    pool = await world.pool("p", count=3)
    resources = await world.stocked(pool, 3)
    person = await people.plain(jobs, "person")
    pods = [await people.pod(jobs, "one"), await people.pod(jobs, "two")]
    for who in (person, *pods):
        await who.lease(jobs, who.pod or "person", pool)

    def state(lease: str) -> str:
        return str(status_of(world.recorder.objects.get(("Lease", jobs, lease), {})).get("state", ""))

    await world.recorder.until("one is granted", lambda: state("person") == "Bound")
    await world.recorder.until("the others are judged", lambda: state("one") and state("two"))
    await admin.delete(paths.one(paths.NAMESPACES, jobs))
    await eventually("the namespace is gone", lambda: is_gone(admin, paths.one(paths.NAMESPACES, jobs)), 60)
    assert (await admin.list(paths.collection(paths.LEASES, jobs)))[0] == []
    for name in resources:
        await world.is_in_state(name, "free")
    await world.delete_pool(pool)
    await world.gone("Pool", pool)
    await asyncio.to_thread(assert_was_refused_nothing, operator)


async def test_so_does_one_whose_leases_are_bound_and_no_operator_runs(
    people: People, admin: Client, operator_account: Person
) -> None:
    jobs = await people.namespace("going")
    for pod in ("one", "two"):
        await (await people.pod(jobs, pod)).lease(jobs, pod)
        entry = {"name": pod, "request": "main", "pool": "p", "epoch": 1}
        await operator_account.status(jobs, pod, state="Bound", resources=[entry])
    await admin.delete(paths.one(paths.NAMESPACES, jobs))
    await eventually("the namespace is gone", lambda: is_gone(admin, paths.one(paths.NAMESPACES, jobs)), 60)


def _has_attributes(resource: Json) -> bool:
    return "attributes" in resource["spec"]
