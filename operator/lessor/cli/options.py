"""What a command line (or the environment) may say, as values: host:port, durations, names, where to look."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from lessor.api import durations

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
FALLBACK_NAMESPACE = "lessor-system"

Command = TypeVar("Command", bound=Callable[..., Any])


def flag(name: str, *args: Any, **settings: Any) -> Callable[[Command], Command]:
    """An option that can be set by the environment too: --lease-duration is LESSOR_LEASE_DURATION."""
    variable = "LESSOR_" + name.removeprefix("--").upper().replace("-", "_")
    return click.option(name, *args, envvar=variable, show_envvar=True, **settings)


@dataclass(frozen=True)
class Target:
    """The cluster and the namespace that a person means. None: the kubeconfig's own."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    all_namespaces: bool = False


@dataclass(frozen=True)
class OperatorOptions:
    """Of `lessor operator` and `lessor run`. Durations in seconds; `listen_host` "" is every address."""

    kubeconfig: str | None
    context: str | None
    listen_host: str
    listen_port: int
    namespace: str
    lease_duration: float
    renew_deadline: float
    retry_period: float
    log_format: str
    log_level: str
    writes_in_flight: int
    resync: float


class Address(click.ParamType[tuple[str, int]]):
    """`host:port`; no host is every address, port 0 a free one; an IPv6 address in brackets."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value[0], value[1]
        host, colon, port = str(value).rpartition(":")
        if (
            not colon
            or not port.isascii()
            or not port.isdigit()
            or int(port) > 65535
            or (":" in host and host[0] != "[")
        ):
            self.fail(
                f"{value!r} is not host:port, such as 127.0.0.1:8082, [::1]:8082 or :8082 (every address)", param, ctx
            )
        return host.removeprefix("[").removesuffix("]"), int(port)


class Duration(click.ParamType[float]):
    """As in the API: 90s, 30m, 6h30m. The value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        try:
            seconds = durations.parse(str(value)).total_seconds()
        except ValueError as e:
            self.fail(str(e), param, ctx)
        if seconds <= 0:
            self.fail(f"it must be longer than 0, not {value}", param, ctx)
        return seconds


class ObjectName(click.ParamType[str]):
    """A name that can be part of a URL's path: Kubernetes allows no other (IsValidPathSegmentName)."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if text in ("", ".", "..") or "/" in text or "%" in text:
            self.fail(f"{text!r} can't be the name of an object", param, ctx)
        return text


class LeaseName(click.ParamType[tuple[str | None, str]]):
    """NAME, or NAMESPACE/NAME as `lessor get queue` shows it."""

    name = "lease"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str | None, str]:
        if isinstance(value, tuple):
            return value[0], value[1]
        namespace, slash, name = str(value).rpartition("/")
        one = ObjectName()
        return one.convert(namespace, param, ctx) if slash else None, one.convert(name, param, ctx)


def own_namespace() -> str:
    """The namespace of the pod that this is, else lessor-system."""
    try:
        return POD_NAMESPACE.read_text().strip() or FALLBACK_NAMESPACE
    except OSError:
        return FALLBACK_NAMESPACE
