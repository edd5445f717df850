"""Pool: interchangeable resources and the rules under which they are lent (Boskos: a "type")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lessor.api.names import COUNTED_POOL_NAME_CHARS_MAX, POOL_COUNT_MAX, POOL_ITEMS_MAX
from lessor.api.rules import ATOMIC, MAP_BY_NAME, SET, Listed, Record, Rule

from .common import (
    Access,
    Attributes,
    Counter,
    Duration,
    DurationOrZero,
    Int32,
    Kubernetes,
    Labels,
    Name,
    StateWord,
    StateWordOrAny,
    Status,
    TemplateLabels,
)

_SOURCES = ("items", "names", "count", "dynamic")
_AT_MOST_COUNT = Annotated[int, Field(ge=0, le=POOL_COUNT_MAX, json_schema_extra={"format": "int32"})]


class PoolItem(Record):
    """One resource of a pool, with what is particular to it."""

    name: Name
    """Name of the Resource, unique in the cluster: of two pools that claim a name the older has it."""
    labels: Labels | None = None
    """Labels of the Resource, for selectors. They win over the template's."""
    attributes: Attributes | None = None
    """Facts about the resource for its holder, such as `region: us-east-1`. They win over the template's."""
    credentials_secret: Name | None = None
    """Secret with the resource's credentials, in the operator's credentials namespace. Default: the template's."""
    initial_state: StateWord | None = None
    """State in which the Resource begins. Default: the template's; with a janitor it always begins dirty."""


class DynamicResources(Record):
    """Resources that are made and removed as needed."""

    min: _AT_MOST_COUNT
    """Number of Resources that are always there."""
    max: _AT_MOST_COUNT
    """Number of Resources that are there at most, while Leases wait."""
    lifespan: Duration | None = None
    """Age from which on an unheld Resource is replaced, such as 24h. Default: none is replaced for its age."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.min <= self.max", "min may not be greater than max", lambda self: self.min <= self.max),
    )


class PoolResources(Record):
    """What the pool consists of. Exactly one of the four fields is given."""

    items: Annotated[list[PoolItem], Field(min_length=1, max_length=POOL_ITEMS_MAX), MAP_BY_NAME] | None = None
    """Resources by name, each with its own labels, attributes and credentials."""
    names: Annotated[list[Name], Field(min_length=1, max_length=POOL_ITEMS_MAX), SET] | None = None
    """Names of Resources that differ in nothing else: short for `items`."""
    count: _AT_MOST_COUNT | None = None
    """Number of nameless slices, such as a quota: the Resources are called <pool>-0, <pool>-1 and so on."""
    dynamic: DynamicResources | None = None
    """Resources with generated names, whose number grows while Leases wait."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"[{', '.join(f'has(self.{source})' for source in _SOURCES)}].filter(given, given).size() == 1",
            message="give exactly one of items, names, count and dynamic",
            holds=lambda self: sum(getattr(self, source) is not None for source in _SOURCES) == 1,
        ),
    )


class PoolTemplate(Record):
    """What all resources of the pool have in common. `$(NAME)` in a value is replaced by the Resource's name."""

    labels: TemplateLabels | None = None
    """Labels of each Resource, for selectors."""
    attributes: Attributes | None = None
    """Facts about each resource for its holder, such as `region: us-east-1`."""
    credentials_secret: Annotated[str, Field(max_length=253)] | None = None
    """Secret with the credentials, in the operator's credentials namespace, such as `$(NAME)-credentials`."""
    initial_state: StateWord | None = None
    """State in which a Resource begins. Default: free; with a janitor it always begins dirty."""


class PoolLease(Record):
    """The terms on which the pool lends. They are copied into a Lease when it is bound: an edit changes new leases
    only."""

    renew_within: Duration = "30m"
    """A Lease ends if nothing was heard of its holder for so long. A Lease may ask for less; more is capped."""
    max_duration: Duration | None = None
    """A Lease ends after so long, renewed or not. A Lease may ask for less; more is capped. Default: no limit."""
    release_states: Annotated[list[StateWordOrAny], Field(min_length=1, max_length=16), ATOMIC] | None = None
    """States in which a holder may leave a resource: the first if it wishes none, any word after `*`. Default: free;
    with a janitor dirty."""
    on_loss: StateWord | None = None
    """State of a resource whose holder was lost instead of releasing it. Default: free; with a janitor dirty."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.releaseStates) || self.releaseStates.size() == 0 || self.releaseStates[0] != '*'",
            message="the first of releaseStates is the default, so put a state before '*'",
            holds=lambda self: not self.release_states or self.release_states[0] != "*",
            field=".releaseStates",
        ),
    )


class FairShare(Record):
    """Whose turn it is if priorities are equal: the tenant that holds least for its weight."""

    by: Literal["Namespace", "Label"] = "Namespace"
    """What makes Leases one tenant's: their namespace, or the value of their label `labelKey`."""
    label_key: Annotated[str, Field(min_length=1, max_length=317)] | None = None
    """The label that names the tenant. Only with `by: Label`."""
    weights: Annotated[dict[str, Annotated[int, Field(ge=1, le=1000)]], Field(max_length=500)] | None = None
    """Shares of tenants by name, 1 to 1000: a tenant of weight 2 gets twice as much as one of weight 1. Default: 1
    each."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(self.by == 'Label') == has(self.labelKey)",
            message="'by: Label' needs labelKey, and labelKey needs 'by: Label'",
            holds=lambda self: (self.by == "Label") == (self.label_key is not None),
        ),
    )


class PoolQueue(Record):
    """How the waiting are ordered: by priority, then fair share, then arrival."""

    reserve_after: DurationOrZero = "10m"
    """From this wait on a Lease goes before all others of its priority and what it needs is kept for it, so big
    requests can't starve."""
    fair_share: FairShare | None = None
    """Fair share between tenants. Default: off, first come, first served."""
    max_per_tenant: Annotated[int, Field(ge=1, le=POOL_COUNT_MAX, json_schema_extra={"format": "int32"})] | None = None
    """Number of Resources that one tenant holds at most; its other Leases wait. Default: no limit."""
    max_priority: Int32 | None = None
    """Highest priority that counts here; a Lease's greater one is capped. Default: no limit."""


