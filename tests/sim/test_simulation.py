"""The whole protocol at work: two operators, people, a clock, and everything that can be late, lost or repeated.

In `make check` the examples are few and always the same. For a long search of new ones:

    LESSOR_SIM_EXAMPLES=2000 .venv/bin/python -m pytest tests/sim/test_simulation.py --timeout=0

or, twice as fast and without shortening what it finds, `.venv/bin/python -m tests.sim 0 20000`, which prints the seed.

A failure is printed as the shortest trace that hypothesis finds, in words, with the calls that repeat it;
`--hypothesis-seed` repeats a whole search.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import Simulation, TimedSimulation

EXAMPLES = 60
TIMED_EXAMPLES = 30
TURNS = 15  # of eight steps each


def search(examples: int, *, new: bool = False, machine: type[Simulation] = Simulation) -> None:
    """Raises what the first broken promise raised. `new`: other examples each time, and the shortest is looked for."""
    phases = (Phase.generate, Phase.shrink) if new else (Phase.generate,)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=TURNS,
            phases=phases,
            derandomize=not new,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_every_promise_holds_whatever_is_late_or_lost() -> None:
    asked = os.environ.get("LESSOR_SIM_EXAMPLES")
    search(int(asked) if asked else EXAMPLES, new=bool(asked))


def test_whoever_lives_keeps_what_it_has_and_what_the_dead_held_comes_back() -> None:
    asked = os.environ.get("LESSOR_SIM_EXAMPLES")
    search(int(asked) if asked else TIMED_EXAMPLES, new=bool(asked), machine=TimedSimulation)
