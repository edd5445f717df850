"""Durations as the API writes them: 90s, 30m, 6h30m, 1.5h. No pydantic here: the codec reads them too.

The grammar is Go's, as in other Kubernetes objects, without the units below a millisecond. Days are missing on purpose,
as in Go: a day is not always 24 hours.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

FORMAT = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
# The same with a limit to each number, about 30 years. CEL's duration() fails above 292 years, and a rule that fails to
# run gives an error that nobody can read; in CHARS_MAX there is no room for that much.
LIMITED_FORMAT = r"^([0-9]{1,5}(\.[0-9]+)?h|[0-9]{1,7}(\.[0-9]+)?m|[0-9]{1,9}(\.[0-9]+)?s|[0-9]{1,12}(\.[0-9]+)?ms)+$"
CHARS_MAX = 32

FORMAT_MESSAGE = "write a duration such as 90s, 30m or 6h30m; its units are h, m, s and ms"
LIMIT = "99999h at most"

_UNIT_SECONDS = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


def is_duration(text: str) -> bool:
    return len(text) <= CHARS_MAX and re.fullmatch(LIMITED_FORMAT, text, re.ASCII) is not None


def parse(text: str) -> timedelta:
    """`6h30m` as a timedelta, to the microsecond. Raises ValueError with a sentence for people."""
    if not re.fullmatch(FORMAT, text, re.ASCII):
        raise ValueError(f"{FORMAT_MESSAGE}, not {text[:CHARS_MAX]!r}")
    if not is_duration(text):
        raise ValueError(f"too long a duration: write {LIMIT}, not {text[:CHARS_MAX]!r}")
    seconds = sum((Fraction(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text)), start=Fraction(0))
    return timedelta(microseconds=round(seconds * 1_000_000))


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse` reads back, rounded to the millisecond: 23400 s are 6h30m, 0 is 0s."""
    milliseconds = round(duration / timedelta(milliseconds=1))
    if milliseconds < 0:
        raise ValueError(f"a duration can't be negative: {duration}")
    text = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        number, milliseconds = divmod(milliseconds, size)
        text += f"{number}{unit}" if number else ""
    return text or "0s"
