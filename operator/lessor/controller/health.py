"""The operator's HTTP side: is it alive, is it ready, and its metrics. Nothing else listens in this process."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

log = logging.getLogger(__name__)

Ready = Callable[[], tuple[bool, Sequence[str]]]


class ListenFailed(OSError):
    """The address to listen on can't be had; `str()` of it is one sentence."""


class Health:
    """Serves /healthz, /readyz and /metrics in the running event loop.

    `ready` is asked at every /readyz: whether, and in sentences what is missing (or worth knowing); answered with 200
    or 503. /healthz says only that the event loop turns: a process that can't reach the API server must not be
    restarted for it, since what it knows would be lost and nothing gained.
    """

    def __init__(self, registry: CollectorRegistry, ready: Ready) -> None:
        self._registry = registry
        self._ready = ready
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which with 0 is a free one. `host` "" is every address. Raises ListenFailed."""
        listener = _bound(host, port)
        bound: int = listener.getsockname()[1]
        try:
            await self._runner.setup()
            await web.SockSite(self._runner, listener).start()
        except BaseException:
            listener.close()
            raise
        log.info("listening on http://%s:%d (healthz, readyz, metrics)", _shown(host), bound)
        return bound

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready, sentences = self._ready()
        text = "\n".join(sentences) or ("ok" if ready else "not ready")
        return web.Response(text=text + "\n", status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # In a thread: a scrape with hundreds of pools takes longer than a grant.
        body = await asyncio.to_thread(encode, self._registry)
        return web.Response(body=body, headers={"Content-Type": content_type})


def _bound(host: str, port: int) -> socket.socket:
    try:
        if not host:
            return _everywhere(port)
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as e:
        raise ListenFailed(
            f"can't listen on {_shown(host)}:{port}: {_words(e)}; "
            "choose another address with --listen (port 0: a free one)"
        ) from e


def _everywhere(port: int) -> socket.socket:
    """IPv6 and IPv4 by one socket, so that port 0 is one port; IPv4 alone where the machine has no IPv6."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError as e:
            if e.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):  # compiled in, but switched off
                raise
    return socket.create_server(("0.0.0.0", port))


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host or "0.0.0.0"


def _words(e: Exception) -> str:
    # create_server adds the address to strerror
    words = (getattr(e, "strerror", None) or str(e)).partition(" (while attempting")[0]
    return words[:1].lower() + words[1:]
