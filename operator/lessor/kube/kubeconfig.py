"""Reads a kubeconfig or a pod's service account with the official loaders, once, into a value. Blocking.

Only `credentials` calls this; it runs it again when tokens age.
"""

import base64
import contextlib
import functools
import importlib
import os
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lessor.kube.errors import NoCredentials

TOKEN_FILE_SECONDS = 60.0  # how long a token read from a file is used: the kubelet rotates it well before it expires
EXPIRY_MARGIN_SECONDS = 60.0  # a plugin's token is replaced this long before its end
EXEC_SECONDS_MIN = 10.0  # a plugin that hands out nearly expired tokens isn't run more often than this


@dataclass(frozen=True)
class Loaded:
    """What was found. `lasts` is after how many seconds to load again; None: only when the server says 401."""

    server: str
    namespace: str
    origin: str
    authorization: str | None = None
    tls: ssl.SSLContext | None = None
    server_hostname: str | None = None
    proxy: str | None = None
    lasts: float | None = None


def from_service_account(folder: Path) -> Loaded:
    """The pod's own identity, from the files that the kubelet keeps in `folder`. Raises NoCredentials."""
    origin = "the pod's service account"
    with _sentences(origin):
        loader = _library("config.incluster_config").InClusterConfigLoader(
            token_filename=str(folder / "token"), cert_filename=str(folder / "ca.crt"), environ=os.environ
        )
        found = _configuration()
        loader.load_and_set(found)
        namespace = folder / "namespace"
        return _loaded(
            found,
            origin=origin,
            namespace=namespace.read_text().strip() if namespace.exists() else "default",
            lasts=TOKEN_FILE_SECONDS,
        )


def from_kubeconfig(paths: str, context: str | None, *, named_by: str) -> Loaded:
    """The identity of `context` (None: the current one) in the kubeconfig at `paths`. Raises NoCredentials."""
    where = f"kubeconfig {paths}"
    with _sentences(where), tempfile.TemporaryDirectory(prefix="lessor-") as scratch:
        merged = _library("config.kube_config").KubeConfigMerger(paths)
        if merged.config is None:
            raise NoCredentials(f"{where} (named by {named_by}) is not there")
        context = _context(merged.config, context, where)
        origin = f"{where}, context {context}"
        expires = _run_exec_plugin(merged.config, context, origin)
        loader = _library("config.kube_config").KubeConfigLoader(
            config_dict=merged.config,
            active_context=context,
            config_base_path=None,
            config_persister=merged.save_changes,  # an OIDC refresh token may be good for one use: keep the new one
            temp_file_path=scratch,
        )
        found = _configuration()
        loader.load_and_set(found)
        user = _user(merged.config, context)
        _refuse_what_is_not_understood(user, found, origin)
        return _loaded(
            found,
            origin=origin,
            namespace=loader.current_context["context"].get("namespace") or "default",
            lasts=TOKEN_FILE_SECONDS if user.get("tokenFile") else expires,
        )


def _context(config: Any, wanted: str | None, where: str) -> str:
    names = [str(c["name"]) for c in config.value.get("contexts") or () if c.value.get("name")]
    known = f"it has {', '.join(names)}" if names else "it has none"
    current = wanted or config.value.get("current-context")
    if not current:
        raise NoCredentials(f"{where} has no current-context; name one with --context ({known})")
    if current not in names:
        raise NoCredentials(f"{where} has no context {current!r}; {known}")
    return str(current)


def _entry(config: Any, context: str) -> Any:
    """The node of the context's user, None when it names none or one that isn't there."""
    name = config["contexts"].get_with_name(context)["context"].safe_get("user")
    return config["users"].get_with_name(name, safe=True) if name else None


def _user(config: Any, context: str) -> dict[str, Any]:
    entry = _entry(config, context)
    return dict(entry.value.get("user") or {}) if entry else {}


def _run_exec_plugin(config: Any, context: str, origin: str) -> float | None:
    """Runs the user's exec plugin and puts what it gives in its place; returns how many seconds that is good for.

    The loader would do it itself, but it logs a plugin's failure and goes on as an anonymous user.
    """
    user = _user(config, context)
    if "exec" not in user or user.keys() & {"token", "tokenFile", "auth-provider", "username"}:
        return None
    entry = _entry(config, context)
    cluster = config["clusters"].get_with_name(config["contexts"].get_with_name(context)["context"]["cluster"])[
        "cluster"
    ]
    folder = os.path.dirname(os.path.abspath(entry.path)) if entry.path else ""
    command = user["exec"].get("command")
    try:
        given = _library("config.exec_provider").ExecProvider(entry["user"]["exec"], folder, cluster).run()
    except FileNotFoundError as e:
        hint = user["exec"].get("installHint")
        raise NoCredentials(
            f"{origin}: the command {command!r} that gives the credentials is not installed"
            + (f" ({' '.join(hint.split())})" if hint else "")
        ) from e
    except Exception as e:  # the plugin's own failure, of any kind: its words are the reason
        raise NoCredentials(f"{origin}: the command {command!r} gave no credentials: {e}") from e
    plain = {k: v for k, v in user.items() if k != "exec"}
    if given.get("token"):
        plain["token"] = given["token"]
    for key, field in (("client-certificate-data", "clientCertificateData"), ("client-key-data", "clientKeyData")):
        if given.get(field):
            plain[key] = base64.b64encode(given[field].encode()).decode()
    if not plain.keys() & {"token", "client-certificate-data"}:
        raise NoCredentials(f"{origin}: the command {command!r} gave neither a token nor a client certificate")
    entry.value = {**entry.value, "user": plain}
    return _seconds_until(given.get("expirationTimestamp"))


