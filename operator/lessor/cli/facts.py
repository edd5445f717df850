"""What can be seen of a Lease's situation: where it stands, who is ahead, who holds what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lessor.api import names as api
from lessor.cli.cluster import Cluster, Json, Whole, look_at_all
from lessor.cli.lines import lines
from lessor.core.ledger import Ledger
from lessor.core.model import Lease
from lessor.core.queue import priority_of
from lessor.kube import codec, views
from lessor.kube.views import LeaseView, PoolView, ResourceView, Said


@dataclass(frozen=True)
class Place:
    """In the line of one pool. `ahead`: names within the Lease's own namespace, first in line first."""

    pool: str
    position: Any
    of: Any
    ahead: tuple[str, ...] = ()
    ahead_elsewhere: int | None = None  # Leases of other namespaces; None: it can't be seen


@dataclass(frozen=True)
class Facts:
    """`pools` and `resources` are those that it asks for, as far as they can be read; `others` are all Leases that
    can be, by namespace and name."""

    lease: LeaseView
    priority: Any  # as its pools cap it
    exact: bool = True
    note: str = ""  # why not
    places: tuple[Place, ...] = ()
    pools: Mapping[str, PoolView] | None = None
    resources: tuple[ResourceView, ...] | None = None
    others: Mapping[tuple[str, str], LeaseView] | None = None

    @property
    def said(self) -> Said:
        """The condition that decides about its state: its sentence is the explanation."""
        lease = self.lease
        if lease.state == "Bound":
            return lease.said("Ready")
        if not lease.waiting:
            return lease.said("Finished")
        accepted = lease.said("Accepted")
        return lease.said("Bound") if accepted.status == "True" else accepted

    @property
    def held(self) -> list[ResourceView]:
        """Those that somebody holds, the longest held first."""
        held = [resource for resource in self.resources or () if resource.holder is not None]
        return sorted(held, key=lambda resource: (resource.since, resource.name))

    @property
    def stock(self) -> dict[str, dict[str, int]]:
        """Per pool, how many of what it asks for are held, free, cordoned, or in which other state."""
        out: dict[str, dict[str, int]] = {pool: {} for pool in self.lease.pools}
        for r in self.resources or ():
            word = "held" if r.holder else "cordoned" if r.cordoned else r.state or "not initialised"
            out[r.pool][word] = out[r.pool].get(word, 0) + 1
        return out

    def expires(self, resource: ResourceView) -> str:
        """When its holder's Lease ends unless it is renewed; "" if that is not known."""
        holder = resource.holder
        lease = (self.others or {}).get((holder.namespace, holder.name)) if holder else None
        return lease.expire_time if lease is not None else ""


async def look(cluster: Cluster, name: str) -> Facts:
    """Reads the Lease, and of a waiting one whatever may be read of the rest. Raises Failure and KubeErrors."""
    body = await cluster.get(api.LEASE, name, cluster.namespace)
    lease = views.lease(body)
    if not lease.waiting:
        return Facts(lease, lease.priority)
    whole = await look_at_all(cluster)
    ledger = whole.ledger()
    bodies = (whole.leases or await cluster.list_if_permitted(api.LEASE, cluster.namespace) or ([], 0))[0]
    return Facts(
        lease=lease,
        exact=ledger is not None,
        note="" if ledger is not None else whole.note,
        places=_places(ledger, lease, cluster.wall) if ledger is not None else _rounded(lease),
        priority=_priority(ledger, lease),
        pools=_pools(whole, lease),
        resources=_resources(whole, lease, body),
        others={(view.namespace, view.name): view for view in map(views.lease, bodies)},
    )


def _priority(ledger: Ledger | None, lease: LeaseView) -> Any:
    known = ledger.leases.get(lease.uid) if ledger is not None else None
    return priority_of(ledger, known) if ledger is not None and known is not None else lease.priority


def _pools(whole: Whole, lease: LeaseView) -> dict[str, PoolView] | None:
    if whole.pools is None:
        return None
    known = {view.name: view for view in map(views.pool, whole.pools[0])}
    return {name: known[name] for name in lease.pools if name in known}


def _resources(whole: Whole, lease: LeaseView, body: Json) -> tuple[ResourceView, ...] | None:
    """Those that would do for one of its requests."""
    if whole.resources is None:
        return None
    shown = [view for view in map(views.resource, whole.resources[0]) if view.pool in lease.pools]
    try:
        read = codec.read(api.LEASE.kind, body)
    except codec.CannotRead:
        return tuple(shown)
    assert isinstance(read, Lease)
    ways = [way for request in read.requests for way in request.ways]
    return tuple(r for r in shown if any(way.pool == r.pool and way.takes(r.name, r.labels) for way in ways))


def _places(ledger: Ledger, lease: LeaseView, wall: float) -> tuple[Place, ...]:
    known = ledger.leases.get(lease.uid)
    places = []
    for pool, line in lines(ledger, known.pools if known is not None and known.waiting else (), wall).items():
        at = next((place for place, other in enumerate(line) if other.uid == lease.uid), None)
        if at is None:
            continue  # it is being granted what it asks for
        ahead = line[:at]
        own = tuple(other.name for other in ahead if other.namespace == lease.namespace)
        places.append(Place(pool, at + 1, len(line), own, len(ahead) - len(own)))
    return tuple(places)


def _rounded(lease: LeaseView) -> tuple[Place, ...]:
    place = lease.queue
    if place.position is None:
        return ()
    return (Place(" and ".join(lease.pools), place.position, place.of),)


def as_json(facts: Facts, helps: list[str]) -> Json:
    """The documented shape of `lessor explain -o json` (docs/cli.md). What does not apply is left out."""
    lease, said = facts.lease, facts.said
    out: Json = {
        "namespace": lease.namespace,
        "name": lease.name,
        "state": lease.state or None,
        "reason": said.reason,
        "message": said.message,
        "since": said.since or lease.created,
        "created": lease.created,
        "priority": facts.priority,
        "asks": [ask.as_json() for ask in lease.asks],
    }
    if lease.waiting:
        out["exact"] = facts.exact
        out["places"] = [_place_json(place) for place in facts.places]
        if facts.resources is not None:
            out["stock"] = facts.stock
            out["held"] = [_held_json(facts, resource) for resource in facts.held]
        status = {"blockedBy": lease.queue.blocked_by, "latestStart": lease.queue.latest_start, "note": facts.note}
        out |= {key: value for key, value in status.items() if value}
        return out | {"helps": helps}
    times = {"boundTime": lease.bound_time, "expireTime": lease.expire_time}
    out |= {key: value for key, value in times.items() if value}
    if lease.state == "Bound":
        alive = lease.said("HolderAlive")
        out["holderAlive"] = {"status": alive.status, "reason": alive.reason, "message": alive.message}
        out["resources"] = [
            {
                "name": given.name,
                "request": given.request,
                "pool": given.pool,
                "epoch": given.epoch,
                "attributes": dict(given.attributes),
            }
            for given in lease.resources
        ]
    return out


def _place_json(place: Place) -> Json:
    out: Json = {"pool": place.pool, "position": place.position, "of": place.of}
    if place.ahead_elsewhere is not None:
        out["ahead"] = {"leases": list(place.ahead), "otherNamespaces": place.ahead_elsewhere}
    return out


def _held_json(facts: Facts, resource: ResourceView) -> Json:
    holder, expires = resource.holder, facts.expires(resource)
    assert holder is not None
    out: Json = {"resource": resource.name, "pool": resource.pool, "namespace": holder.namespace, "name": holder.name}
    out["since"] = resource.since
    return out | ({"expireTime": expires} if expires else {})
