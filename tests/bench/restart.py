"""A large cluster: how soon a restarted operator grants, and what is written while nothing changes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lessor.kube import paths
from lessor.kube.client import Client
from tests.local.control_plane import ControlPlane

from .machine import Operator, Requests
from .objects import all_free, create, create_pool, delete, each, new_name
from .ours import until
from .watch import Watch

CLIENTS = 32
RUN_S = 6.0  # the operator has run for a while when it is stopped: what it does for a start is done
SETTLED_S = 11.0  # a pool's counts, and why a lease waits, are told at most once in 10 s


@dataclass(frozen=True)
class Size:
    pools: int
    resources: int  # in each pool
    leases: int  # bound ones, spread over the pools
    waiting: int  # at one more pool, of a single Resource

    def __str__(self) -> str:
        return f"{self.pools * self.resources + 1:,} resources, {self.leases + 1 + self.waiting:,} leases"

    def names(self) -> list[str]:
        return [f"large-{n}" for n in range(self.pools)]


async def fill(client: Client, watch: Watch, size: Size) -> None:
    """Makes the pools and the Leases. The operator runs."""
    for name in size.names():
        await create_pool(client, name, size.resources)
    await create_pool(client, "large-full", 1)
    for name in size.names():
        await all_free(client, name, size.resources, pause=0.2)
    await all_free(client, "large-full", 1)
    left = iter(range(size.leases))

    async def work() -> None:
        for n in left:
            await ready_lease(client, watch, f"large-{n % size.pools}")

    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    await ready_lease(client, watch, "large-full")
    for _ in range(size.waiting):
        name = new_name()
        waits = watch.waits(name)
        await create(client, name, "large-full")
        await until(waits)


async def empty(client: Client, size: Size) -> None:
    """Deletes all Leases, until the pools are free again. The operator runs."""
    leases, _ = await client.list(paths.collection(paths.LEASES))
    await each((of["metadata"]["name"] for of in leases), lambda name: delete(client, name))
    for name in size.names():
        await all_free(client, name, size.resources, pause=0.2)


async def ready_lease(client: Client, watch: Watch, pool: str) -> tuple[str, float]:
    name = new_name()
    ready = watch.ready(name)
    await create(client, name, pool)
    return name, await until(ready)


@dataclass(frozen=True)
class Restart:
    """Seconds: SIGTERM until the process is gone, and the start of the next process until the first Ready is seen."""

    stop: float
    start: float


async def restart(client: Client, watch: Watch, plane: ControlPlane, operator: Operator) -> tuple[Restart, Operator]:
    """A Lease is created while no operator runs; the next one's first grant is for it."""
    await asyncio.sleep(RUN_S)
    stop = await asyncio.to_thread(operator.stop)
    name = new_name()
    ready = watch.ready(name)
    await create(client, name, "large-0")
    following = Operator(plane, "--resync", "5s")
    took = await until(ready) - following.started
    await delete(client, name)
    return Restart(stop, took), following


async def writes_at_rest(client: Client, seconds: float) -> int:
    """Writes to our kinds in so many seconds in which nobody does anything; the operator lists everything meanwhile."""
    await asyncio.sleep(SETTLED_S)
    before = await Requests.now(client)
    await asyncio.sleep(seconds)
    return (await Requests.now(client) - before).writes()
