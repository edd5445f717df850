"""What to look at again though nothing is observed: one deadline per thing, on the monotonic clock of `Now`."""

from __future__ import annotations

import heapq


class Timers:
    """Deadlines in seconds of `Now.mono`. Setting one again keeps the earlier."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, str]] = []
        self._at: dict[tuple[str, str], float] = {}

    def set(self, kind: str, name: str, at: float) -> None:
        known = self._at.get((kind, name))
        if known is None or at < known:
            self._at[kind, name] = at
            heapq.heappush(self._heap, (at, kind, name))

    def drop(self, kind: str, name: str) -> None:
        """What has no deadline any more. Of many that are dropped long before they are due the heap is rid at once."""
        if self._at.pop((kind, name), None) is not None and len(self._heap) > 2 * len(self._at) + 64:
            self._heap = [(at, *of) for of, at in self._at.items()]
            heapq.heapify(self._heap)

    def due(self, now: float) -> list[tuple[str, str]]:
        """Takes out what is due, earliest first."""
        out = []
        while self._heap and self._heap[0][0] <= now:
            at, kind, name = heapq.heappop(self._heap)
            if self._at.get((kind, name)) == at:
                del self._at[kind, name]
                out.append((kind, name))
        return out

    @property
    def next(self) -> float | None:
        while self._heap and self._at.get(self._heap[0][1:]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # set earlier since
        return self._heap[0][0] if self._heap else None
