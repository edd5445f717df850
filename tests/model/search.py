"""Breadth-first search through everything that can happen: the first violation found is one of the shortest."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

State = tuple[Any, ...]
HOLDS, VIOLATION, CUT = "holds", "VIOLATION", "cut"
MEMORY_KB_MAX = 6_000_000


class Model(Protocol):
    start: State

    def moves(self, state: State) -> Iterable[tuple[str, State | None]]:
        """All that can happen next, with a label. No state: the step itself breaks a promise, and the label says
        which."""

    def canon(self, state: State) -> State:
        """The one that stands for all states that differ by names only."""

    def judge(self, state: State) -> str:
        """What is wrong with a state, or an empty string."""

    @property
    def fair_runs(self) -> int: ...


@dataclass(frozen=True)
class Result:
    verdict: str
    why: str
    states: int
    steps: int
    depth: int
    fair_runs: int
    seconds: float  # of CPU
    trace: tuple[str, ...]


def search(model: Model, *, seconds_max: float, states_max: int) -> Result:
    begun = time.process_time()
    canon, judge, moves = model.canon, model.judge, model.moves
    start = canon(model.start)
    parents: dict[State, State | None] = {start: None}
    steps = depth = 0

    def result(verdict: str, why: str = "", last: State | None = None, step: str = "") -> Result:
        trace = (*shortest_way(model, parents, last), *([step] if step else []))
        seconds = time.process_time() - begun
        return Result(verdict, why, len(parents), steps, depth, model.fair_runs, seconds, trace)

    front = [start]
    while front:
        following: list[State] = []
        for count, state in enumerate(front):
            for label, after in moves(state):
                steps += 1
                if after is None:
                    return result(VIOLATION, label, state, label)
                after = canon(after)
                if after in parents:
                    continue
                parents[after] = state
                why = judge(after)
                if why:
                    return result(VIOLATION, why, after)
                following.append(after)
            if not count & 1023 and (len(parents) > states_max or is_spent(begun, seconds_max)):
                return result(CUT, f"{len(following):,} states were still to be looked at")
        front = following
        depth += 1
    return result(HOLDS)


def is_spent(begun: float, seconds_max: float) -> bool:
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return time.process_time() - begun > seconds_max or memory_kb > MEMORY_KB_MAX


def shortest_way(model: Model, parents: dict[State, State | None], last: State | None) -> list[str]:
    """The labels on the way from the start. It is walked again in states that keep their names."""
    way: list[State] = []
    while last is not None:
        way.append(last)
        last = parents[last]
    labels: list[str] = []
    here = model.start
    for wanted in reversed(way[:-1]):
        label, here = next((x, s) for x, s in model.moves(here) if s is not None and model.canon(s) == wanted)
        labels.append(label)
    return labels
