"""Traces that once broke a promise, or would without a rule (`traces.py`): told as they are, all of them hold."""

from __future__ import annotations

import pytest

from .traces import TRACES, Trace
from .world import World


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_it_holds_that(trace: Trace) -> None:
    trace(World())
