"""Searches the protocol: `python -m tests.model` runs the large table, `python -m tests.model small` that of the tests.

    python -m tests.model any force,human env=4      one run, with the shortest trace if something is found
    python -m tests.model words                      what can happen, and what can be planted

A run is a model (two, any, janitor), words, and numbers (`Setup` says what they are). The exit code is 1 if a run of a
table ends otherwise than is written in `runs.py`, or a single run does not hold; 2 for a mistake on the command line.
"""

from __future__ import annotations

import sys

from tests.model.runs import LARGE, SMALL, Run, searched
from tests.model.search import HOLDS, Result
from tests.model.setup import FAULTS, FEATURES, Mistake, parse

WIDTH = max(len(run.text) for run in (*SMALL, *LARGE))
HEAD = f"{'run':<{WIDTH}} {'states':>10} {'steps':>11} {'depth':>5} {'fair runs':>9} {'CPU s':>6}  verdict"


def main(arguments: list[str]) -> int:
    match arguments:
        case [] | ["large"]:
            return table(LARGE)
        case ["small"]:
            return table(SMALL)
        case ["words"]:
            for word, about in (FEATURES | FAULTS).items():
                print(f"{word:<13} {about.models:<16} {about.text}")
            return 0
        case ["-h" | "--help"]:
            print(__doc__)
            return 0
    try:
        setup = parse(arguments)
    except Mistake as e:
        print(e, file=sys.stderr)
        return 2
    result = searched(setup)
    print(HEAD)
    print(line(" ".join(arguments), result, result.verdict))
    for text in (result.why, *(f"  {label}" for label in result.trace)):
        if text:
            print(text)
    return 0 if result.verdict == HOLDS else 1


def table(runs: tuple[Run, ...]) -> int:
    print(HEAD)
    surprises = 0
    seconds = 0.0
    for run in runs:
        result = searched(parse(run.text))
        surprise = run.surprise_in(result)
        surprises += bool(surprise)
        seconds += result.seconds
        print(line(run.text, result, surprise or run.verdict), flush=True)
    print(f"{len(runs)} runs, {surprises} surprises, {seconds:.0f} s of CPU")
    return 1 if surprises else 0


def line(text: str, result: Result, verdict: str) -> str:
    counts = f"{result.states:>10,} {result.steps:>11,} {result.depth:>5} {result.fair_runs:>9,} {result.seconds:>6.1f}"
    return f"{text:<{WIDTH}} {counts}  {verdict}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
