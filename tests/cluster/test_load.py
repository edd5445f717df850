"""Many leases for few resources: everybody's turn comes, once, and people can still read what is going on."""

from __future__ import annotations

import asyncio

import pytest

from tests.cluster.history import at_rest, holder_of, is_bound, status_of
from tests.cluster.world import World

LEASES, RESOURCES, CLIENTS = 200, 20, 16
COLUMNS = 120

pytestmark = pytest.mark.usefixtures("operator")


async def test_200_leases_of_16_clients_on_20_resources_are_each_granted_once_and_leave_everything_free(
    world: World,
) -> None:
    pools = [await world.pool(name, count=RESOURCES // 2) for name in ("a", "b")]
    for pool in pools:
        await world.stocked(pool, RESOURCES // 2)
    numbers = iter(range(LEASES))

    async def client() -> None:
        for number in numbers:
            await world.lease(f"l{number}", pools[number % 2], count=1 + number % 3)
            await world.ready(f"l{number}", seconds=60)
            await world.delete_lease(f"l{number}")

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    for pool in pools:
        await world.stocked(pool, RESOURCES // 2)
        assert all(holder_of(body) is None for body in world.resources_of(pool).values())
    history = await world.recorder.history()
    bound: dict[str, int] = {}
    for event in history.of("Lease", namespace=world.name):
        if event.change == "MODIFIED" and is_bound(event.body):
            name = event.body["metadata"]["name"]
            bound[name] = bound.get(name, 0) + 1
    assert bound == {f"l{number}": 1 for number in range(LEASES)}  # the bind, and not a write after it
    assert at_rest(world.recorder.objects) == []
    assert not [key for key in world.recorder.objects if key[:2] == ("Lease", world.name)]


async def test_a_long_queue_is_served_in_the_order_of_arrival(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("holder", pool)
    await world.ready("holder")
    arrived = {}
    for number in range(20):
        lease = await world.lease(f"l{number}", pool)
        await world.waits(lease, "WaitingForCapacity")
        meta = world.seen_lease(lease)["metadata"]
        arrived[lease] = (meta["creationTimestamp"], meta["uid"])  # whole seconds; the uid decides within one
    line = ["holder", *sorted(arrived, key=lambda lease: arrived[lease])]
    for lease in line:
        await world.ready(lease)
        await world.delete_lease(lease)
    await world.is_in_state(name, "free")
    assert (await world.recorder.history()).holders(name) == [None, *line, None]


async def test_what_kubectl_shows_of_everything_can_be_read_at_120_columns(world: World) -> None:
    quota = await world.pool("quota-slice-aws", count=3)  # as long as hypershift-quota-slice
    await world.stocked(quota, 3)
    await world.lease("e2e-aws", quota, count=2, holder={"identity": "pull-ci-openshift-hypershift-main-e2e-aws"})
    held = await world.ready("e2e-aws")
    await world.lease("e2e-aks", quota, count=3)
    await world.waits("e2e-aks", "WaitingForCapacity")
    await world.lease("e2e-gcp", quota, outcome={"result": "Succeeded"})
    await world.refused("e2e-gcp", "NotSupportedYet")

    def counted() -> bool:
        counts: dict[str, int] = status_of(world.seen_pool(quota)).get("counts", {})
        return counts.get("leased") == 2

    await world.recorder.until("the counts", counted, 30)
    lines = [line for line in world.plane.kubectl("get", "lessor", "-A").stdout.splitlines() if world.name in line]
    shown = {line.partition("lessor.dev/")[2].split()[0]: line.split() for line in lines}
    # Of this test's alone: a table is as wide as the names of all that run beside it.
    own = world.plane.kubectl("get", "rl", "-n", world.name).stdout.splitlines()
    own += world.plane.kubectl("get", "pool", quota).stdout.splitlines()
    own += world.plane.kubectl("get", "rsc", *held).stdout.splitlines()
    assert max(map(len, own)) <= COLUMNS, "\n".join(own)
    assert shown["e2e-aws"][2:5] == ["Bound", "Bound", held[0]]
    assert shown["e2e-aks"][2:4] == ["Waiting", "WaitingForCapacity"]
    assert shown["e2e-gcp"][2:4] == ["Refused", "NotSupportedYet"]
    assert "e2e-aws" in shown[held[0]]
    assert shown[held[0]][1:3] == [quota, "leased"]
    assert shown[quota][1:7] == ["True", "Active", "3", "1", "2", "0"]
