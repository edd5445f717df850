"""wake -> decide -> hand to the writer -> sleep until the decision's wake_at."""

from __future__ import annotations

import asyncio
import logging

from lessor.core.audit import doubly_listed
from lessor.core.decide import decide
from lessor.core.ledger import Ledger
from lessor.core.model import Now

from .clocks import Clocks
from .metrics import Metrics
from .writer import Writer

log = logging.getLogger(__name__)


NOT_LEADING_S = 0.05  # until this loop is cancelled, or a late renewal gives the leadership back


class Loop:
    """Decides whenever something was observed. Runs only while this process leads."""

    def __init__(self, ledger: Ledger, metrics: Metrics, clocks: Clocks) -> None:
        self._ledger, self._metrics, self._clocks = ledger, metrics, clocks
        self._woken = asyncio.Event()
        self._kept_since: tuple[tuple[str, ...], float] = ((), 0.0)  # Resources that idled since `Now.mono`
        self._alarmed: dict[str, None] = {}

    def wake(self) -> None:
        self._woken.set()

    def _watch_over(self, now: Now) -> None:
        """What is worth a metric or a word whatever is decided."""
        kept, since = self._kept_since
        for name in kept:
            if (resource := self._ledger.resources.get(name)) is not None:
                self._metrics.reserved_idle_seconds_total.labels(resource.pool).inc(max(0.0, now.mono - since))
        self._kept_since = tuple(self._ledger.kept), now.mono
        for name, uids in doubly_listed(self._ledger, now).items():
            if name not in self._alarmed:
                self._alarmed[name] = None
                log.critical(
                    "resource %s is listed by several bound leases: %s; end all but one", name, ", ".join(uids)
                )

    async def run(self, writer: Writer) -> None:
        """Until cancelled."""
        while True:
            if not writer.may_write():
                # Leadership is over, or about to be: what would be decided now is not sent, and decided again at once.
                await asyncio.sleep(NOT_LEADING_S)
                continue
            self._woken.clear()
            now = self._clocks()
            decision = decide(self._ledger, now)
            self._metrics.decision_seconds.observe(self._clocks().mono - now.mono)
            self._watch_over(now)
            writer.submit(decision.actions)
            alarm = None
            if decision.wake_at is not None:
                alarm = asyncio.get_running_loop().call_later(decision.wake_at - self._clocks().mono, self.wake)
            try:
                await self._woken.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()
