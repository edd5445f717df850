"""What kinds of values the codec's readers rely on. A schema of an older version may have let in others.

Checked before an object is read, because a wrong value is no error where it is read: the text "2" for a count is one
only when somebody adds it up, in the middle of a decision about other objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lessor.api.names import LEASE, POOL, RESOURCE

# A type, a mapping of fields (others are not looked at, absent ones are the reader's affair), or a list of one shape
# for each entry. The API server drops nulls, so a null is as wrong as any other value.
Shape = type | dict[str, Any] | list[Any]

WORDS: dict[str, Any] = {"*": str}
SELECTOR: dict[str, Any] = {
    "matchLabels": WORDS,
    "matchExpressions": [{"key": str, "operator": str, "values": [str]}],
}
_ASKED: dict[str, Any] = {"pool": str, "count": int, "names": [str], "selector": SELECTOR}
_REQUEST: dict[str, Any] = {"name": str, **_ASKED, "firstOf": [_ASKED], "from": str, "as": str}
_CONDITION: dict[str, Any] = {"type": str, "status": str, "reason": str, "message": str, "lastTransitionTime": str}
_TERMS: dict[str, Any] = {
    "renewWithin": str,
    "renewSlack": str,
    "maxDuration": str,
    "releaseState": str,
    "onLoss": str,
    "priority": int,
}
_PERSON: dict[str, Any] = {"namespace": str, "name": str, "uid": str}
_ITEM: dict[str, Any] = {
    "name": str,
    "labels": WORDS,
    "attributes": WORDS,
    "credentialsSecret": str,
    "initialState": str,
}
POOL_RESOURCES: dict[str, Any] = {"items": [_ITEM], "names": [str], "count": int}

SHAPES: dict[str, dict[str, Any]] = {
    LEASE.kind: {
        "spec": {
            "requests": [_REQUEST],
            "priority": int,
            "holder": {
                "identity": str,
                "pod": {"name": str, "uid": str},
                "ref": {"apiVersion": str, "kind": str, "name": str, "uid": str},
            },
            "renewTime": str,
            "renewWithin": str,
            "waiterRenewWithin": str,
            "collectWithin": str,
            "renewSlack": str,
            "maxDuration": str,
            "waitTimeout": str,
            "releaseState": str,
            "ttlAfterFinished": str,
            "release": [{"name": str, "state": str}],
        },
        "status": {
            "state": str,
            "attempt": int,
            "resources": [{"name": str, "request": str, "pool": str, "epoch": int, "attributes": WORDS}],
            "terms": _TERMS,
            "queue": {"position": int, "of": int, "blockedBy": str},
            "holderUID": str,
            "boundTime": str,
            "observedGeneration": int,
            "conditions": [_CONDITION],
        },
    },
    RESOURCE.kind: {
        "spec": {"pool": str, "attributes": WORDS, "credentialsSecret": str},
        "status": {
            "state": str,
            "epoch": int,
            "holder": _PERSON | {"attempt": int, "from": str, "releaseState": str, "identity": str, "term": str},
            "since": str,
            "holdUntil": str,
            "lastHolders": [_PERSON | {"ended": str, "at": str}],
            "conditions": [_CONDITION],
        },
    },
    POOL.kind: {
        "spec": {
            "lease": {"renewWithin": str, "maxDuration": str, "releaseStates": [str], "onLoss": str},
            "queue": {
                "reserveAfter": str,
                "fairShare": {"by": str, "labelKey": str, "weights": {"*": int}},
                "maxPerTenant": int,
                "maxPriority": int,
            },
            "template": {key: shape for key, shape in _ITEM.items() if key != "name"},
            "access": {"namespaces": [str], "namespaceSelector": SELECTOR},
            "mode": str,
            "janitor": {"provider": str},
        },
        "status": {
            "nextOrdinal": int,
            "counts": {"*": int},
            "total": int,
            "waiting": int,
            "observedGeneration": int,
            "conditions": [_CONDITION],
        },
    },
}
_CALLED: dict[type, str] = {str: "a text", int: "a whole number", dict: "a group of fields", list: "a list"}


def check(value: Any, shape: Shape, where: str) -> None:
    """Raises TypeError with a sentence that names the field (`where` is its path)."""
    if type(shape) is type:
        if not isinstance(value, shape) or isinstance(value, bool):  # true is an int to Python, and no number
            raise TypeError(_sentence(value, shape, where))
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise TypeError(_sentence(value, list, where))
        for number, entry in enumerate(value):
            check(entry, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict):
        if not isinstance(value, Mapping):
            raise TypeError(_sentence(value, dict, where))
        every = shape.get("*")
        for field, inner in value.items():
            if (wanted := every or shape.get(field)) is not None:
                check(inner, wanted, f"{where}.{field}" if where else field)


def _sentence(value: Any, shape: type, where: str) -> str:
    return f"{where} is {json.dumps(value)[:60]}, not {_CALLED[shape]}"
