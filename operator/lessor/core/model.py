"""The nouns that decisions are made of: Pool, Resource, Lease, as frozen values.

They hold what a decision needs and nothing else; `lessor.kube.codec` is the only code that knows how they look in JSON.
Times are seconds since the epoch (wall clock) unless a name says otherwise. `version` is the object's resourceVersion:
versions of one kind compare as integers (KEP-5504).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from .selectors import Selector

FREE = "free"
LEASED = "leased"
DIRTY = "dirty"
ANY_STATE = "*"  # in a pool's releaseStates: any word may be wished for, as Boskos trusted its clients
EVERYTHING = "*"  # in a Lease's spec.release: the whole Lease
UNCLEAN = frozenset({DIRTY, "cleaning", "quarantined"})


class Now(NamedTuple):
    """One reading of both clocks: `wall` (seconds since the epoch) for ages of objects, `mono` (seconds) for
    waiting."""

    wall: float
    mono: float


class HolderGroup(NamedTuple):
    """Where holders are: one kind in one namespace, one watch."""

    api_version: str
    kind: str
    namespace: str


class HolderKey(NamedTuple):
    """An object that a Lease names as its holder, in the Lease's namespace. A Pod: ("v1", "Pod", namespace, name)."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> HolderGroup:
        return HolderGroup(self.api_version, self.kind, self.namespace)


@dataclass(frozen=True, slots=True)
class HolderFacts:
    """What a watch or a live read shows of it. `ended`: the end of a sentence ("has succeeded"); None: it has not."""

    uid: str
    ended: str | None = None
    terminating: bool = False


@dataclass(frozen=True, slots=True)
class Tracked:
    """A holder as `spec.holder` names it. Without `uid` the one seen first is the holder, and pinned."""

    key: HolderKey
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Namespace:
    """`going`: it is being deleted."""

    name: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict)
    going: bool = False


class LeaseState(StrEnum):
    """`Lease.status.state`: one word for people, and the phase in which the protocol sees the Lease."""

    WAITING = "Waiting"
    BOUND = "Bound"
    RELEASED = "Released"
    EXPIRED = "Expired"
    REFUSED = "Refused"

    @property
    def finished(self) -> bool:
        return self not in (LeaseState.WAITING, LeaseState.BOUND)


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """metav1.Condition. `since` (lastTransitionTime as written) is empty until the codec stamps it."""

    type: str
    status: ConditionStatus
    reason: str
    message: str
    since: str = ""

    def says(self, other: Condition | None) -> bool:
        """Whether `other` tells a person the same: a message alone is not worth a write."""
        return other is not None and self.status == other.status and self.reason == other.reason


Conditions = Mapping[str, Condition]


@dataclass(frozen=True, slots=True)
class Item:
    """One wanted Resource of a Pool, its template already applied."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    credentials_secret: str | None = None
    initial_state: str = FREE


@dataclass(frozen=True, slots=True)
class FairShare:
    """Among Leases of equal priority the tenant that holds least for its weight goes first."""

    label_key: str | None = None  # the Lease's label that names its tenant; None: its namespace does
    weights: Mapping[str, int] = field(default_factory=dict)  # by tenant; 1 each where nothing is said

    def share(self, tenant: str, resources: int) -> float:
        """So many resources as a part of what the tenant's weight gives it."""
        return resources / self.weights.get(tenant, 1)


