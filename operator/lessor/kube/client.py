"""The requests: get, list, create, merge patch, delete. Plain dicts in and out, `KubeError`s for everything else.

Written on aiohttp and orjson because a grant is a handful of small requests, and the official client spends two to six
times the processor time of the whole grant on each (tech notes, section 4). One `Client` is one session of kept-alive
connections, for one event loop. It retries nothing, with one exception: a 401 was never carried out, so the credentials
are loaded again and the request is sent once more. What else is worth a retry is known to the caller alone.
"""

import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

import lessor
from lessor.kube.credentials import Credentials
from lessor.kube.errors import Conflict, Gone, Invalid, KubeError, Unavailable, from_status

FIELD_MANAGER = "lessor"
CONNECTIONS_MAX = (
    72  # 64 writes in flight, where the API server peaked, and room for the election, lists and live reads
)
WRITE_SECONDS_MAX = 5.0
READ_SECONDS_MAX = 30.0  # a list of ten thousand objects on a busy server
CONNECT_SECONDS_MAX = 2.0
# Above: reconnecting costs several requests' time. Below: the API server closes an idle connection after 90 s and load
# balancers after 60; a patch sent into a connection that is being closed has an unknown outcome.
KEEPALIVE_SECONDS = 45.0
# A quiet watch brings a bookmark each minute; after two that did not come the connection is dead without saying so.
WATCH_SILENT_SECONDS_MAX = 130.0
WATCH_SECONDS = (240, 480)  # the server ends a watch after a time in between, so that not all are begun again at once
STRICT = f"?fieldManager={FIELD_MANAGER}&fieldValidation=Strict"
LENIENT = f"?fieldManager={FIELD_MANAGER}"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
READS = frozenset({"GET"})
Objects = list[dict[str, Any]]


class _Answer(NamedTuple):
    status: int
    retry_after: str | None
    content: bytes


