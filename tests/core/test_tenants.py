"""Whose turn it is: priorities as pools cap them, fair shares, and what one tenant may hold."""

from __future__ import annotations

from typing import Any

import pytest

from lessor.core.model import FairShare, Lease, Request
from lessor.core.queue import in_line
from tests.core.build import Thing, bound, held, lease, minutes, pool, request, resource
from tests.core.world import World

BUSY = "busy"
FAIR = FairShare()


def order(world: World, *pools: str) -> list[str]:
    return [found.uid for found in in_line(world.ledger, pools or ("aws",), world.wall)]


def waits(uid: str, tenant: str, waited: float = 1.0, **facts: Any) -> Lease:
    return lease(uid, namespace=tenant, waited=waited, **facts)


def holding(tenant: str, *names: str) -> list[Thing]:
    """A Bound Lease of a tenant with these Resources."""
    of = bound(f"h-{names[0]}", *names, namespace=tenant)
    return [of, *(held(name, of) for name in names)]


# -- priority


def test_a_priority_above_the_pools_is_capped() -> None:
    world = World(pool(max_priority=5), lease("a", priority=9, waited=1), lease("b", priority=5, waited=2))
    assert order(world) == ["b", "a"]


def test_the_smallest_cap_of_its_pools_counts() -> None:
    world = World(
        pool("aws", max_priority=5),
        pool("gcp", max_priority=1),
        lease("both", priority=9, asks={"aws": 1, "gcp": 1}),
        lease("one", priority=2),
    )
    assert order(world, "aws", "gcp") == ["one", "both"]


def test_a_priority_below_the_cap_is_as_it_is() -> None:
    world = World(pool(max_priority=-1), lease("a", priority=-7, waited=9), lease("b", priority=-2))
    assert order(world) == ["b", "a"]


def test_the_terms_show_the_priority_that_counted() -> None:
    world = World(pool(max_priority=5), resource("aws-1"), lease("u1", priority=9))
    world.run()
    terms = world.lease("u1").terms
    assert terms is not None
    assert terms.priority == 5


def test_a_cap_that_is_set_while_leases_wait_counts_at_once() -> None:
    world = World(pool(), lease("a", priority=9, waited=1), lease("b", priority=5, waited=2))
    assert order(world) == ["a", "b"]
    world.change(world.pool("aws"), max_priority=5)
    assert order(world) == ["b", "a"]
    world.change(world.pool("aws"), max_priority=None)
    assert order(world) == ["a", "b"]


# -- fair share


def test_the_tenant_that_holds_less_goes_first() -> None:
    world = World(pool(names=3, fair_share=FAIR), *holding("rich", "aws-1", "aws-2"), *holding("poor", "aws-3"))
    world.create(waits("r", "rich", 9), waits("p", "poor", 1))
    assert order(world) == ["p", "r"]


def test_without_fair_shares_who_came_first_goes_first_whatever_he_holds() -> None:
    world = World(pool(names=3), *holding("rich", "aws-1", "aws-2"), *holding("poor", "aws-3"))
    world.create(waits("r", "rich", 9), waits("p", "poor", 1))
    assert order(world) == ["r", "p"]


def test_what_a_tenant_has_waiting_ahead_counts_as_if_it_held_it() -> None:
    world = World(pool(names=9, fair_share=FAIR))
    world.create(*(waits(f"many{n}", "many", 9 - n) for n in range(3)), waits("x", "few", 2), waits("y", "few", 1))
    assert order(world) == ["many0", "x", "many1", "y", "many2"]


def test_a_lease_of_several_counts_as_several() -> None:
    world = World(pool(names=9, fair_share=FAIR))
    world.create(waits("big", "a", 9, asks={"aws": 3}), waits("a2", "a", 8))
    world.create(*(waits(f"b{n}", "b", 5 - n) for n in range(4)))
    assert order(world) == ["big", "b0", "b1", "b2", "a2", "b3"]


def test_a_tenant_of_weight_two_gets_twice_as_much() -> None:
    world = World(pool(names=9, fair_share=FairShare(weights={"a": 2})))
    world.create(*(waits(f"a{n}", "a", 9 - n) for n in range(4)), *(waits(f"b{n}", "b", 2 - n / 8) for n in range(3)))
    assert order(world) == ["a0", "b0", "a1", "a2", "b1", "a3", "b2"]


