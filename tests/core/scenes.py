"""Small worlds for the properties of the queue: up to three pools, a few tenants, and Leases of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from lessor.core.model import FairShare, Item, Lease, LeaseState, Request
from lessor.core.selectors import Operator, Requirement, Selector
from tests.core.build import Thing, bound, held, lease, minutes, pool, resource
from tests.core.world import World

TENANTS = ("red", "green", "blue")
RESERVE_AFTER_S = minutes(10)


@dataclass(frozen=True)
class Way:
    pool: int
    count: int = 1
    pick: str = ""  # "", "x" or "y" by label, "first" by name: the first two of the pool


@dataclass(frozen=True)
class Wish:
    """A Lease."""

    tenant: int
    asks: tuple[tuple[Way, ...], ...]
    priority: int = 0
    mature: bool = False


@dataclass(frozen=True)
class Stock:
    """A Pool: by whom each of its Resources is held (a tenant's number; -1: by nobody), and its rules."""

    held: tuple[int, ...]
    fair: bool = False
    weights: tuple[int, ...] = (1, 1, 1)
    limit: int | None = None
    cap: int | None = None


@dataclass(frozen=True)
class Scene:
    stocks: tuple[Stock, ...]
    wishes: tuple[Wish, ...]

    def pools_of(self, wish: Wish) -> list[int]:
        return [way.pool for ways in wish.asks for way in ways]


class Naming:
    """What things are called. `turned`: the other way round, so nothing sorts as it did."""

    def __init__(self, turned: bool = False) -> None:
        self._turned = turned

    def pool(self, n: int) -> str:
        return f"pool{9 - n if self._turned else n}"

    def resource(self, p: int, n: int) -> str:
        return f"{self.pool(p)}-{9 - n if self._turned else n}"

    def lease(self, n: int) -> str:
        return f"u{99 - n if self._turned else n:02}"

    def tenant(self, n: int) -> str:
        return TENANTS[::-1][n] if self._turned else TENANTS[n]


def things_of(scene: Scene, names: Naming | None = None) -> list[Thing]:
    names = names or Naming()
    out: list[Thing] = []
    for p, stock in enumerate(scene.stocks):
        items = [Item(names.resource(p, n), {"zone": "xy"[n % 2]}) for n in range(len(stock.held))]
        fair = FairShare(weights={names.tenant(t): w for t, w in enumerate(stock.weights)}) if stock.fair else None
        out.append(
            pool(
                names.pool(p),
                items={item.name: item for item in items},
                reserve_after=RESERVE_AFTER_S,
                fair_share=fair,
                max_per_tenant=stock.limit,
                max_priority=stock.cap,
            )
        )
        for n, (item, tenant) in enumerate(zip(items, stock.held, strict=True)):
            facts: dict[str, Any] = {"labels": item.labels, "idle": 60.0 + 10 * p + n}
            if tenant < 0:
                out.append(resource(item.name, **facts))
            else:
                of = bound(f"h-{item.name}", item.name, namespace=names.tenant(tenant))
                out += [of, held(item.name, of, **facts)]
    return out + [wish_of(scene, n, names) for n in range(len(scene.wishes))]


def wish_of(scene: Scene, n: int, names: Naming | None = None) -> Lease:
    names = names or Naming()
    wish = scene.wishes[n]
    requests = []
    for r, ways in enumerate(wish.asks):
        plain = tuple(_plain(f"r{r}", way, names) for way in ways)
        requests.append(plain[0] if len(plain) == 1 else Request(f"r{r}", "", alternatives=plain))
    waited = (RESERVE_AFTER_S + 60 if wish.mature else 60.0) - n
    facts: dict[str, Any] = {"priority": wish.priority, "namespace": names.tenant(wish.tenant), "waited": waited}
    return lease(names.lease(n), requests=tuple(requests), accepted=True, **facts)


def _plain(name: str, way: Way, names: Naming) -> Request:
    where = names.pool(way.pool)
    if way.pick == "first":
        return Request(name, where, min(way.count, 2), frozenset(names.resource(way.pool, n) for n in (0, 1)))
    if way.pick:
        return Request(name, where, way.count, selector=Selector((Requirement("zone", Operator.IN, (way.pick,)),)))
    return Request(name, where, way.count)


def world_of(scene: Scene, names: Naming | None = None) -> World:
    return World(*things_of(scene, names))


def waiting(world: World) -> list[Lease]:
    return [found for found in world.things("Lease") if found.state is LeaseState.WAITING]


def lent(world: World) -> list[Lease]:
    return [found for found in world.things("Lease") if found.state is LeaseState.BOUND]


# -- strategies

_ways = st.builds(
    Way, st.integers(0, 2), st.sampled_from([1, 1, 1, 2, 3]), st.sampled_from(["", "", "x", "y", "first"])
)
_asks = st.one_of(
    st.tuples(st.tuples(_ways)),
    st.tuples(st.tuples(_ways)),
    st.tuples(st.tuples(_ways), st.tuples(_ways)),
    st.tuples(st.lists(_ways, min_size=2, max_size=3).map(tuple)),
    st.tuples(st.lists(_ways, min_size=2, max_size=3).map(tuple), st.tuples(_ways)),
)
_stocks = st.builds(
    Stock,
    st.lists(st.sampled_from([-1, -1, 0, 1, 2]), min_size=1, max_size=4).map(tuple),
    fair=st.booleans(),
    weights=st.tuples(*[st.sampled_from([1, 1, 2, 3])] * 3),
    limit=st.sampled_from([None, None, None, 1, 2, 3]),
    cap=st.sampled_from([None, None, 0, 1]),
)


def wishes(*, mature: bool = True) -> st.SearchStrategy[Wish]:
    return st.builds(
        Wish,
        st.integers(0, 2),
        _asks,
        priority=st.sampled_from([0, 0, 0, 1, 2]),
        mature=st.booleans() if mature else st.just(False),
    )


def scenes(*, mature: bool = True, most: int = 7) -> st.SearchStrategy[Scene]:
    """`mature`: some Leases have waited for reserveAfter."""
    return st.builds(
        Scene,
        st.tuples(_stocks, _stocks, _stocks),
        st.lists(wishes(mature=mature), min_size=1, max_size=most).map(tuple),
    )
