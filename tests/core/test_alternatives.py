"""Selectors and alternatives: what is granted, what is refused and why, what one waits for, what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lessor.core.model import Item, Lease, Request, Terms
from lessor.core.selectors import Operator, Requirement, Selector
from tests.core.build import Thing, bound, held, lease, minutes, pool, request, resource
from tests.core.world import World

BUSY = "busy"


def zone(*values: str) -> Selector:
    return Selector((Requirement("zone", Operator.IN, values),))


def zoned(name: str = "aws", **zones: str) -> list[Thing]:
    """A pool with resources <pool>-<key> in the zones of the values, all free, the first idle for longest."""
    items = {f"{name}-{key}": Item(f"{name}-{key}", labels={"zone": value}) for key, value in zones.items()}
    free = [
        resource(item.name, labels=item.labels, idle=minutes(30 - n), of=name) for n, item in enumerate(items.values())
    ]
    return [pool(name, items=items), *free]


def any_of(*ways: Request, **facts: Any) -> Request:
    return Request("any", "", alternatives=tuple(replace(way, name="any") for way in ways), **facts)


def asks(uid: str, *requests: Request, **facts: Any) -> Lease:
    return lease(uid, requests=requests, **facts)


def refused(world: World, uid: str) -> tuple[str, str]:
    world.run()
    assert world.lease(uid).state == "Waiting"
    world.later(10)
    world.run()
    assert world.lease(uid).state == "Refused"
    return world.reason(uid), world.message(uid)


# -- selectors


def test_only_what_the_selector_fits_is_given_the_longest_idle_first() -> None:
    world = World(*zoned(a="x", b="y", c="y", d="y"), asks("u1", request("aws", 2, selector=zone("y"))))
    world.run()
    assert world.has("u1") == ["aws-b", "aws-c"]


def test_a_request_without_a_selector_leaves_to_another_what_only_that_can_use() -> None:
    any_, that = request("aws", name="any"), request("aws", name="that", selector=zone("x"))
    world = World(*zoned(a="x", b="y"), asks("u1", any_, that))
    world.run()
    assert sorted((e.request, e.name) for e in world.lease("u1").resources) == [("any", "aws-b"), ("that", "aws-a")]


def test_selectors_that_overlap_are_matched_exactly() -> None:
    """A greedy choice gives aws-a to the first and leaves the second without."""
    world = World(
        *zoned(a="x", b="y"),
        asks("u1", request("aws", name="r1", selector=zone("x", "y")), request("aws", name="r2", selector=zone("x"))),
    )
    world.run()
    assert world.has("u1") == ["aws-a", "aws-b"]


def test_labels_that_change_while_it_waits_count() -> None:
    world = World(*zoned(a="x", b="y"))
    world.change(world.resource("aws-b"), state=BUSY)
    world.create(asks("u1", request("aws", selector=zone("y"))))
    world.run()
    assert world.has("u1") == []
    world.change(world.resource("aws-a"), labels={"zone": "y"})
    world.run()
    assert world.has("u1") == ["aws-a"]


def test_who_waits_for_some_blocks_nobody_that_can_use_others() -> None:
    world = World(*zoned(a="x", b="y"))
    world.change(world.resource("aws-b"), state=BUSY)
    world.create(asks("first", request("aws", selector=zone("y")), waited=minutes(30)), lease("second"))
    world.run()
    assert world.has("second") == ["aws-a"]


def test_a_selector_that_nothing_fits_is_refused_with_the_selector_and_the_pool() -> None:
    world = World(*zoned(a="x"), asks("u1", request("aws", selector=zone("y"))))
    assert refused(world, "u1") == (
        "NoMatchingResource",
        "pool aws has no resource with labels zone=y: correct the request, or the labels in the pool",
    )


def test_a_selector_that_too_few_fit_is_refused_with_their_number() -> None:
    world = World(*zoned(a="x", b="y"), asks("u1", request("aws", 2, selector=zone("y"))))
    assert refused(world, "u1") == (
        "CountExceedsPool",
        "2 of pool aws with labels zone=y are asked for; it has 1",
    )


def test_names_that_have_other_labels_are_refused() -> None:
    world = World(*zoned(a="x", b="y"), asks("u1", request("aws", ["aws-a"], selector=zone("y"))))
    reason, message = refused(world, "u1")
    assert reason == "NoMatchingResource"
    assert "labels zone=y and one of the names asked for" in message


def test_requests_that_can_be_met_one_by_one_only_are_refused() -> None:
    twice = [request("aws", name=f"r{n}", selector=zone("y")) for n in (1, 2)]
    world = World(*zoned(a="x", b="y"), asks("u1", *twice))
    reason, message = refused(world, "u1")
    assert reason == "NoMatchingResource"
    assert message == "the names asked of pool aws can't be met: the requests want the same ones too often"


def test_a_selector_whose_resources_are_held_waits() -> None:
    world = World(*zoned(a="x", b="y"))
    world.change(world.resource("aws-b"), state=BUSY)
    world.create(asks("u1", request("aws", selector=zone("y"))))
    world.run()
    world.later(30)
    world.run()
    assert world.reason("u1") == "WaitingForCapacity"
    assert world.message("u1") == "pool aws has too few free resources that fit labels zone=y"


def test_a_selector_whose_resources_are_cordoned_waits_and_says_so() -> None:
    world = World(*zoned(a="x", b="y"))
    world.change(world.resource("aws-b"), cordoned=True)
    world.create(asks("u1", request("aws", selector=zone("y"))))
    world.run()
    world.later(30)
    world.run()
    assert world.reason("u1") == "AllCordoned"
    assert world.message("u1") == "every resource of pool aws that fits labels zone=y is cordoned or being removed"


def test_what_a_selector_needs_is_kept_and_nothing_else() -> None:
    world = World(*zoned(a="x", b="y", c="y", d="y"))
    world.change(world.resource("aws-d"), state=BUSY)
    world.create(asks("big", request("aws", 3, selector=zone("y")), waited=minutes(30)))
    world.create(lease("s1", waited=2), lease("s2", waited=1))
    world.run()
    assert world.ledger.kept == {"aws-b": "big", "aws-c": "big"}
    assert (world.has("s1"), world.has("s2")) == (["aws-a"], [])


# -- alternatives


def two_pools(*, aws: str = "free", gcp: str = "free", **facts: Any) -> World:
    return World(pool("aws", **facts), pool("gcp", **facts), resource("aws-1", state=aws), resource("gcp-1", state=gcp))


def test_the_first_alternative_is_taken_if_it_can_be() -> None:
    world = two_pools()
    world.create(asks("u1", any_of(request("gcp"), request("aws"))))
    world.run()
    assert world.has("u1") == ["gcp-1"]
    (entry,) = world.lease("u1").resources
    assert (entry.request, entry.pool) == ("any", "gcp")


def test_the_next_alternative_is_taken_if_the_first_can_not_be() -> None:
    world = two_pools(gcp=BUSY)
    world.create(asks("u1", any_of(request("gcp"), request("aws"))))
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_alternatives_give_way_to_other_requests_of_the_lease() -> None:
    world = two_pools()
    world.create(asks("u1", any_of(request("gcp"), request("aws")), request("gcp", name="that")))
    world.run()
    assert sorted((e.request, e.name) for e in world.lease("u1").resources) == [("any", "aws-1"), ("that", "gcp-1")]


def test_an_alternative_may_ask_for_another_count() -> None:
    world = World(pool("aws", names=3), pool("gcp"), *(resource(f"aws-{n}") for n in (1, 2, 3)))
    world.create(resource("gcp-1", state=BUSY), asks("u1", any_of(request("gcp"), request("aws", 3))))
    world.run()
    assert world.has("u1") == ["aws-1", "aws-2", "aws-3"]


def test_the_terms_are_those_of_the_pools_that_were_taken() -> None:
    world = World(
        pool("aws", renew_within=60.0, on_loss="dirty", release_states=("dirty",)),
        pool("gcp", renew_within=30.0, max_duration=5.0),
        resource("aws-1"),
        resource("gcp-1", state=BUSY),
        asks("u1", any_of(request("gcp"), request("aws"))),
    )
    world.run()
    assert world.lease("u1").terms == Terms(60.0, None, "dirty", "dirty", 0)


def test_what_comes_free_in_any_of_its_pools_is_given_to_it() -> None:
    for first in ("aws", "gcp"):
        world = two_pools(aws=BUSY, gcp=BUSY)
        world.create(asks("u1", any_of(request("gcp"), request("aws"))))
        world.run()
        assert world.reason("u1") == "WaitingForCapacity"
        world.change(world.resource(f"{first}-1"), state="free")
        world.run()
        assert world.has("u1") == [f"{first}-1"]


def test_a_pool_that_is_not_there_makes_that_alternative_impossible_alone() -> None:
    world = two_pools(gcp=BUSY)
    world.create(asks("u1", any_of(request("nowhere"), request("gcp"))))
    world.run()
    world.later(30)
    world.run()
    assert (world.lease("u1").state, world.lease("u1").accepted) == ("Waiting", True)
    world.change(world.resource("gcp-1"), state="free")
    world.run()
    assert world.has("u1") == ["gcp-1"]


def test_one_without_a_possible_alternative_is_refused_and_each_is_named() -> None:
    world = two_pools()
    world.create(asks("u1", any_of(request("nowhere"), request("gcp", 5))))
    assert refused(world, "u1") == (
        "PoolNotFound",
        "no alternative of request any can be met: there is no pool nowhere: create it, or correct the request's pool; "
        "5 of pool gcp are asked for; it has 1",
    )


def test_alternatives_that_do_not_add_up_are_refused() -> None:
    world = two_pools()
    ways = (request("aws"), request("gcp"))
    three = [replace(any_of(*ways), name=f"r{n}") for n in range(3)]
    world.create(asks("u1", *three))
    reason, message = refused(world, "u1")
    assert reason == "CountExceedsPool"
    assert "not together" in message


def test_an_alternative_whose_pool_forbids_the_wished_end_is_not_taken() -> None:
    world = World(pool("aws"), pool("gcp", release_states=("free", "dirty")), resource("aws-1"), resource("gcp-1"))
    world.create(asks("u1", any_of(request("aws"), request("gcp")), release_state="dirty"))
    world.run()
    assert world.has("u1") == ["gcp-1"]


def test_one_of_which_every_alternative_forbids_the_wished_end_is_refused() -> None:
    world = two_pools()
    world.create(asks("u1", any_of(request("aws"), request("gcp")), release_state="dirty"))
    reason, _ = refused(world, "u1")
    assert reason == "ReleaseStateNotAllowed"


def test_a_paused_alternative_is_passed_over() -> None:
    world = World(pool("aws", hold=True), pool("gcp"), resource("aws-1"), resource("gcp-1"))
    world.create(asks("u1", any_of(request("aws"), request("gcp"))))
    world.run()
    assert world.has("u1") == ["gcp-1"]


def test_one_of_which_every_alternative_is_paused_says_so() -> None:
    world = two_pools(hold=True)
    world.create(asks("u1", any_of(request("aws"), request("gcp"))))
    world.run()
    assert world.reason("u1") == "PoolPaused"


def test_the_first_alternative_that_capacity_alone_holds_back_is_kept() -> None:
    world = World(
        pool("aws", names=2, hold=True),
        pool("gcp", names=2),
        *(resource(name) for name in ("aws-1", "aws-2", "gcp-1")),
        resource("gcp-2", state=BUSY),
        asks("big", any_of(request("aws", 2), request("gcp", 2)), waited=minutes(30)),
        lease("small", asks={"gcp": 1}),
    )
    world.run()
    assert world.ledger.kept == {"gcp-1": "big"}
    assert world.has("small") == []


def test_what_is_kept_is_known_until_it_is_not_kept_any_more() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(30)))
    world.run()
    assert world.ledger.kept == {"aws-1": "big"}
    world.delete(world.lease("big"))
    world.run()
    assert world.ledger.kept == {}


def test_half_a_grant_of_one_alternative_is_completed_though_an_earlier_one_came_free() -> None:
    of = asks("u1", any_of(request("gcp", 2), request("aws", 2)), accepted=True)
    world = World(
        pool("aws", names=2),
        pool("gcp", names=2),
        held("aws-1", of),
        *(resource(name) for name in ("aws-2", "gcp-1", "gcp-2")),
        of,
    )
    world.run()
    assert world.has("u1") == ["aws-1", "aws-2"]
    assert world.lease("u1").attempt == 0


def test_half_a_grant_of_an_alternative_that_can_not_be_completed_is_given_back() -> None:
    of = asks("u1", any_of(request("gcp", 2), request("aws", 2)), accepted=True)
    world = World(
        pool("aws", names=2),
        pool("gcp", names=2),
        held("aws-1", of),
        resource("aws-2", state=BUSY),
        resource("gcp-1"),
        resource("gcp-2"),
        of,
    )
    world.run()
    assert world.has("u1") == ["gcp-1", "gcp-2"]
    assert world.holder_of("aws-1") is None


def test_pools_of_alternatives_are_decided_together() -> None:
    first = bound("h1", "aws-1")
    world = World(pool("aws"), pool("gcp"), held("aws-1", first), first, resource("gcp-1"))
    world.create(asks("old", any_of(request("aws"), request("gcp")), waited=9), lease("new", asks={"gcp": 1}))
    world.run()
    assert (world.has("old"), world.has("new")) == (["gcp-1"], [])


def test_a_reserve_after_longer_than_anybody_waits_does_no_harm() -> None:
    world = World(pool(names=2, reserve_after=minutes(60 * 24)), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(60)), lease("small"))
    world.run()
    assert world.has("small") == ["aws-1"]
    assert world.reason("big") == "WaitingForCapacity"
