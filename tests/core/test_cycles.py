"""What a lease costs in writes, from its creation to its Resource free again."""

from __future__ import annotations

from tests.core.build import Thing, bound, held, lease, minutes, pool, resource
from tests.core.world import World


def pool_reports(world: World, name: str = "aws") -> int:
    return world.writes().count(f"ReportPool {name}")


def settled_world(*things: Thing) -> World:
    world = World(*things)
    for _ in range(3):
        world.run()
        world.later(10)
    world.run()
    world.done.clear()
    return world


def cycle(world: World) -> list[str]:
    """What was written but for the counts, which follow every 10 s however many cycles there are."""
    assert pool_reports(world) <= 1
    return [w for w in world.writes() if w != "ReportPool aws"]


def test_a_cycle_costs_the_operator_three_writes() -> None:
    world = settled_world(pool(), resource("aws-1"))
    world.create(lease("u1"))
    world.run()
    world.delete(world.lease("u1"))
    world.run()
    assert cycle(world) == ["Claim aws-1 for u1", "Bind u1", "Free aws-1 as free: Deleted"]


def test_a_hand_over_costs_the_operator_two_writes() -> None:
    of = bound("u1", "aws-1")
    world = settled_world(pool(), held("aws-1", of), of, lease("u2", waited=minutes(1)))
    world.delete(world.lease("u1"))
    world.run()
    assert cycle(world) == ["HandOver aws-1 to u2", "Bind u2"]


def test_a_wait_costs_one_write_more() -> None:
    of = bound("u1", "aws-1")
    world = settled_world(pool(), held("aws-1", of), of)
    world.create(lease("u2"))
    world.run()
    world.delete(world.lease("u1"))
    world.run()
    world.delete(world.lease("u2"))
    world.run()
    assert cycle(world) == ["Report u2", "HandOver aws-1 to u2", "Bind u2", "Free aws-1 as free: Deleted"]


def test_a_renewal_costs_nothing() -> None:
    of = bound("u1", "aws-1")
    world = settled_world(pool(), held("aws-1", of), of, lease("u2", waited=minutes(1)))
    for _ in range(5):
        world.change(world.lease("u1"))
        world.change(world.lease("u2"))
        world.run()
    assert world.done == []
