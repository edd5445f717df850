"""Who is next, and what is kept for one that has waited for reserveAfter."""

from __future__ import annotations

import itertools
import random

from lessor.core import actions as a
from lessor.core.allocator import Walk
from lessor.core.ledger import Ledger
from lessor.core.model import Lease
from lessor.core.queue import coupled, in_line
from tests.core.build import held, lease, minutes, pool, resource
from tests.core.world import World

BUSY = "busy"


def order_of(*leases: Lease, pools: tuple[str, ...] = ("aws",), reserve_after: float = minutes(10)) -> list[str]:
    world = World(*(pool(name, reserve_after=reserve_after) for name in pools), *leases)
    return [found.uid for found in in_line(world.ledger, list(pools), world.wall)]


# -- order


def test_the_higher_priority_comes_first_however_late_it_came() -> None:
    assert order_of(lease("old", waited=minutes(60)), lease("high", waited=0, priority=5)) == ["high", "old"]


def test_a_negative_priority_comes_last() -> None:
    assert order_of(lease("low", waited=minutes(60), priority=-1), lease("new", waited=0)) == ["new", "low"]


def test_of_one_priority_the_first_to_arrive_comes_first() -> None:
    assert order_of(lease("a", waited=1), lease("b", waited=2)) == ["b", "a"]


def test_those_of_the_same_second_are_told_apart_by_their_uid() -> None:
    assert order_of(lease("b"), lease("a"), lease("c")) == ["a", "b", "c"]


def test_the_order_is_total_and_does_not_depend_on_how_it_was_learnt() -> None:
    rng = random.Random(4)
    leases = [
        lease(f"u{n}", priority=p, waited=w, asks={q: 1 for q in asks})
        for n, (p, w, asks) in enumerate(
            itertools.product((0, 1), (5, minutes(11)), (("aws",), ("aws", "gcp"), ("gcp",)))
        )
    ]
    expected = order_of(*leases, pools=("aws", "gcp"))
    assert len(expected) == len(leases)
    for _ in range(20):
        rng.shuffle(leases)
        assert order_of(*leases, pools=("aws", "gcp")) == expected


def test_who_has_waited_for_reserve_after_goes_before_others_of_its_priority() -> None:
    """It shows only over several pools: in one, who reached it is the earliest anyway."""
    world = World(
        pool("aws", reserve_after=minutes(10)),
        pool("gcp", reserve_after=minutes(1)),
        lease("aws-only", waited=minutes(5)),
        lease("both", waited=minutes(2), asks={"aws": 1, "gcp": 1}),
        lease("high", waited=0, priority=1),
    )
    assert [x.uid for x in in_line(world.ledger, ["aws", "gcp"], world.wall)] == ["high", "both", "aws-only"]


def test_the_wait_is_measured_by_the_smallest_reserve_after_of_its_pools() -> None:
    world = World(
        pool("aws", reserve_after=minutes(10)),
        pool("gcp", reserve_after=minutes(3)),
        lease("first", waited=minutes(3)),
        lease("both", waited=minutes(3) - 1, asks={"aws": 1, "gcp": 1}),
    )
    assert [x.uid for x in in_line(world.ledger, ["aws", "gcp"], world.wall)] == ["first", "both"]
    world.later(1)
    assert [x.uid for x in in_line(world.ledger, ["aws", "gcp"], world.wall)] == ["both", "first"]


def test_pools_that_a_waiting_lease_asks_of_together_are_decided_together() -> None:
    world = World(
        *(pool(name) for name in ("a", "b", "c", "d")),
        lease("u1", asks={"a": 1, "b": 1}),
        lease("u2", asks={"b": 1, "c": 1}),
        lease("u3", asks={"d": 1}),
    )
    assert coupled(world.ledger, ["c", "d"]) == [["c", "b", "a"], ["d"]]
    assert coupled(world.ledger, ["a", "c"]) == [["a", "b", "c"]]


