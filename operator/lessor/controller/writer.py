"""Carries out what was decided, and brings every answer back as an observation.

Bounded in flight. A conflict or an unknown outcome is not an error: the object is read again, and the next decision
starts from what is there. What the API server refuses (403, 422, 429) is waited with, longer each time, and said
aloud: the decision that follows would only ask for the same.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from lessor.core import actions as a
from lessor.core.actions import Action, Key
from lessor.core.ledger import Ledger
from lessor.core.model import HolderKey
from lessor.kube import events
from lessor.kube.calls import Call, call_for, path_of
from lessor.kube.client import Client
from lessor.kube.election import boot_seconds  # the clock of `Now.mono`
from lessor.kube.errors import AlreadyExists, Conflict, Invalid, KubeError, NotFound, TooManyRequests, Unavailable

from . import outcome
from .clocks import Clocks
from .metrics import Metrics

log = logging.getLogger(__name__)

Json = dict[str, Any]

WRITES_IN_FLIGHT_MAX = 64  # the API server peaked there; more only queue in its memory instead of ours
PAUSE_S = (0.05, 0.1, 0.2, 0.5, 1.0)  # between looks at an object while the API server can't be reached
REFUSED_S_MAX = 30.0  # the longest wait before an action that was refused is decided again

# Grants do not stand behind a new pool's ten thousand resources.
_RANK = {
    a.Report: 1,
    a.NoteHolder: 1,
    a.CreateResource: 2,
    a.UpdateResource: 2,
    a.DeleteResource: 2,
    a.Initialise: 2,
    a.DeleteLease: 2,
    a.MarkResource: 3,
    a.ReportPool: 3,
}


class Writer:
    """`may_write` is asked right before each call, `wake` is called after each answer, `written` of each call that was
    carried out, with the time (seconds since the epoch)."""

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        metrics: Metrics,
        *,
        may_write: Callable[[], bool],
        wake: Callable[[], None],
        look_at_holder: Callable[[HolderKey], Awaitable[Json | None]],
        written: Callable[[Action, float], None],
        clocks: Clocks,
        in_flight_max: int = WRITES_IN_FLIGHT_MAX,
    ) -> None:
        self._client, self._ledger, self._metrics = client, ledger, metrics
        self._look_at_holder, self._written, self._clocks = look_at_holder, written, clocks
        self.may_write, self._wake = may_write, wake
        self._in_flight_max = in_flight_max
        self._queue: list[tuple[int, int, Action]] = []
        self._order = 0
        self._running: set[asyncio.Task[None]] = set()
        self._resting = 0  # of those that run: refused, and waiting before they look again
        self._refused: dict[Key, int] = {}

    def submit(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self._order += 1
            heapq.heappush(self._queue, (_RANK.get(type(action), 0), self._order, action))
        self._pump()

    def drop(self) -> None:
        """Leadership is lost: what has not been sent is not sent. What is in flight is answered or fails as it may."""
        for _, _, action in self._queue:
            self._ledger.settled(action)
        self._queue.clear()

    async def drained(self, timeout: float) -> None:
        """Waits for the answers in flight, at most `timeout` seconds, then gives them up."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _pump(self) -> None:
        while self._queue and self.in_flight < self._in_flight_max:
            _, _, action = heapq.heappop(self._queue)
            task = asyncio.create_task(self._to_its_end(action), name=type(action).__name__)
            self._running.add(task)
            task.add_done_callback(self._done)
        self._metrics.writes_in_flight.set(self.in_flight)

    @property
    def in_flight(self) -> int:
        return len(self._running) - self._resting

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A bug. The object stays out of every decision; all others go on.
            log.error("%s failed", task.get_name(), exc_info=error)
        self._pump()
        self._wake()

    async def _to_its_end(self, action: Action) -> None:
        try:
            await self._carry_out(action)
        except asyncio.CancelledError:  # given up with the leadership: everything is listed before we decide again
            self._ledger.settled(action)
            raise

    async def _carry_out(self, action: Action) -> None:
        if not self.may_write():
            self._ledger.settled(action)
            return
        kind = type(action).__name__
        begun = boot_seconds()
        try:
            answer = await self._answer(action)
        except NotFound:
            result = "not_found"
            outcome.not_there(self._ledger, action, begun)
        except KubeError as e:
            result = await self._after(action, e, begun)
        else:
            result = "ok"
            self._refused.pop(action.key, None)
            if answer is None:
                self._ledger.settled(action)
            else:
                outcome.succeeded(self._ledger, action, answer, begun)
            self._carried_out(action, answer)
        self._metrics.writes_total.labels(kind, result).inc()
        self._metrics.write_seconds.labels(kind).observe(boot_seconds() - begun)

    async def _answer(self, action: Action) -> Any:
        """None: of a holder that can't be looked at."""
        if isinstance(action, a.LookAtHolder):
            return await self._look_at_holder(action.about)
        return await self._send(call_for(action, self._clocks().wall))

    def _carried_out(self, action: Action, answer: Any) -> None:
        self._written(action, self._clocks().wall)
        if isinstance(answer, dict) and "uid" in (meta := answer.get("metadata") or {}):
            self._metrics.lag.answered(meta["uid"], meta["resourceVersion"], boot_seconds())

    async def _send(self, call: Call) -> Any:
        body = call.body or {}
        match call.verb:
            case "get":
                return await self._client.get(call.path)
            case "list":
                return await self._client.list(call.path)
            case "create":
                return await self._client.create(call.path, body)
            case "delete":
                guard = body["preconditions"]
                return await self._client.delete(call.path, uid=guard["uid"], resource_version=guard["resourceVersion"])
            case _:
                return await self._client.merge_patch(call.path, body, subresource=call.subresource)

    async def _after(self, action: Action, error: KubeError, begun: float) -> str:
        """A call that failed: looks at the object again before anything else is decided about it."""
        what = {"kind": action.key[0], "object_name": action.key[1]}
        if isinstance(error, Conflict | AlreadyExists):
            log.debug("%s: %s; looking again", type(action).__name__, error, extra=what)
            result = "conflict"
        elif isinstance(error, Unavailable):
            log.warning("%s: %s; looking again", type(action).__name__, error, extra=what)
            result = "unknown"
        elif await self._told_by_event(action, error):
            return "event"
        else:
            times = self._refused[action.key] = self._refused.get(action.key, 0) + 1
            pause = min(REFUSED_S_MAX, 0.5 * 2.0**times)
            if isinstance(error, TooManyRequests):
                pause = max(error.retry_after, 0.1)
            if isinstance(error, Invalid) and isinstance(action, a.CreateResource | a.UpdateResource):
                self._ledger.object_to(action, error.message)
                self._wake()
            message = "%s was refused: %s; next try in %.0f s"
            log.error(message, type(action).__name__, error, pause, extra=what)
            await self._rest(pause)
            result = "refused"
        await self._look_again(action, begun)
        return result

    async def _rest(self, seconds: float) -> None:
        """Waits without a place among those in flight: what is refused holds up nothing else."""
        self._resting += 1
        self._pump()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._resting -= 1

    async def _told_by_event(self, action: Action, refused: KubeError) -> bool:
        """Of an object that is wrong enough the API server takes no status; `kubectl describe` shows its Events."""
        if not (isinstance(action, a.TellUnreadable) and isinstance(refused, Invalid)):
            return False
        item, call = action.item, events.unreadable(action.item, self._clocks().wall)
        try:
            await self._client.create(call.path, call.body or {})
        except AlreadyExists:
            pass  # said by an earlier leader
        except KubeError as e:
            log.warning("an Event about %s %s was refused too: %s", item.kind, item.name, e)
            return False
        log.warning("%s %s: %s; its status can't say so: %s", item.kind, item.name, item.message, refused)
        outcome.told(self._ledger, action)
        return True

    async def _look_again(self, action: Action, begun: float) -> None:
        if isinstance(action, a.LookAtLease | a.LookAtPool | a.LookAtNamespace | a.LookAtHolder | a.ListLeases):
            await asyncio.sleep(PAUSE_S[1])
            self._ledger.settled(action)  # a read is simply decided again
            return
        tries = 0
        while self.may_write():  # else the ledger is listed anew before it decides again
            try:
                body = await self._client.get(path_of(action))
            except NotFound:
                outcome.not_there(self._ledger, action, begun)
                return
            except KubeError as e:
                pause = PAUSE_S[min(tries, len(PAUSE_S) - 1)]
                if tries % 10 == 0:
                    log.warning("can't look at %s %s: %s; trying on", *action.key, e)
                tries += 1
                await asyncio.sleep(pause)
            else:
                outcome.found(self._ledger, action, body)
                return
        self._ledger.settled(action)
