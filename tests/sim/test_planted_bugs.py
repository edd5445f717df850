"""Whoever takes a rule away hears of it: by a trace that shows what breaks, or by the search itself."""

from __future__ import annotations

import pytest

from .machine import TimedSimulation
from .planted import PLANTS, Plant
from .test_simulation import search
from .world import World

SEARCHED_MAX = 60  # examples; of ten, two or more find any of these


@pytest.mark.parametrize("plant", [p for p in PLANTS if p.trace], ids=str)
def test_a_trace_breaks_when(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plant.trace is not None
    plant.put(monkeypatch)
    with pytest.raises(AssertionError):
        plant.trace(World())


@pytest.mark.search
@pytest.mark.parametrize("plant", [p for p in PLANTS if p.search], ids=str)
def test_the_search_finds_that(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.put(monkeypatch)
    with pytest.raises(AssertionError):
        search(examples=SEARCHED_MAX)


@pytest.mark.search
@pytest.mark.parametrize("plant", [p for p in PLANTS if p.timed], ids=str)
def test_the_search_with_holders_finds_that(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.put(monkeypatch)
    with pytest.raises(AssertionError):
        search(examples=SEARCHED_MAX, machine=TimedSimulation)


def test_each_planted_bug_is_seen_somehow() -> None:
    assert all(plant.trace or plant.search or plant.timed for plant in PLANTS)