def test_pools_are_apart_again_when_nobody_waits_for_both() -> None:
    world = World(pool("a"), pool("b"), lease("u1", asks={"a": 1, "b": 1}))
    world.delete(world.lease("u1"))
    assert coupled(world.ledger, ["a", "b"]) == [["a"], ["b"]]


# -- what is granted follows the order


def test_the_first_in_line_gets_what_comes_free() -> None:
    world = World(pool(), resource("aws-1", state=BUSY), lease("second", waited=1), lease("first", waited=2))
    world.run()
    world.change(world.resource("aws-1"), state="free")
    world.run()
    assert world.has("first") == ["aws-1"]


def test_a_small_request_passes_a_big_one_that_has_not_waited_long() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(9)), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]


def test_a_report_on_its_way_does_not_cost_a_lease_its_turn() -> None:
    world = World(pool(), resource("aws-1", state=BUSY), lease("first", waited=minutes(1)))
    told = [x for x in world.decide() if isinstance(x, a.Report)]
    assert told
    world.create(lease("second"))
    world.change(world.resource("aws-1"), state="free")
    world.answer(*world.decide())
    world.answer(*told)
    world.run()
    assert world.has("first") == ["aws-1"]


# -- reserveAfter


def test_what_a_lease_needs_is_kept_for_it_once_it_has_waited_for_reserve_after() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(10)), lease("small"))
    world.run()
    assert world.holder_of("aws-1") is None
    assert world.reason("small") == "ReservedForEarlier"
    world.change(world.resource("aws-2"), state="free")
    world.run()
    assert world.has("big") == ["aws-1", "aws-2"]


def test_it_is_kept_as_soon_as_the_wait_reaches_reserve_after() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(9)))
    for _ in range(3):  # what else there is to be told is told
        world.run()
        world.later(10)
    world.run()
    assert world.wake_at == world.mono + 30
    world.later(30)
    world.run()
    world.create(lease("small"))
    world.run()
    assert world.holder_of("aws-1") is None


def test_no_more_is_kept_than_it_needs() -> None:
    world = World(
        pool(names=4), *(resource(f"aws-{n}") for n in (1, 2)), *(resource(f"aws-{n}", state=BUSY) for n in (3, 4))
    )
    world.create(lease("big", asks={"aws": ["aws-1", "aws-3"]}, waited=minutes(11)), lease("small"))
    world.run()
    assert world.has("small") == ["aws-2"]


def test_one_of_higher_priority_takes_even_what_is_kept() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(10)), lease("urgent", priority=1))
    world.run()
    assert world.has("urgent") == ["aws-1"]


def test_several_that_have_waited_long_are_each_kept_what_they_need_in_their_order() -> None:
    world = World(pool(names=4), *(resource(f"aws-{n}", state="free" if n < 3 else BUSY) for n in (1, 2, 3, 4)))
    world.create(
        lease("first", asks={"aws": 3}, waited=minutes(30)),
        lease("second", asks={"aws": 2}, waited=minutes(20)),
        lease("third", waited=minutes(15)),
    )
    world.run()
    assert [world.holder_of(f"aws-{n}") for n in (1, 2)] == [None, None]
    world.change(world.resource("aws-3"), state="free")
    world.run()
    assert len(world.has("first")) == 3


def test_what_is_kept_is_given_when_the_one_it_was_kept_for_leaves() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(10)), lease("small"))
    world.run()
    world.delete(world.lease("big"))
    world.run()
    assert world.has("small") == ["aws-1"]


def test_a_big_request_is_met_in_the_end_however_many_small_ones_come() -> None:
    holding = [lease(f"h{n}", asks={"aws": 1}) for n in range(3)]
    world = World(pool(names=3), *(held(f"aws-{n + 1}", of) for n, of in enumerate(holding)), *holding)
    world.run()
    world.create(lease("big", asks={"aws": 3}, waited=minutes(10)))
    for n in range(12):
        world.create(lease(f"s{n}"))
        world.run()
        if n < len(holding):
            world.delete(world.lease(f"h{n}"))
            world.run()
    assert len(world.has("big")) == 3


