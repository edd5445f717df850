"""One watch for all clients: it says when a Lease became Ready, and when the Resource it held was free again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Self

import aiohttp
import orjson

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.credentials import Credentials

from .objects import Json, is_ready


class Watch:
    """Moments are of `time.perf_counter`. Ask for one before the write that leads to it."""

    def __init__(self, client: Client, credentials: Credentials, *, resources: bool = False) -> None:
        """`resources`: watches them too, which costs the client's process time."""
        self._client, self._credentials, self._resources = client, credentials, resources
        self._waited_for: dict[tuple[str, str], asyncio.Future[float]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._session = self._credentials.session(connections=2, timeout=aiohttp.ClientTimeout(total=None))
        kinds = [(paths.LEASES, self._lease_seen)] + [(paths.RESOURCES, self._resource_seen)] * self._resources
        for kind, seen in kinds:
            _, version = await self._client.list(paths.collection(kind))
            self._tasks.append(asyncio.create_task(self._follow(paths.collection(kind), version, seen)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def ready(self, lease: str) -> asyncio.Future[float]:
        return self._expect("ready", lease)

    def waits(self, lease: str) -> asyncio.Future[float]:
        """When it was told why it waits."""
        return self._expect("waits", lease)

    def freed(self, lease: str) -> asyncio.Future[float]:
        """When the Resource that the Lease held was seen without it. Needs `resources`."""
        return self._expect("freed", lease)

    def _expect(self, what: str, lease: str) -> asyncio.Future[float]:
        return self._waited_for.setdefault((what, lease), asyncio.get_running_loop().create_future())

    def _tell(self, what: str, lease: str) -> None:
        future = self._waited_for.pop((what, lease), None)
        if future is not None and not future.done():
            future.set_result(time.perf_counter())

    def _lease_seen(self, body: Json) -> None:
        state = (body.get("status") or {}).get("state")
        if state == "Waiting":
            self._tell("waits", body["metadata"]["name"])
        elif is_ready(body):
            self._tell("ready", body["metadata"]["name"])

    def _resource_seen(self, body: Json) -> None:
        past = (body.get("status") or {}).get("lastHolders")
        if past:
            self._tell("freed", past[0]["name"])

    async def _follow(self, path: str, version: int, seen: Callable[[Json], None]) -> None:
        """The API server ends a watch now and then, above all of a client that is slow; it goes on where it was."""
        while True:
            query = {"watch": "1", "resourceVersion": str(version)}
            url = self._credentials.server + path
            async with self._session.get(url, params=query, ssl=self._credentials.ssl) as response:
                async for line in response.content:
                    event = orjson.loads(line)
                    assert event["type"] != "ERROR", event
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "DELETED":
                        seen(event["object"])
