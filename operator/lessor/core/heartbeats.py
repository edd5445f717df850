"""When each live Lease's holder was last heard, by this process and on its own monotonic clock.

`spec.renewTime` is a text whose change is life; clients' clocks may be days off. A change that was observed is stamped
at the next reading of the clock, so never too early.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Lease, LeaseState


@dataclass(slots=True)
class Sign:
    """Times are `Now.mono`; None: not in this process, or not until the next reading of the clock."""

    renewal: str | None
    bound: bool
    first: float | None = None  # when this process saw the Lease first
    heard: float | None = None  # when it saw the last renewal, or the bind
    bound_at: float | None = None  # when it saw the bind


class Heartbeats:
    """Part of the ledger."""

    def __init__(self) -> None:
        self._signs: dict[str, Sign] = {}  # by Lease uid
        self._changed: dict[str, tuple[bool, bool]] = {}  # Lease uid -> heard, bound: to be stamped

    def of(self, uid: str) -> Sign | None:
        return self._signs.get(uid)

    def observe(self, lease: Lease) -> None:
        """A version of a Lease that is news."""
        if lease.finished:
            self.forget(lease.uid)
            return
        bound = lease.state is LeaseState.BOUND
        sign = self._signs.get(lease.uid)
        if sign is None:
            self._signs[lease.uid] = Sign(lease.renewal, bound)
            self._changed[lease.uid] = (False, False)
        elif sign.renewal != lease.renewal or sign.bound != bound:
            _, before = self._changed.get(lease.uid, (False, False))
            self._changed[lease.uid] = (True, before or bound != sign.bound)
            sign.renewal, sign.bound = lease.renewal, bound

    def forget(self, uid: str) -> None:
        self._signs.pop(uid, None)
        self._changed.pop(uid, None)

    def stamp(self, mono: float) -> None:
        """The clock was read: what was heard before is not older than this."""
        for uid, (heard, bound) in self._changed.items():
            sign = self._signs[uid]
            if sign.first is None:
                sign.first = mono
            if heard:
                sign.heard = mono
            if bound:
                sign.bound_at = mono
        self._changed.clear()
