"""Events, core/v1: what `kubectl describe` shows at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from lessor.api.names import API_VERSION
from lessor.core.model import Unreadable

from . import paths
from .calls import Call

CHARS_MAX = 1024  # of a message; events.k8s.io takes no more


class About(NamedTuple):
    """The object that an Event is about. `namespace` "" of a cluster-scoped one."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    version: str = ""


def event(about: About, severity: str, reason: str, message: str, at: float, name: str = "") -> Call:
    """The call that makes one. `severity`: Normal or Warning; `at`: seconds since the epoch; `name`: of the Event, for
    what is to be said once."""
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    involved = {
        "apiVersion": about.api_version,
        "kind": about.kind,
        "name": about.name,
        "namespace": about.namespace,
        "uid": about.uid,
    }
    body: dict[str, Any] = {
        "metadata": {"name": name or f"lessor-{about.uid}-{reason.lower()}-{int(at)}"},
        "involvedObject": involved | ({"resourceVersion": about.version} if about.version else {}),
        "type": severity,
        "reason": reason,
        "message": message[:CHARS_MAX],
        "source": {"component": "lessor"},
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
    # Where Kubernetes' own events about cluster-scoped objects are.
    return Call("create", paths.collection(paths.EVENTS, about.namespace or "default"), body)


def unreadable(item: Unreadable, at: float) -> Call:
    """Says on an object that it can't be read where its status can't: one Event for each version of it."""
    about = About(API_VERSION, item.kind, item.namespace, item.name, item.uid, str(item.version))
    return event(about, "Warning", "Unreadable", item.message, at, f"lessor-{item.uid}-{item.version}")
