"""How often the waiting are told something new (`telling.py`)."""

from __future__ import annotations

TELL_EVERY_S = 10.0  # to each Lease
TELLS_PER_S = 10.0  # in all


class Budget:
    """How much may be told now. Part of the ledger; times are `Now.mono`."""

    def __init__(self) -> None:
        self._left, self._at = TELLS_PER_S, 0.0
        self._told: dict[str, float] = {}  # Lease uid -> when last

    def first(self, uid: str, mono: float) -> None:
        """It has been told its first word, which is not counted."""
        self._told[uid] = mono

    def take(self, uid: str, mono: float) -> bool:
        self._left = min(TELLS_PER_S, self._left + (mono - self._at) * TELLS_PER_S)
        self._at = mono
        if self._left < 1.0 or mono - self._told.get(uid, -TELL_EVERY_S) < TELL_EVERY_S:
            return False
        self._left -= 1.0
        self._told[uid] = mono
        return True

    @property
    def spent(self) -> bool:
        return self._left < 1.0

    def forget(self, uid: str) -> None:
        self._told.pop(uid, None)
