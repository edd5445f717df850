"""What the tests of `kube` share: kubeconfigs, a wire that can be cut, a service account of the real API server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.errors import KubeError
from tests.local.control_plane import ControlPlane

T = TypeVar("T")


def write_kubeconfig(path: Path, user: dict[str, Any] | None, **cluster: Any) -> Path:
    """A kubeconfig of one context, `ctx`; `user` None: the context names no user."""
    context = {"cluster": "c"} | ({} if user is None else {"user": "u"})
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"} | cluster}],
        "users": [] if user is None else [{"name": "u", "user": user}],
        "contexts": [{"name": "ctx", "context": context}],
        "current-context": "ctx",
    }
    path.write_text(yaml.safe_dump(content))
    return path


async def eventually(what: str, asked: Callable[[], Awaitable[T]], seconds: float = 20) -> T:
    """Asks until the answer is true, and returns it. For what the API server does a moment later: serve a new kind."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if answer := await asked():
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


async def fails_with(call: Awaitable[Any], kind: type[KubeError]) -> bool:
    try:
        await call
    except kind:
        return True
    except KubeError:
        pass
    return False


class Wire:
    """A TCP proxy to the API server. `cut`: what is sent arrives, then both ends are closed instead of an answer."""

    def __init__(self, server: str) -> None:
        self._host, _, port = server.removeprefix("https://").rpartition(":")
        self._port = int(port)
        self.cut = False
        self.mute = False  # answers are swallowed, connections stay
        self.connections = 0
        self._listener: asyncio.Server | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listens on a free port; yields the URL to put into a kubeconfig."""
        self._listener = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        try:
            yield f"https://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        finally:
            self._listener.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        up, down = await asyncio.open_connection(self._host, self._port)

        async def there() -> None:
            while data := await reader.read(65536):
                down.write(data)

        async def back() -> None:
            while data := await up.read(65536):
                if self.cut:
                    return
                if not self.mute:
                    writer.write(data)

        tasks = [asyncio.ensure_future(there()), asyncio.ensure_future(back())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for end in (writer, down):
                end.close()


def through(plane: ControlPlane, server: str, path: Path) -> Path:
    """The administrator's kubeconfig, with another URL."""
    return write_kubeconfig(path, {"token": plane.token}, server=server, **{"certificate-authority": str(plane.ca)})


async def service_account(client: Client, plane: ControlPlane, namespace: str, name: str, path: Path) -> Path:
    """Creates a service account without any rights; returns a kubeconfig with a token of it."""
    accounts = paths.Kind("", "v1", "serviceaccounts", True)
    await client.create(paths.collection(accounts, namespace), {"metadata": {"name": name}})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    answer = await client.create(paths.one(accounts, name, namespace) + "/token", request)
    ca = {"certificate-authority": str(plane.ca)}
    return write_kubeconfig(path, {"token": answer["status"]["token"]}, server=plane.server, **ca)


def exec_credential(**status: Any) -> str:
    """What an exec plugin prints."""
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})
