"""Several processes in one test, without sleeping: each has an event loop of its own on one clock that the test moves.

A process that is not stepped is frozen, exactly as by SIGSTOP: nothing of it runs, and when it goes on all its timers
are overdue. Between two moves of the clock every process runs until it has nothing to do.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from copy import deepcopy
from typing import Any

from lessor.kube.errors import AlreadyExists, Conflict, NotFound, Unavailable

STEP_SECONDS = 0.05


class Clock:
    """Seconds, moved by the test alone."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class _Idle(selectors.SelectSelector):
    """Instead of waiting for the next timer, stops the loop: what is next is for the test to say."""

    loop: asyncio.AbstractEventLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout != 0:
            self.loop.stop()
        return super().select(0)


class Process:
    """One event loop on the test's clock. Its main task is made by `main`, at once."""

    def __init__(self, clock: Clock, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        idle = _Idle()
        self.loop = asyncio.SelectorEventLoop(idle)
        idle.loop = self.loop
        self.loop.time = clock  # type: ignore[method-assign]
        self.frozen = False
        self.main = self.loop.create_task(main())

    def step(self) -> None:
        """Runs everything that is due."""
        if not self.frozen:
            self.loop.run_forever()

    def kill(self) -> None:
        """As kill -9: nothing of it runs again, not even its clean-up."""
        self.frozen = True

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        for _ in range(10):
            self.loop.run_forever()
        if self.main.done() and not self.main.cancelled():
            self.main.exception()
        self.loop.close()


class LeaseServer:
    """One Lease, with the rules that an election leans on: a version for each write, and compare-and-set."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.namespace_exists = True
        self.writes = 0

    def edit(self, **spec: Any) -> None:
        """What a person does with kubectl edit."""
        assert self.lease is not None
        self.version += 1
        self.lease["spec"] |= spec
        self.lease["metadata"]["resourceVersion"] = str(self.version)


class Link:
    """One process's way to the server; tests break it."""

    def __init__(self, server: LeaseServer) -> None:
        self.server = server
        self.down = False  # refused at once
        self.hangs = False  # never answered
        self.loses_answers = False  # carried out, but the answer is lost

    async def get(self, path: str) -> dict[str, Any]:
        await self._reach()
        if self.server.lease is None:
            raise NotFound("not found", status=404)
        return deepcopy(self.server.lease)

    async def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        await self._reach()
        if not self.server.namespace_exists:
            raise NotFound('namespaces "lessor-system" not found', status=404)
        if self.server.lease is not None:
            raise AlreadyExists("already exists", status=409)
        return self._store(dict(deepcopy(body)))

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        await self._reach()
        lease = self.server.lease
        if lease is None:
            raise NotFound("not found", status=404)
        if body["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]:
            raise Conflict("the object has been modified", status=409)
        return self._store({**lease, "spec": {**lease["spec"], **body["spec"]}})

    def _store(self, lease: dict[str, Any]) -> dict[str, Any]:
        self.server.version += 1
        self.server.writes += 1
        lease["metadata"] = {**lease["metadata"], "resourceVersion": str(self.server.version)}
        self.server.lease = lease
        if self.loses_answers:
            raise Unavailable("the connection broke", outcome_unknown=True)
        return deepcopy(lease)

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("connection refused", outcome_unknown=False)
        if self.hangs:
            await asyncio.Event().wait()
