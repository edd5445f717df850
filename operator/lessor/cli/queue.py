"""`lessor get queue`: who waits for each pool, first in line first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from lessor.api import names as api
from lessor.cli import output as out
from lessor.cli.cluster import Json, Whole, connected, look_at_all
from lessor.cli.exits import Exit, Failure
from lessor.cli.lines import lines, pools_with_a_line
from lessor.cli.options import Target
from lessor.core.ledger import Ledger
from lessor.core.queue import priority_of
from lessor.kube import views


@dataclass(frozen=True)
class Waiter:
    """One Lease in the line of one pool. Without an exact order its place is its status' own."""

    position: Any
    of: Any
    lease: views.LeaseView
    tenant: str
    priority: Any

    def as_json(self) -> Json:
        lease = self.lease
        return {
            "position": self.position,
            "namespace": lease.namespace,
            "name": lease.name,
            "tenant": self.tenant,
            "priority": self.priority,
            "asks": [ask.as_json() for ask in lease.asks],
            "since": lease.created,
            "reason": lease.reason,
            "message": lease.said("Bound").message,
        }


@dataclass(frozen=True)
class Line:
    """Of one pool: how many wait for it (None: not known), and those of them that are shown."""

    waiting: Any
    waiters: list[Waiter]

    def of(self, namespace: str) -> Line:
        return Line(self.waiting, [waiter for waiter in self.waiters if waiter.lease.namespace == namespace])


async def queue(target: Target, pool: str | None, output: str) -> None:
    only = target.namespace if not target.all_namespaces else None
    async with connected(target) as cluster:
        whole = await look_at_all(cluster, strict=target.all_namespaces)
        ledger = whole.ledger()
        note = ""
        if ledger is not None:
            found = _exact(ledger, whole, pool, cluster.wall)
        else:
            bodies = whole.leases[0] if whole.leases else (await cluster.list(api.LEASE, cluster.namespace))[0]
            found = _rounded(bodies, pool)
            note = whole.note
            if whole.leases is None:
                only = cluster.namespace
                note += f"; only leases of namespace {only} are shown"
    if pool is not None and not found[pool].waiters and whole.pools is not None:
        _must_exist(pool, whole.pools[0])
    if only is not None:
        found = {name: line.of(only) for name, line in found.items()}
    if output in ("json", "yaml"):
        click.echo(out.data(_as_json(found, note), output))
        return
    if note:
        click.echo(note, err=True)
    rows = [(name, waiter) for name, line in found.items() for waiter in line.waiters]
    if not rows:
        whose = f" of namespace {only}" if only is not None else ""
        click.echo(f"no leases{whose} wait" + (f" for pool {pool}" if pool is not None else ""), err=True)
    elif output == "name":
        click.echo("\n".join(dict.fromkeys(f"{w.lease.namespace}/{w.lease.name}" for _, w in rows)))
    else:
        click.echo(_table(rows, cluster.wall))


def _must_exist(pool: str, bodies: list[Json]) -> None:
    if not any(body["metadata"]["name"] == pool for body in bodies):
        raise Failure(f"there is no pool {pool}; lessor get pools shows those that are", Exit.NOT_FOUND)


def _exact(ledger: Ledger, whole: Whole, pool: str | None, wall: float) -> dict[str, Line]:
    assert whole.leases is not None
    shown = {view.uid: view for view in map(views.lease, whole.leases[0])}
    found = {}
    for name, line in lines(ledger, [pool] if pool is not None else pools_with_a_line(ledger), wall).items():
        known = ledger.pools.get(name)
        found[name] = Line(
            len(line),
            [
                Waiter(
                    position=place,
                    of=len(line),
                    lease=shown[lease.uid],
                    tenant=known.tenant_of(lease) if known is not None else lease.namespace,
                    priority=priority_of(ledger, lease),
                )
                for place, lease in enumerate(line, start=1)
            ],
        )
    return found


def _rounded(bodies: list[Json], pool: str | None) -> dict[str, Line]:
    """From the status of each Lease. Its tenant can't be known without the pool: its namespace is the default."""
    found: dict[str, list[Waiter]] = {} if pool is None else {pool: []}
    for lease in map(views.lease, bodies):
        for name in lease.pools if lease.waiting else ():
            if pool is None or name == pool:
                waiter = Waiter(lease.queue.position, lease.queue.of, lease, lease.namespace, lease.priority)
                found.setdefault(name, []).append(waiter)
    for waiters in found.values():
        # Who has no place written yet has come last.
        waiters.sort(key=lambda w: (not isinstance(w.position, int), w.position or 0, w.lease.created, w.lease.uid))
    return {name: Line(_most(waiters), waiters) for name, waiters in sorted(found.items())}


def _most(waiters: list[Waiter]) -> int | None:
    return max((w.of for w in waiters if isinstance(w.of, int)), default=None)


def _as_json(found: dict[str, Line], note: str) -> Json:
    per_pool = [
        {"pool": name, "waiting": line.waiting, "leases": [waiter.as_json() for waiter in line.waiters]}
        for name, line in found.items()
    ]
    return {"exact": not note, **({"note": note} if note else {}), "pools": per_pool}


def _table(rows: list[tuple[str, Waiter]], wall: float) -> str:
    header = ["POOL", "POSITION", "LEASE", "TENANT", "PRIORITY", "ASKS FOR", "WAITED", "REASON"]
    cells = []
    for pool, waiter in rows:
        lease = waiter.lease
        place = f"{waiter.position} of {waiter.of}" if waiter.position is not None else ""
        asks = ", ".join(ask.words(pool) for ask in lease.asks)
        who = [f"{lease.namespace}/{lease.name}", waiter.tenant, waiter.priority]
        cells.append([pool, place, *who, asks, out.since(lease.created, wall), lease.reason])
    return out.table(header, cells)
