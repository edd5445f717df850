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
from lessor.kube import views


@dataclass(frozen=True)
class Waiter:
    """One Lease in the line of one pool. Without an exact order the place is the status' own."""

    position: Any
    of: Any
    lease: views.LeaseView

    def as_json(self) -> Json:
        lease = self.lease
        return {
            "position": self.position,
            "namespace": lease.namespace,
            "name": lease.name,
            "tenant": lease.namespace,
            "priority": lease.priority,
            "asks": [ask.as_json() for ask in lease.asks],
            "since": lease.created,
            "reason": lease.reason,
            "message": lease.said("Bound").message,
        }


async def queue(target: Target, pool: str | None, output: str) -> None:
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
                note += f"; only leases of namespace {cluster.namespace} are shown"
    if pool is not None and not found.get(pool) and whole.pools is not None:
        _must_exist(pool, whole.pools[0])
    if target.namespace is not None and not target.all_namespaces:
        found = {name: [w for w in line if w.lease.namespace == target.namespace] for name, line in found.items()}
    _show(found, output, pool, note, cluster.wall)


def _must_exist(pool: str, bodies: list[Json]) -> None:
    if not any(body["metadata"]["name"] == pool for body in bodies):
        raise Failure(f"there is no pool {pool}; lessor get pools shows those that are", Exit.NOT_FOUND)


def _exact(ledger: Ledger, whole: Whole, pool: str | None, wall: float) -> dict[str, list[Waiter]]:
    assert whole.leases is not None
    shown = {view.uid: view for view in map(views.lease, whole.leases[0])}
    found = lines(ledger, [pool] if pool is not None else pools_with_a_line(ledger), wall)
    return {
        name: [Waiter(place, len(line), shown[lease.uid]) for place, lease in enumerate(line, start=1)]
        for name, line in found.items()
    }


def _rounded(bodies: list[Json], pool: str | None) -> dict[str, list[Waiter]]:
    found: dict[str, list[Waiter]] = {} if pool is None else {pool: []}
    for lease in map(views.lease, bodies):
        for name in lease.pools if lease.waiting else ():
            if pool is None or name == pool:
                found.setdefault(name, []).append(Waiter(lease.queue.position, lease.queue.of, lease))
    for line in found.values():
        # Who has no place written yet has come last.
        line.sort(key=lambda w: (not isinstance(w.position, int), w.position or 0, w.lease.created, w.lease.uid))
    return dict(sorted(found.items()))


def _show(found: dict[str, list[Waiter]], output: str, pool: str | None, note: str, wall: float) -> None:
    if output in ("json", "yaml"):
        per_pool = [
            {"pool": name, "waiting": line[0].of if line else 0, "leases": [waiter.as_json() for waiter in line]}
            for name, line in found.items()
        ]
        click.echo(out.data({"exact": not note, **({"note": note} if note else {}), "pools": per_pool}, output))
        return
    if note:
        click.echo(note, err=True)
    rows = [(name, waiter) for name, line in found.items() for waiter in line]
    if not rows:
        click.echo(f"no leases wait for pool {pool}" if pool is not None else "no leases wait", err=True)
    elif output == "name":
        click.echo("\n".join(dict.fromkeys(f"{w.lease.namespace}/{w.lease.name}" for _, w in rows)))
    else:
        click.echo(_table(rows, wall))


def _table(rows: list[tuple[str, Waiter]], wall: float) -> str:
    header = ["POOL", "POSITION", "LEASE", "TENANT", "PRIORITY", "ASKS FOR", "WAITED", "REASON"]
    cells = []
    for pool, waiter in rows:
        lease = waiter.lease
        place = f"{waiter.position} of {waiter.of}" if waiter.position is not None else ""
        asks = ", ".join(ask.words(pool) for ask in lease.asks)
        who = [f"{lease.namespace}/{lease.name}", lease.namespace, lease.priority]
        cells.append([pool, place, *who, asks, out.since(lease.created, wall), lease.reason])
    return out.table(header, cells)
