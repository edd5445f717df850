"""Resource: one thing that is lent. Its status holds the lock: whoever stands in `holder` has it, nobody else."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lessor.api.names import LAST_HOLDERS_MAX
from lessor.api.rules import ATOMIC, Record, Rule

from .common import (
    Attributes,
    Counter,
    Identity,
    Kubernetes,
    Message,
    Name,
    ObservedDuration,
    ObservedName,
    ObservedState,
    Status,
    Timestamp,
    Uid,
    Word,
)


class Cordon(Record):
    """Why the resource is not lent, and by whose word."""

    reason: Word
    """Why it is not lent, for those who wait."""
    by: Word | None = None
    """Who says so."""


class ResourceSpec(Record):
    """Written by the operator from the Pool. People own only `cordoned` and `recheck`."""

    pool: Name
    """The pool that it belongs to. It never changes: a name that moves to another pool is removed and created anew."""
    attributes: Attributes | None = None
    """Facts about the resource for its holder, from the Pool; shown in the status of its Lease."""
    credentials_secret: Name | None = None
    """Secret with its credentials, in the operator's credentials namespace; its holder gets a copy."""
    cordoned: Cordon | None = None
    """While this is set the Resource is lent to nobody; who holds it keeps it. `lessor cordon` and `lessor uncordon`
    write it."""
    recheck: Counter | None = None
    """Set it to status.epoch to have a quarantined Resource cleaned again (without a janitor: to its initial state).
    `lessor uncordon` does."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.pool == oldSelf.pool",
            message="a Resource can't change its pool: move its name from one Pool to the other, then it is made anew",
            field=".pool",
            forbidden=True,
        ),
    )


class Holder(Record):
    """The Lease that has the resource. Always written whole."""

    namespace: ObservedName
    """Namespace of the Lease."""
    name: ObservedName
    """Name of the Lease."""
    uid: Uid
    """metadata.uid of the Lease: a new Lease of the same name is another holder."""
    identity: Identity | None = None
    """Who that is, as the Lease says (spec.holder.identity)."""
    attempt: Counter | None = None
    """The Lease's status.attempt at the claim. A claim below the Lease's present attempt is taken back."""
    from_: ObservedState | None = Field(default=None, alias="from")
    """State that the Resource was claimed in; a claim that was never bound returns to it."""
    release_state: ObservedState | None = None
    """State that the Resource goes to if the holder gives it back without another wish."""
    term: ObservedDuration | None = None
    """How long the holder may still act after its last renewal: the Lease's renewWithin and renewSlack, such as 30m."""


class PastHolder(Record):
    """A Lease that had the resource, and how that ended."""

    namespace: ObservedName
    """Namespace of the Lease."""
    name: ObservedName
    """Name of the Lease."""
    uid: Uid
    """metadata.uid of the Lease."""
    identity: Identity | None = None
    """Who that was."""
    epoch: Counter | None = None
    """status.epoch while it had the resource."""
    ended: Word | None = None
    """How it ended, as one word such as Released."""
    at: Timestamp | None = None
    """When it ended."""


class Cleaning(Record):
    """The janitor's work on the resource since it became dirty."""

    attempts: Counter | None = None
    """Failed cleanings in a row."""
    verdict: Word | None = None
    """Result of the last cleaning, as its Lease's spec.outcome.result said: Empty is clean."""
    message: Message | None = None
    """The last cleaning's result as a sentence."""
    finished_at: Timestamp | None = None
    """When the last cleaning ended."""


class ResourceStatus(Status):
    """Where the resource is and who has it. The operator alone writes it."""

    state: ObservedState | None = None
    """free, leased, busy, dirty, cleaning, quarantined or any other word that a holder may wish. Absent: not
    initialised, never leased."""
    holder: Holder | None = None
    """The Lease that has the Resource: the lock. Absent: nobody has it."""
    epoch: Counter | None = None
    """Grows with each write that changes the holder. With metadata.uid it is the fencing token: the greater one is the
    newer holder."""
    since: Timestamp | None = None
    """When `state` last changed."""
    hold_until: Timestamp | None = None
    """Not lent before: a lost holder may act until then."""
    last_holders: Annotated[list[PastHolder], Field(max_length=LAST_HOLDERS_MAX), ATOMIC] | None = None
    """The last holders, newest first, and how each ended."""
    cleaning: Cleaning | None = None
    """The janitor's work on the Resource since it became dirty."""

    # These carry the protocol: an operator that acts on an old truth is refused here, whatever else fails.
    rules: ClassVar[tuple[Rule, ...]] = (
        # Needed beside the third: a first status has no old one, and then no rule with oldSelf runs.
        Rule(
            cel="!has(self.holder) || (has(self.epoch) && self.epoch > 0)",
            message="a holder needs an epoch: it is its fencing token",
            holds=lambda self: self.holder is None or bool(self.epoch),
            field=".holder",
        ),
        Rule(
            cel="!has(oldSelf.epoch) || (has(self.epoch) && self.epoch >= oldSelf.epoch)",
            message="epoch may not fall or vanish: it is the fencing token of the holder",
            field=".epoch",
        ),
        Rule(
            cel="(has(self.holder) ? self.holder.uid : '') == (has(oldSelf.holder) ? oldSelf.holder.uid : '')"
            " || (has(self.epoch) ? self.epoch : 0) > (has(oldSelf.epoch) ? oldSelf.epoch : 0)",
            message="the holder changes only together with a greater epoch",
            field=".holder",
        ),
    )


class Resource(Kubernetes):
    """One thing that is lent, such as a cloud account or a slice of a quota. The operator makes it from its Pool."""

    kind: Literal["Resource"] = "Resource"
    spec: ResourceSpec
    status: ResourceStatus | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(oldSelf.status) || has(self.status)",
            message="the status of a Resource can't be removed: it says who holds it",
            field=".status",
        ),
    )
