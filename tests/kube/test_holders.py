"""What pods and other objects say of their own end, and what they don't."""

from __future__ import annotations

from typing import Any

import pytest

from lessor.core.model import HolderFacts
from lessor.kube.holders import holder_facts
from tests.kube.bodies import CREATED, Json

JOB, RUN, PROW = ("batch/v1", "Job"), ("tekton.dev/v1", "PipelineRun"), ("prow.k8s.io/v1", "ProwJob")


def thing(api_version: str, kind: str, status: Any = None, **meta: Any) -> Json:
    body: Json = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "uid": "x-uid", **meta}}
    return body if status is None else {**body, "status": status}


def said(kind: str, status: str) -> Json:
    return {"conditions": [{"type": "Other", "status": "True"}, {"type": kind, "status": status}]}


@pytest.mark.parametrize(
    ("phase", "ended"),
    [
        ("Succeeded", "has succeeded"),
        ("Failed", "has failed"),
        ("Running", None),
        ("Pending", None),
        ("Unknown", None),
        (7, None),
    ],
)
def test_a_pod_has_ended_in_its_two_last_phases(phase: Any, ended: str | None) -> None:
    assert holder_facts(thing("v1", "Pod", {"phase": phase})).ended == ended


@pytest.mark.parametrize(
    ("kind", "status", "ended"),
    [
        (JOB, said("Complete", "True"), "is complete"),
        (JOB, said("Failed", "True"), "has failed"),
        (JOB, said("Failed", "False"), None),
        (JOB, said("FailureTarget", "True"), None),
        (JOB, {"active": 1}, None),
        (RUN, {**said("Succeeded", "True"), "completionTime": CREATED}, "is complete"),
        (RUN, {**said("Succeeded", "False"), "completionTime": CREATED}, "has failed"),
        (RUN, said("Succeeded", "False"), None),
        (RUN, {**said("Succeeded", "Unknown"), "completionTime": CREATED}, None),
        (("tekton.dev/v1beta1", "TaskRun"), {**said("Succeeded", "True"), "completionTime": CREATED}, "is complete"),
        (PROW, {"state": "aborted", "completionTime": CREATED}, "is complete (aborted)"),
        (PROW, {"state": "pending"}, None),
    ],
)
def test_an_object_whose_word_is_final_has_ended_by_it(kind: tuple[str, str], status: Json, ended: str | None) -> None:
    assert holder_facts(thing(*kind, status)).ended == ended


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        (said("Complete", "True"), "is complete"),
        (said("Failed", "True"), "has failed"),
        ({"completionTime": CREATED}, "is complete"),
        ({"phase": "Succeeded", **said("Ready", "False")}, None),
    ],
)
def test_an_object_of_any_other_kind_says_its_end_as_jobs_do(status: Json, ended: str | None) -> None:
    assert holder_facts(thing("ours.example/v1", "Suite", status)).ended == ended


def test_what_is_being_deleted_has_not_ended() -> None:
    facts = holder_facts(thing("v1", "Pod", {"phase": "Running"}, deletionTimestamp=CREATED))
    assert facts == HolderFacts("x-uid", None, terminating=True)


@pytest.mark.parametrize("status", [[], "x", {"conditions": "x"}, {"conditions": [3, {"type": [], "status": {}}]}])
@pytest.mark.parametrize("kind", [("v1", "Pod"), JOB, RUN, PROW])
def test_a_status_of_another_shape_tells_nothing(kind: tuple[str, str], status: Any) -> None:
    assert holder_facts(thing(*kind, status)).ended is None
