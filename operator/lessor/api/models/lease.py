"""Lease: one holder's exclusive right to n resources, or the wish for it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.fields import FieldInfo

from lessor.api.names import (
    ALTERNATIVE_NAMES_MAX,
    ALTERNATIVES_MAX,
    OUTCOME_BYTES_MAX,
    RELEASES_MAX,
    REQUESTS_MAX,
    RESOURCES_PER_LEASE_MAX,
)
from lessor.api.rules import ATOMIC, MAP_BY_NAME, SET, Record, Rule

from .common import (
    Duration,
    DurationOrZero,
    Identity,
    Int32,
    Kubernetes,
    Name,
    NameOrAll,
    Selector,
    ShortName,
    StateWord,
    Timestamp,
    Uid,
)
from .lease_status import LeaseStatus

Count = Annotated[int, Field(ge=1, le=RESOURCES_PER_LEASE_MAX, json_schema_extra={"format": "int32"})]
_WAYS = ("pool", "clusterProfile", "firstOf")


class Alternative(Record):
    """One way to fulfil a request."""

    pool: Name
    """Name of the Pool."""
    count: Count | None = None
    """Number of Resources. Default: the request's count."""
    selector: Selector | None = None
    """Only Resources with these labels. Default: any of the pool."""
    # Few, since CEL's cost limit counts 16 requests times 8 alternatives times these.
    names: Annotated[list[Name], Field(min_length=1, max_length=ALTERNATIVE_NAMES_MAX), SET] | None = None
    """Only these Resources, 32 at most: `count` of them are given, the longest idle first. Default: any of the pool."""


class Request(Record):
    """A number of resources: of a pool, of what a cluster profile names, or of the first pool that has them."""

    name: ShortName = "main"
    """Name of this request, unique in the Lease; status.resources says to which request each Resource belongs."""
    pool: Name | None = None
    """Name of the Pool. Exactly one of pool, clusterProfile and firstOf is given."""
    cluster_profile: Name | None = None
    """Name of the ClusterProfile, which names pools and counts. It is looked up once, when the Lease is accepted."""
    first_of: Annotated[list[Alternative], Field(min_length=1, max_length=ALTERNATIVES_MAX), ATOMIC] | None = None
    """Alternatives, tried in this order: the first that can be met is taken."""
    count: Count = 1
    """Number of Resources, 1 to 256; all requests of a Lease together ask for 256 at most."""
    selector: Selector | None = None
    """Only Resources with these labels. Default: any of the pool."""
    names: Annotated[list[Name], Field(min_length=1, max_length=RESOURCES_PER_LEASE_MAX), SET] | None = None
    """Only these Resources: `count` of them are given, the longest idle first. Default: any of the pool."""
    from_: StateWord = Field(default="free", alias="from")
    """State in which a Resource must be to be taken. Any other than free needs the verb `transition` on the pool."""
    as_: StateWord = Field(default="leased", alias="as")
    """State that a Resource has while it is held."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"[{', '.join(f'has(self.{way})' for way in _WAYS)}].filter(given, given).size() == 1",
            message="name exactly one of pool, clusterProfile and firstOf",
            holds=lambda self: sum(way is not None for way in (self.pool, self.cluster_profile, self.first_of)) == 1,
        ),
        Rule(
            cel="!has(self.clusterProfile) || (self.count == 1 && !has(self.selector) && !has(self.names))",
            message="a clusterProfile brings its own pools and counts: leave out count, selector and names",
            holds=lambda self: (
                self.cluster_profile is None or (self.count == 1 and self.selector is None and self.names is None)
            ),
        ),
        Rule(
            cel="!has(self.firstOf) || (!has(self.selector) && !has(self.names) && self.firstOf.all(way,"
            " !has(way.names) || way.names.size() >= (has(way.count) ? way.count : self.count)))",
            message="with firstOf, give selector and names in its alternatives, and as many names as count asks for",
            holds=lambda self: (
                self.first_of is None
                or (self.selector is None and self.names is None and all(map(self._has_names_enough, self.first_of)))
            ),
        ),
        Rule(
            cel="!has(self.names) || self.names.size() >= self.count",
            message="names lists fewer Resources than count asks for",
            holds=lambda self: self.names is None or len(self.names) >= self.count,
            field=".names",
        ),
    )

    def _has_names_enough(self, way: Alternative) -> bool:
        return way.names is None or len(way.names) >= (way.count or self.count)

    def count_max(self) -> int:
        """Number of Resources that it takes at most, whichever alternative is taken."""
        return max(way.count or self.count for way in self.first_of) if self.first_of else self.count


class HolderPod(Record):
    """The pod that uses the resources."""

    name: Name
    """Name of the pod, in the Lease's namespace."""
    uid: Uid | None = None
    """metadata.uid of the pod. Default: that of the pod of this name that is seen first."""


