"""Why a Lease waits: one reason at a time, in the order of the design (section 2)."""

from __future__ import annotations

from typing import Any

import pytest

from lessor.core.actions import CreateResource
from lessor.core.explain import Reason, bound_conditions, pool_conditions
from lessor.core.model import Pool
from lessor.core.reasons import waiting
from tests.core.build import Facts, Thing, bound, held, lease, minutes, pool, request, resource
from tests.core.world import World

BUSY = "busy"

# Each line is a world in which all that stands below it applies as well: the first that applies is told.
# TenantLimitReached: test_tenants.py.


def reason(*things: Thing, asks: dict[str, int | list[str]] | None = None, **facts: Any) -> tuple[Reason, str]:
    world = World(*things, lease("u1", asks=asks or {"aws": 1, "gcp": 1}, accepted=True, **facts))
    return waiting(world.ledger, world.ledger.leases["u1"])


def other(**facts: Any) -> list[Thing]:
    """The second pool, which has enough."""
    return [pool("gcp", **facts), resource("gcp-1")]


def test_first_comes_a_pool_that_was_deleted() -> None:
    assert reason(*other(hold=True)) == (
        "PoolNotFound",
        "pool aws was deleted; the lease waits until it is back",
    )


def test_then_a_pool_that_is_paused() -> None:
    assert reason(pool(), resource("aws-1", cordoned=True), *other(hold=True)) == (
        "PoolPaused",
        "pool gcp is on hold (spec.mode)",
    )


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"hold": True}, "pool aws is on hold (spec.mode)"),
        ({"deleting": True}, "pool aws is being deleted"),
        (
            {"unsupported": ("spec.needs", "spec.access")},
            "pool aws is not ready: this version does not support spec.needs, spec.access",
        ),
    ],
)
def test_a_paused_pool_says_what_pauses_it(facts: Facts, says: str) -> None:
    assert reason(pool(**facts), *other()) == ("PoolPaused", says)


def test_then_a_pool_whose_every_resource_is_cordoned() -> None:
    things: list[Thing] = [pool(names=2), resource("aws-1", cordoned=True), resource("aws-2", deleting=True)]
    assert reason(*things, *other()) == (
        "AllCordoned",
        "every resource of pool aws is cordoned or being removed",
    )


def test_a_pool_with_one_that_is_not_cordoned_is_not_all_cordoned() -> None:
    things: list[Thing] = [pool(names=2), resource("aws-1", cordoned=True), resource("aws-2", state=BUSY)]
    assert reason(*things, asks={"aws": 1})[0] == "WaitingForCapacity"


def test_a_pool_whose_resources_were_uncordoned_is_not_all_cordoned() -> None:
    world = World(pool(), resource("aws-1", cordoned=True, state=BUSY), lease("u1", accepted=True))
    world.change(world.resource("aws-1"), cordoned=False)
    assert waiting(world.ledger, world.ledger.leases["u1"])[0] == "WaitingForCapacity"


def test_then_what_is_kept_for_an_earlier_one() -> None:
    assert reason(pool(), resource("aws-1"), *other()) == (
        "ReservedForEarlier",
        "what is free is kept for a lease that waits longer",
    )


def test_then_another_pool_that_is_short_while_this_one_is_not() -> None:
    assert reason(pool(janitor=True), resource("aws-1", state="dirty"), *other()) == (
        "WaitingForOtherPool",
        "pool aws has too few free; the other pools have enough",
    )


def test_then_what_is_being_cleaned() -> None:
    things: list[Thing] = [
        pool(names=3, janitor=True),
        resource("aws-1", state="dirty"),
        resource("aws-2", state="cleaning"),
    ]
    assert reason(*things, asks={"aws": 2}) == ("WaitingForCleaning", "resources of pool aws are being cleaned")


def test_cleaning_is_no_reason_where_too_few_are_being_cleaned() -> None:
    things: list[Thing] = [pool(names=3, janitor=True), resource("aws-1", state="dirty"), resource("aws-2", state=BUSY)]
    assert reason(*things, asks={"aws": 2})[0] == "WaitingForCapacity"


def test_cleaning_is_no_reason_where_nobody_cleans() -> None:
    assert reason(pool(), resource("aws-1", state="dirty"), asks={"aws": 1})[0] == "WaitingForCapacity"


def test_last_comes_capacity() -> None:
    assert reason(pool(), resource("aws-1", state=BUSY), asks={"aws": 1}) == (
        "WaitingForCapacity",
        "pool aws has too few free resources",
    )


def test_capacity_names_every_pool_that_is_short() -> None:
    things: list[Thing] = [pool("aws"), pool("gcp"), resource("aws-1", state=BUSY), resource("gcp-1", state=BUSY)]
    assert reason(*things) == ("WaitingForCapacity", "pool aws, gcp has too few free resources")


