"""The protocol holds as designed, and the search finds what goes wrong without each of its guards."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lessor.core import actions
from tests.model.rules import VERBS
from tests.model.runs import LARGE, SMALL, Run, searched
from tests.model.search import CUT, HOLDS
from tests.model.setup import AT_REST, FAULTS, Mistake, parse


@pytest.mark.parametrize("run", SMALL, ids=lambda run: run.text)
def test_as_designed_it_holds_and_without_a_guard_the_search_finds_what_goes_wrong(run: Run) -> None:
    result = searched(parse(run.text))
    assert not run.surprise_in(result), "\n".join((result.why, *result.trace))


def test_every_fault_that_can_be_planted_is_planted() -> None:
    planted = {word for run in (*SMALL, *LARGE) if run.found for word in parse(run.text).words}
    assert planted >= FAULTS.keys()
    assert FAULTS.keys() >= AT_REST


def test_the_models_writes_are_the_cores_actions() -> None:
    assert all(isinstance(getattr(actions, verb), type) for verb in VERBS)


def test_every_label_of_an_operators_write_begins_with_an_action() -> None:
    """On the way to what is found after a Resource was removed by force, so that each is told apart from people's."""
    way = searched(parse("any force,noadopt")).trace
    assert any(label.startswith("a person removes R") for label in way)
    assert all(label.startswith(("a person", "a user", *VERBS)) for label in way)


def test_the_way_to_a_violation_is_a_shortest_one() -> None:
    """Hole A of the first design: a Bind in flight, and its Resource made again, blank."""
    claim, removal, *rest = searched(parse("any force,noraisefirst")).trace
    assert claim.startswith("Claim")
    assert removal.startswith("a person removes")
    assert sorted(label.split()[0] for label in rest) == ["Bind", "Initialise"]


def test_a_search_that_was_cut_does_not_say_that_it_holds() -> None:
    result = searched(parse("two max=2000"))
    assert result.verdict == CUT
    assert Run("two", result.states).surprise_in(result)


def test_resources_that_are_interchangeable_change_the_count_and_not_the_answer() -> None:
    one, all_ = searched(parse("any env=0 fair=0")), searched(parse("any nosym env=0 fair=0"))
    assert one.verdict == all_.verdict == HOLDS
    assert one.states < all_.states <= 2 * one.states


def test_the_page_about_the_protocol_gives_the_counts_that_are_searched() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
    rows = re.findall(r"^\| `((?:two|any|janitor) [^`]*)` \| ([0-9,]+) ", page, re.MULTILINE)
    searched_states = {run.text.removesuffix(" fair=0"): f"{run.states:,}" for run in LARGE}
    assert rows
    assert [(text, searched_states.get(text)) for text, _ in rows] == rows


def test_a_word_that_means_nothing_is_refused_with_a_sentence() -> None:
    with pytest.raises(Mistake, match="model any knows no word 'nonsense'"):
        parse("any nonsense")
    with pytest.raises(Mistake, match="model janitor knows no word 'noraise'"):
        parse("janitor noraise")
    with pytest.raises(Mistake, match="no model 'three'"):
        parse("three")
    with pytest.raises(Mistake, match="'env=many' sets nothing"):
        parse("any env=many")


def test_a_single_run_prints_the_shortest_way_to_what_it_finds() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.model", "any", "noattempt"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "VIOLATION" in said.stdout
    assert "Claim R0" in said.stdout
