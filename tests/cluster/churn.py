"""Clients that ask, wait, hold and give back, whatever happens to the operators and the API server meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from lessor.kube.errors import AlreadyExists, KubeError, NotFound
from tests.cluster.history import condition_of
from tests.cluster.world import World

T = TypeVar("T")

AGAIN_S = 0.05  # between two tries while the API server is away
HOLD_S_MAX = 0.1
CYCLE_S_MAX = 60.0  # a lease that gets nothing for so long is a lease that was forgotten


class Churn:
    """`clients` of them over the pools, until the block ends; each then brings its last lease to its end."""

    def __init__(self, world: World, pools: list[str], *, seed: int, clients: int, count_max: int = 1) -> None:
        self._world, self._pools, self._count_max = world, pools, count_max
        self._seed, self._clients = seed, clients
        self._ending = asyncio.Event()
        self.granted = 0
        self._progress = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Churn]:
        print(f"churn seed {self._seed}")  # shown by pytest when the test fails
        tasks = [asyncio.create_task(self._client(number)) for number in range(self._clients)]
        try:
            yield self
        finally:
            self._ending.set()
            async with asyncio.timeout(CYCLE_S_MAX + 10):
                await asyncio.gather(*tasks)

    async def grants(self, more: int, seconds: float = CYCLE_S_MAX) -> None:
        """Waits until so many more were granted."""
        wanted = self.granted + more
        try:
            async with asyncio.timeout(seconds):
                while self.granted < wanted:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            raise AssertionError(f"{wanted - self.granted} of {more} grants are missing after {seconds} s") from None

    async def _client(self, number: int) -> None:
        chance = random.Random(f"{self._seed}-{number}")
        cycle = 0
        while not self._ending.is_set():
            await self._cycle(f"c{number}-{cycle}", chance)
            cycle += 1

    async def _cycle(self, name: str, chance: random.Random) -> None:
        world = self._world
        count = chance.randint(1, self._count_max)
        asked = chance.sample(self._pools, chance.randint(1, len(self._pools)))
        requests = [{"name": f"r{n}", "pool": pool, "count": count} for n, pool in enumerate(asked)]
        priority = chance.choice((0, 0, 0, 5))
        await carried_out(lambda: world.lease(name, requests=requests, priority=priority))
        if chance.random() < 0.15:  # one that does not wait for its turn
            await asyncio.sleep(chance.uniform(0, HOLD_S_MAX))
        else:
            await world.recorder.until(
                f"{name} is Ready", lambda: condition_of(world.seen_lease(name), "Ready") == "True", CYCLE_S_MAX
            )
            self.granted += 1
            self._progress.set()
            await asyncio.sleep(chance.uniform(0, HOLD_S_MAX))
            if chance.random() < 0.3:
                await carried_out(lambda: world.patch_lease(name, {"spec": {"release": [{"name": "*"}]}}))
                await world.recorder.until(
                    f"{name} is Finished",
                    lambda: condition_of(world.seen_lease(name), "Finished") == "True",
                    CYCLE_S_MAX,
                )
        await carried_out(lambda: world.delete_lease(name))


async def carried_out(call: Callable[[], Awaitable[T]]) -> None:
    """Makes a call until it was carried out: a create that is there already, a delete that finds nothing, was."""
    while True:  # ends by the timeout of whoever waits for the clients
        try:
            await call()
            return
        except (AlreadyExists, NotFound):
            return
        except KubeError:
            await asyncio.sleep(AGAIN_S)
