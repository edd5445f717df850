"""How a lease ends, and in which state what it held is left."""

from __future__ import annotations

import pytest

from lessor.kube.errors import Invalid
from tests.cluster.history import condition_of, names_of, status_of
from tests.cluster.world import World

pytestmark = pytest.mark.usefixtures("operator")

EVERYTHING = {"spec": {"release": [{"name": "*"}]}}


async def test_a_lease_that_is_released_is_finished_and_what_it_held_is_free(world: World) -> None:
    pool = await world.pool("p", count=2)
    await world.stocked(pool, 2)
    await world.lease("a", pool, count=2)
    names = await world.ready("a")
    await world.patch_lease("a", EVERYTHING)
    for name in names:
        await world.is_in_state(name, "free")
    lease = await world.read_lease("a")
    assert lease["status"]["state"] == "Released"
    assert lease["status"]["reason"] == "Released"
    assert names_of(lease) == []
    assert {kind: condition_of(lease, kind) for kind in ("Finished", "Bound", "Ready")} == {
        "Finished": "True",
        "Bound": "False",
        "Ready": "False",
    }


async def test_single_resources_are_released_while_the_rest_stays_and_then_the_rest(world: World) -> None:
    pool = await world.pool("p", count=3)
    await world.stocked(pool, 3)
    await world.lease("a", pool, count=3)
    first, second, third = await world.ready("a")
    await world.patch_lease("a", {"spec": {"release": [{"name": second}]}})
    await world.is_in_state(second, "free")
    lease = await world.read_lease("a")
    assert sorted(names_of(lease)) == sorted((first, third))
    assert condition_of(lease, "Ready") == "True"
    await world.lease("b", pool)
    assert await world.ready("b") == [second]
    await world.patch_lease("a", {"spec": {"release": [{"name": second}, {"name": "*"}]}})
    await world.is_in_state(first, "free")
    await world.is_in_state(third, "free")
    assert await world.ready("b") == [second]


async def test_a_lease_of_which_every_resource_is_released_is_finished(world: World) -> None:
    pool = await world.pool("p", count=2)
    await world.stocked(pool, 2)
    await world.lease("a", pool, count=2)
    names = await world.ready("a")
    await world.patch_lease("a", {"spec": {"release": [{"name": name} for name in names]}})
    await world.says("Lease", "a", "Finished", "Released")
    assert (await world.read_lease("a"))["status"]["state"] == "Released"


async def test_what_is_released_goes_to_the_next_in_line_in_one_write(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    await world.patch_lease("a", EVERYTHING)
    assert await world.ready("b") == [name]
    history = await world.recorder.history()
    assert history.holders(name) == [None, "a", "b"]


async def test_a_resource_is_left_in_the_state_that_its_lease_wished_at_its_creation(world: World) -> None:
    pool = await world.pool("p", count=1, lease={"releaseStates": ["free", "dirty"]})
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool, releaseState="dirty")
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    await world.delete_lease("a")
    await world.is_in_state(name, "dirty")  # and it is not handed over: b asks for a free one
    await world.lease("c", pool, from_="dirty", as_="cleaning")
    assert await world.ready("c") == [name]
    assert status_of(await world.read_resource(name))["state"] == "cleaning"
    await world.delete_lease("c")
    assert await world.ready("b") == [name]


async def test_each_resource_is_left_in_the_state_that_its_release_names(world: World) -> None:
    pool = await world.pool("p", count=3, lease={"releaseStates": ["free", "dirty", "broken"]})
    await world.stocked(pool, 3)
    await world.lease("a", pool, count=3)
    first, second, third = await world.ready("a")
    await world.patch_lease("a", {"spec": {"release": [{"name": first, "state": "broken"}]}})
    await world.is_in_state(first, "broken")
    entries = [{"name": first, "state": "broken"}, {"name": "*", "state": "dirty"}, {"name": second, "state": "free"}]
    await world.patch_lease("a", {"spec": {"release": entries}})
    await world.is_in_state(second, "free")  # its own entry is more particular than the "*"
    await world.is_in_state(third, "dirty")


async def test_the_first_of_the_pools_release_states_is_what_a_lease_without_a_wish_leaves(world: World) -> None:
    pool = await world.pool("p", count=1, lease={"releaseStates": ["used", "free"]})
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.delete_lease("a")
    await world.is_in_state(name, "used")


async def test_a_pool_with_a_star_allows_any_word(world: World) -> None:
    pool = await world.pool("p", count=1, lease={"releaseStates": ["free", "*"]})
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_lease("a", {"spec": {"release": [{"name": "*", "state": "needs-a-look"}]}})
    await world.is_in_state(name, "needs-a-look")


async def test_a_wish_at_the_release_that_the_pool_does_not_allow_leaves_what_was_agreed(world: World) -> None:
    pool = await world.pool("p", count=1, lease={"releaseStates": ["used", "free"]})
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_lease("a", {"spec": {"release": [{"name": "*", "state": "precious"}]}})
    await world.is_in_state(name, "used")


async def test_the_rules_agreed_at_the_claim_stay_when_the_pool_is_edited(world: World) -> None:
    pool = await world.pool("p", count=1, lease={"releaseStates": ["used"]})
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_pool(pool, lease={"releaseStates": ["free"]})
    await world.delete_lease("a")
    await world.is_in_state(name, "used")


async def test_a_lease_that_is_released_while_it_waits_is_finished_and_never_got_anything(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    await world.patch_lease("b", EVERYTHING)
    await world.says("Lease", "b", "Finished", "Released")
    await world.delete_lease("a")
    await world.is_in_state(name, "free")
    assert (await world.recorder.history()).holders(name) == [None, "a", None]


async def test_a_release_of_single_resources_waits_for_the_bind(world: World) -> None:
    pool = await world.pool("p", names=["x", "y"])
    await world.stocked(pool, 2)
    x, y = world.named("x"), world.named("y")
    await world.lease("holder", pool, names=[x])
    await world.ready("holder")
    await world.lease("a", pool, count=2)
    await world.waits("a", "WaitingForCapacity")
    await world.patch_lease("a", {"spec": {"release": [{"name": y}]}})
    await world.delete_lease("holder")
    await world.ready("a")
    await world.is_in_state(y, "free")
    assert names_of(await world.read_lease("a")) == [x]


async def test_a_finished_lease_stays_as_it_is_and_is_deleted_like_any_object(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_lease("a", EVERYTHING)
    await world.is_in_state(name, "free")
    with pytest.raises(Invalid, match="what was released stays so"):
        await world.patch_lease("a", {"spec": {"release": None}})
    await world.lease("b", pool)
    await world.ready("b")
    await world.delete_lease("a")
    await world.gone("Lease", "a")
    assert await world.ready("b") == [name]