def _seconds_until(expires: str | None) -> float | None:
    if not expires:
        return None
    at: float = _library("config.dateutil").parse_rfc3339(expires).timestamp()
    return max(EXEC_SECONDS_MIN, at - time.time() - EXPIRY_MARGIN_SECONDS)


def _refuse_what_is_not_understood(user: dict[str, Any], found: Any, origin: str) -> None:
    if any(key in user for key in ("as", "as-uid", "as-groups", "as-user-extra")):
        # Going on would act with the rights of the user underneath, which are usually the greater ones.
        raise NoCredentials(f"{origin}: impersonation (as, as-groups) is not supported; use another context")
    if user and not found.api_key.get("BearerToken") and not found.cert_file:
        kind = (user.get("auth-provider") or {}).get("name") or ", ".join(sorted(user))
        raise NoCredentials(
            f"{origin}: its user gives no credentials that can be used ({kind}); "
            "a token, a client certificate or an exec plugin would"
        )


def _loaded(found: Any, *, origin: str, namespace: str, lasts: float | None) -> Loaded:
    server = str(found.host).rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise NoCredentials(f"{origin}: the server {server!r} is not a URL that starts with https:// or http://")
    if found.proxy and not found.proxy.startswith(("http://", "https://")):
        raise NoCredentials(f"{origin}: the proxy {found.proxy} is not an HTTP proxy; only those are supported")
    kind, _, token = str(found.api_key.get("BearerToken") or "").strip().partition(" ")
    return Loaded(
        server=server,
        namespace=namespace,
        origin=origin,
        authorization=f"{kind.capitalize()} {token.strip()}" if token else None,
        tls=_tls(found) if server.startswith("https://") else None,
        server_hostname=found.tls_server_name,
        proxy=found.proxy,
        lasts=lasts,
    )


def _tls(found: Any) -> ssl.SSLContext:
    def content(path: str | None) -> bytes | None:
        return Path(path).read_bytes() if path else None

    ca, cert, key = content(found.ssl_ca_cert), content(found.cert_file), content(found.key_file)
    return _context_of(ca, cert, key, bool(found.verify_ssl))


# Cached by content: a new context would close every kept-alive connection at each reading of a token file. Two entries,
# so that the certificate that was replaced is not kept for ever.
@functools.lru_cache(maxsize=2)
def _context_of(ca: bytes | None, cert: bytes | None, key: bytes | None, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca.decode() if ca else None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        # The ssl module reads a private key from a file only.
        with tempfile.NamedTemporaryFile(prefix="lessor-") as pem:
            pem.write(cert + b"\n" + (key or b""))
            pem.flush()
            context.load_cert_chain(pem.name)
    return context


@contextlib.contextmanager
def _sentences(where: str) -> Iterator[None]:
    """Everything that reading somebody's file can raise, as one sentence that names the file."""
    try:
        yield
    except NoCredentials:
        raise
    except yaml.YAMLError as e:
        problem = " ".join(str(e).split())
        raise NoCredentials(f"{where} is not valid YAML: {problem}") from e
    except ssl.SSLError as e:
        raise NoCredentials(f"{where}: a certificate or key in it can't be read: {e.reason or e}") from e
    except OSError as e:
        raise NoCredentials(
            f"{where} can't be read: {e.strerror or e}{f' ({e.filename})' if e.filename else ''}"
        ) from e
    except (
        Exception
    ) as e:  # the loaders raise whatever the shape of the file leads to: KeyError, TypeError, ValueError …
        raise NoCredentials(f"{where} is not a kubeconfig that can be used: {e}") from e


def _library(module: str) -> Any:
    """A module of the official package, imported when it is needed (0.35 s) and untyped, as it is."""
    return importlib.import_module(f"kubernetes.{module}")


def _configuration() -> Any:
    # Past `Configuration.__call__`, which would copy what other code in this process may have set as the default.
    return type.__call__(_library("client.configuration").Configuration)
