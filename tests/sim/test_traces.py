"""Traces that once broke a promise, or would without a rule (`traces_of_*.py`): told as they are, all of them hold."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from lessor.api.models.lease import Lease
from lessor.api.models.pool import Pool
from lessor.api.models.resource import Resource

from . import traces_of_holders, traces_of_leases, traces_of_loss, traces_of_pools
from .api import Change
from .tracing import TRACES, Trace
from .world import World

assert (
    traces_of_holders and traces_of_leases and traces_of_loss and traces_of_pools
)  # they have put their traces into the list


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_it_holds_that(trace: Trace) -> None:
    trace(World())


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_all_that_is_written_satisfies_the_schemas_while(trace: Trace) -> None:
    models: dict[str, type[BaseModel]] = {"Pool": Pool, "Resource": Resource, "Lease": Lease}

    def judge(change: Change) -> None:
        if change.new is not None and change.kind in models:
            models[change.kind].model_validate_json(json.dumps(change.new))

    world = World()
    world.server.judges.append(judge)
    trace(world)