@dataclass(frozen=True, slots=True)
class Access:
    """Which namespaces may ask: those of these names, or those with these labels."""

    namespaces: frozenset[str] | None = None
    selector: Selector | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """A Boskos "type": interchangeable Resources, and the rules under which they are lent."""

    name: str
    uid: str
    version: int
    created: float
    items: Mapping[str, Item]  # by name, in the order of the spec
    counted: bool = False  # nameless slices <pool>-0 … <pool>-<count-1>
    next_ordinal: int = 0  # names below it may have existed (status.nextOrdinal)
    release_states: tuple[str, ...] = (FREE,)  # first is the default
    on_loss: str = FREE
    renew_within: float = 1800.0  # seconds
    max_duration: float | None = None  # seconds
    reserve_after: float = 600.0  # seconds
    max_priority: int | None = None
    max_per_tenant: int | None = None  # resources
    fair_share: FairShare | None = None
    access: Access | None = None  # None: all namespaces may ask
    hold: bool = False  # mode Hold or HoldAndDrain: no new leases
    janitor: bool = False
    protected: bool = True  # our finalizer is on it
    other_finalizers: tuple[str, ...] = ()
    deleting: bool = False
    unsupported: tuple[str, ...] = ()  # fields set that this version gives no effect
    generation: int = 0
    observed_generation: int = 0
    conditions: Conditions = field(default_factory=dict)
    said: tuple[Mapping[str, int], int, int] = (MappingProxyType({}), -1, -1)  # its status' counts, total, waiting

    def allows(self, state: str) -> bool:
        """Whether a holder may wish its resources to end in `state` (Boskos: the `dest` of a release)."""
        return state in self.release_states or ANY_STATE in self.release_states

    @property
    def lends(self) -> bool:
        return not (self.hold or self.deleting or self.unsupported)

    @property
    def queueing(self) -> tuple[object, ...]:
        """What of it places a Lease in the queue."""
        return self.reserve_after, self.max_priority, self.max_per_tenant, self.fair_share, self.access

    @property
    def tells_tenants_apart(self) -> bool:
        return self.fair_share is not None or self.max_per_tenant is not None

    def tenant_of(self, lease: Lease) -> str:
        """Whose turn a Lease's is: its namespace's, unless fairShare names a label and the Lease has it."""
        key = self.fair_share.label_key if self.fair_share is not None else None
        return (lease.labels.get(key) if key is not None else None) or lease.namespace


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a Resource: the lock itself. Always written whole."""

    namespace: str
    name: str
    uid: str
    attempt: int
    from_state: str  # where a claim that was never Bound returns to
    release_state: str  # where a voluntary end without another wish leads
    identity: str = ""
    term: float = 1800.0  # seconds without a renewal after which it may be ended


@dataclass(frozen=True, slots=True)
class PastHolder:
    """One of the last five that held a Resource, and how that ended."""

    namespace: str
    name: str
    uid: str
    ended: str
    at: str  # RFC 3339; empty until the codec stamps it


@dataclass(frozen=True, slots=True)
class Resource:
    """One lent thing: a cloud account, a project, a slice of quota."""

    name: str
    uid: str
    version: int
    created: float
    pool: str
    state: str | None = None  # None: not initialised, never leased
    holder: Holder | None = None
    epoch: int = 0  # +1 at each write that changes the holder; with uid the fencing token
    since: float = 0.0  # in this state since
    hold_until: float = 0.0  # not claimed before
    cordoned: bool = False
    protected: bool = True  # our finalizer is on it
    other_finalizers: tuple[str, ...] = ()
    deleting: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    credentials_secret: str | None = None
    last_holders: tuple[PastHolder, ...] = ()
    conditions: Conditions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that this version can't read: it is decided about no more, says so itself, and harms no other."""

    kind: str
    namespace: str
    name: str
    uid: str
    version: int
    message: str  # a sentence: what, and what to do
    told: bool  # its status says it already
    conditions: tuple[Mapping[str, object], ...] = ()  # its other conditions, as they are


