"""Whether a long queue costs the holders of a pool anything: the same turnover with few waiting and with thousands.

All Resources of a pool are held, and so many Leases wait for it. Each that becomes Ready is deleted at once, and a new
one comes to the end of the queue, so it stays as long as it is: create, wait, be handed what another gave back, delete.
Nobody has a priority over others. It is done with a queue that goes by arrival, and with fair shares by namespace.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lessor.kube import paths
from lessor.kube.client import Client

from .holders import create_namespaces, team_names
from .machine import Cpu, Requests
from .objects import all_free, create, create_pool, delete, each, new_name
from .ours import READY_SECONDS_MAX
from .watch import Watch

POOL, RESOURCES = "lined-up", 32
ARRIVAL, FAIR = "by arrival", "in fair shares"
TOLD_SECONDS_MAX = 240.0
Lease = tuple[str, str]  # name, namespace


@dataclass(frozen=True)
class Size:
    short: int  # waiting
    long: int
    namespaces: int
    cycles: int  # in each measurement
    repeats: int

    def names(self) -> list[str]:
        return team_names(self.namespaces)


@dataclass
class Turnover:
    """By how many wait, and in which order: cycles per second of each measurement; writes to Leases and Resources, and
    milliseconds of processor time by process, per cycle."""

    rates: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    writes: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    cpu: dict[tuple[int, str], list[dict[str, float]]] = field(default_factory=dict)


class Line:
    """The Leases that hold and wait."""

    def __init__(self, client: Client, watch: Watch, namespaces: list[str]) -> None:
        self._client, self._watch = client, watch
        self._namespaces: Iterator[str] = itertools.cycle(namespaces)
        self._all: dict[Lease, None] = {}
        self._ready: asyncio.Queue[Lease] = asyncio.Queue()

    async def grow(self, waiting: int) -> None:
        """Until all Resources are held, so many wait, and each of them was told why."""
        for _ in range(RESOURCES - len(self._all)):
            await self._come()
        await self._all_held()
        told: list[asyncio.Future[float]] = []

        async def one(_: int) -> None:
            told.append(await self._come())

        await each(range(len(self._all) - RESOURCES, waiting), one)
        async with asyncio.timeout(TOLD_SECONDS_MAX):
            await asyncio.gather(*told)

    async def shrink(self, waiting: int) -> None:
        """All others leave the queue."""
        held = dict.fromkeys(await self._all_held())
        await each([lease for lease in self._all if lease not in held][waiting:], self._go)

    async def end(self) -> None:
        await self.shrink(0)
        await each(await self._all_held(), self._go)
        await all_free(self._client, POOL, RESOURCES)

    async def turn_over(self, cycles: int) -> float:
        """Cycles per second, from all Resources held to all held."""
        left = iter(range(cycles))

        async def work() -> None:
            for _ in left:
                await self._go(await self._ready.get())
                await self._come()

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(RESOURCES)))
        await self._all_held()
        return cycles / (time.perf_counter() - begun)

    async def _all_held(self) -> list[Lease]:
        """Waits until each Resource has a Lease that is Ready; those."""
        async with asyncio.timeout(READY_SECONDS_MAX):
            held = [await self._ready.get() for _ in range(RESOURCES)]
        for lease in held:
            self._ready.put_nowait(lease)
        return held

    async def _come(self) -> asyncio.Future[float]:
        """One more; when it is told that it waits."""
        lease = new_name(), next(self._namespaces)
        self._all[lease] = None
        told = self._watch.waits(lease[0])
        self._watch.ready(lease[0]).add_done_callback(lambda _: self._ready.put_nowait(lease))
        await create(self._client, lease[0], POOL, lease[1])
        return told

    async def _go(self, lease: Lease) -> None:
        del self._all[lease]
        await delete(self._client, *lease)


async def measure(
    client: Client, watch: Watch, size: Size, cpu: Callable[[], Cpu], say: Callable[[str], None]
) -> Turnover:
    """The short queue first and last, the long one in between: the machine may get slower meanwhile. The operator
    runs."""
    await create_namespaces(client, size.names())
    await create_pool(client, POOL, RESOURCES)
    await all_free(client, POOL, RESOURCES)
    line, out = Line(client, watch, size.names()), Turnover()

    async def turn_over(waiting: int, order: str) -> None:
        say(f"turnover with {waiting:,} waiting, {order}")
        queue = {"fairShare": {"by": "Namespace"} if order == FAIR else None}
        await client.merge_patch(paths.one(paths.POOLS, POOL), {"spec": {"queue": queue}})
        await line.turn_over(2 * RESOURCES)  # until it goes in the new order
        before, used = await Requests.now(client), cpu()
        for _ in range(size.repeats):
            out.rates.setdefault((waiting, order), []).append(await line.turn_over(size.cycles))
        out.cpu.setdefault((waiting, order), []).append(used.per(size.cycles * size.repeats))
        written = (await Requests.now(client) - before).writes("leases", "resources")
        out.writes.setdefault((waiting, order), []).append(written / size.cycles / size.repeats)

    await line.grow(size.short)
    await turn_over(size.short, ARRIVAL)
    await turn_over(size.short, FAIR)
    say(f"{size.long:,} Leases queue up")
    await line.grow(size.long)
    await turn_over(size.long, ARRIVAL)
    await turn_over(size.long, FAIR)
    await line.shrink(size.short)
    await turn_over(size.short, ARRIVAL)
    await turn_over(size.short, FAIR)
    await line.end()
    return out
