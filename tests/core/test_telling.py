"""Where a waiting Lease stands: exact below ten, rounded above, told rarely and the first in line first."""

from __future__ import annotations

import pytest

from lessor.core import actions as a
from lessor.core.model import QueuePlace
from lessor.core.telling import rounded
from tests.core.build import lease, pool, resource
from tests.core.world import World

BUSY = "busy"


def full(waiting: int = 0, **facts: object) -> World:
    """A pool of which nothing is free, and so many who have waited longer and longer: u0 is the first."""
    world = World(pool(), resource("aws-1", state=BUSY))
    world.create(*(lease(f"u{n}", waited=1000.0 - n, **facts) for n in range(waiting)))
    world.run()
    return world


def place(world: World, uid: str) -> tuple[int, int]:
    found = world.lease(uid).place
    assert found is not None
    return found.position, found.of


def told(world: World) -> list[str]:
    """Uids of those who are told something by the next decision, in order."""
    actions = world.decide()
    world.answer(*actions)
    return [x.lease.uid for x in actions if isinstance(x, a.Report)]


@pytest.mark.parametrize(("number", "shown"), [(1, 1), (9, 9), (10, 16), (16, 16), (17, 32), (5000, 8192)])
def test_a_place_is_exact_below_ten_and_a_power_of_two_above(number: int, shown: int) -> None:
    assert rounded(number) == shown


def test_the_first_word_says_the_place() -> None:
    world = full(3)
    assert [place(world, uid) for uid in ("u0", "u1", "u2")] == [(1, 3), (2, 3), (3, 3)]


def test_in_a_long_line_the_first_word_says_how_long_it_is() -> None:
    world = full(80)
    world.create(lease("last"))
    world.run()
    assert place(world, "last") == (128, 128)


def test_who_moves_up_is_told_when_ten_seconds_are_over() -> None:
    world = full(3)
    world.remove(world.lease("u0"))
    world.run()
    assert place(world, "u1") == (2, 3)
    world.later(10)
    world.run()
    assert [place(world, uid) for uid in ("u1", "u2")] == [(1, 2), (2, 2)]


def test_who_stands_where_they_stood_is_told_nothing() -> None:
    world = full(3)
    world.remove(world.lease("u2"))
    world.run()
    world.later(10)
    world.run()
    assert place(world, "u0") == (1, 3)


def test_ten_are_told_in_a_second_and_the_first_in_line_first() -> None:
    world = full(40)
    world.remove(world.lease("u0"))
    world.run()
    world.later(10)
    assert told(world) == [f"u{n}" for n in range(1, 10)] + ["u16"]
    world.later(1)
    assert told(world) == ["u32"]


def test_a_change_of_reason_counts_to_the_same_ten_in_a_second() -> None:
    world = full(40)
    world.later(10)
    world.run()
    world.change(world.pool("aws"), hold=True)
    assert len(told(world)) == 10
    world.later(1)
    assert len(told(world)) == 10


def test_all_are_told_in_the_end() -> None:
    world = full(40)
    world.change(world.pool("aws"), hold=True)
    for _ in range(20):
        world.later(1)
        world.run()
    assert {world.reason(f"u{n}") for n in range(40)} == {"PoolPaused"}


def test_over_several_pools_it_stands_where_it_is_furthest_behind() -> None:
    world = World(pool(), pool("gcp"), resource("aws-1", state=BUSY), resource("gcp-1", state=BUSY))
    world.create(*(lease(f"u{n}", waited=100.0 - n) for n in range(4)), lease("g", asks={"gcp": 1}, waited=99.5))
    world.create(lease("both", asks={"aws": 1, "gcp": 1}))
    world.run()
    assert place(world, "both") == (5, 5)


def test_names_of_the_own_namespace_are_told_and_of_others_the_number() -> None:
    world = World(pool(), resource("aws-1", state=BUSY))
    things = [lease(f"u{n}", waited=100.0 - n) for n in range(5)]
    things += [lease(f"q{n}", namespace="qa", waited=50.0 - n) for n in range(2)]
    world.create(*things, lease("mine"), lease("other", namespace="else"))
    world.run()

    def blocked_by(uid: str) -> str:
        found = world.lease(uid).place
        assert found is not None
        return found.blocked_by

    assert blocked_by("u0") == "pool aws"
    assert blocked_by("u1") == "lease u0"
    assert blocked_by("u2") == "lease u0 and lease u1"
    assert blocked_by("mine") == "lease u0, lease u1, lease u2, 2 more of this namespace and 2 of other namespaces"
    assert blocked_by("other") == "8 of other namespaces"


def test_one_that_is_about_to_be_refused_has_no_place_and_is_in_nobodys_way() -> None:
    world = World(pool(), resource("aws-1", state=BUSY), lease("u1", asks={"aws": 9}, waited=50.0))
    world.run()
    world.create(lease("u2"))
    world.run()
    assert world.lease("u1").place is None
    assert world.lease("u2").place == QueuePlace(1, 1, "pool aws")


def test_a_lease_that_waits_no_more_has_no_place() -> None:
    world = full(1)
    assert world.lease("u0").place == QueuePlace(1, 1, "pool aws")
    world.change(world.resource("aws-1"), state="free")
    world.run()
    assert world.has("u0") == ["aws-1"]
    assert world.lease("u0").place is None
