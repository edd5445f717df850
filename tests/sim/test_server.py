"""The server of the simulation answers as the real one does: the same story, told to both, reads the same."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any, Protocol

from lessor.api.names import FINALIZER
from lessor.kube import credentials, paths
from lessor.kube.calls import Call
from lessor.kube.client import Client
from lessor.kube.errors import KubeError
from tests.local.control_plane import ControlPlane

from .api import Json, Server

OTHER = "example.com/o"


class Api(Protocol):
    """What both can do; errors are KubeErrors."""

    async def do(self, call: Call) -> Any: ...

    async def events(self, since: int) -> list[Json]:
        """The events of Resources after a version."""


class InMemory:
    def __init__(self) -> None:
        self.server = Server(1_800_000_000.0)

    async def do(self, call: Call) -> Any:
        return self.server.carry_out(call)

    async def events(self, since: int) -> list[Json]:
        return [{"type": e.type, "object": e.body} for e in self.server.history if e.version > since]


class Real:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def do(self, call: Call) -> Any:
        body = call.body or {}
        match call.verb:
            case "get":
                return await self._client.get(call.path)
            case "list":
                return await self._client.list(call.path)
            case "create":
                return await self._client.create(call.path, body)
            case "delete":
                guard = body["preconditions"]
                return await self._client.delete(call.path, uid=guard["uid"], resource_version=guard["resourceVersion"])
            case _:
                return await self._client.merge_patch(call.path, body, subresource=call.subresource)

    async def events(self, since: int) -> list[Json]:
        path = paths.collection(paths.RESOURCES)
        lines = await self._client.get_raw(f"{path}?watch=1&timeoutSeconds=1&resourceVersion={since}")
        return [json.loads(line) for line in lines.splitlines()]


class Story:
    """Writes down each answer, without what no two servers share: uids, times, and the versions' numbers."""

    def __init__(self, api: Api, name: str) -> None:
        self.api, self.name, self.lines = api, name, list[str]()
        self.path = paths.one(paths.RESOURCES, name)
        self.versions: list[int] = []

    async def tell(self, what: str, call: Call) -> Any:
        try:
            answer = await self.api.do(call)
        except KubeError as e:
            self.lines.append(f"{what}: {type(e).__name__}")
            return None
        self.lines.append(f"{what}: {self.words(answer)}")
        return answer

    def words(self, answer: Any) -> str:
        if answer.get("kind") == "Status":
            return "gone"
        meta = answer["metadata"]
        version = int(meta["resourceVersion"])
        age = "new" if not self.versions or version > self.versions[-1] else "same"
        self.versions.append(max([version, *self.versions[-1:]]))
        said = [f"{age} version", f"generation {meta['generation']}"]
        said += ["deleting"] * ("deletionTimestamp" in meta)
        said.append(" ".join(finalizer.rpartition("/")[2] for finalizer in meta.get("finalizers", ())))
        inside = {**meta.get("labels", {}), **answer["spec"]["attributes"], **answer.get("status", {})}
        return f"{', '.join(said)}; {_flat(inside)}"

    def patch(self, body: Json, subresource: str | None = None, **meta: Any) -> Call:
        return Call("merge_patch", self.path, {"metadata": meta, **body}, subresource)

    def remove(self, uid: str, version: str) -> Call:
        return Call("delete", self.path, {"preconditions": {"uid": uid, "resourceVersion": version}})


def _flat(value: Json) -> str:
    return " ".join(_flat(v) if isinstance(v, dict) else f"{key}={v}" for key, v in sorted(value.items()))


async def story(api: Api, name: str) -> list[str]:
    told = Story(api, name)
    _, since = await api.do(Call("list", paths.collection(paths.RESOURCES)))
    new = {
        "apiVersion": "lessor.dev/v1alpha1",
        "kind": "Resource",
        "metadata": {"name": name, "finalizers": [FINALIZER, OTHER]},
        "spec": {"pool": "p", "attributes": {"a": "1", "b": "2"}},
        "status": {"state": "free"},
    }
    await told.tell("nothing is there", Call("get", told.path))
    made = await told.tell("created without its status", Call("create", paths.collection(paths.RESOURCES), new))
    await told.tell("created twice", Call("create", paths.collection(paths.RESOURCES), new))
    uid, first = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    await _writes(told, uid, first)
    last = await told.api.do(Call("get", told.path))
    await _ends(told, uid, first, last["metadata"]["resourceVersion"])
    events = [e for e in await api.events(since) if e["object"].get("metadata", {}).get("name") == name]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    told.lines.append(f"events: {' '.join(event['type'] for event in events)}")
    told.lines.append(f"their versions grow: {versions == sorted(set(versions))}")
    told.lines.append(f"the last is newer than any answer: {versions[-1] > told.versions[-1]}")
    told.lines.append(f"it carries the status: {_flat(events[-1]['object']['status'])}")
    return told.lines