class HolderRef(Record):
    """Another object that the resources are used for, such as a Job."""

    api_version: Annotated[str, Field(min_length=1, max_length=317)]
    """apiVersion of the object, such as batch/v1."""
    kind: Annotated[str, Field(min_length=1, max_length=63)]
    """Kind of the object, such as Job."""
    name: Name
    """Name of the object, in the Lease's namespace."""
    uid: Uid | None = None
    """metadata.uid of the object. Default: that of the object of this name that is seen first."""


class LeaseHolder(Record):
    """Who holds. A pod or an object is watched: the Lease ends when it has ended or is gone."""

    identity: Identity | None = None
    """Who holds, as any text for people, such as the job's name and build; 4096 characters at most."""
    pod: HolderPod | None = None
    """The pod that uses the resources: while it lives no heartbeat is needed, when it has ended the Lease ends."""
    ref: HolderRef | None = None
    """The object that the resources are used for: when it is complete or gone the Lease ends."""


class Release(Record):
    """A resource that its holder gives back."""

    name: NameOrAll
    """Name of the Resource, or `*` for all of the Lease."""
    state: StateWord | None = None
    """State to leave it in; the pool must allow it (spec.lease.releaseStates). Default: the Lease's releaseState, else
    the pool's first."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(has(self.state) ? self.state : '') == (has(oldSelf.state) ? oldSelf.state : '')",
            message="what was released stays so: an entry of release can't change its state",
            field=".state",
            forbidden=True,
        ),
    )


class Outcome(Record):
    """How the holder's work went. message and report have 8192 bytes at most together."""

    result: Literal["Succeeded", "Failed", "Suspect", "Empty", "Left", "Unknown"]
    """The result in a word. Empty, Left and Suspect are a janitor's: nothing is left, something is left, it can't be
    trusted."""
    message: Annotated[str, Field(max_length=OUTCOME_BYTES_MAX)] | None = None
    """The result as a sentence."""
    report: Annotated[str, Field(max_length=OUTCOME_BYTES_MAX)] | None = None
    """More about it, as any text: a list of what was deleted, a link."""

    rules: ClassVar[tuple[Rule, ...]] = (
        # maxLength counts characters, etcd stores bytes.
        Rule(
            cel="(has(self.message) ? bytes(self.message).size() : 0)"
            f" + (has(self.report) ? bytes(self.report).size() : 0) <= {OUTCOME_BYTES_MAX}",
            message=f"message and report may have {OUTCOME_BYTES_MAX} bytes together: shorten them or put a link",
            holds=lambda self: (
                len((self.message or "").encode()) + len((self.report or "").encode()) <= OUTCOME_BYTES_MAX
            ),
        ),
    )


# Of alternatives the greatest counts, as in Request.count_max.
_SUM = (
    "self.map(r, has(r.firstOf) && r.firstOf.size() > 0"
    " ? r.firstOf.map(way, has(way.count) ? way.count : r.count).max() : r.count).sum()"
)
Requests = Annotated[
    list[Request],
    Field(min_length=1, max_length=REQUESTS_MAX),
    MAP_BY_NAME,
    Rule(
        cel=f"{_SUM} <= {RESOURCES_PER_LEASE_MAX}",
        message=f"the requests of a Lease may ask for {RESOURCES_PER_LEASE_MAX} Resources in all: make several Leases",
        holds=lambda requests: sum(request.count_max() for request in requests) <= RESOURCES_PER_LEASE_MAX,
    ),
]
Releases = Annotated[
    list[Release],
    Field(max_length=RELEASES_MAX),
    MAP_BY_NAME,
    Rule(
        cel="sets.contains(self.map(entry, entry.name), oldSelf.map(entry, entry.name))",
        message="what was released stays so: entries of release are only added",
        forbidden=True,
    ),
]