class Client:
    """One session at one API server. To be made, used and closed in one running event loop."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        connections: int = CONNECTIONS_MAX,
        write_timeout: float = WRITE_SECONDS_MAX,
        read_timeout: float = READ_SECONDS_MAX,
        answered: Callable[[str | None], None] | None = None,
    ) -> None:
        """`connections` at most at once; time-outs in seconds, for a request as a whole. `answered` is told of each
        answer of the API server, whatever it says, with its Date header: that it can be reached, and what time it
        has."""
        self._credentials = credentials
        self._answered = answered
        self._write = aiohttp.ClientTimeout(total=write_timeout, connect=min(CONNECT_SECONDS_MAX, write_timeout))
        self._read = aiohttp.ClientTimeout(total=read_timeout, connect=min(CONNECT_SECONDS_MAX, read_timeout))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # never asked for: packing a list costs both sides more than a local network does
            headers={"Accept": JSON, "Accept-Encoding": "identity", "User-Agent": f"lessor/{lessor.__version__}"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def get(self, path: str, *, timeout: float | None = None) -> dict[str, Any]:
        """One object, as it is now (a consistent read). Raises NotFound."""
        return _decoded(await self._send("GET", path, timeout=timeout))

    async def get_raw(self, path: str, *, timeout: float | None = None) -> bytes:
        """The body as it comes, for /readyz, /openapi/v3 and the like."""
        return (await self._send("GET", path, timeout=timeout)).content

    async def list(
        self, path: str, *, limit: int | None = None, selectors: Mapping[str, str] | None = None
    ) -> tuple[Objects, int]:
        """All objects at `path` and the resourceVersion at which that is so.

        No resourceVersion is sent, so it is a consistent read and not whatever one server's cache holds. `limit`
        fetches pages of that size; when they expire underway (410) it starts again without. `selectors` are query
        parameters: fieldSelector, labelSelector. Items of Kubernetes' own kinds have no apiVersion and kind.
        """
        query = dict(selectors or {})
        try:
            return await self._pages(path, query, limit)
        except Gone:
            return await self._pages(path, query, None)

    async def _pages(self, path: str, query: Mapping[str, str], limit: int | None) -> tuple[Objects, int]:
        items: Objects = []
        asked = dict(query) | ({"limit": str(limit)} if limit else {})
        while True:  # ends: each page is part of one fixed revision
            page = _decoded(await self._send("GET", f"{path}?{urlencode(asked)}" if asked else path))
            items += page.get("items") or ()
            following = page["metadata"].get("continue")
            if not following:
                return items, int(page["metadata"]["resourceVersion"])
            asked["continue"] = following

    async def watch(self, path: str, version: int) -> AsyncIterator[dict[str, Any]]:
        """The events of the collection at `path` after `version`, bookmarks too, until the server ends the stream.

        It takes a connection for as long as it lasts: give watches a client of their own (`connections=0`: no limit).
        Raises Gone (list again) when the server has no history from `version` on, Unavailable when the stream breaks or
        is silent for too long, and what a LIST raises.
        """
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": str(version)}
        query["timeoutSeconds"] = str(random.randint(*WATCH_SECONDS))
        known, target = self._credentials, f"{path}?{urlencode(query)}"
        patience = aiohttp.ClientTimeout(
            total=None, connect=CONNECT_SECONDS_MAX, sock_read=WATCH_SILENT_SECONDS_MAX
        )  # fmt: skip
        headers = {}
        if (authorization := await known.header()) is not None:
            headers["Authorization"] = authorization
        url = URL(known.server + target, encoded=True)
        try:
            async with self._session.get(
                url, headers=headers, timeout=patience, allow_redirects=False,
                ssl=known.ssl, server_hostname=known.server_hostname, proxy=known.proxy,
            ) as response:  # fmt: skip
                if response.status != 200:
                    answer = _Answer(response.status, response.headers.get("Retry-After"), await response.read())
                    if answer.status == 401:
                        await known.renew(authorization)  # for the next try
                    raise _error("GET", path, answer)
                async for line in _lines(response.content):
                    event = _event(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise from_status(status.get("code", 500), status, request=f"watch {path}", write=False)
                    yield event
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            raise self._unavailable("GET", target, e, patience) from e

    async def create(self, path: str, body: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
        """Creates `body` in the collection at `path`. Raises AlreadyExists, Invalid, NotFound (no such namespace).

        `strict`: an unknown field is refused instead of dropped.
        """
        return _decoded(await self._send("POST", path + (STRICT if strict else LENIENT), body))

    async def merge_patch(
        self, path: str, body: Mapping[str, Any], *, subresource: str | None = None, strict: bool = True
    ) -> dict[str, Any]:
        """Patches the object at `path` (RFC 7386: null removes a key, a list is replaced whole).

        With `metadata.resourceVersion` in the body it is a compare-and-set: Conflict when the object has moved on, or
        was deleted and made anew. `metadata.uid` is checked by the API server on the object itself only: on `status` of
        a custom resource it is ignored, and there the resourceVersion says as much, since no two objects ever have the
        same one in one history of etcd. (After a restore they can: then the answer is another object's, and that is
        raised as Unavailable with an unknown outcome.) A patch that changes nothing is answered with the old
        resourceVersion, and no watcher hears of it. Both guards are strings.
        """
        target = f"{path}/{subresource}" if subresource else path
        try:
            answer = await self._send("PATCH", target + (STRICT if strict else LENIENT), body, content_type=MERGE_PATCH)
        except Invalid as e:
            if any(cause.field == "metadata.uid" for cause in e.causes):
                raise Conflict(e.message, status=e.status, reason=e.reason, body=e.body) from e
            raise
        patched = _decoded(answer)
        uid = body.get("metadata", {}).get("uid")
        if uid is not None and patched["metadata"]["uid"] != uid:
            raise Unavailable(
                f"PATCH {target} was carried out on another object of that name (uid {patched['metadata']['uid']}, "
                f"meant was {uid}): was the API server's store restored from a backup?",
                outcome_unknown=True,
            )
        return patched

    async def delete(
        self,
        path: str,
        *,
        uid: str | None = None,
        resource_version: str | int | None = None,
        propagation: str | None = None,
    ) -> dict[str, Any]:
        """Deletes the object at `path`. Raises NotFound, and Conflict when `uid` or `resource_version` are others.

        Returns the object while finalizers hold it, otherwise the server's Status. `propagation` is Background,
        Foreground or Orphan. Give a uid: the HTTP library sends a delete again by itself when a kept-alive connection
        turns out to be closed, and without one that could hit a successor of the same name.
        """
        guards = {"uid": uid, "resourceVersion": None if resource_version is None else str(resource_version)}
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if preconditions := {k: v for k, v in guards.items() if v is not None}:
            options["preconditions"] = preconditions
        if propagation is not None:
            options["propagationPolicy"] = propagation
        return _decoded(await self._send("DELETE", path, options))

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content_type: str = JSON,
        timeout: float | None = None,
    ) -> _Answer:
        """One request; the answer if it is 2xx, else the error for it."""
        data = orjson.dumps(body) if body is not None else None
        headers = {"Content-Type": content_type} if data is not None else {}
        patience = self._read if method in READS else self._write
        if timeout is not None:
            patience = aiohttp.ClientTimeout(total=timeout, connect=timeout)
        sent = await self._credentials.header()
        answer = await self._exchange(method, path, data, headers, sent, patience)
        if answer.status == 401 and await self._credentials.renew(sent):
            answer = await self._exchange(method, path, data, headers, self._credentials.authorization, patience)
        if 200 <= answer.status < 300:
            return answer
        error = _error(method, path, answer)
        raise self._credentials.unauthorized(error.message) if answer.status == 401 else error

    async def _exchange(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: dict[str, str],
        authorization: str | None,
        patience: aiohttp.ClientTimeout,
    ) -> _Answer:
        known = self._credentials
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            async with self._session.request(
                method,
                URL(known.server + path, encoded=True),
                data=data,
                headers=headers,
                timeout=patience,
                ssl=known.ssl,
                server_hostname=known.server_hostname,
                proxy=known.proxy,
                allow_redirects=False,  # a redirect is a login page of some proxy, not an answer
            ) as response:
                content = await response.read()
                if self._answered is not None and response.status < 500:  # a proxy without its server says 502 or 503
                    self._answered(response.headers.get("Date"))
                return _Answer(response.status, response.headers.get("Retry-After"), content)
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            raise self._unavailable(method, path, e, patience) from e

    def _unavailable(self, method: str, path: str, e: Exception, patience: aiohttp.ClientTimeout) -> Unavailable:
        server = f"the API server at {self._credentials.server} ({self._credentials.origin})"
        if isinstance(e, aiohttp.ClientConnectorCertificateError):
            return Unavailable(
                f"{server} shows a certificate that is not trusted: {e.certificate_error}; "
                "check certificate-authority and tls-server-name",
                outcome_unknown=False,
            )
        if isinstance(e, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)):
            # Nothing was sent. A time-out here may also mean that all our connections were in use.
            # But aiohttp sends a DELETE again by itself when a kept-alive connection breaks: this may be that one.
            return Unavailable(f"{server} can't be reached: {_words(e)}", outcome_unknown=method == "DELETE")
        if isinstance(e, TimeoutError):
            words = f"no answer within {patience.total or patience.sock_read or 0:g} s"
        else:
            words = f"the connection broke before the answer: {_words(e)}"
        return Unavailable(f"{server}: {method} {path.partition('?')[0]}: {words}", outcome_unknown=method not in READS)


def _words(e: Exception) -> str:
    inner = e.os_error if isinstance(e, aiohttp.ClientConnectorError) else e
    if isinstance(inner, OSError):
        if inner.errno and inner.errno > 0:  # asyncio puts addresses where the words should be
            return os.strerror(inner.errno).lower()
        return inner.strerror or str(inner)  # of a name that can't be resolved
    return str(inner) or type(inner).__name__


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """One event is one line. Not `readline`: it refuses more than 128 KiB, and an object may have megabytes."""
    rest = bytearray()
    async for chunk in stream.iter_any():
        rest += chunk
        *whole, tail = rest.split(b"\n") if b"\n" in chunk else [rest]
        for line in whole:
            yield bytes(line)
        rest = bytearray(tail)


def _event(line: bytes) -> dict[str, Any]:
    try:
        event: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError as e:
        raise Unavailable(f"the watch brought what is not JSON: {line[:60]!r}", outcome_unknown=False) from e
    return event


def _decoded(answer: _Answer) -> dict[str, Any]:
    try:
        body: dict[str, Any] = orjson.loads(answer.content)
    except orjson.JSONDecodeError as e:
        # 2xx and not JSON: something that is no API server answered. It has not written anything.
        raise Unavailable(
            f"the answer is not JSON, is this an API server? It begins with {answer.content[:60]!r}",
            outcome_unknown=False,
        ) from e
    return body


def _error(method: str, path: str, answer: _Answer) -> KubeError:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:  # "404 page not found" for a path that no group serves; a proxy's page
        body = {}
    return from_status(
        answer.status,
        body if isinstance(body, dict) else {},
        request=f"{method} {path.partition('?')[0]}",
        write=method not in READS,
        retry_after=answer.retry_after,
    )
