"""What is known of time: when the API server was last heard, and its clock. Readings come from outside."""

from __future__ import annotations

import math

# Seconds without an answer, at least: renewals may have been lost too. The leader renews each second.
OUTAGE_S = 3.0
CLOCKS_AGREE_S = 2.0


class Contact:
    """All times are seconds of `Now.mono` unless they say wall."""

    def __init__(self) -> None:
        self.outage = OUTAGE_S  # seconds without an answer that are one
        self.last: float | None = None  # None: never heard
        self.outage_end = -math.inf  # of the last outage: nobody is blamed for what was not heard before
        self._offset: float | None = None  # the API server's clock minus `Now.mono`

    def heard(self, mono: float) -> None:
        """The API server has answered."""
        if self.last is not None and mono - self.last > self.outage:
            self.outage_end = mono
        self.last = max(mono, self.last or mono)

    def holds(self, mono: float) -> bool:
        """Whether it was heard lately. What stalled or slept has not heard it either."""
        return self.last is not None and mono - self.last <= self.outage

    def tell_server_clock(self, server_wall: float, mono: float) -> None:
        """The Date header of an answer that came at `mono`. It has whole seconds, cut off, and the answer took its
        time: so ages measured by it are never too great."""
        self._offset = server_wall - mono

    def wall(self, wall: float, mono: float) -> float:
        """The API server's clock, or `wall` as long as that is not known."""
        return wall if self._offset is None else mono + self._offset

    def true_wall(self, wall: float, mono: float) -> float:
        """What to write as the time, and to compare with creationTimestamps: this process's clock, unless it is further
        off from the API server's than a Date header can tell."""
        server = self.wall(wall, mono)
        return wall if abs(server - wall) < CLOCKS_AGREE_S else server

    def mono_of(self, stamp: float, wall: float, mono: float) -> float:
        """A stamp (seconds since the epoch) on the monotonic clock, given one reading of both."""
        return mono - (self.wall(wall, mono) - stamp)
