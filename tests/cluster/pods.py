"""Pods that never run: a test says what becomes of them."""

from __future__ import annotations

import contextlib
from typing import Any

from lessor.kube import paths
from lessor.kube.errors import AlreadyExists
from tests.cluster.world import World

ACCOUNTS = paths.Kind("", "v1", "serviceaccounts", True)


async def pod(world: World, name: str = "p", **meta: Any) -> str:
    """A pod that waits for a node for ever; its uid."""
    with contextlib.suppress(AlreadyExists):
        await world.client.create(paths.collection(ACCOUNTS, world.name), {"metadata": {"name": "default"}})
    body = {"metadata": {"name": name, **meta}, "spec": {"containers": [{"name": "c", "image": "none"}]}}
    made = await world.client.create(paths.collection(paths.PODS, world.name), body)
    return str(made["metadata"]["uid"])


async def becomes(world: World, phase: str, name: str = "p") -> None:
    path = paths.one(paths.PODS, name, world.name)
    await world.client.merge_patch(path, {"status": {"phase": phase}}, subresource="status")


async def remove_pod(world: World, name: str = "p") -> None:
    await world.client.delete(paths.one(paths.PODS, name, world.name))
