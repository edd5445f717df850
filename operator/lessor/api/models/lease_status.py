"""What the operator says about a Lease. Its transition rules keep a bind from being taken back and an end from being
undone."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lessor.api.names import ALTERNATIVES_MAX, RESOURCES_PER_LEASE_MAX
from lessor.api.rules import ATOMIC, MAP_BY_NAME, SET, Listed, Record, Rule

from .common import (
    Attributes,
    Counter,
    Int32,
    ObservedDuration,
    ObservedName,
    ObservedState,
    Selector,
    Status,
    Timestamp,
    Uid,
    Word,
)

ReleaseStates = Annotated[list[ObservedState], Field(max_length=16), ATOMIC]
ObservedNames = Annotated[list[ObservedName], Field(max_length=RESOURCES_PER_LEASE_MAX), SET]
Url = Annotated[str, Field(max_length=2048)]


class ObservedAlternative(Record):
    """One way to fulfil a request."""

    pool: ObservedName
    """Name of the Pool."""
    count: Counter | None = None
    """Number of Resources."""
    selector: Selector | None = None
    """Only Resources with these labels."""
    names: ObservedNames | None = None
    """Only these Resources."""


class ExpandedRequest(Record):
    """A request after its cluster profile was looked up."""

    name: ObservedName
    """Name of the request in the spec; after a cluster profile <request>.<name in the profile>."""
    pool: ObservedName | None = None
    """Name of the Pool. Absent with firstOf."""
    count: Counter
    """Number of Resources."""
    selector: Selector | None = None
    """Only Resources with these labels."""
    names: ObservedNames | None = None
    """Only these Resources."""
    from_: ObservedState | None = Field(default=None, alias="from")
    """State in which a Resource must be to be taken."""
    as_: ObservedState | None = Field(default=None, alias="as")
    """State that a Resource has while it is held."""
    first_of: Annotated[list[ObservedAlternative], Field(max_length=ALTERNATIVES_MAX), ATOMIC] | None = None
    """Alternatives, tried in this order."""


class PoolTerms(Record):
    """Terms of one pool, where they differ from the Lease's."""

    pool: ObservedName
    """Name of the Pool."""
    release_states: ReleaseStates | None = None
    """States in which a Resource of this pool may be left; the first is the default."""
    on_loss: ObservedState | None = None
    """State of a Resource of this pool if the holder is lost."""


class Terms(Record):
    """The terms that hold for this Lease: the pools' and its own, copied when it was bound."""

    renew_within: ObservedDuration | None = None
    """The Lease ends if it was not renewed for so long."""
    renew_slack: ObservedDuration | None = None
    """Added to renewWithin."""
    max_duration: ObservedDuration | None = None
    """The Lease ends so long after boundTime. Absent: no limit."""
    priority: Int32 | None = None
    """Its priority in the queue, after the pools' caps."""
    release_state: ObservedState | None = None
    """State in which the Resources are left without another wish."""
    release_states: ReleaseStates | None = None
    """States that the holder may wish."""
    on_loss: ObservedState | None = None
    """State of the Resources if the holder is lost."""
    pools: Annotated[list[PoolTerms], Field(max_length=RESOURCES_PER_LEASE_MAX), Listed("map", "pool")] | None = None
    """Pools whose terms differ from the ones above, if the Lease is over several."""


class LeasedResource(Record):
    """A resource that the Lease has."""

    name: ObservedName
    """Name of the Resource."""
    request: ObservedName
    """Name of the request that it fulfils (status.requests)."""
    pool: ObservedName
    """Name of its Pool."""
    epoch: Counter
    """The Resource's status.epoch for this Lease: the fencing token."""
    attributes: Attributes | None = None
    """Facts about the resource, such as `region: us-east-1`, as they were when it was bound."""


class SecretCopy(Record):
    """The copy of a secret that the operator made for the holder."""

    name: ObservedName
    """Name of the Secret, in the Lease's namespace."""
    uid: Uid | None = None
    """metadata.uid of the Secret; by it the copy is deleted at the end."""


