"""A cluster of a few objects in memory, read as the commands read a real one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from lessor.api import names
from lessor.cli import facts as seen
from lessor.cli.cluster import Cluster, Listed
from lessor.cli.exits import Exit, Failure
from lessor.cli.explain import text
from lessor.cli.facts import Facts
from lessor.cli.remedies import remedies
from lessor.kube import codec
from lessor.kube.client import Client
from lessor.kube.errors import Forbidden
from tests.kube import bodies

Json = dict[str, Any]
NOW = codec.seconds("2026-11-24T15:30:00Z")


@dataclass(frozen=True)
class Seen(Cluster):
    """`hidden`: kinds that the user may not list in the whole cluster."""

    objects: tuple[Json, ...] = ()
    hidden: frozenset[str] = field(default_factory=frozenset)

    async def get(self, kind: names.Kind, name: str, namespace: str = "") -> Json:
        for body in (await self._all(kind, namespace))[0]:
            if body["metadata"]["name"] == name:
                return body
        raise Failure(f"there is no {name}", Exit.NOT_FOUND)

    async def list(self, kind: names.Kind, namespace: str = "") -> Listed:
        if kind.kind in self.hidden and not namespace:
            raise Forbidden("no")
        return await self._all(kind, namespace)

    async def _all(self, kind: names.Kind, namespace: str) -> Listed:
        found = [body for body in self.objects if body["kind"] == kind.kind]
        return [b for b in found if not namespace or b["metadata"]["namespace"] == namespace], 1000


def cluster(*objects: Json, hidden: tuple[str, ...] = ()) -> Seen:
    return Seen(cast(Client, None), "ci", "a test", NOW, objects, frozenset(hidden))


def facts(name: str, *objects: Json, hidden: tuple[str, ...] = ()) -> Facts:
    return asyncio.run(seen.look(cluster(*objects, hidden=hidden), name))


def explained(name: str, *objects: Json, hidden: tuple[str, ...] = ()) -> list[str]:
    """The lines of `lessor explain NAME -n ci` at 15:30."""
    found = facts(name, *objects, hidden=hidden)
    return text(found, remedies(found) if found.lease.waiting else [], NOW).splitlines()


# -- objects


def pool(name: str = "aws", **spec: Any) -> Json:
    made = bodies.pool({}, **spec)
    return made | {"metadata": made["metadata"] | {"name": name, "uid": f"{name}-pool"}}


def resource(name: str, of: str = "aws", **spec: Any) -> Json:
    return bodies.body(names.RESOURCE, name, {"pool": of, **spec}, {"state": "free", "since": bodies.CREATED})


def held(name: str, by: str, since: str, of: str = "aws", **spec: Any) -> Json:
    namespace, _, lease = by.partition("/")
    holder = {"namespace": namespace, "name": lease, "uid": f"{by}-uid"}
    status = {"state": "leased", "since": since, "epoch": 1, "holder": holder}
    return resource(name, of, **spec) | {"status": status}


def lease(name: str, asks: dict[str, int] | None = None, *, at: str = "15:00:00", **facts: Any) -> Json:
    """A Lease ci/<name>, or <namespace>/<name>; `status` and `spec` are added."""
    namespace, _, short = name.rpartition("/")
    requests = [{"name": of, "pool": of, "count": count} for of, count in (asks or {"aws": 1}).items()]
    spec = {"requests": requests, **facts.get("spec", {})}
    meta = {"namespace": namespace or "ci", "uid": f"{name}-uid", "creationTimestamp": f"2026-11-24T{at}Z"}
    return bodies.body(names.LEASE, short, spec, facts.get("status"), **meta)


def waits(name: str, reason: str, message: str, asks: dict[str, int] | None = None, **facts: Any) -> Json:
    said = [
        condition("Accepted", "True", "Accepted", "the pools can meet it"),
        condition("Bound", "False", reason, message),
    ]
    status = {"state": "Waiting", "reason": reason, "conditions": said, **facts.pop("status", {})}
    return lease(name, asks, status=status, **facts)


def condition(type_: str, status: str, reason: str, message: str, since: str = "2026-11-24T15:10:00Z") -> Json:
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}
