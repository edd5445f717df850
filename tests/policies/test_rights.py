"""What a Lease may ask for only with a verb: slack, adoption, resources that are not free."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policies.people import POOLS_RULE, People, Person, refusal

Json = dict[str, Any]


def dirty(**way: Any) -> Json:
    return {"from": "dirty", "as": "cleaning", **way}


ONE_POOL = [dirty(pool="mine")]
OTHER_POOL = [dirty(pool="theirs")]
TWO_OF_MINE = [dirty(name="a", pool="mine"), dirty(name="b", pool="mine")]
MIXED = [{"name": "a", "pool": "mine"}, dirty(name="b", pool="mine")]
FIRST_OF = [dirty(firstOf=[{"pool": "mine"}])]
PROFILE = [dirty(clusterProfile="mine")]
ALL_SHAPES = {"one": ONE_POOL, "other": OTHER_POOL, "two": TWO_OF_MINE, "mixed": MIXED, "firstOf": FIRST_OF}
ALL_SHAPES |= {"profile": PROFILE}


async def test_renew_slack_and_adopt_need_the_right_to_administer_leases(
    home: str, first: Person, administrator: Person
) -> None:
    adopted = [{"pool": "p", "names": ["x"]}]
    said = await refusal(first.lease(home, "a", renewSlack="0s"))
    assert "spec.renewSlack: leave it out, or have the verb administer on leases" in said
    said = await refusal(first.lease(home, "a", requests=adopted, adopt=True))
    assert "spec.adopt: leave it out, or have the verb administer on leases" in said
    await first.lease(home, "a", requests=adopted, adopt=False)
    await administrator.lease(home, "b", requests=adopted, adopt=True, renewSlack="15s")


async def test_the_server_may_set_a_slack_in_every_namespace(home: str, server_account: Person) -> None:
    made = await server_account.lease(home, "a", renewSlack="15s")
    assert made["spec"]["renewSlack"] == "15s"


@pytest.mark.parametrize("shape", ALL_SHAPES)
async def test_without_the_verb_transition_only_what_is_free_can_be_asked_for(
    shape: str, home: str, first: Person, administrator: Person
) -> None:
    for person in (first, administrator):
        said = await refusal(person.lease(home, "a", requests=ALL_SHAPES[shape]))
        where = {"one": "the pool mine", "other": "the pool theirs"}.get(shape, "all pools")
        assert f"to take from state dirty instead of free you need the verb transition on {where} in lessor.dev" in said
    free = [{key: value for key, value in request.items() if key != "from"} for request in ALL_SHAPES[shape]]
    await first.lease(home, "a", requests=free)
    await first.lease(home, "b", requests=[request | {"from": "free"} for request in free])


async def test_transition_on_one_pool_is_enough_for_one_request_of_that_pool_alone(
    people: People, home: str, first: Person
) -> None:
    rule = POOLS_RULE | {"resourceNames": ["mine"], "verbs": ["transition"]}
    await people.give(first, await people.role("cleaner", rule))
    await first.until_may("transition", "pools", name="mine")
    await first.lease(home, "a", requests=ONE_POOL)
    for shape in (OTHER_POOL, TWO_OF_MINE, MIXED, FIRST_OF, PROFILE):
        await refusal(first.lease(home, "b", requests=shape))


async def test_transition_on_all_pools_is_enough_for_every_request(people: People, home: str, first: Person) -> None:
    rule = POOLS_RULE | {"verbs": ["transition"]}
    await people.give(first, await people.role("cleaner", rule))
    await first.until_may("transition", "pools")
    for n, shape in enumerate(ALL_SHAPES.values()):
        await first.lease(home, f"a{n}", requests=shape)


async def test_transition_in_a_namespace_is_none_on_pools(people: People, home: str, first: Person) -> None:
    """Pools are cluster-scoped: a tenant's own RoleBinding gives nothing."""
    rule = POOLS_RULE | {"verbs": ["transition"]}
    await people.give(first, await people.role("cleaner", rule), home)
    await first.until_may("transition", "pools", home)
    await refusal(first.lease(home, "a", requests=ONE_POOL))