@dataclass(frozen=True, slots=True)
class Request:
    """A number of Resources of one Pool: any of `names` if it has some, with the labels that `selector` wants.

    With `alternatives` (firstOf) it is one of these instead, which are plain requests of its name; it has no pool."""

    name: str
    pool: str
    count: int = 1
    names: frozenset[str] = frozenset()
    from_state: str = FREE
    as_state: str = LEASED
    selector: Selector | None = None
    alternatives: tuple[Request, ...] = ()

    @property
    def ways(self) -> tuple[Request, ...]:
        """The plain requests that fulfil it, to be tried in this order."""
        return self.alternatives or (self,)

    @property
    def picky(self) -> bool:
        """Whether not every Resource of its pool will do."""
        return bool(self.names) or (self.selector is not None and bool(self.selector.requirements))

    @property
    def kind(self) -> tuple[object, ...]:
        """Plain requests of one kind are met by the same Resources."""
        return self.pool, self.from_state, self.count, self.names, self.selector

    def takes(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a Resource of its pool will do."""
        return (not self.names or name in self.names) and (self.selector is None or self.selector.matches(labels))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `Lease.status.resources`."""

    name: str
    request: str
    pool: str
    epoch: int
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """The pools' rules as copied into a Lease when it is bound: editing a Pool changes new leases only."""

    renew_within: float
    max_duration: float | None
    release_state: str | None  # None: each pool's own
    on_loss: str | None
    priority: int
    renew_slack: float = 0.0  # seconds, added to renew_within


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a waiting Lease stands, rounded (see `telling.py`). `blocked_by`: what it waits for, in words."""

    position: int
    of: int
    blocked_by: str


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's exclusive right to n Resources, or the wish for it."""

    namespace: str
    name: str
    uid: str
    version: int
    created: float
    requests: tuple[Request, ...]
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    identity: str = ""
    release_state: str | None = None  # spec.releaseState: the wish for all of them
    release: Mapping[str, str | None] = field(default_factory=dict)  # spec.release: resource or "*" -> state
    state: LeaseState = LeaseState.WAITING
    attempt: int = 0
    resources: tuple[Entry, ...] = ()
    accepted: bool = False
    terms: Terms | None = None
    place: QueuePlace | None = None  # status.queue
    deleting: bool = False
    unsupported: tuple[str, ...] = ()
    generation: int = 0
    observed_generation: int = 0  # as it was when the Lease was bound: what is newer the holder has changed since
    conditions: Conditions = field(default_factory=dict)
    tracked: tuple[Tracked, ...] = ()  # spec.holder's pod and ref
    holder_uid: str | None = None  # status.holderUID
    renewal: str | None = None  # spec.renewTime: any change is life, its value is never read
    renewed_at: float | None = None  # when the API server took the last change of it (managedFields)
    renew_within: float | None = None  # seconds, like all below
    waiter_renew_within: float | None = None
    collect_within: float | None = None
    renew_slack: float = 0.0
    max_duration: float | None = None
    wait_timeout: float | None = None
    ttl: float = 3600.0  # spec.ttlAfterFinished
    bound_time: float | None = None  # the operator's stamp, as is the next
    finished_at: float | None = None

    @property
    def pinnable(self) -> Tracked | None:
        """What status.holderUID is of: of its holders the first without a uid in the spec."""
        return next((tracked for tracked in self.tracked if tracked.uid is None), None)

    @property
    def collected(self) -> bool:
        """Whether its holder has renewed or released anything since it was bound (each raises the generation)."""
        return self.generation > self.observed_generation

    @property
    def order(self) -> tuple[int, float, str]:
        """The queue's total order: priority, then arrival, then uid (creationTimestamp has whole seconds)."""
        return (-self.priority, self.created, self.uid)

    @property
    def finished(self) -> bool:
        return self.state.finished

    @property
    def waiting(self) -> bool:
        return self.state is LeaseState.WAITING

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools it asks of, alternatives included, each once, in the order of its requests."""
        return tuple(dict.fromkeys(way.pool for request in self.requests for way in request.ways))

    def asks_of(self, pool: str) -> int:
        """How many Resources of a pool it takes at most, whichever alternatives are taken."""
        return sum(max((way.count for way in request.ways if way.pool == pool), default=0) for request in self.requests)

    def lists(self, resource: str) -> bool:
        return any(entry.name == resource for entry in self.resources)

    def wish_for(self, resource: str) -> str | None:
        """The state asked for by `spec.release`; a single resource's entry is more particular than "*"."""
        return self.release[resource] if resource in self.release else self.release.get(EVERYTHING)

    def may_wish(self, state: str, pool: Pool) -> bool:
        """Whether its resources of `pool` may end in `state`. Who takes from other states than free (admission asks for
        the verb `transition`) may wish any, as Boskos' cleaner does."""
        return pool.allows(state) or any(request.from_state != FREE for request in self.requests)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