class Links(Record):
    """Where to look for the holder's work."""

    job: Url | None = None
    """Address of the job."""
    build: Url | None = None
    """Address of the build's log."""
    pr: Url | None = None
    """Address of the pull request."""


class QueuePlace(Record):
    """Where the Lease stands while it waits. Rounded and rarely written; exact over HTTP and in `lessor get`."""

    position: Counter | None = None
    """Its place in the queue; 1 is the next."""
    of: Counter | None = None
    """Number of Leases in the queue."""
    since: Timestamp | None = None
    """When the wait began."""
    blocked_by: Word | None = None
    """What it waits for: the name of a pool, or namespace/name of an earlier Lease."""
    latest_start: Timestamp | None = None
    """By then it begins at the latest, if no holder ahead of it stays beyond its maxDuration. Absent: nobody can
    say."""


Resources = Annotated[list[LeasedResource], Field(max_length=RESOURCES_PER_LEASE_MAX), MAP_BY_NAME]


def _finished(lease: str) -> str:
    return f"(has({lease}.conditions) && {lease}.conditions.exists(c, c.type == 'Finished' && c.status == 'True'))"


class LeaseStatus(Status):
    """What the operator says about the Lease. The operator alone writes it."""

    state: Literal["Waiting", "Bound", "Released", "Expired", "Refused"] | None = None
    """The Lease in one word, derived from the conditions: Waiting, Bound, or how it ended."""
    reason: Word | None = None
    """Why it is in this state, as one word: the reason of the condition that decides. Its message is in that
    condition."""
    attempt: Counter | None = None
    """Grows when claims made for this Lease are taken back; a claim of an earlier attempt doesn't count. It never
    falls."""
    requests: Annotated[list[ExpandedRequest], Field(max_length=RESOURCES_PER_LEASE_MAX), MAP_BY_NAME] | None = None
    """The requests with pools and counts in the place of cluster profiles; written once, when the Lease is accepted."""
    terms: Terms | None = None
    """The terms that hold for this Lease, copied when it was bound: editing a Pool changes new leases only."""
    holder_uid: Uid | None = Field(default=None, alias="holderUID")
    """metadata.uid of the holder's pod or object, as it was seen first: another one of the same name is not the
    holder."""
    bound_time: Timestamp | None = None
    """When the Lease was bound. It never changes."""
    expire_time: Timestamp | None = None
    """When the Lease ends unless it is renewed; rarely written, so a renewal may not show yet."""
    resources: Resources | None = None
    """The Resources that the holder has. Once the Lease is bound the list only shrinks."""
    credentials_secret: SecretCopy | None = None
    """The Secret with the credentials of all its Resources, in the Lease's namespace; there when condition Ready is
    True."""
    links: Links | None = None
    """Where to look for the holder's work."""
    queue: QueuePlace | None = None
    """Where the Lease stands while it waits."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"!{_finished('oldSelf')} || {_finished('self')}",
            message="a finished Lease never reopens: create another",
            field=".conditions",
        ),
        Rule(
            cel="!has(oldSelf.attempt) || (has(self.attempt) && self.attempt >= oldSelf.attempt)",
            message="attempt may not fall or vanish: claims of an earlier attempt would count again",
            field=".attempt",
        ),
        Rule(
            cel="!has(oldSelf.boundTime) || (has(self.boundTime) && self.boundTime == oldSelf.boundTime)",
            message="boundTime can't change: a Lease is bound once",
            field=".boundTime",
        ),
        # boundTime marks a bound Lease whose last Resource has gone: nothing may come back into its list.
        Rule(
            cel="!has(self.resources)"
            " || (!has(oldSelf.boundTime) && (!has(oldSelf.resources) || oldSelf.resources.size() == 0))"
            " || self.resources.all(entry, has(oldSelf.resources)"
            " && oldSelf.resources.exists(old, old.name == entry.name && old.epoch == entry.epoch))",
            message="once a Lease is bound, resources only shrinks and its entries keep their epoch",
            field=".resources",
        ),
    )