def test_the_worked_example_of_the_documentation_is_true() -> None:
    """docs/queue.md, "Fair share"."""
    world = World(
        pool(names=4, fair_share=FairShare(weights={"team-a": 2})),
        *holding("team-a", "aws-1", "aws-2"),
        *holding("team-b", "aws-3"),
        resource("aws-4", state=BUSY),
    )
    world.create(waits("a1", "team-a", 50), waits("a2", "team-a", 40), waits("b1", "team-b", 30))
    world.create(waits("c1", "team-c", 20), waits("c2", "team-c", 10))
    assert order(world) == ["c1", "a1", "b1", "c2", "a2"]


def test_over_several_pools_the_largest_share_counts() -> None:
    world = World(
        pool("aws", names=3, fair_share=FAIR),
        pool("gcp", names=2, fair_share=FAIR),
        *holding("a", "aws-1", "aws-2"),
        *holding("b", "gcp-1"),
    )
    world.create(waits("both", "a", 9, asks={"gcp": 1, "aws": 1}), waits("gcp-only", "b", 1, asks={"gcp": 1}))
    assert order(world, "aws", "gcp") == ["gcp-only", "both"]


def test_only_pools_with_fair_shares_count() -> None:
    world = World(
        pool("aws", names=3),
        pool("gcp", names=2, fair_share=FAIR),
        *holding("a", "aws-1", "aws-2"),
        *holding("b", "gcp-1"),
    )
    world.create(waits("both", "a", 1, asks={"gcp": 1, "aws": 1}), waits("gcp-only", "b", 9, asks={"gcp": 1}))
    assert order(world, "aws", "gcp") == ["both", "gcp-only"]


def test_a_label_may_name_the_tenant() -> None:
    fair = FairShare("team")
    of = bound("h", "aws-1", namespace="ci", labels={"team": "red"})
    world = World(pool(names=2, fair_share=fair), of, held("aws-1", of))
    world.create(lease("r", labels={"team": "red"}, waited=9), lease("b", labels={"team": "blue"}, waited=1))
    assert order(world) == ["b", "r"]


def test_a_lease_without_the_label_is_its_namespaces() -> None:
    of = bound("h", "aws-1", namespace="ci")
    world = World(pool(names=2, fair_share=FairShare("team")), of, held("aws-1", of))
    world.create(waits("mine", "ci", 9), waits("others", "else", 1), lease("red", labels={"team": "red"}, waited=2))
    assert order(world) == ["red", "others", "mine"]


def test_a_label_that_changes_while_it_waits_changes_its_place() -> None:
    of = bound("h", "aws-1", labels={"team": "red"})
    world = World(pool(names=2, fair_share=FairShare("team")), of, held("aws-1", of))
    world.create(lease("x", labels={"team": "red"}, waited=9), lease("y", labels={"team": "blue"}, waited=1))
    world.change(world.lease("h"), labels={"team": "blue"})
    assert order(world) == ["x", "y"]
    world.change(world.lease("x"), labels={"team": "blue"})
    world.change(world.lease("y"), labels={"team": "red"})
    assert order(world) == ["y", "x"]


def test_who_has_waited_for_reserve_after_goes_before_fair_shares() -> None:
    world = World(pool(names=2, fair_share=FAIR, reserve_after=minutes(10)), *holding("rich", "aws-1"))
    world.create(waits("old", "rich", minutes(10)), waits("new", "poor", 1))
    assert order(world) == ["old", "new"]


def test_priority_goes_before_fair_shares() -> None:
    world = World(pool(names=2, fair_share=FAIR), *holding("rich", "aws-1"))
    world.create(waits("high", "rich", 1, priority=1), waits("low", "poor", 9))
    assert order(world) == ["high", "low"]


def test_claims_on_their_way_count_as_held() -> None:
    world = World(pool(names=3, fair_share=FAIR), resource("aws-1"), resource("aws-2"), waits("a1", "a", 3))
    world.decide()  # its claim is not answered yet
    world.create(waits("a2", "a", 2), waits("b1", "b", 1))
    assert order(world) == ["b1", "a2"]


def test_what_is_given_back_counts_no_more() -> None:
    world = World(pool(names=3, fair_share=FAIR), *holding("a", "aws-1", "aws-2"), *holding("b", "aws-3"))
    world.create(waits("a1", "a", 9), waits("b1", "b", 1))
    world.run()
    assert order(world) == ["b1", "a1"]
    world.change(world.lease("h-aws-1"), release={"*": None})
    world.run()
    # Both resources have come free and gone to the two that waited.
    assert world.has("a1")
    assert world.has("b1")
    assert world.ledger.lanes.holds("aws", "a") == 1


def test_a_resource_that_is_gone_is_held_by_nobody() -> None:
    world = World(pool(names=2, fair_share=FAIR), *holding("a", "aws-1"))
    world.run()
    assert world.ledger.lanes.holds("aws", "a") == 1
    world.remove(world.resource("aws-1"))
    assert world.ledger.lanes.holds("aws", "a") == 0


