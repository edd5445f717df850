"""Pools and Leases as anybody could write them, drawn by hypothesis: every field, edge values, and near misses.

In texts `~` stands for the test's own prefix and `@` for its namespace: the test puts them in (`named`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Json = dict[str, Any]

POOLS = ("~p0", "~p1", "~p2")
TEAMS = ("red", "blue")
_RESOURCES = ("~a", "~b", "~c", "~d.e", "~" + "n" * 60)
_LABELS = {"size": ("s", "l"), "zone": ("x", "y"), "example.com/a.b_c": ("", "A_1.b")}
_WORDS = ("free", "free", "leased", "busy", "dirty", "cleaning", "quarantined", "précieux", "*/x", "w" * 253)
_TERMS = ("1ms", "500ms", "2s", "30m", "1.5h", "0.000001s", "99999h59m", "1h" + "0" * 10 + "1s")
_LIMITS = ("0s", "0ms", *_TERMS)
_TIMES = (
    "2026-11-23T15:00:00Z",  # the clocks of clients: wrong by a day, by centuries, in other zones
    "2026-11-25T15:00:00.999999Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999+14:00",
    "2026-02-28T23:59:59-23:59",
    "1969-12-31T23:59:59.000001Z",
)
_KINDS = (
    {"apiVersion": "v1", "kind": "ConfigMap"},
    {"apiVersion": "batch/v1", "kind": "Job"},
    {"apiVersion": "v1", "kind": "Namespace"},
    {"apiVersion": "v1", "kind": "Nothing"},
    {"apiVersion": "nowhere.example.com/v1", "kind": "Nothing"},
    {"apiVersion": "a/b/c/d", "kind": "../x"},
    {"apiVersion": "../../healthz", "kind": "Ok"},
    {"apiVersion": "../openapi/v2?x=", "kind": "Pod"},
    {"apiVersion": "/", "kind": "ü"},
    {"apiVersion": "v1/namespaces/@/pods", "kind": "Pod"},
    {"apiVersion": "..", "kind": "APIVersions"},
    {"apiVersion": "v1#", "kind": "Pod%20"},
    {"apiVersion": " ", "kind": " "},
    {"apiVersion": "\n", "kind": "\x00"},
)
HOLDERS = ("alive", "done", "nobody")  # pods and ConfigMaps of these names are there, but for the last


@dataclass(frozen=True)
class Asked:
    """A Lease, and what its owner does later: a patch of its spec, or None: deletes it."""

    body: Json
    later: Json | None


@dataclass(frozen=True)
class Scene:
    """Pools by name, what becomes of some of them later, and the Leases in the order in which they are created."""

    pools: dict[str, Json]
    edits: dict[str, Json]
    leases: tuple[Asked, ...]
    pools_go_first: bool


def named(value: Any, prefix: str, namespace: str) -> Any:
    """`value` with the prefix and the namespace put in."""
    if isinstance(value, dict):
        return {named(key, prefix, namespace): named(inner, prefix, namespace) for key, inner in value.items()}
    if isinstance(value, list):
        return [named(inner, prefix, namespace) for inner in value]
    return value.replace("~", f"{prefix}-").replace("@", namespace) if isinstance(value, str) else value


def some(**fields: SearchStrategy[Any]) -> SearchStrategy[Json]:
    """An object with any of these fields; `from_` is `from`."""
    return st.fixed_dictionaries({}, optional={key.rstrip("_"): value for key, value in fields.items()})


def one_of(*values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values)


def subset(values: tuple[str, ...], most: int = 4) -> SearchStrategy[list[str]]:
    return st.lists(one_of(*values), min_size=1, max_size=most, unique=True)


WORDS = one_of(*_WORDS)
LABELS = st.lists(st.sampled_from(sorted(_LABELS)), unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: one_of(*_LABELS[key]) for key in keys})
)
_KEY = one_of(*_LABELS, "nobody-has", "not a/label/key!")
_COMPARED = st.fixed_dictionaries(
    {"key": _KEY, "operator": one_of("In", "NotIn"), "values": subset(("s", "l", "x", "", "not a value!"), 3)}
)
_PRESENT = st.fixed_dictionaries({"key": _KEY, "operator": one_of("Exists", "DoesNotExist")})
SELECTOR = some(
    matchLabels=LABELS | st.dictionaries(_KEY, one_of("s", "no value!"), max_size=2),
    matchExpressions=st.lists(_COMPARED | _PRESENT, max_size=3),
)
_OURS = {"matchLabels": {"kubernetes.io/metadata.name": "@"}}

# -- Pools

_ATTRIBUTES = st.dictionaries(one_of("region", "", "ü b"), one_of("us-east-1", "", "$(NAME)", "x" * 1024), max_size=2)
_ITEM = some(labels=LABELS, attributes=_ATTRIBUTES, initialState=WORDS)
_SOURCES = (
    st.fixed_dictionaries({"count": one_of(0, 1, 2, 3, 5)})
    | st.fixed_dictionaries({"names": subset(_RESOURCES)})
    | subset(_RESOURCES).flatmap(
        lambda names: st.fixed_dictionaries({"items": st.tuples(*(_ITEM.map(_with_name(name)) for name in names))})
    )
)
_LENDING = some(
    renewWithin=one_of(*_TERMS),
    maxDuration=one_of(*_TERMS),
    releaseStates=st.lists(WORDS, min_size=1, max_size=3).flatmap(lambda words: one_of(words, [*words, "*"])),
    onLoss=WORDS,
)
_SHARES = st.dictionaries(one_of("@", *TEAMS, "", "ü"), one_of(1, 2, 1000), max_size=3)
_QUEUE = some(
    reserveAfter=one_of(*_LIMITS),
    fairShare=some(weights=_SHARES, by=st.just("Namespace"))
    | st.fixed_dictionaries(
        {"by": st.just("Label"), "labelKey": one_of("team", "no label!")}, optional={"weights": _SHARES}
    ),
    maxPerTenant=one_of(1, 2, 10000),
    maxPriority=one_of(-(2**31), -1, 0, 7, 2**31 - 1),
)
_ACCESS = st.fixed_dictionaries({"namespaces": subset(("@", "kube-system", "nowhere"))}) | st.fixed_dictionaries(
    {"namespaceSelector": SELECTOR | st.just(_OURS)}
)
_TEMPLATE = some(
    labels=LABELS | st.dictionaries(one_of("size", "not a key!"), one_of("$(NAME)", "a b", "s"), max_size=2),
    attributes=_ATTRIBUTES,
    initialState=one_of("free", "free", *_WORDS),
)
_NOT_YET: Json = {
    "mode": one_of("Hold", "HoldAndDrain"),
    "janitor": some(provider=one_of("none", "aws", "external"), timeout=one_of(*_TERMS), maxAttempts=one_of(1, 100)),
    "needs": st.lists(st.fixed_dictionaries({"pool": one_of("nowhere")}), max_size=1),
}


def _with_name(name: str) -> Any:
    return lambda item: {"name": name, **item}


def pool_specs(**more: SearchStrategy[Any]) -> SearchStrategy[Json]:
    rare = some(**more)
    return st.builds(
        lambda resources, rest, odd: {"resources": resources, **rest, **odd},
        _SOURCES.map(_as_lists),
        some(lease=_LENDING, queue=_QUEUE, template=_TEMPLATE, access=_ACCESS, mode=one_of("Active")),
        st.just({}) | st.just({}) | st.just({}) | rare,
    )


def _as_lists(resources: Json) -> Json:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in resources.items()}


# -- Leases

_POOL = one_of(*POOLS, *POOLS, "~nowhere")
_COUNT = one_of(1, 1, 1, 2, 3, 250)
_WAY = st.fixed_dictionaries(
    {"pool": _POOL}, optional={"count": one_of(1, 2), "selector": SELECTOR, "names": subset(_RESOURCES)}
)
_PLAIN = st.fixed_dictionaries(
    {"pool": _POOL},
    optional={"count": _COUNT, "selector": SELECTOR, "names": subset(_RESOURCES), "from": WORDS, "as": WORDS},
)
_FIRST_OF = st.fixed_dictionaries({"firstOf": st.lists(_WAY, min_size=1, max_size=4)}, optional={"count": one_of(1, 2)})
_REQUEST = _PLAIN | _PLAIN | _FIRST_OF
_REQUESTS = st.lists(_REQUEST, min_size=1, max_size=3).map(
    lambda requests: [{"name": f"r{number}", **request} for number, request in enumerate(requests)]
)
_UID = one_of("no-such-uid", "u" * 128)
_HOLDER = some(
    identity=one_of("", "job 1\nbuild 2", "i" * 300),
    pod=st.fixed_dictionaries({"name": one_of(*HOLDERS)}, optional={"uid": _UID}),
    ref=st.builds(
        lambda kind, rest: kind | rest,
        one_of(*_KINDS),
        st.fixed_dictionaries({"name": one_of(*HOLDERS)}, optional={"uid": _UID}),
    ),
)
_LEASE = st.builds(
    lambda requests, rest: {"requests": requests, **rest},
    _REQUESTS,
    some(
        priority=one_of(-(2**31), -1, 0, 7, 2**31 - 1),
        holder=_HOLDER,
        renewTime=one_of(*_TIMES),
        renewWithin=one_of(*_TERMS),
        waiterRenewWithin=one_of(*_TERMS),
        collectWithin=one_of(*_TERMS),
        renewSlack=one_of(*_LIMITS),
        maxDuration=one_of(*_TERMS),
        waitTimeout=one_of(*_TERMS),
        releaseState=WORDS,
        ttlAfterFinished=one_of("1h", "1h", *_LIMITS),
    )
    # With every field drawn for itself, hardly a Lease would live long enough to be bound.
    | some(priority=one_of(0, 7), holder=_HOLDER, renewTime=one_of(*_TIMES), releaseState=one_of("free")),
)
_META = some(labels=some(team=one_of(*TEAMS, "")))
_RELEASES = st.lists(
    st.fixed_dictionaries({"name": one_of("*", *_RESOURCES)}, optional={"state": WORDS}),
    min_size=1,
    max_size=2,
    unique_by=lambda entry: entry["name"],
)
_LATER = (
    some(
        renewTime=one_of(*_TIMES),
        release=_RELEASES,
        outcome=st.fixed_dictionaries(
            {"result": one_of("Succeeded", "Left")}, optional={"message": one_of("", "ü" * 4096)}
        ),
    )
    | st.none()
)

# -- near misses

_JUNK: tuple[Any, ...] = (
    "",
    "x" * 254,
    "*",
    "ü",
    "1d",
    "-1s",
    "0s",
    0,
    -1,
    2**31,
    2**63,
    1.5,
    True,
    [],
    {},
    [None],
    {"a": "b"},
    None,
)


def paths(value: Any, to: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in an object but itself."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield (*to, key)
        yield from paths(held, (*to, key))


@st.composite
def near(draw: st.DrawFn, specs: SearchStrategy[Json]) -> Json:
    """Mostly as it is; else with one place of it taken out, or something else put there, or a field too much."""
    spec = draw(specs)
    if draw(st.integers(0, 4)):
        return spec
    spec = copy.deepcopy(spec)
    *way, last = draw(st.sampled_from(sorted(paths(spec), key=repr)))
    at: Any = spec
    for key in way:
        at = at[key]
    match draw(one_of("out", "junk", "junk", "more")):
        case "out":
            del at[last]
        case "junk":
            at[last] = copy.deepcopy(draw(st.sampled_from(_JUNK)))
        case _ if isinstance(at, dict):
            at["colour"] = "red"
        case _:
            at.append(copy.deepcopy(at[0]))
    return spec


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    pools = {name: draw(near(pool_specs(**_NOT_YET))) for name in draw(subset(POOLS, 3))}
    edits = {name: draw(near(pool_specs(mode=one_of("Hold")))) for name in pools if draw(st.booleans())}
    leases = draw(st.lists(st.builds(_asked, _META, near(_LEASE), _LATER), min_size=1, max_size=9))
    return Scene(pools, edits, tuple(leases), draw(st.booleans()))


def _asked(meta: Json, spec: Json, later: Json | None) -> Asked:
    return Asked({"metadata": meta, "spec": spec}, later)
