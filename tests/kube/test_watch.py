"""List-watches against a real API server: what they tell is what is there, also after the wire was cut."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from lessor.kube import credentials, paths
from lessor.kube.client import Client
from lessor.kube.discovery import Discovery, NoSuchKind
from lessor.kube.errors import Forbidden, NotFound
from lessor.kube.watch import Watches, follow
from tests.kube.wire import Wire, eventually, service_account, through, write_kubeconfig
from tests.local.control_plane import ControlPlane

Json = dict[str, Any]
pytestmark = pytest.mark.cluster


class Seen:
    """The world as one list-watch tells it."""

    def __init__(self) -> None:
        self.there: dict[str, Json] = {}
        self.lists = 0
        self.refused = ""

    def listed(self, bodies: list[Json]) -> None:
        self.lists += 1
        self.there = {body["metadata"]["name"]: body for body in bodies}

    def seen(self, body: Json, *, deleted: bool) -> None:
        if deleted:
            del self.there[body["metadata"]["name"]]
        else:
            self.there[body["metadata"]["name"]] = body

    def blind(self, why: Forbidden) -> None:
        self.refused = why.message

    async def until(self, what: str, holds: Callable[[], Any]) -> None:
        async def asked() -> Any:
            return holds()

        await eventually(what, asked)


@contextlib.asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client(credentials.load(str(control_plane.kubeconfig))) as made:
        yield made


@pytest.fixture
async def maps(client: Client) -> str:
    """The path of the ConfigMaps of a namespace of this test's own, without Kubernetes' own one in it."""
    name = f"watch-{uuid.uuid4().hex[:8]}"
    await client.create(paths.collection(paths.NAMESPACES), {"metadata": {"name": name}})
    path = paths.collection(paths.CONFIGMAPS, name)

    async def there() -> bool:
        return any(item["metadata"]["name"] == "kube-root-ca.crt" for item in (await client.list(path))[0])

    await eventually("the controller manager has made its ConfigMap", there)
    return path


def a_map(name: str, **data: str) -> Json:
    return {"metadata": {"name": name}, "data": data}


async def test_what_is_there_is_told_and_what_changes(client: Client, maps: str) -> None:
    await client.create(maps, a_map("a", word="first"))
    seen = Seen()
    async with running(follow(client, maps, seen)):
        await seen.until("a is told", lambda: "a" in seen.there)
        await client.create(maps, a_map("b"))
        await client.merge_patch(f"{maps}/a", {"data": {"word": "second"}})
        await seen.until("both are told", lambda: "b" in seen.there and seen.there["a"]["data"]["word"] == "second")
        await client.delete(f"{maps}/a")
        await seen.until("a is gone", lambda: "a" not in seen.there)
    assert seen.lists == 1


async def test_an_object_of_hundreds_of_kilobytes_is_one_event(client: Client, maps: str) -> None:
    seen = Seen()
    async with running(follow(client, maps, seen)):
        await seen.until("it is listed", lambda: seen.lists)
        await client.create(maps, a_map("big", text="x" * 700_000))
        await seen.until("it is told", lambda: "big" in seen.there)
    assert len(seen.there["big"]["data"]["text"]) == 700_000


async def test_a_watch_whose_wire_was_cut_goes_on_where_it_was(
    control_plane: ControlPlane, client: Client, maps: str, tmp_path: Path
) -> None:
    seen = Seen()
    wire = Wire(control_plane.server)
    async with wire.open() as url:
        config = through(control_plane, url, tmp_path / "config")
        async with Client(credentials.load(str(config))) as cuttable, running(follow(cuttable, maps, seen)):
            await seen.until("it is listed", lambda: seen.lists)
            wire.cut = True  # with the next bytes that the server sends
            await client.create(maps, a_map("lost"))
            await client.create(maps, a_map("meanwhile"))
            wire.cut = False
            await seen.until("both are told", lambda: {"lost", "meanwhile"} <= seen.there.keys())
    assert seen.lists == 1
    assert wire.connections > 1


async def test_a_version_without_history_is_listed_again(tmp_path: Path) -> None:
    # A real one forgets when it is started again: the answer is the one that it gives then.
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 7 (9)"}
    watched: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if not request.query.get("watch"):
            items = [{"metadata": {"name": f"list-{len(watched)}"}}]
            return web.json_response({"metadata": {"resourceVersion": "7"}, "items": items})
        watched.append(request.query["resourceVersion"])
        if len(watched) == 1:
            return web.json_response({"type": "ERROR", "object": gone}, dumps=lambda body: json.dumps(body) + "\n")
        return web.StreamResponse()

    seen = Seen()
    async with TestServer(one_route(answer)) as server:
        config = write_kubeconfig(tmp_path / "config", {"token": "t"}, server=str(server.make_url("")).rstrip("/"))
        async with Client(credentials.load(str(config))) as client, running(follow(client, "/api/v1/pods", seen)):
            await seen.until("it is listed again", lambda: "list-1" in seen.there)
    assert watched[0] == "7"


def one_route(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    app = web.Application()
    app.router.add_get("/api/v1/pods", answer)
    return app


async def test_who_may_not_look_is_told_so(
    control_plane: ControlPlane, client: Client, maps: str, tmp_path: Path
) -> None:
    config = await service_account(client, control_plane, maps.split("/")[4], "stranger", tmp_path / "config")
    seen = Seen()
    async with Client(credentials.load(str(config))) as stranger, running(follow(stranger, maps, seen)):
        await seen.until("it is refused", lambda: seen.refused)
    assert 'cannot list resource "configmaps"' in seen.refused


async def test_a_kind_that_is_not_served_ends_the_watch(client: Client) -> None:
    with pytest.raises(NotFound):
        await follow(client, "/apis/nobody.example/v1/namespaces/default/things", Seen())


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [("v1", "Pod", "/api/v1/namespaces/ci/pods"), ("batch/v1", "Job", "/apis/batch/v1/namespaces/ci/jobs")],
)
async def test_a_kind_has_a_path(client: Client, api_version: str, kind: str, path: str) -> None:
    assert paths.collection(await Discovery(client).find(api_version, kind), "ci") == path


@pytest.mark.parametrize(
    ("api_version", "kind", "says"),
    [
        ("nobody.example/v1", "Thing", "nobody.example/v1 is not served"),
        ("batch/v1", "Jib", "batch/v1 has no kind Jib"),
        ("v1", "Node", "Node of v1 has no namespace"),
        ("v1", "Binding", "Binding of v1 can't be watched"),
        ("authorization.k8s.io/v1", "LocalSubjectAccessReview", "LocalSubjectAccessReview of .* can't be watched"),
        ("../../healthz", "Pod", "'../../healthz' is no apiVersion"),
        ("v1#", "Pod", "'v1#' is no apiVersion"),
        ("v1/namespaces/default/pods", "Pod", "'v1/namespaces/default/pods' is no apiVersion"),
        (" ", "Pod", "' ' is no apiVersion"),
    ],
)
async def test_a_kind_that_nobody_can_watch_is_said_in_a_sentence(
    client: Client, api_version: str, kind: str, says: str
) -> None:
    with pytest.raises(NoSuchKind, match=says):
        await Discovery(client).find(api_version, kind)


async def test_a_watch_that_is_wanted_again_in_time_goes_on() -> None:
    begun: list[str] = []
    ended: list[str] = []

    async def begin(key: str) -> None:
        begun.append(key)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(key)

    watches = Watches(linger=60)
    watches.want(["a", "b"], begin)
    await asyncio.sleep(0)
    watches.want(["b"], begin)
    watches.want(["a", "b"], begin)
    assert (begun, ended) == (["a", "b"], [])
    await watches.close()
    assert sorted(ended) == ["a", "b"]


async def test_a_watch_that_is_wanted_no_more_ends() -> None:
    ended = asyncio.Event()

    async def begin(_: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    watches = Watches(linger=0)
    watches.want(["a"], begin)
    await asyncio.sleep(0)
    watches.want([], begin)
    async with asyncio.timeout(5):
        await ended.wait()
    await watches.close()