def test_fair_shares_that_are_set_while_leases_wait_count_at_once() -> None:
    world = World(pool(names=2), *holding("rich", "aws-1"))
    world.create(waits("r", "rich", 9), waits("p", "poor", 1))
    assert order(world) == ["r", "p"]
    world.change(world.pool("aws"), fair_share=FAIR)
    assert order(world) == ["p", "r"]
    world.change(world.pool("aws"), fair_share=None)
    assert order(world) == ["r", "p"]


def test_the_order_is_the_same_whatever_was_seen_first() -> None:
    things: list[Thing] = [
        pool(names=4, fair_share=FairShare(weights={"a": 2}), max_priority=1),
        *holding("a", "aws-1", "aws-2"),
        *holding("b", "aws-3"),
        waits("a1", "a", 5),
        waits("a2", "a", 4, priority=3),
        waits("b1", "b", 3),
        waits("c1", "c", minutes(12)),
    ]
    # The pool before what is in it, the holder before what it holds, and the other way round.
    orders = []
    for these in (things, things[::-1]):
        world = World(listed=False)
        world.create(*these)
        orders.append(order(world))
    assert orders[0] == orders[1] == ["a2", "c1", "b1", "a1"]


# -- maxPerTenant


def test_a_tenant_gets_no_more_than_its_limit_and_is_told_so() -> None:
    world = World(pool(names=3, max_per_tenant=1), *holding("a", "aws-1"), resource("aws-2"), resource("aws-3"))
    world.create(waits("a1", "a", 9))
    world.run()
    assert world.has("a1") == []
    assert world.reason("a1") == "TenantLimitReached"
    assert world.message("a1") == "tenant a holds 1 of pool aws and may hold 1; 1 more are asked for"


def test_who_is_at_its_limit_blocks_nobody() -> None:
    world = World(pool(names=3, max_per_tenant=1), *holding("a", "aws-1"), resource("aws-2"))
    world.create(waits("a1", "a", minutes(30), asks={"aws": 1}), waits("b1", "b", 1))
    world.run()
    assert world.has("b1") == ["aws-2"]


def test_nothing_idles_for_one_that_waits_on_its_tenants_limit() -> None:
    world = World(pool(names=4, max_per_tenant=2), *holding("a", "aws-1"), *(resource(f"aws-{n}") for n in (2, 3)))
    world.create(resource("aws-4", state=BUSY))
    world.create(waits("a1", "a", minutes(30), asks={"aws": 2}), waits("b1", "b", 1, asks={"aws": 2}))
    world.run()
    assert world.has("b1") == ["aws-2", "aws-3"]


def test_grants_of_one_decision_count_at_once() -> None:
    world = World(pool(names=3, max_per_tenant=2), *(resource(f"aws-{n}") for n in (1, 2, 3)))
    world.create(*(waits(f"a{n}", "a", 9 - n) for n in range(3)))
    world.run()
    assert [len(world.has(f"a{n}")) for n in range(3)] == [1, 1, 0]
    assert world.reason("a2") == "TenantLimitReached"


def test_the_turn_of_a_tenant_at_its_limit_comes_with_what_it_gives_back() -> None:
    world = World(pool(names=1, max_per_tenant=1), *holding("a", "aws-1"), waits("a1", "a", 9), waits("b1", "b", 1))
    world.run()
    world.change(world.lease("h-aws-1"), release={"*": None})
    world.run()
    assert world.has("a1") == ["aws-1"]


def test_a_single_resource_that_is_given_back_makes_room_too() -> None:
    world = World(pool(names=2, max_per_tenant=2), *holding("a", "aws-1", "aws-2"), waits("a1", "a", 9))
    world.run()
    world.change(world.lease("h-aws-1"), release={"aws-2": None})
    world.run()
    assert world.has("a1") == ["aws-2"]


def test_a_limit_that_is_raised_lets_go_on() -> None:
    world = World(pool(names=2, max_per_tenant=1), *holding("a", "aws-1"), resource("aws-2"), waits("a1", "a", 9))
    world.run()
    world.change(world.pool("aws"), max_per_tenant=2)
    world.run()
    assert world.has("a1") == ["aws-2"]


