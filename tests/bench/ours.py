"""The same cycles with the operator in the middle: alone, by many clients at once, and handed from one to the next."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from lessor.kube.client import Client

from .objects import all_free, create, delete, new_name
from .watch import Watch

READY_SECONDS_MAX = 30.0


async def until(moment: asyncio.Future[float]) -> float:
    async with asyncio.timeout(READY_SECONDS_MAX):
        return await moment


@dataclass
class Alone:
    """Seconds, one value for each cycle: create sent -> Ready seen, and delete sent -> Resource seen free."""

    ready: list[float] = field(default_factory=list)
    freed: list[float] = field(default_factory=list)


async def alone(client: Client, watch: Watch, pool: str, count: int) -> Alone:
    """One client, and nothing else going on: the next cycle begins when the Resource of the last is free."""
    out = Alone()
    for _ in range(count):
        name = new_name()
        ready, freed = watch.ready(name), watch.freed(name)
        begun = time.perf_counter()
        await create(client, name, pool)
        out.ready.append(await until(ready) - begun)
        begun = time.perf_counter()
        await delete(client, name)
        out.freed.append(await until(freed) - begun)
    return out


async def handed_over(client: Client, watch: Watch, pool: str, count: int) -> list[float]:
    """A pool of one Resource: the holder deletes its Lease while the next one waits. Seconds from delete to Ready."""
    out = []
    holder = new_name()
    ready = watch.ready(holder)
    await create(client, holder, pool)
    await until(ready)
    for _ in range(count):
        name = new_name()
        waits, ready = watch.waits(name), watch.ready(name)
        await create(client, name, pool)
        await until(waits)
        begun = time.perf_counter()
        await delete(client, holder)
        out.append(await until(ready) - begun)
        holder = name
    await delete(client, holder)
    await all_free(client, pool, 1)
    return out


async def cycles(client: Client, watch: Watch, pool: str, resources: int, clients: int, count: int) -> float:
    """`count` cycles by so many clients at once, until every Resource is free again. Returns cycles per second."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            name = new_name()
            ready = watch.ready(name)
            await create(client, name, pool)
            await until(ready)
            await delete(client, name)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    await all_free(client, pool, resources)
    return count / (time.perf_counter() - begun)
