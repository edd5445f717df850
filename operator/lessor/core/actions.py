"""The verbs: what a decision asks for. Each is one call about one object, so a process may die after any of them.

Writes are guarded by uid and resourceVersion of the object as it was decided on (the value in the action); reads
(`LookAt…`, `ListLeases`) bring back an observation and nothing else. `key` names the object that an action occupies:
nothing more is decided about it until the answer is known (`Ledger.assume`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from .model import (
    Condition,
    Conditions,
    Entry,
    Holder,
    HolderKey,
    Item,
    Lease,
    LeaseState,
    Pool,
    QueuePlace,
    Resource,
    Terms,
    Unreadable,
)
from .states import Event

Key: TypeAlias = tuple[str, str]  # kind and identity: a Lease's uid, a Resource's or Pool's name

POOL, RESOURCE, LEASE = "Pool", "Resource", "Lease"


def lease_key(uid: str) -> Key:
    return (LEASE, uid)


def resource_key(name: str) -> Key:
    return (RESOURCE, name)


def pool_key(name: str) -> Key:
    return (POOL, name)


@dataclass(frozen=True, slots=True)
class _OfResource:
    resource: Resource

    @property
    def key(self) -> Key:
        return resource_key(self.resource.name)


@dataclass(frozen=True, slots=True)
class _OfLease:
    lease: Lease

    @property
    def key(self) -> Key:
        return lease_key(self.lease.uid)


@dataclass(frozen=True, slots=True)
class _OfPool:
    pool: Pool

    @property
    def key(self) -> Key:
        return pool_key(self.pool.name)


@dataclass(frozen=True, slots=True)
class Claim(_OfResource):
    """The lock: state, holder with the Lease's attempt, epoch + 1, on a Resource that nobody holds."""

    event: ClassVar[Event] = Event.CLAIM
    holder: Holder
    state: str


@dataclass(frozen=True, slots=True)
class Free(_OfResource):
    """No holder any more, epoch + 1. `why` is a sentence's end; `ended` goes into lastHolders."""

    event: ClassVar[Event] = Event.FREE
    state: str
    ended: str
    hold_until: float = 0.0


@dataclass(frozen=True, slots=True)
class HandOver(_OfResource):
    """Free and Claim in one write: somebody waits, and there is nothing to clean between them."""

    event: ClassVar[Event] = Event.HAND_OVER
    holder: Holder
    state: str
    ended: str


@dataclass(frozen=True, slots=True)
class Initialise(_OfResource):
    event: ClassVar[Event] = Event.INITIALISE
    state: str
    hold_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Adopt(_OfResource):
    """Initialise for the live Bound Lease that lists it. `epoch` is above every one that was given out for the name."""

    event: ClassVar[Event] = Event.ADOPT
    holder: Holder
    state: str
    epoch: int


@dataclass(frozen=True, slots=True)
class DropFinalizer(_OfResource):
    event: ClassVar[Event] = Event.DROP


@dataclass(frozen=True, slots=True)
class MarkResource(_OfResource):
    """Tells people on the object itself why it is not lent."""

    event: ClassVar[None] = None
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class UpdateResource(_OfResource):
    """What the Pool says of it now; puts the finalizer on one that was made by hand."""

    event: ClassVar[None] = None
    item: Item


@dataclass(frozen=True, slots=True)
class DeleteResource(_OfResource):
    event: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class CreateResource:
    """`fresh`: the name never existed before, so no bind to an earlier one can be in flight."""

    event: ClassVar[None] = None
    pool: Pool
    item: Item
    fresh: bool

    @property
    def key(self) -> Key:
        return resource_key(self.item.name)


@dataclass(frozen=True, slots=True)
class Bind(_OfLease):
    event: ClassVar[Event] = Event.BIND
    entries: tuple[Entry, ...]
    terms: Terms
    conditions: Conditions
    holder_uid: str | None = None  # to be pinned
    expires: float | None = None  # when it ends unless it is renewed, seconds since the epoch


@dataclass(frozen=True, slots=True)
class Raise(_OfLease):
    """attempt + 1: every claim made so far may be given back, every bind in flight fails.

    `blanks` are the uninitialised Resources, by uid and epoch, that this raise clears of such binds."""

    event: ClassVar[Event] = Event.RAISE
    blanks: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Report(_OfLease):
    """Tells a waiting Lease's owner where it stands."""

    event: ClassVar[Event] = Event.REPORT
    accepted: bool
    conditions: Conditions
    holder_uid: str | None = None  # to be pinned
    place: QueuePlace | None = None  # None: it stands as it is


