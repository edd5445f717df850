"""How to reach the API server and who we are there, kept fresh for as long as the process lives.

What a kubeconfig or a pod's service account means is decided by the official `kubernetes` package's loaders (exec
plugins, OIDC, client certificates, tokens, proxies), see `kubeconfig`; its client is not used. Here they are run again
when a token ages or the server says 401, one at a time and off the event loop.
"""

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp

from lessor.kube.errors import NoCredentials, Unauthorized
from lessor.kube.kubeconfig import Loaded, from_kubeconfig, from_service_account

log = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
RETRY_SECONDS = 10.0  # after a failed refresh; the old header is used meanwhile, it may well be valid still
RENEW_SECONDS_MIN = 5.0  # between two loads that a 401 asks for: a revoked account must not run its exec plugin all day


def load(
    kubeconfig: str | None = None,
    context: str | None = None,
    *,
    pod: Path = SERVICE_ACCOUNT,
    clock: Callable[[], float] = time.monotonic,
) -> "Credentials":
    """The credentials to use, in the order that Kubernetes' own controllers keep.

    `kubeconfig` (a path, or several with ":" between), $KUBECONFIG, the pod's service account in `pod`,
    ~/.kube/config. A `context` means a kubeconfig, so the service account is skipped. Blocks: an exec plugin is run.
    Raises NoCredentials.
    """
    return Credentials(_source(kubeconfig, context, pod), clock=clock)


def _source(kubeconfig: str | None, context: str | None, pod: Path) -> Callable[[], Loaded]:
    if kubeconfig:
        return lambda: from_kubeconfig(kubeconfig, context, named_by="--kubeconfig")
    if from_env := os.environ.get("KUBECONFIG"):
        return lambda: from_kubeconfig(from_env, context, named_by="$KUBECONFIG")
    if os.environ.get("KUBERNETES_SERVICE_HOST") and (pod / "token").exists() and not context:
        return lambda: from_service_account(pod)
    home = Path("~/.kube/config").expanduser()
    if not home.exists():
        raise NoCredentials(
            "there is no cluster to talk to: this is not a pod, $KUBECONFIG is not set and ~/.kube/config is not "
            "there; give --kubeconfig PATH or export KUBECONFIG=PATH"
        )
    return lambda: from_kubeconfig(str(home), context, named_by="the default")


class Credentials:
    """One identity at one API server. Not for several event loops or threads."""

    def __init__(self, source: Callable[[], Loaded], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._loading = asyncio.Lock()
        self._loaded = source()
        self._loaded_at = clock()
        self._try_at = self._next(self._loaded_at)

    @property
    def server(self) -> str:
        """The base URL, without a slash at its end."""
        return self._loaded.server

    @property
    def namespace(self) -> str:
        """The context's or the pod's namespace, "default" when there is none."""
        return self._loaded.namespace

    @property
    def origin(self) -> str:
        """Where this comes from, for sentences: "kubeconfig PATH, context NAME"."""
        return self._loaded.origin

    @property
    def ssl(self) -> ssl.SSLContext | bool:
        """For aiohttp's `ssl=`. The same object until a certificate changes, so connections are kept alive."""
        return self._loaded.tls or True

    @property
    def server_hostname(self) -> str | None:
        return self._loaded.server_hostname

    @property
    def proxy(self) -> str | None:
        return self._loaded.proxy

    @property
    def authorization(self) -> str | None:
        """The header's value as last read; None with a client certificate alone."""
        return self._loaded.authorization

    def is_stale(self) -> bool:
        return self._clock() >= self._try_at

    async def header(self) -> str | None:
        """The Authorization header, loaded again first when it is due. A failure to load keeps the old one."""
        if self.is_stale():
            async with self._loading:
                if self.is_stale():
                    await self._load()
        return self._loaded.authorization

    async def renew(self, rejected: str | None) -> bool:
        """After a 401 for the header `rejected`: loads again, and says whether sending again makes sense."""
        async with self._loading:
            if self._loaded.authorization != rejected:
                return True  # another request was rejected too, and has renewed meanwhile
            if self._clock() < self._loaded_at + RENEW_SECONDS_MIN:
                return False
            return await self._load()

    async def _load(self) -> bool:
        now = self._clock()
        try:
            # In a thread, since an exec plugin may take seconds and leadership must be renewed meanwhile.
            self._loaded = await asyncio.to_thread(self._source)
        except NoCredentials as e:
            log.warning("the credentials could not be read again, the old ones stay in use: %s", e)
            self._try_at = now + RETRY_SECONDS
            return False
        finally:
            self._loaded_at = now
        self._try_at = self._next(now)
        return True

    def _next(self, now: float) -> float:
        return now + self._loaded.lasts if self._loaded.lasts is not None else float("inf")

    def session(
        self,
        *,
        connections: int,
        timeout: aiohttp.ClientTimeout,
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> aiohttp.ClientSession:
        """A session that authorizes by itself, to lend to a library (kopf). The caller closes it.

        Its client certificate is the one of now: when it is replaced, open another session.
        """
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ssl=self.ssl),
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(self._authorize, *middlewares),
            proxy=self.proxy,
        )

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        header = await self.header()
        if header is not None:
            request.headers["Authorization"] = header
        response = await handler(request)
        if response.status == 401 and await self.renew(header):
            response.release()
            if self.authorization is not None:
                request.headers["Authorization"] = self.authorization
            response = await handler(request)
        return response

    def unauthorized(self, message: str) -> Unauthorized:
        """The sentence for a 401 that a renewal did not cure."""
        return Unauthorized(
            f"the API server at {self.server} does not accept the credentials ({self.origin}): {message}",
            status=401,
            reason="Unauthorized",
        )