# -- nothing idles for one that capacity alone does not hold back


def test_nothing_idles_for_one_whose_other_pool_is_paused() -> None:
    world = World(pool("aws"), pool("gcp", hold=True), resource("aws-1"), resource("gcp-1"))
    world.create(lease("both", asks={"aws": 1, "gcp": 1}, waited=minutes(30)), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]


def test_nothing_idles_for_one_whose_other_pool_is_gone() -> None:
    world = World(pool("aws"), resource("aws-1"))
    world.create(lease("both", asks={"aws": 1, "gcp": 1}, waited=minutes(30), accepted=True), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]


def test_nothing_idles_for_one_that_waits_on_a_cordon() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", cordoned=True))
    world.create(lease("both", asks={"aws": 2}, waited=minutes(30)), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]


def test_nothing_idles_for_one_that_waits_on_a_cordoned_name() -> None:
    world = World(pool(names=3), resource("aws-1"), resource("aws-2", cordoned=True), resource("aws-3", state=BUSY))
    world.create(lease("both", asks={"aws": ["aws-1", "aws-2"]}, waited=minutes(30)), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]


def test_nothing_idles_for_one_that_asks_for_more_than_there_is() -> None:
    world = World(pool(names=2), resource("aws-1"))
    world.ledger.pending[a.resource_key("aws-2")] = a.ListLeases(0)  # being made
    world.create(lease("three", asks={"aws": 2}, waited=minutes(30), accepted=True), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]


def test_nothing_idles_for_one_that_lacks_a_version_of_this_lessor() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("new", asks={"aws": 2}, waited=minutes(30), unsupported=("spec.x",)), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]


# -- over several pools


def test_a_lease_over_two_pools_is_kept_what_it_needs_in_both() -> None:
    world = World(pool("aws"), pool("gcp"), resource("aws-1"), resource("gcp-1", state=BUSY))
    world.create(lease("both", asks={"aws": 1, "gcp": 1}, waited=minutes(10)), lease("small"))
    world.run()
    assert world.holder_of("aws-1") is None
    world.change(world.resource("gcp-1"), state="free")
    world.run()
    assert world.has("both") == ["aws-1", "gcp-1"]


def test_it_is_kept_in_both_whichever_of_its_pools_changed() -> None:
    world = World(pool("aws"), pool("gcp"), resource("aws-1", state=BUSY), resource("gcp-1", state=BUSY))
    world.create(
        lease("both", asks={"gcp": 1, "aws": 1}, waited=minutes(10)), lease("small"), lease("s2", asks={"gcp": 1})
    )
    world.run()
    for name in ("aws-1", "gcp-1"):
        world.change(world.resource(name), state="free")
        world.run()
    assert world.has("both") == ["aws-1", "gcp-1"]


def test_two_leases_over_the_same_pools_do_not_block_each_other() -> None:
    world = World(pool("aws"), pool("gcp"), resource("aws-1"), resource("gcp-1"))
    world.create(lease("ab", asks={"aws": 1, "gcp": 1}, waited=2), lease("ba", asks={"gcp": 1, "aws": 1}, waited=1))
    world.run()
    assert world.has("ab") == ["aws-1", "gcp-1"]
    world.delete(world.lease("ab"))
    world.run()
    assert world.has("ba") == ["aws-1", "gcp-1"]


def test_the_walk_remembers_whom_it_kept_something_for() -> None:
    world = World(
        pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY), lease("big", asks={"aws": 2}, waited=900)
    )
    out = Walk(world.ledger, {}, world.now).run(["aws"])
    assert out.kept_for == {"aws-1": "big"}
    assert out.grants == []


def test_an_empty_ledger_has_nobody_in_line() -> None:
    assert list(in_line(Ledger(), ["aws"], 0.0)) == []
