"""A command's cluster: requests whose errors are sentences for people, and the state of the whole as a ledger."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from lessor.api import names
from lessor.cli.exits import Exit, Failure
from lessor.cli.options import Target
from lessor.core.ledger import Ledger
from lessor.kube import credentials, paths
from lessor.kube.client import Client
from lessor.kube.errors import Forbidden, NotFound
from lessor.kube.observations import observe_list

Json = dict[str, Any]
Listed = tuple[list[Json], int]  # the objects, and the resourceVersion at which they were so
PATHS = {
    names.POOL.kind: paths.POOLS,
    names.RESOURCE.kind: paths.RESOURCES,
    names.LEASE.kind: paths.LEASES,
}


@dataclass(frozen=True)
class Cluster:
    """`namespace`: the one that is meant, "" for all of them. `wall`: now, in seconds since the epoch."""

    client: Client
    namespace: str
    origin: str
    wall: float

    async def get(self, kind: names.Kind, name: str, namespace: str = "") -> Json:
        """One object. Raises Failure, Forbidden and the other KubeErrors."""
        try:
            return await self.client.get(paths.one(PATHS[kind.kind], name, namespace))
        except NotFound as e:
            if not e.body:
                raise self._unknown_kind(kind) from e
            where = f" in namespace {namespace}" if namespace else ""
            more = f" -n {namespace}" if namespace else ""
            hint = f"lessor get {kind.plural}{more} shows those that are"
            raise Failure(f"there is no {kind.singular} {name}{where}; {hint}", Exit.NOT_FOUND) from e

    async def list(self, kind: names.Kind, namespace: str = "") -> Listed:
        """All objects of a kind, in a namespace or in all. Raises Failure, Forbidden and the other KubeErrors."""
        try:
            return await self.client.list(paths.collection(PATHS[kind.kind], namespace))
        except NotFound as e:
            raise self._unknown_kind(kind) from e

    async def list_if_permitted(self, kind: names.Kind, namespace: str = "") -> Listed | None:
        """None if the user may not."""
        try:
            return await self.list(kind, namespace)
        except Forbidden:
            return None

    def _unknown_kind(self, kind: names.Kind) -> Failure:
        """The API server's 404 about a path is no object of Kubernetes."""
        return Failure(
            f"the cluster ({self.origin}) does not know {kind.crd}: Lessor is not installed there; install its CRDs "
            "(kubectl apply --server-side -f crds/), or name another cluster by --context or --kubeconfig"
        )


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Cluster]:
    """The cluster that a person means. Raises NoCredentials."""
    known = credentials.load(target.kubeconfig, target.context)
    namespace = "" if target.all_namespaces else target.namespace or known.namespace
    async with Client(known, connections=4) as client:
        yield Cluster(client, namespace, known.origin, time.time())


@dataclass(frozen=True)
class Whole:
    """What can be seen of the whole. None: the user may not list that kind in the whole cluster."""

    pools: Listed | None
    resources: Listed | None
    leases: Listed | None

    def ledger(self) -> Ledger | None:
        """What the operator would decide from, if all of it can be seen: the order of the waiting depends on all."""
        if self.pools is None or self.resources is None or self.leases is None:
            return None
        ledger = Ledger()
        listed = ((names.POOL, self.pools), (names.RESOURCE, self.resources), (names.LEASE, self.leases))
        for kind, (bodies, version) in listed:
            observe_list(ledger, kind.kind, bodies, version, ledger.tick)
        return ledger

    @property
    def hidden(self) -> list[str]:
        """The kinds that may not be listed."""
        kinds = ((names.POOL, self.pools), (names.RESOURCE, self.resources), (names.LEASE, self.leases))
        return [kind.plural for kind, listed in kinds if listed is None]

    @property
    def note(self) -> str:
        """Why the order is not exact."""
        kinds = ", ".join(self.hidden)
        return f"places are rounded, as a lease's status has them: you may not list {kinds} in the whole cluster"


async def look_at_all(cluster: Cluster, *, strict: bool = False) -> Whole:
    """Leases last, as the operator lists: then a Lease's pools and resources are known. `strict`: raises Forbidden
    where less than all can be seen."""
    listed = cluster.list if strict else cluster.list_if_permitted
    return Whole(
        pools=await listed(names.POOL), resources=await listed(names.RESOURCE), leases=await listed(names.LEASE)
    )
