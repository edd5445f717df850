"""Events for people: on Leases that wait long or ended badly, and on their holder pods, where `kubectl describe pod`
explains a stuck job.

Best effort: a status says all that an Event says. They come behind everything else: ten a second while nothing else is
being written, else one; what does not fit in the queue is dropped, the oldest first.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from lessor.api.durations import format_duration
from lessor.api.names import API_VERSION, LEASE
from lessor.core import actions as a
from lessor.core.explain import Reason
from lessor.core.ledger import Ledger
from lessor.core.model import Lease, LeaseState, Tracked
from lessor.kube.calls import Call
from lessor.kube.client import Client
from lessor.kube.errors import AlreadyExists, KubeError
from lessor.kube.events import About, event

from .clocks import Clocks

log = logging.getLogger(__name__)

LONG_S = 10.0  # a wait that is worth an Event
LOOK_EVERY_S = 5.0
AGAIN_S = 60.0  # between two Events about one waiting Lease, whose reason changes with every grant
PER_S, PER_S_BUSY = 10.0, 1.0
QUEUED_MAX = 1000


class Announcer:
    """`written` tells it what was carried out; `run` looks at the waiting now and then, and sends."""

    def __init__(
        self, ledger: Ledger, client: Client, leads: Callable[[], bool], busy: Callable[[], bool], clocks: Clocks
    ) -> None:
        """`busy`: whether something else is being written."""
        self._ledger, self._client, self._leads, self._busy, self._clocks = ledger, client, leads, busy, clocks
        self.queue: deque[Call] = deque(maxlen=QUEUED_MAX)
        self._told: dict[str, tuple[str, float]] = {}  # Lease uid -> the reason last told, and when (wall clock)

    def written(self, action: a.Action, wall: float) -> None:
        """A write of ours was carried out at `wall` (seconds since the epoch)."""
        match action:
            case a.Bind() if wall - action.lease.created > LONG_S:
                names = ", ".join(entry.name for entry in action.entries)
                waited = format_duration(timedelta(seconds=round(wall - action.lease.created)))
                self._say(action.lease, "Normal", Reason.BOUND, f"has {names} after a wait of {waited}", wall)
            case a.End() if action.state in (LeaseState.EXPIRED, LeaseState.REFUSED):
                finished = action.conditions["Finished"]
                self._say(action.lease, "Warning", finished.reason, finished.message, wall)

    def look(self, wall: float) -> None:
        """Tells of those that have waited long, the longest first, why they wait, if that is news."""
        waiting = [lease for uid in self._ledger.lanes.places if (lease := self._ledger.live(uid)) is not None]
        self._told = {lease.uid: told for lease in waiting if (told := self._told.get(lease.uid)) is not None}
        for lease in sorted(waiting, key=lambda lease: (lease.created, lease.uid)):
            if wall - lease.created <= LONG_S or len(self.queue) > QUEUED_MAX // 2:
                break
            bound = lease.conditions.get("Bound")
            reason, at = self._told.get(lease.uid, ("", 0.0))
            if bound is None or bound.reason == reason or wall - at < AGAIN_S:
                continue
            self._told[lease.uid] = (bound.reason, wall)
            self._say(lease, "Normal", bound.reason, f"waits for resources: {bound.message}", wall)

    def _say(self, lease: Lease, kind: str, reason: str, message: str, wall: float) -> None:
        mine = About(API_VERSION, LEASE.kind, lease.namespace, lease.name, lease.uid)
        self.queue.append(event(mine, kind, reason, message, wall))
        for tracked in lease.tracked:
            if (uid := self._uid_of(lease, tracked)) is not None:
                of = About(tracked.key.api_version, tracked.key.kind, lease.namespace, tracked.key.name, uid)
                self.queue.append(event(of, kind, reason, f"lease {lease.name} {message}", wall))

    def _uid_of(self, lease: Lease, tracked: Tracked) -> str | None:
        holders = self._ledger.holders
        facts = holders.facts(tracked.key)
        return holders.uid_of(lease, tracked) or (facts.uid if facts is not None else None)

    async def run(self) -> None:
        """Until cancelled."""
        due, anyway = 0.0, 0.0  # monotonic seconds
        while True:
            wall, now = self._clocks()
            if self._leads() and now >= due:
                due = now + LOOK_EVERY_S
                self.look(wall)
            if not self._leads():
                self.queue.clear()
            if self.queue and (now >= anyway or not self._busy()):
                anyway = now + 1 / PER_S_BUSY
                await self._send(self.queue.popleft())
            await asyncio.sleep(1 / PER_S)

    async def _send(self, call: Call) -> None:
        try:
            await self._client.create(call.path, call.body or {})
        except AlreadyExists:
            pass  # said by an earlier leader
        except KubeError as e:  # a namespace that is going takes no more
            log.debug("an Event was refused: %s", e)
