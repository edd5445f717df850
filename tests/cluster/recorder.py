"""Records every write to our kinds, from a moment on: one watch for each kind, read raw.

Nothing may be missing, or the checker would call a history good that it has not read. A watch that ends goes on at the
last version it brought. Where the API server has no history any more (410: it was restarted), what is between is read
from the etcd of a control plane that the tests started; of another cluster the recording fails.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import aiohttp

from lessor.kube import credentials, paths
from lessor.kube.client import Client
from lessor.kube.errors import NotFound, Unavailable
from tests.cluster.history import Event, History, Json, Key, key_of, version_of
from tests.local.control_plane import ControlPlane

T = TypeVar("T")

KINDS = {"Pool": paths.POOLS, "Resource": paths.RESOURCES, "Lease": paths.LEASES}
ANCHOR = "history-anchor"  # one object of each kind, of use to nobody: a write to it is the last of a history
SECONDS = 20.0
RECONNECT_S = 0.05


class HistoryLost(AssertionError):
    """The history has a gap."""


class Recorder:
    """`objects` is the world as the watches show it; `until` waits on them."""

    def __init__(self, plane: ControlPlane, client: Client) -> None:
        self.objects: dict[Key, Json] = {}
        self._plane, self._client = plane, client
        self._credentials = credentials.load(str(plane.kubeconfig))
        self._start: list[tuple[str, Json]] = []
        self._settled = 0
        self._events: list[Event] = []
        self._seen: dict[str, int] = {}  # kind -> the last version that its watch brought
        self._lost = ""
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Recorder]:
        """From now on every write is recorded. What the anchors need is made here."""
        for kind in KINDS:
            await self._anchor(kind)
        for kind, where in KINDS.items():
            bodies, version = await self._client.list(paths.collection(where))
            self._start += [(kind, body) for body in bodies]
            self.objects |= {key_of(kind, body): body for body in bodies}
            self._seen[kind] = self._settled = version
        session = self._credentials.session(
            connections=len(KINDS) + 1, timeout=aiohttp.ClientTimeout(total=None, sock_connect=3)
        )
        watches = [asyncio.create_task(self._watch(session, kind)) for kind in KINDS]
        try:
            yield self
        finally:
            await session.close()  # first: it drops the streams at once, a cancelled one would say goodbye over TLS
            for task in watches:
                task.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def until(self, what: str, asked: Callable[[], T], seconds: float = SECONDS) -> T:
        """Waits until the answer is true, asked again after each write; returns it.

        Raises AssertionError after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not (answer := asked()):
                    self._changed.clear()
                    await self._changed.wait()
                    assert not self._lost, self._lost
                return answer
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s: {what}; it is so:\n{self._shown()}") from None

    def _shown(self) -> str:
        """The world, an object a line, without what nobody reads."""
        shown = [
            body | {"metadata": {key: value for key, value in body["metadata"].items() if key != "managedFields"}}
            for body in self.objects.values()
            if body["metadata"]["name"] != ANCHOR
        ]
        return "\n".join(json.dumps(body) for body in shown)[:20_000]

    async def reached(self, kind: str, version: int) -> None:
        """Waits until the watch over a kind has brought that version."""
        await self.until(f"the watch over {kind} is at {version}", lambda: self._seen[kind] >= version)

    async def silent(self, seconds: float) -> None:
        """For so long nothing is written."""
        before = len(self._events)
        await asyncio.sleep(seconds)
        assert self._events[before:] == []

    async def history(self) -> History:
        """All that was written until now. Raises HistoryLost."""
        for kind in KINDS:
            await self.reached(kind, await self._touch_anchor(kind))
        if self._lost:
            raise HistoryLost(self._lost)
        return History(tuple(self._start), self._settled, tuple(self._events))

    # -- anchors

    async def _anchor(self, kind: str) -> None:
        body = {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": ANCHOR}} | _ANCHORS[kind]
        namespace = "default" if KINDS[kind].namespaced else ""
        try:
            await self._client.get(paths.one(KINDS[kind], ANCHOR, namespace))
        except NotFound:
            await self._client.create(paths.collection(KINDS[kind], namespace), body)

    async def _touch_anchor(self, kind: str) -> int:
        path = paths.one(KINDS[kind], ANCHOR, "default" if KINDS[kind].namespaced else "")
        patch = {"metadata": {"annotations": {"tests.lessor.dev/at": uuid.uuid4().hex}}}
        return version_of(await self._client.merge_patch(path, patch))

    # -- watches

    async def _watch(self, session: aiohttp.ClientSession, kind: str) -> None:
        try:
            while True:
                # The API server may be away; nothing is written meanwhile.
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, Unavailable):
                    await self._stream(session, kind)
                await asyncio.sleep(RECONNECT_S)
        except Exception as e:  # a test waits for this task's events, not for its end
            self._lost = f"the watch over {kind} ended at {self._seen[kind]}: {e!r}"
            self._changed.set()

    async def _stream(self, session: aiohttp.ClientSession, kind: str) -> None:
        url = self._credentials.server + paths.collection(KINDS[kind])
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": str(self._seen[kind])}
        async with session.get(url, params=query) as response:
            if response.status == 410:
                await self._bridge(kind)
            elif response.status == 200:
                async for line in _lines(response):
                    item = json.loads(line)
                    if item["type"] == "ERROR":
                        if item["object"].get("code") == 410:
                            await self._bridge(kind)
                        return
                    self._take(kind, item["type"], item["object"])

    def _take(self, kind: str, change: str, body: Json) -> None:
        version = version_of(body)
        if version <= self._seen[kind]:
            return
        self._seen[kind] = version
        if change != "BOOKMARK":
            event = Event(version, kind, change, body)
            self._events.append(event)
            if change == "DELETED":
                self.objects.pop(event.key, None)
            else:
                self.objects[event.key] = body
        self._changed.set()

    async def _bridge(self, kind: str) -> None:
        """Reads from etcd what the API server has forgotten."""
        if not self._plane.started_here:
            raise HistoryLost(f"the API server has no history of {kind} since {self._seen[kind]}")
        last = await self._touch_anchor(kind)
        for event in await etcd_history(self._plane, kind, self._seen[kind] + 1, last):
            self._take(kind, event.change, event.body)


