"""A decision looks at what changed, not at all there is. Counted in calls, so no clock and no luck decides."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from tests.core.build import Thing, bound, held, lease, minutes, pool, resource
from tests.core.world import World

SMALL, LARGE = 100, 10_000
RATIO_MAX = 1.5


def world_of(resources: int, pools: int, waiting: int) -> World:
    """Half of all is held, the first of each pool is free, and so many wait for what is not there."""
    things: list[Thing] = []
    per_pool = resources // pools
    for p in range(pools):
        name = f"p{p}"
        things.append(pool(name, names=[f"{name}-{n}" for n in range(per_pool)]))
        for n in range(per_pool):
            if n % 2 and p:
                of = bound(f"{name}-{n}", f"{name}-{n}")
                things += [held(f"{name}-{n}", of), of]
            else:
                things.append(resource(f"{name}-{n}", state="busy" if p and n else "free"))
    things += [
        lease(f"w{n}", asks={f"p{1 + n % (pools - 1)}": 2}, waited=minutes(1) + n, accepted=True)
        for n in range(waiting)
    ]
    world = World(*things)
    world.run()
    world.later(10)
    world.run()
    return world


def calls(world: World, change: Any) -> int:
    """Function calls, C functions included, of the decisions after `change`."""
    count = 0

    def counted(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    change()
    actions = []
    sys.setprofile(counted)
    try:
        actions = world.decide()
    finally:
        sys.setprofile(None)
    assert actions
    world.answer(*actions)
    return count


def costs(world: World) -> dict[str, int]:
    """Of each step of a cycle, and of what else happens all day."""
    out = {"grant": calls(world, lambda: world.create(lease("new", asks={"p0": 1})))}
    out["bind"] = calls(world, lambda: None)
    world.run()
    out["confirm"] = calls(world, lambda: world.delete(world.lease("new")))
    out["free"] = calls(world, lambda: None)
    world.run()
    out["wait"] = calls(world, lambda: world.create(lease("next", asks={"p1": 3})))
    world.run()
    out["hand over"] = calls(world, lambda: world.change(world.lease("p1-1"), release={"*": None}))
    return out


def test_a_decision_costs_the_same_with_ten_thousand_resources_as_with_a_hundred() -> None:
    small, large = costs(world_of(SMALL, 4, 10)), costs(world_of(LARGE, 250, 1000))
    for step, cost in large.items():
        assert cost <= small[step] * RATIO_MAX, f"{step}: {small[step]} calls with {SMALL}, {cost} with {LARGE}"


def test_a_decision_about_nothing_costs_nothing() -> None:
    world = world_of(SMALL, 4, 10)
    assert world.decide() == []


def test_a_renewal_costs_the_same_in_a_pool_of_any_size() -> None:
    of = bound("u1", "aws-0")
    found = []
    for size in (10, 5000):
        names = [f"aws-{n}" for n in range(size)]
        world = World(pool(names=names), held("aws-0", of), *(resource(n) for n in names[1:]), of)
        world.run()
        world.change(of)
        world.create(lease("u2"))
        found.append(calls(world, lambda: None))
    assert found[1] <= found[0] * RATIO_MAX


def test_who_waits_long_in_a_large_pool_makes_no_grant_dear() -> None:
    found = []
    for size in (10, 5000):
        names = [f"aws-{n}" for n in range(size)]
        world = World(
            pool(names=names), *(resource(n, state="busy") for n in names[3:]), *(resource(n) for n in names[:3])
        )
        world.create(*(lease(f"big{n}", asks={"aws": 4}, waited=minutes(30) + n, accepted=True) for n in range(3)))
        world.run()
        world.create(lease("urgent", priority=1))
        found.append(calls(world, lambda: None))
    assert found[1] <= found[0] * RATIO_MAX
