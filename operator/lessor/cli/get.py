"""`lessor get pools|resources|leases`: the objects as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from lessor.api import names as api
from lessor.cli import output as out
from lessor.cli.cluster import Cluster, Json, connected
from lessor.cli.exits import Failure, fail_with, failure
from lessor.cli.options import Target
from lessor.core.model import DIRTY, FREE, LEASED
from lessor.kube import views
from lessor.kube.errors import KubeError

Table = tuple[list[str], list[list[Any]]]  # header and rows


async def pools(target: Target, names: Sequence[str], output: str) -> None:
    async with connected(target) as cluster:
        bodies, failures = await _fetch(cluster, api.POOL, names)
    _show(api.POOL, bodies, output, bool(names), lambda: _pools(bodies, cluster.wall), "no pools found")
    fail_with(failures)


async def resources(target: Target, names: Sequence[str], pool: str | None, output: str) -> None:
    async with connected(target) as cluster:
        bodies, failures = await _fetch(cluster, api.RESOURCE, names)
    if pool is not None:
        bodies = [body for body in bodies if body["spec"]["pool"] == pool]
    nothing = f"no resources found in pool {pool}" if pool is not None else "no resources found"
    _show(api.RESOURCE, bodies, output, bool(names), lambda: _resources(bodies, cluster.wall), nothing)
    fail_with(failures)


async def leases(target: Target, names: Sequence[str], output: str) -> None:
    async with connected(target) as cluster:
        bodies, failures = await _fetch(cluster, api.LEASE, names, cluster.namespace)
    where = f"in namespace {cluster.namespace}" if cluster.namespace else "in any namespace"

    def rows() -> Table:
        return _leases(bodies, cluster.wall, namespaces=not cluster.namespace)

    _show(api.LEASE, bodies, output, bool(names), rows, f"no leases found {where}")
    fail_with(failures)


async def _fetch(
    cluster: Cluster, kind: api.Kind, names: Sequence[str], namespace: str = ""
) -> tuple[list[Json], list[Failure]]:
    """All of a kind, or those that are named; what went wrong with single ones is told at the end."""
    if not names:
        return (await cluster.list(kind, namespace))[0], []
    bodies, failures = [], []
    for name in dict.fromkeys(names):
        try:
            bodies.append(await cluster.get(kind, name, namespace))
        except Failure as e:
            failures.append(e)
        except KubeError as e:
            failures.append(failure(e))
    return bodies, failures


def _show(
    kind: api.Kind, bodies: list[Json], output: str, named: bool, rows: Callable[[], Table], nothing: str
) -> None:
    if output in ("json", "yaml"):
        if bodies or not named:
            click.echo(out.objects(kind, bodies, output, single=named))
    elif bodies:
        click.echo(out.table(*rows()) if output == "table" else out.objects(kind, bodies, output, single=named))
    elif not named:
        click.echo(nothing, err=True)


def _pools(bodies: list[Json], wall: float) -> Table:
    header = ["NAME", "READY", "MODE", "TOTAL", "FREE", "LEASED", "DIRTY", "OTHER", "WAITING", "REASON", "AGE"]
    rows: list[list[Any]] = []
    for pool in map(views.pool, bodies):
        counts = {state: count for state, count in pool.counts.items() if isinstance(count, int)}
        known = [counts.pop(state, 0) for state in (FREE, LEASED, DIRTY)]
        cells = [pool.name, pool.ready.status, pool.mode, pool.total, *known, sum(counts.values()), pool.waiting]
        rows.append([*cells, pool.ready.reason, out.since(pool.created, wall)])
    return header, rows


def _resources(bodies: list[Json], wall: float) -> Table:
    header = ["NAME", "POOL", "STATE", "SINCE", "HOLDER", "CORDONED", "AGE"]
    rows: list[list[Any]] = []
    for r in map(views.resource, bodies):
        holder = f"{r.holder.namespace}/{r.holder.name}" if r.holder else ""
        since = out.since(r.since, wall) if r.since else ""
        rows.append([r.name, r.pool, r.state, since, holder, r.cordon_reason, out.since(r.created, wall)])
    return header, rows


def _leases(bodies: list[Json], wall: float, *, namespaces: bool) -> Table:
    header = ["NAME", "STATE", "REASON", "RESOURCES", "POSITION", "EXPIRES", "HOLDER", "AGE"]
    rows: list[list[Any]] = []
    for lease in map(views.lease, bodies):
        held = [given.name for given in lease.resources]
        first = f"{held[0]} +{len(held) - 1}" if len(held) > 1 else "".join(held)
        position = lease.queue.position if lease.waiting else ""
        cells = [lease.name, lease.state, lease.reason, first, position, _expires(lease, wall), lease.holder]
        rows.append([*([lease.namespace] if namespaces else []), *cells, out.since(lease.created, wall)])
    return (["NAMESPACE"] if namespaces else []) + header, rows


def _expires(lease: views.LeaseView, wall: float) -> str:
    at = views.moment(lease.expire_time)
    if lease.state != "Bound" or at is None:
        return ""
    # Written when it was bound, not at each renewal: one that is past says that it was renewed.
    return f"in {out.age(at - wall)}" if at > wall else "past"
