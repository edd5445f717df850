"""The objects that are measured with, and what is read from them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from lessor.api.names import API_VERSION
from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.errors import TooManyRequests

Json = dict[str, Any]
Item = TypeVar("Item")
AT_ONCE = 32
NAMESPACE = "default"
IDENTITY = "pull-ci-openshift-hypershift-main-e2e-aws"
_names = (f"job-{i}" for i in itertools.count())


def new_name() -> str:
    return next(_names)


def lease_body(name: str, pool: str, namespace: str, pod: Json | None) -> Json:
    """As a CI job asks for one slice. `pod`: the one that holds it."""
    holder: Json = {"identity": IDENTITY}
    if pod is not None:
        holder["pod"] = {key: pod["metadata"][key] for key in ("name", "uid")}
    return {
        "apiVersion": API_VERSION,
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"requests": [{"pool": pool}], "holder": holder},
    }


def lease_path(name: str, namespace: str = NAMESPACE) -> str:
    return paths.one(paths.LEASES, name, namespace)


async def create(client: Client, name: str, pool: str, namespace: str = NAMESPACE, *, pod: Json | None = None) -> Json:
    return await client.create(paths.collection(paths.LEASES, namespace), lease_body(name, pool, namespace, pod))


async def delete(client: Client, name: str, namespace: str = NAMESPACE) -> None:
    await client.delete(lease_path(name, namespace))


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[object]]) -> None:
    """For thousands of objects: `work` on all `items`, so many at once as the API server is quickest with."""
    left = iter(items)

    async def some() -> None:
        for item in left:
            await work(item)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def create_pool(client: Client, name: str, count: int) -> None:
    spec = {"resources": {"count": count}}
    body = {"apiVersion": API_VERSION, "kind": "Pool", "metadata": {"name": name}, "spec": spec}
    await client.create(paths.collection(paths.POOLS), body)


async def served(client: Client) -> None:
    """Waits until new CRDs can be listed: for a moment after they are Established the API server still answers 429."""
    for kind in (paths.POOLS, paths.RESOURCES, paths.LEASES):
        for _ in range(100):
            try:
                await client.list(paths.collection(kind))
                break
            except TooManyRequests:
                await asyncio.sleep(0.1)


def is_ready(lease: Mapping[str, Any]) -> bool:
    conditions = (lease.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def is_free(resource: Mapping[str, Any]) -> bool:
    status = resource.get("status") or {}
    return status.get("state") == "free" and not status.get("holder")


async def all_free(
    client: Client, pool: str, count: int, *, pause: float = 0.01, seconds_max: float = 60.0
) -> list[Json]:
    """Waits until `count` resources of a pool are there and free; returns them."""
    until = time.monotonic() + seconds_max
    while True:
        resources, _ = await client.list(paths.collection(paths.RESOURCES))
        mine = [resource for resource in resources if resource["spec"]["pool"] == pool]
        if len(mine) == count and all(map(is_free, mine)):
            return mine
        assert time.monotonic() < until, f"pool {pool} does not come to rest: {len(mine)} resources of {count}"
        await asyncio.sleep(pause)
