"""What must be true once everything is at rest, by the words of the design and not by the core's own.

Most of it looks at the server's objects alone. The last two ask the operators: what a ledger has gathered event by
event equals one that is read anew, and a process that starts now finds nothing to write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lessor.api import durations
from lessor.api.names import FINALIZER
from lessor.core.ledger import Ledger
from lessor.core.queue import in_line

from .api import Json, Server
from .invariants import Violation, combinations, finished, holder_of, is_bound, names_of
from .people import FOREIGN
from .sim_operator import Operator
from .world import World

CHECKED = ("resources", "leases", "claims", "claiming", "half_done", "listed", "pending", "unreadable", "blanks")


def check(world: World, ops: Sequence[Operator]) -> None:
    """Raises Violation with everything that is wrong."""
    server = world.server
    wrong = [*_resources(server), *_leases(server), *_pools(server)]
    if world.timed:
        wrong += world.witness.overdue(world.rested_from)
    for op in ops:
        wrong += [f"{op.name}: {words}" for words in _ledger(op)]
    if not wrong:
        wrong = list(_restarted(world))
    if wrong:
        raise Violation("at rest: " + "; ".join(wrong))


# -- objects


def _resources(server: Server) -> Iterator[str]:
    leases = {lease["metadata"]["uid"]: lease for lease in server.of("Lease")}
    pools = {pool["metadata"]["name"]: pool for pool in server.of("Pool")}
    for body in server.of("Resource"):
        name, holder = body["metadata"]["name"], holder_of(body)
        lease = leases.get(holder.get("uid", ""))
        if holder and lease is None:
            yield f"{name} is claimed by a lease that does not exist"
        elif holder and lease is not None and not (is_bound(lease) and name in names_of(lease)):
            yield f"{name} is claimed by {lease['metadata']['name']}, which does not list it"
        pool = pools.get(body["spec"]["pool"])
        if pool is None or not _works(pool):
            continue
        ours = FINALIZER in body["metadata"].get("finalizers", ())
        if "deletionTimestamp" in body["metadata"]:
            if not holder and ours:
                yield f"{name} is being deleted, nobody holds it, and it stays"
        elif pool["metadata"].get("deletionTimestamp") or name not in wanted(server, pool):
            yield f"{name} is not wanted by its pool and stays"
        elif "state" not in (body.get("status") or {}) and not holder:
            yield f"{name} is never initialised"
        elif not ours:
            yield f"{name} has no finalizer"


def _pools(server: Server) -> Iterator[str]:
    for pool in server.of("Pool"):
        name = pool["metadata"]["name"]
        mine = [body for body in server.of("Resource") if body["spec"]["pool"] == name]
        if "deletionTimestamp" in pool["metadata"]:
            if not mine:
                yield f"pool {name} is being deleted, has no resources, and stays"
        elif _works(pool):
            there = {body["metadata"]["name"] for body in server.of("Resource")}
            # A name may still be taken by a Resource of another pool, which goes first, or that no pool cares for.
            missing = [wish for wish in wanted(server, pool) if wish not in there]
            if missing:
                yield f"{missing} of pool {name} are never made"
            ordinals = len(items_of(pool)) if "count" in pool["spec"]["resources"] else 0
            if (pool.get("status") or {}).get("nextOrdinal", 0) < ordinals:
                yield f"nextOrdinal of pool {name} is below {ordinals}"


def _leases(server: Server) -> Iterator[str]:
    resources = {body["metadata"]["name"]: body for body in server.of("Resource")}
    for lease in server.of("Lease"):
        name, meta = lease["metadata"]["name"], lease["metadata"]
        if finished(lease):
            continue
        asked = [entry["name"] for entry in lease["spec"].get("release") or ()]
        if "deletionTimestamp" in meta or "*" in asked:
            yield f"lease {name} was given back and is not finished"
        elif is_bound(lease):
            for held in names_of(lease):
                if held in asked:
                    yield f"lease {name} lists {held}, which it gave back"
                body = resources.get(held)
                if body is not None and holder_of(body).get("uid") != meta["uid"] and _is_managed(server, body):
                    yield f"lease {name} lists {held} and does not hold it"
        elif why := impossible(server, lease):
            yield f"lease {name} can never be met ({why}) and is not refused"
        elif _can_be_met(server, lease) and not _gives_way(server, lease):
            yield f"lease {name} waits, and what it needs is free"
        elif not (lease.get("status") or {}).get("conditions"):
            yield f"lease {name} waits and is told nothing"


def items_of(pool: Json) -> list[str]:
    resources, name = pool["spec"]["resources"], pool["metadata"]["name"]
    if "count" in resources:
        return [f"{name}-{i}" for i in range(resources["count"])]
    return list(resources.get("names") or [item["name"] for item in resources["items"]])


def wanted(server: Server, pool: Json) -> list[str]:
    """Its names but for those that an older pool claims."""

    def age(p: Json) -> tuple[str, str]:
        return p["metadata"]["creationTimestamp"], p["metadata"]["uid"]

    older = [p for p in server.of("Pool") if age(p) < age(pool)]
    taken = {name for p in older for name in items_of(p)}
    return [name for name in items_of(pool) if name not in taken]


def _works(pool: Json) -> bool:
    """Whether the operator does something about its Resources: it understands the pool, or takes it down."""
    ours = FINALIZER in pool["metadata"].get("finalizers", ())
    return ours and ("deletionTimestamp" in pool["metadata"] or not pool["spec"].get("needs"))


def _lends(pool: Json | None) -> bool:
    return pool is not None and not (
        "deletionTimestamp" in pool["metadata"]
        or pool["spec"].get("needs")
        or pool["spec"].get("mode", "Active") != "Active"
    )


def _is_managed(server: Server, body: Json) -> bool:
    pool = server.objects.get(("Pool", "", body["spec"]["pool"]))
    return pool is not None and _works(pool) and (body["metadata"]["name"] in wanted(server, pool))


def impossible(server: Server, lease: Json) -> str:
    """Why it is to be refused, if it was never accepted."""
    said = (lease.get("status") or {}).get("conditions") or ()
    if any(c["type"] == "Accepted" and c["status"] == "True" for c in said):
        return ""
    if "adopt" in lease["spec"]:
        return "not supported"
    whys = [_impossible(server, lease, requests) for requests in combinations(lease["spec"]["requests"])]
    return whys[0] if all(whys) else ""


def _impossible(server: Server, lease: Json, plain: list[Json]) -> str:
    asked: dict[str, list[Json]] = {}
    for request in plain:
        asked.setdefault(request["pool"], []).append(request)
    for name, requests in asked.items():
        pool = server.objects.get(("Pool", "", name))
        if pool is None:
            return f"no pool {name}"
        if not pool["spec"].get("needs"):
            if not _fits(requests, labels_of(pool)):
                return f"more than pool {name} has"
            if sum(request["count"] for request in requests) > _limit(pool):
                return f"more than a tenant may hold of pool {name}"
        states = (pool["spec"].get("lease") or {}).get("releaseStates") or ["free"]
        wish = lease["spec"].get("releaseState")
        trusted = any(request.get("from", "free") != "free" for request in lease["spec"]["requests"])
        if wish is not None and not trusted and wish not in states and "*" not in states:
            return f"pool {name} does not allow {wish}"
    return ""


def labels_of(pool: Json) -> dict[str, Json]:
    """The labels of each of its items; only templates have some here."""
    labels = (pool["spec"].get("template") or {}).get("labels") or {}
    return {name: {k: v.replace("$(NAME)", name) for k, v in labels.items()} for name in items_of(pool)}


def _limit(pool: Json) -> float:
    most: float = (pool["spec"].get("queue") or {}).get("maxPerTenant") or float("inf")
    return most


def _takes(request: Json, name: str, labels: Json) -> bool:
    selector = request.get("selector") or {}
    wanted = [(key, [value]) for key, value in (selector.get("matchLabels") or {}).items()]
    wanted += [(e["key"], e["values"]) for e in selector.get("matchExpressions") or ()]  # In alone
    return name in (request.get("names") or [name]) and all(labels.get(key) in values for key, values in wanted)


def _fits(requests: list[Json], there: dict[str, Json]) -> bool:
    """Whether the requests can be met with different ones (name -> labels): tried out, since there are few."""
    slots = [{n for n, labels in there.items() if _takes(r, n, labels)} for r in requests for _ in range(r["count"])]

    def place(i: int, used: frozenset[str]) -> bool:
        return i == len(slots) or any(place(i + 1, used | {name}) for name in sorted(slots[i] - used))

    return len(slots) <= len(there) and place(0, frozenset())


def _can_be_met(server: Server, lease: Json) -> bool:
    return any(
        _can_all_be_met(server, requests)
        for requests in combinations(lease["spec"]["requests"])
        if not _impossible(server, lease, requests)
    )


def _can_all_be_met(server: Server, plain: list[Json]) -> bool:
    groups: dict[tuple[str, str], list[Json]] = {}
    for request in plain:
        groups.setdefault((request["pool"], request.get("from", "free")), []).append(request)
    for (name, state), requests in groups.items():
        pool = server.objects.get(("Pool", "", name))
        if pool is None or not _lends(pool):
            return False
        count = sum(request["count"] for request in plain if request["pool"] == name)
        if _tenant_has(server, name) + count > _limit(pool):
            return False
        free = [body["metadata"] for body in server.of("Resource") if _is_free(server, body, name, state)]
        if not _fits(requests, {meta["name"]: meta.get("labels") or {} for meta in free}):
            return False
    return True


def _tenant_has(server: Server, pool: str) -> int:
    """There is but one tenant here."""
    entries = [e for lease in server.of("Lease") if is_bound(lease) for e in lease["status"].get("resources") or ()]
    return sum(1 for entry in entries if entry["pool"] == pool)


def _is_free(server: Server, body: Json, pool: str, state: str) -> bool:
    meta, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    listed = any(is_bound(lease) and meta["name"] in names_of(lease) for lease in server.of("Lease"))
    usable = "cordoned" not in spec and "deletionTimestamp" not in meta and FINALIZER in meta.get("finalizers", ())
    return spec["pool"] == pool and status.get("state") == state and "holder" not in status and usable and not listed


def _gives_way(server: Server, lease: Json) -> bool:
    """Whether somebody of its pools waits that came earlier, is as important, and has waited for reserveAfter."""
    mine = _pools_of(lease)
    for other in server.of("Lease"):
        pools = _pools_of(other)
        if other is lease or finished(other) or is_bound(other) or not pools & mine:
            continue
        first = other["spec"].get("priority", 0) >= lease["spec"].get("priority", 0)
        if first and _matured(server, other):
            return True
    return False


def _pools_of(lease: Json) -> set[str]:
    return {request["pool"] for choice in combinations(lease["spec"]["requests"]) for request in choice}


def _matured(server: Server, lease: Json) -> bool:
    from lessor.kube.codec import seconds

    after = []
    for name in sorted(_pools_of(lease)):
        pool = server.objects.get(("Pool", "", name))
        if pool is not None:
            after.append(durations.parse((pool["spec"].get("queue") or {}).get("reserveAfter", "10m")).total_seconds())
    return server.now >= seconds(lease["metadata"]["creationTimestamp"]) + min(after, default=600.0)


# -- operators


def _ledger(op: Operator) -> Iterator[str]:
    """Its ledger, gathered event by event, equals one that is filled from the server now."""
    fresh = Operator("fresh", op.server, op.clock, op.say)
    op.server.watchers.remove(fresh._hear)
    fresh.answer_all()
    for name in CHECKED:
        mine, anew = getattr(op.ledger, name), getattr(fresh.ledger, name)
        if name == "blanks":
            mine, anew = {k: b.uid for k, b in mine.items()}, {k: b.uid for k, b in anew.items()}
        if mine != anew:
            yield f"the ledger's {name} are {mine}; read anew they are {anew}"
    for pool in {*op.ledger.index, *fresh.ledger.index}:
        mine, anew = _index(op.ledger, pool), _index(fresh.ledger, pool)
        if mine != anew:
            yield f"the ledger's index of pool {pool} is {mine}; read anew it is {anew}"
    if _line(op) != _line(fresh):
        yield f"its queue is {_line(op)}; read anew it is {_line(fresh)}"
    pools = {name: (pool.uid, pool.version) for name, pool in op.ledger.pools.items()}
    if pools != {name: (pool.uid, pool.version) for name, pool in fresh.ledger.pools.items()}:
        yield f"the ledger's pools are {pools}"
    for uid in op.ledger.vanished:
        if uid not in op.ledger.claims:
            yield f"the last word of lease {uid} is kept for nothing"
    if op.decide():
        yield f"it decides again: {[str(flight) for flight in op.flights]}"


def _line(op: Operator) -> Any:
    """Who is in line, in order, and what each tenant holds."""
    ledger = op.ledger
    order = [lease.uid for lease in in_line(ledger, sorted({*ledger.pools, *ledger.index}), op.clock().wall)]
    return order, dict(sorted(ledger.lanes._holds.items()))


def _index(ledger: Ledger, pool: str) -> Any:
    index = ledger.pool_index(pool)
    shelves = {state: list(index.idle(state)) for state in index.idle_states()}
    sets = (sorted(index.names), sorted(index.blanks), sorted(index.cordoned))
    return sets, index.counts, list(index.waiting), shelves


def _restarted(world: World) -> Iterator[str]:
    """A process that starts now finds nothing to write: what statuses say is true, and nothing was left undone."""
    before = len(world.server.history)
    op = world.operator("restarted")
    world.rest([op], wait=not world.timed)
    world.operators.remove(op)
    world.server.watchers.remove(op._hear)
    wrote = [f"{event.type} {event.key[2]}" for event in world.server.history[before:]]
    if wrote:
        yield f"an operator that starts now writes {wrote}"


__all__ = ["FOREIGN", "check"]
