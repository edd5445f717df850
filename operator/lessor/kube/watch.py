"""List-watches of what is not ours and few: holders' pods, the objects that Leases refer to, namespaces.

kopf has the watches over our own kinds. Here a watch is begun and ended as Leases come and go, and only a few facts of
each object are kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from .client import Client
from .errors import Forbidden, Gone, KubeError, NotFound, Unavailable

log = logging.getLogger(__name__)

Json = dict[str, Any]
PAGE = 500  # objects of a LIST that are in memory whole at once on the API server's side
BLIND_S = 30.0  # before what may not be read, or is not served, is tried again
PAUSE_S = (0.1, 0.2, 0.5, 1.0, 2.0)  # while the API server can't be reached
WORTH_A_WORD = 3  # failures in a row


class Sight(Protocol):
    """Who is told: of a whole LIST, then of each event; or that the right to look is missing."""

    def listed(self, bodies: list[Json]) -> None: ...

    def seen(self, body: Json, *, deleted: bool) -> None: ...

    def blind(self, why: Forbidden) -> None: ...


async def follow(client: Client, path: str, sight: Sight) -> None:
    """Lists and watches the collection at `path` until cancelled. What was deleted while nobody watched is missing from
    the next LIST; nothing else is lost.

    Raises NotFound if its kind is not served (any more)."""
    failures = 0
    while True:
        try:
            bodies, version = await client.list(path, limit=PAGE)
            failures = 0
            sight.listed(bodies)
            del bodies
            await _watch(client, path, version, sight)
        except NotFound:
            raise
        except Gone:  # list again
            await asyncio.sleep(PAUSE_S[0])
        except Forbidden as e:
            log.warning("can't watch %s: %s; trying again every %.0f s", path, e, BLIND_S)
            sight.blind(e)
            await asyncio.sleep(BLIND_S)
        except KubeError as e:
            await _pause(path, e, failures)
            failures += 1


async def _watch(client: Client, path: str, version: int, sight: Sight) -> None:
    """From `version` on, until there is no history from there."""
    failures = 0
    while True:
        try:
            async for event in client.watch(path, version):
                failures = 0
                body = event["object"]
                version = int(body["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    sight.seen(body, deleted=event["type"] == "DELETED")
            await asyncio.sleep(PAUSE_S[0])  # the server ends a watch after minutes, a broken one at once
        except Unavailable as e:
            await _pause(path, e, failures)
            failures += 1


async def _pause(path: str, error: KubeError, failures: int) -> None:
    log.log(logging.WARNING if failures == WORTH_A_WORD else logging.DEBUG, "watching %s: %s; trying on", path, error)
    await asyncio.sleep(PAUSE_S[min(failures, len(PAUSE_S) - 1)])


class Watches:
    """As many list-watches as are wanted, each with a key. One that is wanted no more goes on for a while, since the
    next Lease of its namespace may want it again."""

    def __init__(self, linger: float = 60.0) -> None:
        """`linger` in seconds."""
        self._linger = linger
        self._running: dict[Any, asyncio.Task[None]] = {}
        self._ending: dict[Any, asyncio.TimerHandle] = {}

    def want(self, keys: Iterable[Any], begin: Callable[[Any], Any]) -> None:
        """Exactly these. `begin` makes the coroutine that watches one."""
        wanted = dict.fromkeys(keys)
        for key in wanted:
            if (ending := self._ending.pop(key, None)) is not None:
                ending.cancel()
            if key not in self._running:
                self._running[key] = asyncio.create_task(begin(key), name=f"watch {key}")
        for key in self._running:
            if key not in wanted and key not in self._ending:
                self._ending[key] = asyncio.get_running_loop().call_later(self._linger, self._end, key)

    def _end(self, key: Any) -> None:
        self._ending.pop(key, None)
        self._running.pop(key).cancel()

    async def close(self) -> None:
        for handle in self._ending.values():
            handle.cancel()
        running, self._running = list(self._running.values()), {}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
