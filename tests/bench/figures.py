"""What a run has found: lines of a table, each with the figure it must reach, where there is one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """One measured thing. `target` is the words of the figure to reach, `reached` None where there is none."""

    what: str
    value: str
    notes: str = ""
    target: str = ""
    reached: bool | None = None


@dataclass
class Table:
    lines: list[Line | str] = field(default_factory=list)

    def add(self, what: str, value: str, notes: str = "", target: str = "", reached: bool | None = None) -> None:
        self.lines.append(Line(what, value, notes, target, reached))

    def head(self, title: str) -> None:
        self.lines.append(title)

    @property
    def missed(self) -> list[Line]:
        return [line for line in self.lines if isinstance(line, Line) and line.reached is False]

    def __str__(self) -> str:
        cells = {line: self._cells(line) for line in self.lines if isinstance(line, Line)}
        widths = [max((len(row[i]) for row in cells.values()), default=0) for i in range(3)]
        out = []
        for line in self.lines:
            if isinstance(line, str):
                out.append(f"\n{line}")
            else:
                row = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells[line], (*widths, 0), strict=True))
                out.append(f"  {row}".rstrip())
        return "\n".join(out)

    def _cells(self, line: Line) -> tuple[str, str, str, str]:
        judged = {True: "ok", False: "MISSED", None: ""}[line.reached]
        return line.what, line.value, line.notes, f"{judged} ({line.target})" if line.target else ""


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: one of the values, never a mean of two."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def times(ratio: float) -> str:
    return f"{ratio:.2f} x"


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """The values of all rounds, so that a reader sees how noisy the machine was."""
    return " ".join(form.format(value) for value in values)
