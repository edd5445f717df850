"""What a Pod, or an object of another kind, says of its own end: what a Lease that names it as its holder ends by.

Pods: phase (a terminal one never changes). Tekton runs: Succeeded, with completionTime. All others as Jobs and ProwJobs
do it: condition Complete or Failed, or status.completionTime. What says nothing of that ends by its deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lessor.core.model import HolderFacts

Body = Mapping[str, Any]


def holder_facts(body: Body) -> HolderFacts:
    """A Pod, or an object of any kind that a Lease names as its holder. What is not as expected tells nothing."""
    meta, status = body["metadata"], body.get("status")
    group = str(body.get("apiVersion")).rpartition("/")[0]
    ended = _ENDED.get((group, str(body.get("kind"))), _object_ended)(status) if isinstance(status, Mapping) else None
    return HolderFacts(meta["uid"], ended, "deletionTimestamp" in meta)


def _pod_ended(status: Body) -> str | None:
    return {"Succeeded": "has succeeded", "Failed": "has failed"}.get(str(status.get("phase")))


def _object_ended(status: Body) -> str | None:
    said = _said(status)
    if said.get("Failed") == "True":
        return "has failed"
    return "is complete" if said.get("Complete") == "True" or status.get("completionTime") else None


def _run_ended(status: Body) -> str | None:
    """Without completionTime a run that has failed may be tried again."""
    said = _said(status).get("Succeeded") if status.get("completionTime") else None
    return {"True": "is complete", "False": "has failed"}.get(str(said))


def _prow_job_ended(status: Body) -> str | None:
    return f"is complete ({status.get('state', 'in no state')})" if status.get("completionTime") else None


def _said(status: Body) -> dict[str, str]:
    found = status.get("conditions")
    listed = [c for c in found if isinstance(c, Mapping)] if isinstance(found, list) else []
    return {str(c.get("type")): str(c.get("status")) for c in listed}


_ENDED: dict[tuple[str, str], Callable[[Body], str | None]] = {  # by API group and kind
    ("", "Pod"): _pod_ended,
    ("prow.k8s.io", "ProwJob"): _prow_job_ended,
    ("tekton.dev", "PipelineRun"): _run_ended,
    ("tekton.dev", "TaskRun"): _run_ended,
    ("tekton.dev", "CustomRun"): _run_ended,
}