async def etcd_history(plane: ControlPlane, kind: str, first: int, last: int) -> list[Event]:
    """The writes to one kind from revision `first` to `last`, which is one of them, as etcd kept them.

    Raises HistoryLost if they are compacted."""
    prefix = f"/registry/{paths.POOLS.group}/{KINDS[kind].plural}/"
    ask = {
        "key": _base64(prefix),
        "range_end": _base64(prefix[:-1] + "0"),  # "0" follows "/"
        "start_revision": str(first),
        "prev_kv": True,
    }
    events: list[Event] = []
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(plane.folder / "etcd:1"))) as etcd,
        etcd.post("http://etcd/v3/watch", json={"create_request": ask}) as response,
    ):
        async for line in _lines(response):
            result = json.loads(line)["result"]
            if result.get("canceled"):
                raise HistoryLost(f"etcd has no history of {kind} since {first}: {result}")
            events += [_etcd_event(kind, event) for event in result.get("events", ())]
            if events and events[-1].version >= last:
                return events
    raise HistoryLost(f"etcd ended its history of {kind} before {last}")


def _etcd_event(kind: str, event: Json) -> Event:
    kv = event["kv"]
    version = kv["mod_revision"]
    gone = event.get("type") == "DELETE"
    body = json.loads(base64.b64decode((event["prev_kv"] if gone else kv)["value"]))
    body["metadata"]["resourceVersion"] = version
    change = "DELETED" if gone else "ADDED" if kv["create_revision"] == version else "MODIFIED"
    return Event(int(version), kind, change, body)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length: a Pool of thousands of names is one."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


_ANCHORS: dict[str, dict[str, Any]] = {
    "Pool": {"spec": {"resources": {"count": 0}}},
    "Resource": {"spec": {"pool": "no-pool"}},
    "Lease": {"spec": {"requests": [{"pool": ANCHOR}]}},
}
