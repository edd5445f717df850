"""ClusterProfile: the name that a job asks for; it stands for pools (OpenShift CI's cluster profiles)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lessor.api.names import REQUESTS_MAX, RESOURCES_PER_LEASE_MAX
from lessor.api.rules import MAP_BY_NAME, Record, Rule

from .common import Access, Attributes, Kubernetes, Name, ShortName, Status


class ProfileRequest(Record):
    """A number of resources of a pool."""

    name: ShortName = "main"
    """Name of this request, unique in the profile."""
    pool: Name
    """Name of the Pool."""
    count: Annotated[int, Field(ge=1, le=RESOURCES_PER_LEASE_MAX, json_schema_extra={"format": "int32"})] = 1
    """Number of Resources."""


ProfileRequests = Annotated[
    list[ProfileRequest],
    Field(min_length=1, max_length=REQUESTS_MAX),
    MAP_BY_NAME,
    Rule(
        cel=f"self.map(request, request.count).sum() <= {RESOURCES_PER_LEASE_MAX}",
        message=f"a profile may ask for {RESOURCES_PER_LEASE_MAX} Resources in all, as a Lease may",
        holds=lambda requests: sum(request.count for request in requests) <= RESOURCES_PER_LEASE_MAX,
    ),
]


class ClusterProfileSpec(Record):
    """What the profile stands for."""

    requests: ProfileRequests
    """What a Lease that names this profile asks for, 1 to 16 requests; looked up once, when the Lease is accepted."""
    attributes: Attributes | None = None
    """Facts for the holder, such as `platform: aws`. A Resource's own attributes win over them."""
    credentials_secret: Name | None = None
    """Secret with credentials that all users of the profile share, in the operator's credentials namespace."""
    access: Access | None = None
    """Which namespaces may use the profile. Default: all."""


class ClusterProfileStatus(Status):
    """What the operator says about the profile."""


class ClusterProfile(Kubernetes):
    """A name that a Lease can ask for instead of pools, such as `hypershift`: it stands for pools, counts and
    credentials."""

    kind: Literal["ClusterProfile"] = "ClusterProfile"
    spec: ClusterProfileSpec
    status: ClusterProfileStatus | None = None
