"""Rounds of raw and ours in turns, so that the noise of the machine comes over both alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from lessor.kube.client import Client
from lessor.kube.credentials import Credentials
from tests.local.control_plane import ControlPlane

from . import holders, ours, raw
from .figures import median
from .machine import Cpu, Operator, Requests
from .objects import all_free, create_pool
from .watch import Watch

CLIENTS = 32
WIDE, RESOURCES = "wide", 128  # more than the clients hold and the operator is just freeing: nobody waits
NARROW, FEW = "narrow", 8  # a quarter of the clients hold, the others wait
SINGLE = "single"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Count:
    """How many cycles are measured in each round."""

    rounds: int
    alone: int
    many: int
    handed_over: int
    pods: int  # that end


@dataclass
class Found:
    """One value for each round; `ready`, `freed`, `handed_over` and `pod_ended` have one for each cycle of all
    rounds."""

    raw_write: list[float] = field(default_factory=list)
    raw_alone: list[float] = field(default_factory=list)
    raw_many: list[float] = field(default_factory=list)
    ready_p50: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    freed: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)
    narrow: list[float] = field(default_factory=list)
    handed_over: list[float] = field(default_factory=list)
    pod_ended: list[float] = field(default_factory=list)
    requests: dict[str, list[Requests]] = field(default_factory=dict)
    cpu: dict[str, list[dict[str, float]]] = field(default_factory=dict)


class Rounds:
    def __init__(
        self, plane: ControlPlane, client: Client, credentials: Credentials, count: Count, say: Callable[[str], None]
    ) -> None:
        self.plane, self.client, self.credentials, self.count, self.say = plane, client, credentials, count, say
        self.found = Found()

    async def run(self) -> Found:
        await self._prepare()
        for n in range(self.count.rounds):
            self.say(f"round {n + 1} of {self.count.rounds}: raw")
            await self._raw()
            self.say(f"round {n + 1} of {self.count.rounds}: ours")
            operator = Operator(self.plane)
            try:
                await self._ours(operator)
                await asyncio.to_thread(operator.stop)
            finally:
                operator.kill()
        return self.found

    async def _prepare(self) -> None:
        """The Resources exist and have been held before, as in a cluster that has run for a while."""
        operator = Operator(self.plane)
        try:
            for name, count in ((WIDE, RESOURCES), (NARROW, FEW), (SINGLE, 1)):
                await create_pool(self.client, name, count)
                await all_free(self.client, name, count)
            async with Watch(self.client, self.credentials) as watch:
                await ours.cycles(self.client, watch, WIDE, RESOURCES, CLIENTS, 6 * RESOURCES)
            await asyncio.to_thread(operator.stop)
        finally:
            operator.kill()

    async def _raw(self) -> None:
        found, count = self.found, self.count
        await self._raw_cycles(CLIENTS, 4 * CLIENTS)  # opens the connections
        rate, writes = await self._raw_cycles(1, count.alone)
        found.raw_alone.append(rate)
        found.raw_write.append(median(writes))
        cpu = Cpu(self.plane, None)
        rate, _ = await self._raw_cycles(CLIENTS, count.many)
        found.cpu.setdefault("raw", []).append(cpu.per(count.many))
        found.raw_many.append(rate)

    async def _raw_cycles(self, clients: int, cycles: int) -> tuple[float, list[float]]:
        resources = await all_free(self.client, WIDE, RESOURCES)
        return await raw.cycles(self.client, resources, clients, cycles)

    async def _ours(self, operator: Operator) -> None:
        client, found, count = self.client, self.found, self.count
        async with Watch(client, self.credentials) as watch:
            await ours.cycles(client, watch, WIDE, RESOURCES, CLIENTS, 4 * CLIENTS)
            cpu = Cpu(self.plane, operator)
            work = ours.cycles(client, watch, WIDE, RESOURCES, CLIENTS, count.many)
            found.many.append(await self._counted("many", work))
            found.cpu.setdefault("many", []).append(cpu.per(count.many))
            found.narrow.append(await ours.cycles(client, watch, NARROW, FEW, CLIENTS, count.many // 2))
        async with Watch(client, self.credentials, resources=True) as watch:
            cpu = Cpu(self.plane, operator)
            alone = await self._counted("alone", ours.alone(client, watch, WIDE, count.alone))
            found.cpu.setdefault("alone", []).append(cpu.per(count.alone))
            found.ready += alone.ready
            found.freed += alone.freed
            found.ready_p50.append(median(alone.ready))
            found.handed_over += await self._counted(
                "handed over", ours.handed_over(client, watch, SINGLE, count.handed_over)
            )
            found.pod_ended += await holders.pod_ended(client, watch, SINGLE, count.pods)

    async def _counted(self, what: str, work: Awaitable[Result]) -> Result:
        before = await Requests.now(self.client)
        result = await work
        self.found.requests.setdefault(what, []).append(await Requests.now(self.client) - before)
        return result