class Need(Record):
    """A number of resources of another pool."""

    pool: Name
    """Name of the other pool."""
    count: Annotated[int, Field(ge=1, le=256)] = 1
    """Number of its Resources."""


class PoolCredentials(Record):
    """What happens to a resource's credentials."""

    rotate: dict[str, Any] | None = None
    """Job template (metadata and spec, as in a CronJob's jobTemplate) that makes new credentials after each lease."""


class PoolJanitor(Record):
    """Who cleans a dirty resource."""

    provider: Literal["none", "aws", "azure", "gcp", "oracle", "job", "external"] = "none"
    """The cleaner: of a cloud, a Job of your own, or an external one that leases dirty Resources; none: a dirty
    Resource stays dirty."""
    timeout: Duration = "2h"
    """One cleaning may last so long; then it has failed."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 5
    """After so many failed cleanings in a row a Resource is quarantined."""


class PoolSpec(Record):
    """What people want the pool to be."""

    resources: PoolResources
    """What the pool consists of: exactly one of items, names, count and dynamic."""
    template: PoolTemplate | None = None
    """What all Resources of the pool have in common. `$(NAME)` in a value is replaced by the Resource's name."""
    lease: PoolLease = Field(default_factory=PoolLease)
    """The terms on which the pool lends. They are copied into a Lease when it is bound: an edit changes new leases
    only."""
    queue: PoolQueue = Field(default_factory=PoolQueue)
    """How the waiting are ordered: by priority, then fair share, then arrival."""
    access: Access | None = None
    """Which namespaces may ask for this pool. Default: all."""
    mode: Literal["Active", "Hold", "HoldAndDrain"] = "Active"
    """Active lends. Hold gives no new leases. HoldAndDrain gives none and asks the holders to finish (condition
    ReclaimRequested)."""
    needs: Annotated[list[Need], Field(max_length=16), Listed("map", "pool")] | None = None
    """Resources of other pools that each Resource holds while it exists: a composite, as Boskos' Mason makes them."""
    credentials: PoolCredentials | None = None
    """What happens to a Resource's credentials after a lease."""
    janitor: PoolJanitor | None = None
    """Who cleans a dirty Resource. Default: nobody, and a released Resource is free at once."""


class PoolStatus(Status):
    """What the operator sees of the pool; the counts at most 10 s old."""

    counts: dict[str, Annotated[int, Field(ge=0)]] | None = None
    """Number of Resources in each state."""
    total: Annotated[int, Field(ge=0)] | None = None
    """Number of Resources."""
    waiting: Annotated[int, Field(ge=0)] | None = None
    """Number of Leases that wait for Resources of this pool."""
    next_ordinal: Counter | None = None
    """Names with a number below this one may have existed; reserved before a Resource of that number is made."""


class Pool(Kubernetes):
    """Interchangeable resources, such as cloud accounts or slices of a quota, and the rules under which they are
    lent."""

    kind: Literal["Pool"] = "Pool"
    spec: PoolSpec
    status: PoolStatus | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"!has(self.spec.resources.count) || self.metadata.name.size() <= {COUNTED_POOL_NAME_CHARS_MAX}",
            message="the Resources of a pool with count are called <pool>-0, <pool>-1 and so on:"
            f" its name may have {COUNTED_POOL_NAME_CHARS_MAX} characters",
            holds=lambda self: (
                self.spec.resources.count is None or len(self.metadata.name) <= COUNTED_POOL_NAME_CHARS_MAX
            ),
            field=".spec.resources.count",
        ),
        Rule(
            cel="!has(self.spec.needs) || self.spec.needs.all(need, need.pool != self.metadata.name)",
            message="a pool can't need itself",
            holds=lambda self: all(need.pool != self.metadata.name for need in self.spec.needs or ()),
            field=".spec.needs",
        ),
    )