@dataclass(frozen=True, slots=True)
class NoteHolder(_OfLease):
    """What is known of its holder: the condition HolderAlive, and the uid that is pinned at first sight."""

    event: ClassVar[Event] = Event.NOTE_HOLDER
    alive: Condition
    holder_uid: str | None = None


@dataclass(frozen=True, slots=True)
class Shrink(_OfLease):
    """Entries that the holder gave back leave status.resources before their Resources are freed."""

    event: ClassVar[Event] = Event.SHRINK
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class End(_OfLease):
    """Persists how a Lease ended, Bound and Ready False in the same write, before anything of it is freed."""

    event: Event
    state: LeaseState
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class DeleteLease(_OfLease):
    """A finished Lease whose ttlAfterFinished is over."""

    event: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class ProtectPool(_OfPool):
    """Puts our finalizer on, before the first Resource is made."""

    event: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class UnprotectPool(_OfPool):
    event: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class ReserveOrdinals(_OfPool):
    """status.nextOrdinal, before Resources of these ordinals are created: what is below it may have existed."""

    event: ClassVar[None] = None
    next_ordinal: int


@dataclass(frozen=True, slots=True)
class ReportPool(_OfPool):
    event: ClassVar[None] = None
    counts: Mapping[str, int]
    total: int
    waiting: int
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class TellUnreadable:
    """Puts on an object's status that it can't be read."""

    event: ClassVar[None] = None
    item: Unreadable

    @property
    def key(self) -> Key:
        return (self.item.kind, self.item.uid if self.item.kind == LEASE else self.item.name)


@dataclass(frozen=True, slots=True)
class LookAtLease:
    """One confirming read: is this uid really gone? A watch can be behind or have lost an event."""

    event: ClassVar[None] = None
    namespace: str
    name: str
    uid: str

    @property
    def key(self) -> Key:
        return ("LookAtLease", self.uid)


@dataclass(frozen=True, slots=True)
class LookAtPool:
    """A live read before a Lease is refused for what its Pool lacks."""

    event: ClassVar[None] = None
    name: str
    version: int = 0  # as known when it was decided; 0: not known

    @property
    def key(self) -> Key:
        return ("LookAtPool", self.name)


@dataclass(frozen=True, slots=True)
class LookAtNamespace:
    """A live read before a Lease is refused for what its namespace lacks."""

    event: ClassVar[None] = None
    name: str

    @property
    def key(self) -> Key:
        return ("LookAtNamespace", self.name)


@dataclass(frozen=True, slots=True)
class LookAtHolder:
    """A live read of a holder, begun after `tick`: before an end, and before its uid is pinned."""

    event: ClassVar[None] = None
    about: HolderKey
    tick: int

    @property
    def key(self) -> Key:
        return ("LookAtHolder", "/".join(self.about))


@dataclass(frozen=True, slots=True)
class ListLeases:
    """A full list of Leases, begun after `tick`: what Initialise needs to know who is Bound."""

    event: ClassVar[None] = None
    tick: int
    key: ClassVar[Key] = ("ListLeases", "")


ResourceWrite: TypeAlias = (
    Claim | Free | HandOver | Initialise | Adopt | DropFinalizer | MarkResource | UpdateResource | DeleteResource
)
LeaseWrite: TypeAlias = Bind | Raise | Report | NoteHolder | Shrink | End
PoolWrite: TypeAlias = ProtectPool | UnprotectPool | ReserveOrdinals | ReportPool
Write: TypeAlias = ResourceWrite | LeaseWrite | DeleteLease | PoolWrite | CreateResource | TellUnreadable
Read: TypeAlias = LookAtLease | LookAtPool | LookAtNamespace | LookAtHolder | ListLeases
Action: TypeAlias = Write | Read


def version_of(action: Action) -> int:
    """The version of its object that an action was decided on; 0: of none."""
    match action:
        case CreateResource() | LookAtLease() | LookAtNamespace() | LookAtHolder() | ListLeases():
            return 0
        case LookAtPool():
            return action.version
        case TellUnreadable():
            return action.item.version
        case Bind() | Raise() | Report() | NoteHolder() | Shrink() | End() | DeleteLease():
            return action.lease.version
        case ProtectPool() | UnprotectPool() | ReserveOrdinals() | ReportPool():
            return action.pool.version
        case _:
            return action.resource.version


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and when to decide again though nothing was observed (`Now.mono`; None: never)."""

    actions: tuple[Action, ...] = ()
    wake_at: float | None = field(default=None)
