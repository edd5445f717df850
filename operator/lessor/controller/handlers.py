"""kopf: watches our kinds and dispatches their events. The handlers observe and wake, nothing else.

Only `on.event` is used: the other handler types write annotations and finalizers on the objects, and `index` primes
in quadratic time (measured). kopf can lose events (deletions during a 410, an exception in a handler), so every event
counts only if it is newer than what is known, and `resync` lists everything again.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import kopf

from lessor.api.names import GROUP, KINDS, VERSION, Kind
from lessor.core.explain import Reason
from lessor.core.ledger import KINDS as LEDGER_KINDS
from lessor.core.ledger import Ledger
from lessor.kube.credentials import Credentials

from . import outcome
from .clocks import Clocks
from .metrics import Metrics

_PLURALS = [kind.plural for kind in KINDS if kind.kind in LEDGER_KINDS]
WATCH_SILENT_S_MAX = 130.0  # the API server sends a bookmark each minute; kopf reconnects after 70 s of silence


class Forever:
    """Back-offs without an end: kopf's own sleep up to 21 s into a recovery, and then end the operator."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.05, 0.1, 0.2, 0.5), itertools.repeat(1.0))


class _NoDiffBase(kopf.DiffBaseStorage):
    """Nothing is kept on the objects. kopf would copy and compare every body, even for on.event alone."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any, **_: Any) -> Any:
        return essence


class Watches:
    """When each kind's watch was last heard: any byte counts, bookmarks too. `listed`: kopf had to list a kind."""

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self.listed = asyncio.Event()

    def silent(self, now: float) -> list[str]:
        """The kinds whose watch has been silent for too long, or was never heard."""
        return [p for p in _PLURALS if now - self.heard.get(p, float("-inf")) > WATCH_SILENT_S_MAX]

    async def middleware(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        if request.url.name in _PLURALS and not request.url.query.get("watch"):
            self.listed.set()
        elif request.url.query.get("watch") and response.status == 200:
            plural = request.url.name
            self.heard[plural] = time.monotonic()
            response.content = _Heard(response.content, lambda: self.heard.update({plural: time.monotonic()}))  # type: ignore[assignment]
        return response


class _Heard:
    """A response's stream that says when something comes."""

    def __init__(self, content: aiohttp.StreamReader, heard: Callable[[], None]) -> None:
        self._content, self._on_chunk = content, heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        async for chunk in self._content.iter_chunked(n):
            self._on_chunk()
            yield chunk


def settings() -> kopf.OperatorSettings:
    out = kopf.OperatorSettings()
    out.posting.enabled = False
    out.peering.standalone = True
    out.scanning.disabled = True  # no watches over CRDs and namespaces; main waits for the CRDs itself
    out.networking.error_backoffs = Forever()
    out.networking.request_timeout = 30
    out.networking.connect_timeout = 3
    out.watching.connect_timeout = 3
    out.queueing.exit_timeout = 2
    out.persistence.diffbase_storage = _NoDiffBase()
    out.persistence.progress_storage = _NoProgress()
    out.process.ultimate_exiting_timeout = 30
    return out


def registry(
    ledger: Ledger,
    wake: Callable[[], None],
    metrics: Metrics,
    clocks: Clocks,
    credentials: Credentials,
    session: aiohttp.ClientSession,
) -> kopf.OperatorRegistry:
    """An explicit registry: no globals, so several operators may live in one test process."""
    out = kopf.OperatorRegistry()
    for kind in KINDS:
        if kind.kind in LEDGER_KINDS:
            _on_event(out, ledger, wake, metrics, clocks, kind)

    @kopf.on.login(registry=out)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(
            server=credentials.server, aiohttp_session=session, default_namespace=credentials.namespace
        )

    return out


def _on_event(
    out: kopf.OperatorRegistry,
    ledger: Ledger,
    wake: Callable[[], None],
    metrics: Metrics,
    clocks: Clocks,
    watched: Kind,
) -> None:
    kind, plural = watched.kind, watched.plural
    events = metrics.events_total.labels(kind)

    # The same path for created, changed, listed and replayed: it depends on the object's version alone.
    @kopf.on.event(GROUP, VERSION, plural, registry=out, id=f"{plural}-seen")
    async def seen(event: Any, **_: Any) -> None:
        events.inc()
        meta = event["object"]["metadata"]
        metrics.lag.seen(meta["uid"], meta["resourceVersion"], clocks().mono)
        if event["type"] == "DELETED":
            if (lease := ledger.live(meta["uid"])) is not None:  # its holder gave it back by this, or gave up
                metrics.ended(lease, Reason.DELETED, clocks().wall, ledger.pools)
            outcome.deleted(ledger, kind, event["object"])
        elif not outcome.observe(ledger, kind, event["object"]):
            return  # most events are of our own writes, whose answers have been observed before
        wake()
