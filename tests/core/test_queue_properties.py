"""What holds of every queue, whatever waits in it. Each property is shown to see the bug that it is there for."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lessor.core import actions as a
from lessor.core import allocator, lanes, match
from lessor.core.model import FairShare, Lease, Request
from lessor.core.queue import in_line
from tests.core.build import lease, pool, resource, words
from tests.core.scenes import (
    RESERVE_AFTER_S,
    Naming,
    Scene,
    Wish,
    lent,
    scenes,
    things_of,
    waiting,
    wish_of,
    wishes,
    world_of,
)
from tests.core.world import World

Property = Callable[..., None]
EXAMPLES = 15  # in make check; the search below has many more


# -- what could be: brute force over what is idle, or over all there is


def could_be_met(world: World, of: Lease, *, idle: bool = True) -> bool:
    """Whether some choice of alternatives and Resources meets a Lease: every one is tried."""
    return any(_met_by(world, of, choice, idle=idle) for choice in itertools.product(*(r.ways for r in of.requests)))


def _met_by(world: World, of: Lease, choice: tuple[Request, ...], *, idle: bool) -> bool:
    for name in {request.pool for request in choice}:
        mine = [request for request in choice if request.pool == name]
        limit = world.pool(name).max_per_tenant
        if limit is not None:
            held = tenants_have(world, name, of.namespace) if idle else 0
            if held + sum(request.count for request in mine) > limit:
                return False
        there = [r for r in world.things("Resource") if r.pool == name and (r.holder is None or not idle)]
        slots = [request for request in mine for _ in range(request.count)]
        if len(slots) > len(there) or not any(
            all(slot.takes(r.name, r.labels) for slot, r in zip(slots, some, strict=True))
            for some in itertools.permutations(there, len(slots))
        ):
            return False
    return True


def tenants_have(world: World, name: str, tenant: str) -> int:
    return sum(1 for of in lent(world) for entry in of.resources if entry.pool == name and of.namespace == tenant)


# -- the properties


def nobody_waits_for_ever(scene: Scene, which: random.Random) -> None:
    """No deadlock: when the holders end one by one, each that can be met at all is met."""
    world = world_of(scene)
    world.run()
    for _ in range(60):
        holders = lent(world)
        if not holders:
            break
        world.remove(which.choice(sorted(holders, key=str)))
        world.run()
    for left in waiting(world):
        assert not could_be_met(world, left, idle=False), f"{left} waits for ever"


def nobody_at_its_limit_gets_more(scene: Scene, which: random.Random) -> None:
    world = world_of(scene)
    before = {of.uid for of in lent(world)}
    for _ in range(8):
        world.run()
        for p in world.things("Pool"):
            for tenant in {of.namespace for of in lent(world) if of.uid not in before}:
                if p.max_per_tenant is not None and any(
                    of.uid not in before and p.name in [e.pool for e in of.resources]
                    for of in lent(world)
                    if of.namespace == tenant
                ):
                    assert tenants_have(world, p.name, tenant) <= p.max_per_tenant
        holders = lent(world)
        if holders:
            world.remove(which.choice(sorted(holders, key=str)))


def nothing_idles_that_somebody_could_have(scene: Scene) -> None:
    """Work-conserving while nobody is reserved for."""
    world = world_of(scene)
    world.run()
    for left in waiting(world):
        assert not could_be_met(world, left), f"{left} could be met with what is idle"


def who_has_waited_long_is_next(scene: Scene, newcomers: list[Wish]) -> None:
    """When all who hold something at first have ended, the first in line that has waited for reserveAfter is met,
    whoever comes meanwhile."""
    scene = replace(scene, stocks=tuple(replace(stock, limit=None, cap=None) for stock in scene.stocks))
    head = replace(scene.wishes[0], mature=True, priority=5)
    scene = replace(scene, wishes=(head, *(replace(w, priority=min(w.priority, 5)) for w in scene.wishes[1:])))
    world = world_of(scene)
    first = wish_of(scene, 0).uid
    if not could_be_met(world, world.lease(first), idle=False):
        return
    holders = lent(world)
    late = replace(scene, wishes=(*scene.wishes, *(replace(w, mature=False, priority=5) for w in newcomers)))
    world.run()
    for n, holder in enumerate(holders):
        if n < len(newcomers):
            world.create(wish_of(late, len(scene.wishes) + n))
        world.run()
        world.remove(holder)
        world.run()
    assert world.has(first), f"{first} was passed by"


def the_same_input_gives_the_same_output(scene: Scene, which: random.Random) -> None:
    first, second = world_of(scene), world_of(scene)
    assert first.run() == second.run()
    # Nor does it matter in which order things were learnt: who gets what follows from what is there.
    things = things_of(scene)
    which.shuffle(things)
    third = World(*things)
    assert granted(third) == granted(world_of(scene))


def granted(world: World) -> list[str]:
    return sorted(words(action) for action in world.decide() if isinstance(action, a.Claim))


def a_new_resource_never_delays_the_head(scene: Scene, p: int) -> None:
    small = world_of(scene)
    head = next(in_line(small.ledger, [Naming().pool(n) for n in range(3)], small.wall), None)
    small.run()
    stock = scene.stocks[p]
    more = replace(stock, held=(*stock.held, -1))
    large = world_of(replace(scene, stocks=(*scene.stocks[:p], more, *scene.stocks[p + 1 :])))
    large.run()
    assert head is None or not small.has(head.uid) or large.has(head.uid)


def an_impossible_lease_never_blocks(scene: Scene, impossible: Wish) -> None:
    """It asks for more than there is, has waited longest, and is first: the others get what they got without it."""
    ways = tuple(tuple(replace(way, count=9, pick="") for way in mine) for mine in impossible.asks)
    scene = replace(scene, stocks=tuple(replace(stock, fair=False) for stock in scene.stocks))
    first = Wish(impossible.tenant, ways, priority=2, mature=True)
    without = world_of(scene)
    n = len(scene.wishes)
    late = replace(scene, wishes=(*scene.wishes, first))
    with_it = World(*things_of(scene), replace(wish_of(late, n), created=without.wall - 2 * RESERVE_AFTER_S))
    assert granted(with_it) == granted(without)


def names_change_nothing(scene: Scene) -> None:
    plain, turned = world_of(scene), world_of(scene, Naming(turned=True))
    plain.run()
    turned.run()
    for n in range(len(scene.wishes)):
        got = [Naming(turned=True).resource(*_numbers(name)) for name in plain.has(Naming().lease(n))]
        assert sorted(got) == turned.has(Naming(turned=True).lease(n))


def _numbers(name: str) -> tuple[int, int]:
    of, _, n = name.removeprefix("pool").partition("-")
    return int(of), int(n)


def weights_are_respected(weights: tuple[int, ...], times: int, which: random.Random) -> None:
    """All want more than there is, holders end at random: each tenant soon holds what its weight says."""
    tenants = [f"t{n}" for n in range(len(weights))]
    size = sum(weights) * times
    names = [f"aws-{n}" for n in range(size)]
    fair = FairShare(weights=dict(zip(tenants, weights, strict=True)))
    world = World(pool(names=names, fair_share=fair), *(resource(name) for name in names))
    born = itertools.count()
    backlog = [lease(f"u{next(born):04}", namespace=t, created=world.wall) for t in tenants for _ in range(size)]
    which.shuffle(backlog)
    world.create(*backlog)
    world.run()
    for _ in range(3 * size):
        held = {t: tenants_have(world, "aws", t) for t in tenants}
        assert held == {t: w * times for t, w in zip(tenants, weights, strict=True)}
        ended = which.choice(sorted(lent(world), key=str))
        world.later(1)
        world.create(lease(f"u{next(born):04}", namespace=ended.namespace, created=world.wall))
        world.remove(ended)
        world.run()


RANDOM = st.randoms(use_true_random=False)
GIVEN = {
    nobody_waits_for_ever: (scenes(), RANDOM),
    nobody_at_its_limit_gets_more: (scenes(), RANDOM),
    nothing_idles_that_somebody_could_have: (scenes(mature=False),),
    who_has_waited_long_is_next: (scenes(), st.lists(wishes(), max_size=6)),
    the_same_input_gives_the_same_output: (scenes(), RANDOM),
    a_new_resource_never_delays_the_head: (scenes(), st.integers(0, 2)),
    an_impossible_lease_never_blocks: (scenes(), wishes()),
    names_change_nothing: (scenes(),),
    weights_are_respected: (
        st.lists(st.integers(1, 3), min_size=2, max_size=3).map(tuple),
        st.integers(1, 2),
        RANDOM,
    ),
}


def try_out(property_: Property, examples: int, *, shrink: bool) -> None:
    phases = (Phase.explicit, Phase.generate, *((Phase.shrink,) if shrink else ()))
    fixed = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )

    @fixed
    @given(st.tuples(*GIVEN[property_]))
    def tried(args: tuple[object, ...]) -> None:
        property_(*args)

    tried()


@pytest.mark.parametrize("property_", GIVEN, ids=lambda p: p.__name__)
def test_the_queue_keeps_its_promises(property_: Property) -> None:
    try_out(property_, EXAMPLES if property_ is not weights_are_respected else 4, shrink=True)


@pytest.mark.search
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("property_", GIVEN, ids=lambda p: p.__name__)
def test_the_queue_keeps_its_promises_in_many_more_scenes(property_: Property) -> None:
    try_out(property_, 400 if property_ is not weights_are_respected else 20, shrink=True)


# -- bugs, each seen by the property that is there for it

Patch = pytest.MonkeyPatch


def nothing_is_kept(patch: Patch) -> None:
    patch.setattr(allocator.Walk, "_keep", lambda self, lease, room: False)


def one_tenants_limit_ends_the_whole_line(patch: Patch) -> None:
    patch.setattr(lanes.InLine, "drop_lane", lanes.InLine.drop_line)


def a_failed_request_ends_the_walk(patch: Patch) -> None:
    """Strictly first come, first served."""
    patch.setattr(lanes.InLine, "drop_young", lambda self: self._next.clear() or self.drop_line())


def the_limit_is_not_looked_at(patch: Patch) -> None:
    patch.setattr(allocator, "room_of", lambda ledger, lease, granted: None)


def grants_of_one_walk_are_not_counted(patch: Patch) -> None:
    real = allocator.room_of
    patch.setattr(allocator, "room_of", lambda ledger, lease, granted: real(ledger, lease, {}))


def weights_are_ignored(patch: Patch) -> None:
    patch.setattr(FairShare, "share", lambda self, tenant, resources: float(resources))


def what_is_held_does_not_count(patch: Patch) -> None:
    patch.setattr(lanes.Lanes, "set_holder", lambda self, resource, tenant: False)


def a_greedy_match(patch: Patch) -> None:
    def placed(
        name: str, place: dict[str, int], fits: dict[str, list[int]], left: list[int], closed: dict[int, None]
    ) -> bool:
        at = next((i for i in fits[name] if left[i]), None)
        if at is not None:
            left[at] -= 1
            place[name] = at
        return at is not None

    patch.setattr(match, "_placed", placed)


def alternatives_are_not_taken_back(patch: Patch) -> None:
    """The first way that fits alone, whatever the other requests need."""
    real = match._Search.first

    def first(self: match._Search) -> list[Request] | None:
        self._ways = [mine[:1] for mine in self._ways]
        return real(self)

    patch.setattr(match._Search, "first", first)


def what_can_never_be_met_is_kept_for(patch: Patch) -> None:
    patch.setattr(allocator, "choose", lambda ways, supply: [mine[0] for mine in ways])


def the_first_by_name_is_taken(patch: Patch) -> None:
    real = allocator.Shelf.__iter__
    patch.setattr(allocator.Shelf, "__iter__", lambda self: iter(sorted(real(self))))


def ties_are_broken_by_luck(patch: Patch) -> None:
    patch.setattr(lanes.Lanes, "_rank", lambda self, lane, created, uid: random.random())


def who_asks_for_least_goes_first_where_much_is_free(patch: Patch) -> None:
    real = lanes.InLine

    class Small(real):  # type: ignore[misc, valid-type]
        def __init__(self, of: lanes.Lanes, pools: list[str], wall: float, *, parked: bool = True) -> None:
            super().__init__(of, pools, wall, parked=parked)
            everyone = list(real(of, pools, wall, parked=parked))
            total = sum(len(self._lanes._pools[p].items) for p in pools)
            if total > 6:
                everyone.sort(key=lambda of: sum(request.count for request in of.requests))
            self._everyone = iter(everyone)

        def __next__(self) -> Lease:
            return next(self._everyone)

    patch.setattr("lessor.core.queue.InLine", Small)


BUGS: list[tuple[Callable[[Patch], None], Property]] = [
    (nothing_is_kept, who_has_waited_long_is_next),
    (one_tenants_limit_ends_the_whole_line, nothing_idles_that_somebody_could_have),
    (a_failed_request_ends_the_walk, nothing_idles_that_somebody_could_have),
    (the_limit_is_not_looked_at, nobody_at_its_limit_gets_more),
    (grants_of_one_walk_are_not_counted, nobody_at_its_limit_gets_more),
    (weights_are_ignored, weights_are_respected),
    (what_is_held_does_not_count, weights_are_respected),
    (a_greedy_match, nothing_idles_that_somebody_could_have),
    (a_greedy_match, nobody_waits_for_ever),
    (alternatives_are_not_taken_back, nothing_idles_that_somebody_could_have),
    (what_can_never_be_met_is_kept_for, an_impossible_lease_never_blocks),
    (the_first_by_name_is_taken, names_change_nothing),
    (ties_are_broken_by_luck, the_same_input_gives_the_same_output),
    (who_asks_for_least_goes_first_where_much_is_free, a_new_resource_never_delays_the_head),
]


@pytest.mark.search
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("bug", "property_"), BUGS, ids=lambda part: part.__name__)
def test_a_planted_bug_is_seen(bug: Callable[[Patch], None], property_: Property, monkeypatch: Patch) -> None:
    bug(monkeypatch)
    with pytest.raises(Exception) as seen:
        try_out(property_, 3000, shrink=False)
    assert "AssertionError" in repr(seen.value) or isinstance(seen.value, AssertionError), seen.value


def test_the_scenes_reach_what_makes_a_queue_hard() -> None:
    found: dict[str, int] = {}

    @settings(max_examples=80, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(scenes())
    def look(scene: Scene) -> None:
        kinds = {
            "several pools": any(len(set(scene.pools_of(w))) > 1 for w in scene.wishes),
            "selectors": any(way.pick for w in scene.wishes for ways in w.asks for way in ways),
            "alternatives": any(len(ways) > 1 for w in scene.wishes for ways in w.asks),
            "fair shares": any(stock.fair for stock in scene.stocks),
            "limits": any(stock.limit for stock in scene.stocks),
            "priorities": len({w.priority for w in scene.wishes}) > 1,
            "tenants": len({w.tenant for w in scene.wishes}) > 1,
            "mature": any(w.mature for w in scene.wishes),
            "some kept": bool(_run(scene).ledger.kept),
        }
        for kind, there in kinds.items():
            found[kind] = found.get(kind, 0) + there

    look()
    assert all(count >= 4 for count in found.values()), sorted(found.items())


def _run(scene: Scene) -> World:
    world = world_of(scene)
    world.run()
    return world
