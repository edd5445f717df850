"""What the API server alone can do: the writes of a cycle by one plain client, without the operator.

Their bodies are what the operator would send, made once by its codec with names and versions to be filled in, and
guarded in the same way. The Resources are a real pool's and stand free after each cycle, so the operator can be started
on them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from lessor.api.names import LAST_HOLDERS_MAX
from lessor.core import actions as a
from lessor.core.explain import bound_conditions
from lessor.core.model import FREE, LEASED, Entry, Holder, Lease, Request, Resource, Terms
from lessor.kube import paths
from lessor.kube.calls import call_for
from lessor.kube.client import Client

from .objects import IDENTITY, NAMESPACE, Json, create, delete, lease_path, new_name


def _status(action: a.Write) -> Json:
    body = call_for(action, time.time()).body
    assert body is not None
    status: Json = body["status"]
    return status


_RESOURCE = Resource(name="", uid="", version=0, created=0.0, pool="", state=FREE)
_LEASE = Lease(NAMESPACE, "", "", 0, 0.0, (Request("main", ""),), identity=IDENTITY, generation=1)
_HOLDER = Holder(NAMESPACE, "", "", 0, FREE, FREE, IDENTITY)
_ENTRIES = (Entry("", "main", "", 0),)
CLAIM = _status(a.Claim(_RESOURCE, _HOLDER, LEASED))
BIND = _status(a.Bind(_LEASE, _ENTRIES, Terms(1800.0, None, FREE, FREE, 0), bound_conditions([""])))
FREED = _status(a.Free(dataclasses.replace(_RESOURCE, holder=_HOLDER), FREE, "Deleted"))


def _guarded(item: Json, status: Json) -> Json:
    meta = item["metadata"]
    return {"metadata": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}, "status": status}


def _whose(lease: Json) -> Json:
    return {key: lease["metadata"][key] for key in ("namespace", "name", "uid")}


def claim(resource: Json, lease: Json) -> Json:
    holder = {**CLAIM["holder"], **_whose(lease)}
    return _guarded(resource, {**CLAIM, "holder": holder, "epoch": resource["status"]["epoch"] + 1})


def bind(lease: Json, claimed: Json) -> Json:
    name, pool = claimed["metadata"]["name"], claimed["spec"]["pool"]
    request = {**BIND["requests"][0], "pool": pool}
    entry = {**BIND["resources"][0], "name": name, "pool": pool, "epoch": claimed["status"]["epoch"]}
    return _guarded(lease, {**BIND, "requests": [request], "resources": [entry]})


def free(claimed: Json) -> Json:
    status = claimed["status"]
    last = {**FREED["lastHolders"][0], **{key: status["holder"][key] for key in ("namespace", "name", "uid")}}
    past = [last, *status.get("lastHolders", ())][:LAST_HOLDERS_MAX]
    return _guarded(claimed, {**FREED, "epoch": status["epoch"] + 1, "lastHolders": past})


@dataclass
class Timed:
    """A client that notes how long each write took, in seconds."""

    client: Client
    writes: list[float] = field(default_factory=list)

    async def cycle(self, resource: Json) -> Json:
        """Create, claim, bind, delete, free. Returns the Resource as it is then."""
        client, name = self.client, new_name()
        where = paths.one(paths.RESOURCES, resource["metadata"]["name"])
        lease = await self._timed(create(client, name, resource["spec"]["pool"]))
        claimed = await self._timed(client.merge_patch(where, claim(resource, lease), subresource="status"))
        await self._timed(client.merge_patch(lease_path(name), bind(lease, claimed), subresource="status"))
        await self._timed(delete(client, name))
        freed: Json = await self._timed(client.merge_patch(where, free(claimed), subresource="status"))
        return freed

    async def _timed(self, write: Awaitable[Any]) -> Any:
        begun = time.perf_counter()
        answer = await write
        self.writes.append(time.perf_counter() - begun)
        return answer


async def cycles(client: Client, resources: list[Json], clients: int, count: int) -> tuple[float, list[float]]:
    """`count` cycles by so many clients at once, each on a Resource of its own.

    Returns cycles per second, and the seconds that each write took."""
    timed = Timed(client)
    left = iter(range(count))

    async def work(resource: Json) -> None:
        for _ in left:
            resource = await timed.cycle(resource)

    begun = time.perf_counter()
    await asyncio.gather(*(work(resource) for resource in resources[:clients]))
    return count / (time.perf_counter() - begun), timed.writes
