"""What people write of a Resource: `spec.cordoned` and `spec.recheck`, as guarded patches. And who they are."""

from __future__ import annotations

from typing import Any

from . import paths
from .client import Client
from .views import ResourceView

Json = dict[str, Any]
QUARANTINED = "quarantined"


def cordon(resource: ResourceView, reason: str, by: str) -> Json | None:
    """The patch that keeps it from being lent; None if it says so already, for the same reason."""
    if resource.cordoned and resource.cordon_reason == reason:
        return None
    return _guarded(resource, {"cordoned": {"reason": reason, "by": by}})


def uncordon(resource: ResourceView) -> Json | None:
    """The patch that lets it be lent again, and has it cleaned again first if it is quarantined; None if neither is
    needed."""
    spec: Json = {"cordoned": None} if resource.cordoned else {}
    if wants_recheck(resource):
        spec["recheck"] = resource.epoch
    return _guarded(resource, spec) if spec else None


def wants_recheck(resource: ResourceView) -> bool:
    return resource.state == QUARANTINED and resource.recheck != resource.epoch


def _guarded(resource: ResourceView, spec: Json) -> Json:
    return {"metadata": {"uid": resource.uid, "resourceVersion": resource.version}, "spec": spec}


async def user_name(client: Client) -> str:
    """Who the API server takes us for. Raises KubeError; every authenticated user may ask (system:basic-user)."""
    review = {"apiVersion": paths.SELF_REVIEWS.api_version, "kind": "SelfSubjectReview"}
    answer = await client.create(paths.collection(paths.SELF_REVIEWS), review)
    return str(answer["status"]["userInfo"]["username"])
