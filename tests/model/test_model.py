"""The protocol holds as designed, and the search finds what goes wrong without each of its guards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.model.runs import LARGE, SMALL, Run, searched
from tests.model.setup import AT_REST, FAULTS, Mistake, parse


@pytest.mark.parametrize("run", SMALL, ids=lambda run: run.text)
def test_as_designed_it_holds_and_without_a_guard_the_search_finds_what_goes_wrong(run: Run) -> None:
    result = searched(parse(run.text))
    assert not run.surprise_in(result), "\n".join((result.why, *result.trace))


def test_every_fault_that_can_be_planted_is_planted() -> None:
    planted = {word for run in (*SMALL, *LARGE) if run.found for word in parse(run.text).words}
    assert planted >= FAULTS.keys()
    assert FAULTS.keys() >= AT_REST


def test_a_word_that_means_nothing_is_refused_with_a_sentence() -> None:
    with pytest.raises(Mistake, match="nonsense"):
        parse("any nonsense")


def test_a_single_run_prints_the_shortest_way_to_what_it_finds() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.model", "any", "noattempt"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "VIOLATION" in said.stdout
    assert "Claim R0" in said.stdout