class LeaseFields(Record):
    """What is asked for."""

    requests: Requests
    """What is asked for, 1 to 16 requests: all of them are met together, or none."""
    priority: Int32 = 0
    """A Lease of greater priority goes first; a pool's queue.maxPriority caps it."""
    holder: LeaseHolder | None = None
    """Who holds. With a pod or an object the Lease ends when that ends; without, it needs a heartbeat (renewTime)."""
    renew_time: Timestamp | None = None
    """The heartbeat: any change of it is a sign of life. Its value is never trusted, so clocks need not agree."""
    renew_within: Duration | None = None
    """The Lease ends if it was not renewed for so long. Default and limit: the pool's lease.renewWithin."""
    waiter_renew_within: Duration | None = None
    """While it waits, the Lease leaves the queue if it was not renewed for so long. Default: it waits without
    renewal."""
    collect_within: Duration | None = None
    """A Lease that was bound but not renewed once within this time goes back unused. Default: renewWithin alone
    counts."""
    renew_slack: DurationOrZero | None = None
    """Added to renewWithin, for heartbeats that are sent on together. Only for who may `administer` leases. Default:
    0s."""
    max_duration: Duration | None = None
    """The Lease ends so long after it was bound, renewed or not. Default and limit: the pool's lease.maxDuration."""
    wait_timeout: Duration | None = None
    """The Lease ends if it still waits after so long. Default: it waits without limit."""
    release_state: StateWord | None = None
    """State to leave the Resources in; each pool must allow it (spec.lease.releaseStates). Default: the pool's
    first."""
    ttl_after_finished: DurationOrZero = "1h"
    """The Lease object is deleted so long after it has ended."""
    adopt: bool = False
    """Claims the named Resources while they are initialised, to take over running leases from elsewhere. Only for who
    may `administer` leases."""
    release: Releases | None = None
    """Resources that the holder gives back before the Lease is deleted. Entries are only added."""
    outcome: Outcome | None = None
    """How the work went, written by the holder before it releases. A cleaning Lease's decides what its Resource
    becomes."""


CHANGEABLE = frozenset({"renewTime", "release", "outcome"})


def _same(name: str, info: FieldInfo) -> str:
    """CEL for: this field is as it was."""
    field = info.alias or name
    same = f"self.{field} == oldSelf.{field}"
    always_there = info.is_required() or info.default is not None
    return same if always_there else f"(has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || {same}))"


class LeaseSpec(LeaseFields):
    """What is asked for. Once created it can't be changed, but for renewTime, release and outcome."""

    rules: ClassVar[tuple[Rule, ...]] = (
        # By all fields, so one that is added later is fixed unless it is let go in CHANGEABLE.
        # One rule, though it can't name the field, and the whole first: the API server runs it at every write of the
        # status too, and pays for each field that it reads (profiled: half of what all rules of a Lease cost).
        Rule(
            cel="self == oldSelf || ("
            + " && ".join(
                _same(name, info) for name, info in LeaseFields.model_fields.items() if info.alias not in CHANGEABLE
            )
            + ")",
            message="of an existing Lease only renewTime, release and outcome may change: delete it and create another",
            forbidden=True,
        ),
        Rule(
            cel="!has(oldSelf.release) || has(self.release)",
            message="what was released stays so: entries of release are only added",
            field=".release",
            forbidden=True,
        ),
        Rule(
            cel="!self.adopt || self.requests.all(request, has(request.names))",
            message="adopt needs the names of the Resources in each request",
            holds=lambda self: not self.adopt or all(request.names is not None for request in self.requests),
            field=".adopt",
        ),
    )


class Lease(Kubernetes):
    """One holder's exclusive right to resources, or the wish for it. Delete it to give the resources back."""

    kind: Literal["Lease"] = "Lease"
    spec: LeaseSpec
    status: LeaseStatus | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(oldSelf.status) || has(self.status)",
            message="the status of a Lease can't be removed: it says what it holds",
            field=".status",
        ),
    )
