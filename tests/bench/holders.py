"""Leases that pods hold: how soon the next one has what an ended pod held, and what it costs to follow thousands.

No pod ever runs here, so nobody but the benchmark says what becomes of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.errors import AlreadyExists

from .machine import Operator, cpu_seconds, memory
from .objects import NAMESPACE, Json, all_free, create, delete, each, new_name
from .ours import until
from .restart import SETTLED_S
from .watch import Watch

ACCOUNTS = paths.Kind("", "v1", "serviceaccounts", True)


def team_names(count: int) -> list[str]:
    return [f"team-{n}" for n in range(count)]


async def create_namespaces(client: Client, names: list[str]) -> None:
    """With the account that pods need; those that are there stay."""

    async def one(name: str) -> None:
        with contextlib.suppress(AlreadyExists):
            await client.create(paths.collection(paths.NAMESPACES), {"metadata": {"name": name}})
        with contextlib.suppress(AlreadyExists):
            await client.create(paths.collection(ACCOUNTS, name), {"metadata": {"name": "default"}})

    await each(names, one)


async def create_pod(client: Client, name: str, namespace: str = NAMESPACE) -> Json:
    body = {"metadata": {"name": name}, "spec": {"containers": [{"name": "test", "image": "none"}]}}
    return await client.create(paths.collection(paths.PODS, namespace), body)


async def pod_ended(client: Client, watch: Watch, pool: str, count: int) -> list[float]:
    """A pool of one Resource: the pod that holds it succeeds while the Lease of the next one waits. Seconds from that
    to Ready."""
    out = []
    await create_namespaces(client, [NAMESPACE])
    holder = new_name()
    ready = watch.ready(holder)
    await create(client, holder, pool, pod=await create_pod(client, holder))
    await until(ready)
    for _ in range(count):
        name = new_name()
        waits, ready = watch.waits(name), watch.ready(name)
        await create(client, name, pool, pod=await create_pod(client, name))
        await until(waits)
        begun = time.perf_counter()
        await _succeed(client, holder)
        out.append(await until(ready) - begun)
        await _remove(client, holder)
        holder = name
    await _remove(client, holder)
    await all_free(client, pool, 1)
    return out


async def _succeed(client: Client, pod: str) -> None:
    path = paths.one(paths.PODS, pod, NAMESPACE)
    await client.merge_patch(path, {"status": {"phase": "Succeeded"}}, subresource="status")


async def _remove(client: Client, name: str) -> None:
    """A Lease and its pod of the same name."""
    await delete(client, name)
    await client.delete(paths.one(paths.PODS, name, NAMESPACE))


@dataclass(frozen=True)
class Fleet:
    leases: int
    namespaces: int

    def __str__(self) -> str:
        return f"{self.leases:,} leases with holder pods in {self.namespaces} namespaces"


@dataclass(frozen=True)
class Rest:
    """Bytes, and the share of one processor that the operator used while nothing changed."""

    resident: int
    peak: int
    share: float


async def follow(
    client: Client, watch: Watch, operator: Operator, pools: list[str], fleet: Fleet, rest_s: float
) -> Rest:
    """Makes the pods and their Leases, spread over the pools and namespaces, and lets the operator rest. It runs."""
    names = team_names(fleet.namespaces)
    await create_namespaces(client, names)

    async def one(n: int) -> None:
        name, namespace = new_name(), names[n % len(names)]
        ready = watch.ready(name)
        pod = await create_pod(client, name, namespace)
        await create(client, name, pools[n % len(pools)], namespace, pod=pod)
        await until(ready)

    await each(range(fleet.leases), one)
    await asyncio.sleep(SETTLED_S)
    used, begun = cpu_seconds(operator.pid), time.perf_counter()
    await asyncio.sleep(rest_s)
    share = (cpu_seconds(operator.pid) - used) / (time.perf_counter() - begun)
    return Rest(*memory(operator.pid), share)