def test_one_that_asks_for_more_than_the_limit_by_itself_is_refused() -> None:
    world = World(pool(names=3, max_per_tenant=2), *(resource(f"aws-{n}") for n in (1, 2, 3)))
    world.create(waits("a1", "a", 1, asks={"aws": 3}))
    world.run()
    world.later(10)
    world.run()
    assert world.lease("a1").state == "Refused"
    assert world.reason("a1") == "ExceedsTenantLimit"
    expected = "3 of pool aws are asked for; one tenant may hold 2 (queue.maxPerTenant)"
    assert world.message("a1") == expected


def test_several_requests_count_together_against_the_limit() -> None:
    requests = (request("aws", name="x"), request("aws", 2, name="y"))
    world = World(pool(names=3, max_per_tenant=2), *(resource(f"aws-{n}") for n in (1, 2, 3)))
    world.create(waits("a1", "a", 1, requests=requests))
    world.run()
    assert world.reason("a1", "Accepted") == "ExceedsTenantLimit"


def test_an_alternative_takes_what_the_tenant_may_have() -> None:
    ways = (Request("any", "aws"), Request("any", "gcp"))
    world = World(
        pool("aws", names=2, max_per_tenant=1),
        pool("gcp"),
        *holding("a", "aws-1"),
        resource("aws-2"),
        resource("gcp-1"),
    )
    world.create(waits("a1", "a", 1, requests=(Request("any", "", alternatives=ways),)))
    world.run()
    assert world.has("a1") == ["gcp-1"]


def test_a_limit_comes_before_a_pause_among_the_reasons() -> None:
    world = World(
        pool(names=2, max_per_tenant=1, hold=True), *holding("a", "aws-1"), waits("a1", "a"), waits("b1", "b")
    )
    world.run()
    assert world.reason("a1") == "TenantLimitReached"
    assert world.reason("b1") == "PoolPaused"


def test_who_has_more_than_a_limit_that_was_set_since_waits() -> None:
    ways = (Request("any", "aws"), Request("any", "gcp"))
    world = World(pool("aws", names=4, max_per_tenant=1), pool("gcp"), *holding("a", "aws-1", "aws-2", "aws-3"))
    world.create(resource("aws-4"), resource("gcp-1", state=BUSY))
    world.create(waits("a1", "a"), waits("a2", "a", requests=(Request("any", "", alternatives=ways),)))
    world.run()
    assert (world.reason("a1"), world.reason("a2")) == ("TenantLimitReached", "WaitingForCapacity")


def test_another_tenant_of_the_same_wish_is_not_held_up_by_the_first_ones_limit() -> None:
    things = [pool(names=4, max_per_tenant=1, reserve_after=0.0), *holding("a", "aws-1"), *holding("b", "aws-2")]
    world = World(*things, resource("aws-3"), waits("a1", "a", 9), waits("b1", "b", 8), waits("c1", "c", 7))
    world.run()
    assert world.has("c1") == ["aws-3"]


@pytest.mark.parametrize("reserve_after", [0.0, minutes(10)])
def test_the_first_of_many_tenants_is_kept_what_others_would_take(reserve_after: float) -> None:
    world = World(pool(names=4, max_per_tenant=3, reserve_after=reserve_after), *holding("a", "aws-1"))
    world.create(resource("aws-2"), resource("aws-3", state=BUSY), resource("aws-4", state=BUSY))
    world.create(waits("big", "b", 9, asks={"aws": 3}), waits("small", "c", 1))
    world.run()
    assert world.has("small") == ([] if reserve_after == 0.0 else ["aws-2"])
    assert world.ledger.kept == ({"aws-2": "big"} if reserve_after == 0.0 else {})


def test_who_is_at_its_limit_keeps_its_place_in_line() -> None:
    world = World(pool(names=3, max_per_tenant=1, reserve_after=minutes(60)), *holding("a", "aws-1"))
    world.create(waits("a1", "a", 9), waits("b1", "b", 8), waits("a2", "a", 7), waits("b2", "b", 6))
    assert order(world) == ["a1", "b1", "a2", "b2"]
    assert [x.uid for x in in_line(world.ledger, ["aws"], world.wall, parked=False)] == ["b1", "b2"]
    world.remove(world.lease("h-aws-1"))
    assert [x.uid for x in in_line(world.ledger, ["aws"], world.wall, parked=False)] == ["a1", "b1", "a2", "b2"]


def test_a_tenant_above_a_limit_that_was_lowered_may_take_another_alternative() -> None:
    either = request("any", name="any", alternatives=(request("aws", name="any"), request("gcp", name="any")))
    world = World(pool(names=2, max_per_tenant=1), *holding("a", "aws-1", "aws-2"), pool("gcp"), resource("gcp-1"))
    world.create(lease("a1", namespace="a", requests=(either,)))
    world.run()
    assert world.has("a1") == ["gcp-1"]