async def _writes(told: Story, uid: str, first: str) -> None:
    state: Json = {"status": {"state": "free", "epoch": 1}}
    answer = await told.tell(
        "a status alone", told.patch(state | {"spec": {"attributes": None}}, "status", labels={"x": "y"})
    )
    now = answer["metadata"]["resourceVersion"]
    await told.tell("the status of another uid", told.patch({"status": {"epoch": 2}}, "status", resourceVersion=now))
    await told.tell("an old version", told.patch({"status": {"epoch": 3}}, "status", resourceVersion=first))
    await told.tell(
        "an old version, nothing to change", told.patch({"status": {"epoch": 2}}, "status", resourceVersion=first)
    )
    await told.tell(
        "a version that is a number", told.patch({"status": {"epoch": 3}}, "status", resourceVersion=int(now))
    )
    await told.tell("nothing to change", told.patch({"status": {"epoch": 2}}, "status"))
    held = {"holder": {"namespace": "n", "name": "l", "uid": "u", "identity": "me"}, "epoch": 3}
    await told.tell("an object", told.patch({"status": held}, "status"))
    await told.tell("null removes", told.patch({"status": {"holder": {"identity": None, "attempt": 1}}}, "status"))
    await told.tell("and a whole object", told.patch({"status": {"holder": None, "epoch": 4}}, "status"))
    await told.tell(
        "a spec, and no status", told.patch({"spec": {"attributes": {"a": None, "c": "3"}}, "status": {"epoch": 9}})
    )
    await told.tell("the spec of another uid", told.patch({"spec": {"attributes": None}}, uid="another"))
    await told.tell("labels", told.patch({}, labels={"x": "y"}, uid=uid))


async def _ends(told: Story, uid: str, first: str, now: str) -> None:
    await told.tell("deleted by an old version", told.remove(uid, first))
    await told.tell("deleted by another uid", told.remove("another", now))
    answer = await told.tell("deleted", told.remove(uid, now))
    now = answer["metadata"]["resourceVersion"]
    await told.tell("deleted again", told.remove(uid, now))
    await told.tell("one more finalizer", told.patch({}, finalizers=[FINALIZER, OTHER, "example.com/more"]))
    await told.tell("one finalizer less", told.patch({}, finalizers=[FINALIZER]))
    await told.tell("its status meanwhile", told.patch({"status": {"state": "lost"}}, "status"))
    await told.tell("the last finalizer", told.patch({}, finalizers=[], uid=uid))
    await told.tell("what is gone", told.patch({"status": {"state": "free"}}, "status"))
    await told.tell("deleted once more", told.remove(uid, now))


# What a Kubernetes 1.36 API server answered.
EXPECTED = """\
nothing is there: NotFound
created without its status: new version, generation 1, protection o; a=1 b=2
created twice: AlreadyExists
a status alone: new version, generation 1, protection o; a=1 b=2 epoch=1 state=free
the status of another uid: new version, generation 1, protection o; a=1 b=2 epoch=2 state=free
an old version: Conflict
an old version, nothing to change: Conflict
a version that is a number: Invalid
nothing to change: same version, generation 1, protection o; a=1 b=2 epoch=2 state=free
an object: new version, generation 1, protection o; a=1 b=2 epoch=3 identity=me name=l namespace=n uid=u state=free
null removes: new version, generation 1, protection o; a=1 b=2 epoch=3 attempt=1 name=l namespace=n uid=u state=free
and a whole object: new version, generation 1, protection o; a=1 b=2 epoch=4 state=free
a spec, and no status: new version, generation 2, protection o; b=2 c=3 epoch=4 state=free
the spec of another uid: Conflict
labels: new version, generation 2, protection o; b=2 c=3 epoch=4 state=free x=y
deleted by an old version: Conflict
deleted by another uid: Conflict
deleted: new version, generation 3, deleting, protection o; b=2 c=3 epoch=4 state=free x=y
deleted again: same version, generation 3, deleting, protection o; b=2 c=3 epoch=4 state=free x=y
one more finalizer: Invalid
one finalizer less: new version, generation 3, deleting, protection; b=2 c=3 epoch=4 state=free x=y
its status meanwhile: new version, generation 3, deleting, protection; b=2 c=3 epoch=4 state=lost x=y
the last finalizer: same version, generation 3, deleting, ; b=2 c=3 epoch=4 state=lost x=y
what is gone: NotFound
deleted once more: NotFound
events: ADDED MODIFIED MODIFIED MODIFIED MODIFIED MODIFIED MODIFIED MODIFIED MODIFIED MODIFIED MODIFIED DELETED
their versions grow: True
the last is newer than any answer: True
it carries the status: epoch=4 state=lost
"""


def test_the_server_of_the_simulation_tells_the_expected_story() -> None:
    assert asyncio.run(story(InMemory(), "a-resource")) == EXPECTED.splitlines()


async def test_the_real_server_tells_the_same_story(control_plane: ControlPlane) -> None:
    async with Client(credentials.load(str(control_plane.kubeconfig))) as client:
        assert await story(Real(client), f"story-{uuid.uuid4().hex[:8]}") == EXPECTED.splitlines()
