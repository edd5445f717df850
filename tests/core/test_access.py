"""Who may ask of a pool: a refusal names what is missing, and comes only after ten seconds and live reads."""

from __future__ import annotations

import pytest

from lessor.core.model import Access, LeaseState
from lessor.core.selectors import Operator, Requirement, Selector
from tests.core.build import lease, minutes, pool, request, resource, words
from tests.core.world import World

TEAM_A = Access(selector=Selector((Requirement("team", Operator.IN, ("a",)),)))
OTHERS = Access(frozenset({"qa", "prod"}))


def refused(world: World, uid: str) -> str:
    """Runs until it is refused; its sentence."""
    world.run()
    assert world.lease(uid).state is LeaseState.WAITING
    world.later(10)
    world.run()
    assert world.lease(uid).state is LeaseState.REFUSED
    assert world.reason(uid, "Accepted") == "NotPermitted"
    return world.message(uid, "Accepted")


def test_a_namespace_that_is_named_may_ask() -> None:
    world = World(pool(access=Access(frozenset({"ci"}))), resource("aws-1"), lease("u1"))
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_a_namespace_that_is_not_named_is_refused_with_what_is_missing() -> None:
    world = World(pool(access=OTHERS), resource("aws-1"), lease("u1"))
    world.namespace("ci")
    assert refused(world, "u1") == "namespace ci is not one of pool aws's spec.access.namespaces: have it added"


def test_a_namespace_with_the_labels_may_ask() -> None:
    world = World(pool(access=TEAM_A), resource("aws-1"), lease("u1"))
    world.namespace("ci", team="a")
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_a_namespace_without_the_labels_is_refused_with_what_is_missing() -> None:
    world = World(pool(access=TEAM_A), resource("aws-1"), lease("u1"))
    world.namespace("ci", team="b")
    assert refused(world, "u1") == (
        "pool aws is for namespaces with labels team=a; ci is none: have it labelled, or ask of another pool"
    )


def test_nothing_is_granted_before_the_labels_of_a_namespace_are_known() -> None:
    world = World(pool(access=TEAM_A), resource("aws-1"), lease("u1"))
    world.run()
    assert world.has("u1") == []
    world.namespace("ci", team="a")
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_a_label_that_no_event_has_told_of_is_found_by_the_live_read() -> None:
    world = World(pool(access=TEAM_A), resource("aws-1"), lease("u1"))
    world.namespace("ci")
    world.run()
    world.namespace("ci", seen=False, team="a")
    world.later(10)
    assert "LookAtNamespace ci" in world.run()
    assert world.has("u1") == ["aws-1"]


def test_a_refusal_waits_for_both_live_reads() -> None:
    world = World(pool(access=OTHERS), resource("aws-1"), lease("u1"))
    world.namespace("ci")
    world.run()
    world.later(10)
    looks, refusal = [words(x) for x in world.decide()], "End u1 as Refused"
    assert looks[:2] == ["LookAtPool aws", "LookAtNamespace ci"]
    assert refusal not in looks
    world.answer(*world.done[-len(looks) :])
    assert refusal in world.run()


def test_a_lease_that_was_accepted_waits_when_its_pool_is_closed_to_it() -> None:
    world = World(pool(), resource("aws-1", state="busy"), lease("u1", accepted=True))
    world.run()
    world.change(world.pool("aws"), access=OTHERS)
    world.later(minutes(1))
    world.run()
    assert world.reason("u1") == "NotPermitted"
    world.change(world.resource("aws-1"), state="free")
    world.later(minutes(1))
    world.run()
    assert (world.lease("u1").state, world.holder_of("aws-1")) == (LeaseState.WAITING, None)


def test_of_two_that_ask_for_the_same_only_the_one_that_may_not_is_told_so() -> None:
    world = World(pool(), resource("aws-1", state="busy"), lease("u1", accepted=True))
    world.create(lease("u2", namespace="qa", accepted=True))
    world.run()
    world.change(world.pool("aws"), access=OTHERS)
    world.later(minutes(1))
    world.run()
    assert (world.reason("u1"), world.reason("u2")) == ("NotPermitted", "WaitingForCapacity")


def test_it_is_granted_when_its_pool_is_opened_again() -> None:
    world = World(pool(access=OTHERS), resource("aws-1"), lease("u1", accepted=True))
    world.run()
    world.change(world.pool("aws"), access=None)
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_one_that_may_not_ask_holds_up_nobody_behind_it() -> None:
    world = World(pool(access=OTHERS), resource("aws-1"), lease("u1", waited=minutes(20), accepted=True))
    world.create(lease("u2", namespace="qa"))
    world.run()
    assert world.has("u2") == ["aws-1"]


def test_of_alternatives_those_it_may_ask_of_are_tried() -> None:
    ways = request("aws", name="any"), request("gcp", name="any")
    either = request("any", name="any", alternatives=ways)
    things = pool(access=OTHERS), resource("aws-1"), pool("gcp"), resource("gcp-1")
    world = World(*things, lease("u1", requests=(either,)), lease("u2", requests=(either,), namespace="qa", waited=0.5))
    world.run()
    assert (world.has("u1"), world.has("u2")) == (["gcp-1"], ["aws-1"])


@pytest.mark.parametrize("access", [OTHERS, TEAM_A], ids=["names", "labels"])
def test_a_lease_that_is_bound_keeps_what_it_has(access: Access) -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    world.namespace("ci")
    world.run()
    world.change(world.pool("aws"), access=access)
    world.run()
    assert world.has("u1") == ["aws-1"]