def test_names_that_are_taken_are_capacity_too() -> None:
    things: list[Thing] = [pool(names=2), resource("aws-1", state=BUSY), resource("aws-2")]
    assert reason(*things, asks={"aws": ["aws-1"]})[0] == "WaitingForCapacity"


def test_one_pool_in_two_states_is_no_other_pool() -> None:
    requests = (request("aws", name="a"), request("aws", name="b", from_state="dirty"))
    things: list[Thing] = [pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY)]
    assert reason(*things, requests=requests) == ("WaitingForCapacity", "pool aws has too few free resources")


def test_a_pool_whose_resources_are_still_being_made_is_short_of_capacity() -> None:
    assert reason(pool(), asks={"aws": 1})[0] == "WaitingForCapacity"


# -- end to end: what the status says


def test_who_waits_behind_a_kept_resource_is_told_so() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY))
    world.create(lease("big", asks={"aws": 2}, waited=minutes(30)), lease("u1"))
    world.run()
    assert (world.reason("big"), world.reason("u1")) == ("WaitingForCapacity", "ReservedForEarlier")


def test_ready_and_bound_say_the_same() -> None:
    world = World(pool(hold=True), resource("aws-1"), lease("u1"))
    world.run()
    said = world.lease("u1").conditions
    assert said["Ready"].reason == said["Bound"].reason == "PoolPaused"
    assert said["Ready"].message == said["Bound"].message


def test_the_bound_message_names_five_and_counts_the_rest() -> None:
    names = [f"aws-{n}" for n in range(7)]
    assert bound_conditions(names)["Bound"].message == "holds aws-0, aws-1, aws-2, aws-3, aws-4 and 2 more"
    assert bound_conditions(names[:2])["Bound"].message == "holds aws-0, aws-1"


# -- what a Pool says


@pytest.mark.parametrize(
    ("of", "status", "reason"),
    [
        (pool(), "True", "Ready"),
        (pool(hold=True), "False", "Paused"),
        (pool(hold=True, deleting=True), "False", "Deleting"),
        (pool(deleting=True, unsupported=("spec.x",)), "False", "NotSupportedYet"),
    ],
)
def test_a_pool_says_the_worst_of_itself(of: Pool, status: str, reason: str) -> None:
    world = World(of)
    said = pool_conditions(world.ledger, world.ledger.pools["aws"])["Ready"]
    assert (said.status, said.reason) == (status, reason)


def test_a_pool_names_one_of_several_names_that_older_pools_have() -> None:
    world = World(pool("old", names=["x", "y", "z"], created=1.0), pool("new", names=["x", "y", "z"], created=2.0))
    said = pool_conditions(world.ledger, world.ledger.pools["new"])["Ready"]
    assert said.message == (
        "x belongs to the older pool old, and 2 more names to older pools: take them out of one of the pools"
    )


def test_a_drained_pool_says_that_nothing_is_held() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(hold=True), held("aws-1", of), of)
    said = pool_conditions(world.ledger, world.ledger.pools["aws"])["Drained"]
    assert (said.status, said.reason, said.message) == ("False", "InUse", "1 held, aws-1 among them")
    world.delete(of)
    world.run()
    said = pool_conditions(world.ledger, world.ledger.pools["aws"])["Drained"]
    assert (said.status, said.reason) == ("True", "Idle")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_one_word_in_camel_case(reason: Reason) -> None:
    assert reason.isalnum()
    assert reason[0].isupper()


def refused(world: World, message: str = "labels: too long") -> None:
    """The writer's next creation of a Resource is refused, and will be tried again."""
    (create,) = (x for x in world.decide() if isinstance(x, CreateResource))
    world.ledger.object_to(create, message)
    world.ledger.settled(create)


def ready(world: World) -> tuple[str, str]:
    condition = pool_conditions(world.ledger, world.ledger.pools["aws"])["Ready"]
    return condition.reason, condition.message


def test_a_pool_says_which_resource_the_api_server_refuses() -> None:
    world = World(pool(names=1))
    refused(world)
    assert ready(world) == (
        "ResourceRefused",
        "the API server refuses resource 'aws-1' as the spec says: labels: too long; correct its item or the template",
    )


def test_a_pool_that_was_edited_says_it_no_more() -> None:
    world = World(pool(names=1))
    refused(world)
    world.change(world.pool("aws"), generation=2)
    assert ready(world)[0] == "Ready"


def test_a_pool_says_it_no_more_when_the_resource_was_made_after_all() -> None:
    world = World(pool(names=1))
    refused(world)
    world.run()
    assert world.resource("aws-1")
    assert ready(world)[0] == "Ready"
