"""A decision costs what it grants and keeps, not what waits. Counted in calls, so no clock and no luck decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lessor.core.model import FairShare, Lease, Request
from lessor.core.selectors import Operator, Requirement, Selector
from tests.core.build import Thing, bound, held, lease, minutes, pool, request, resource
from tests.core.test_cost import calls
from tests.core.world import World

FEW, MANY = 50, 5000
RATIO_MAX = 1.25
BUSY = "busy"
Asks = Callable[[int], Lease]


def zone(value: str) -> Selector:
    return Selector((Requirement("zone", Operator.IN, (value,)),))


def any_of(*pools: str) -> tuple[Request, ...]:
    ways = tuple(Request("any", name) for name in pools)
    return (Request("any", "", alternatives=ways),)


def waits(n: int, **facts: Any) -> Lease:
    return lease(f"w{n:05}", waited=minutes(5) + n / 1000, accepted=True, **facts)


def both(n: int) -> dict[str, int]:
    return {"aws": 1, "slice": 1}


FAIR = FairShare(weights={"ns1": 3})
# What each world's pools say beside what there is, and what the n-th that waits asks for.
WORLDS: dict[str, tuple[dict[str, Any], Asks]] = {
    "one pool": ({}, lambda n: waits(n, asks={"slice": 1})),
    "one pool, several priorities": ({}, lambda n: waits(n, asks={"slice": 1}, priority=n % 5)),
    "both pools": ({}, lambda n: waits(n, asks=both(n))),
    "both pools, of several shapes": ({}, lambda n: waits(n, asks={"aws": 1 + n % 3, "slice": 1 + n % 2})),
    "both pools, long mature": ({"reserve_after": 1.0}, lambda n: waits(n, asks={"aws": 20, "slice": 1})),
    "fair, of one namespace": ({"fair_share": FAIR}, lambda n: waits(n, asks=both(n))),
    "fair, each of its own namespace": ({"fair_share": FAIR}, lambda n: waits(n, asks=both(n), namespace=f"ns{n}")),
    "fair, of few namespaces": ({"fair_share": FAIR}, lambda n: waits(n, asks=both(n), namespace=f"ns{n % 7}")),
    "fair, by label": (
        {"fair_share": FairShare("team")},
        lambda n: waits(n, asks=both(n), labels={"team": f"t{n % 50}"}),
    ),
    "all at their tenant's limit": (
        {"max_per_tenant": 2},
        lambda n: waits(n, asks={"aws": 1}, namespace=f"full{n % 2}"),
    ),
    "limited, and mature": (
        {"max_per_tenant": 2, "reserve_after": 1.0},
        lambda n: waits(n, asks={"aws": 1}, namespace=f"full{n % 2}"),
    ),
    "with selectors": (
        {},
        lambda n: waits(n, requests=(request("slice"), request("aws", name="z", selector=zone(f"z{n % 5}")))),
    ),
    "with selectors that nothing fits now": (
        {},
        lambda n: waits(n, requests=(request("aws", selector=zone("none")),)),
    ),
    "with alternatives": ({}, lambda n: waits(n, requests=(*any_of("slice", "quota"), request("aws", name="a")))),
}


def world_of(rules: dict[str, Any], asks: Asks, waiting: int) -> World:
    """Pool aws has 60 free, slice and quota have none; so many wait."""
    things: list[Thing] = [
        pool("aws", names=70, **rules),
        *(resource(f"aws-{n}", idle=minutes(n), labels={"zone": f"z{n % 5}"}) for n in range(1, 61)),
        pool("slice", names=5, **rules),
        pool("quota", names=5, **rules),
    ]
    for n in range(61, 71):
        of = bound(f"h{n}", f"aws-{n}", namespace=f"full{n % 2}" if n <= 64 else f"other{n}")
        things += [of, held(f"aws-{n}", of)]
    for name in ("slice", "quota"):
        for n in range(1, 6):
            of = bound(f"h-{name}-{n}", f"{name}-{n}", namespace=f"other{n}")
            things += [of, held(f"{name}-{n}", of)]
    things += [asks(n) for n in range(waiting)]
    world = World(*things)
    world.run()
    world.later(11)
    world.run()
    return world


def costs(world: World) -> dict[str, int]:
    """Of the steps that happen all day while so many wait."""
    out = {
        "one comes that is met at once": calls(world, lambda: world.create(lease("new", asks={"aws": 1}, priority=9)))
    }
    out["it is bound"] = calls(world, lambda: None)
    world.run()
    out["its end is confirmed"] = calls(world, lambda: world.delete(world.lease("new")))
    out["what it had is free"] = calls(world, lambda: None)
    world.run()
    out["one comes that must wait"] = calls(world, lambda: world.create(lease("next", asks={"slice": 2})))
    world.run()
    for name in ("slice", "quota"):
        holder = world.lease(f"h-{name}-1")
        out[f"a {name} is released"] = calls(world, lambda of=holder: world.change(of, release={"*": None}))
        out[f"a {name} is free or goes to the next"] = calls(world, lambda: None)
        world.run()
    return out


# The others take longer than make check has for them, and say less.
IN_CHECK = ("both pools", "fair, each of its own namespace")


@pytest.mark.parametrize(
    "name", [name if name in IN_CHECK else pytest.param(name, marks=pytest.mark.search) for name in WORLDS]
)
def test_a_decision_costs_the_same_with_five_thousand_waiting_as_with_fifty(name: str) -> None:
    few, many = (costs(world_of(*WORLDS[name], waiting)) for waiting in (FEW, MANY))
    for step, cost in many.items():
        assert cost <= few[step] * RATIO_MAX, f"{step}: {few[step]} calls with {FEW} waiting, {cost} with {MANY}"


def cost_of_a_grant_beside(tenants: int) -> int:
    """While each of so many tenants is at its limit, and has one that waits."""
    names = [f"aws-{n}" for n in range(tenants + 1)]
    world = World(pool(names=names, max_per_tenant=1, reserve_after=1.0), resource(names[tenants]))
    for n in range(tenants):
        of = bound(f"h{n}", names[n], namespace=f"ns{n}")
        world.create(of, held(names[n], of), waits(n, namespace=f"ns{n}", asks={"aws": 1}))
    world.run()
    cost = calls(world, lambda: world.create(lease("new", namespace="new")))
    assert world.holder_of(names[tenants]) == "new"
    return cost


def test_a_decision_costs_the_same_however_many_tenants_are_at_their_limit() -> None:
    few, many = cost_of_a_grant_beside(FEW), cost_of_a_grant_beside(2000)
    assert many <= few * RATIO_MAX, f"{few} calls with {FEW} tenants, {many} with 2000"
