"""Pools: they make, change and remove their resources, and never under a holder."""

from __future__ import annotations

import pytest

from tests.cluster.history import condition_of, status_of, why
from tests.cluster.world import World

pytestmark = pytest.mark.usefixtures("operator")


async def test_a_pool_that_grows_has_more_to_lend_and_a_waiting_lease_gets_it(world: World) -> None:
    pool = await world.pool("p", count=1)
    await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    await world.patch_pool(pool, resources={"count": 3})
    assert (await world.ready("b"))[0] in (f"{pool}-1", f"{pool}-2")
    assert set(world.resources_of(pool)) == {f"{pool}-0", f"{pool}-1", f"{pool}-2"}


async def test_a_pool_that_shrinks_removes_what_is_idle_and_keeps_what_is_held_until_it_is_released(
    world: World,
) -> None:
    pool = await world.pool("p", names=["x", "y", "z"])
    await world.stocked(pool, 3)
    x, y, z = map(world.named, "xyz")
    await world.lease("a", pool, names=[y])
    await world.ready("a")
    await world.patch_pool(pool, resources={"names": [x]})
    await world.gone("Resource", z)
    await world.recorder.until("y is on its way out", lambda: "deletionTimestamp" in world.seen_resource(y)["metadata"])
    assert condition_of(await world.read_lease("a"), "Ready") == "True"
    assert (await world.read_resource(y))["status"]["holder"]["name"] == "a"
    await world.delete_lease("a")
    await world.gone("Resource", y)
    assert await world.stocked(pool, 1) == [x]


async def test_a_name_that_was_taken_out_while_it_was_held_is_lent_to_nobody_else(world: World) -> None:
    pool = await world.pool("p", names=["x", "y"])
    await world.stocked(pool, 2)
    x, y = world.named("x"), world.named("y")
    await world.lease("a", pool, count=2)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    await world.patch_pool(pool, resources={"names": [x]})
    await world.recorder.until("y is on its way out", lambda: "deletionTimestamp" in world.seen_resource(y)["metadata"])
    await world.patch_lease("a", {"spec": {"release": [{"name": y}]}})
    await world.gone("Resource", y)
    assert status_of(await world.read_lease("b"))["state"] == "Waiting"
    await world.delete_lease("a")
    assert await world.ready("b") == [x]


async def test_a_name_that_comes_back_while_its_resource_is_on_its_way_out_is_made_anew(world: World) -> None:
    pool = await world.pool("p", names=["x", "y"])
    await world.stocked(pool, 2)
    x, y = world.named("x"), world.named("y")
    await world.lease("a", pool, names=[y])
    await world.ready("a")
    old = await world.read_resource(y)
    await world.patch_pool(pool, resources={"names": [x]})
    await world.recorder.until("y is on its way out", lambda: "deletionTimestamp" in world.seen_resource(y)["metadata"])
    await world.patch_pool(pool, resources={"names": [x, y]})
    await world.lease("b", pool, names=[y])
    await world.delete_lease("a")
    assert await world.ready("b") == [y]
    new = await world.read_resource(y)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]


async def test_a_name_that_moves_to_another_pool_is_removed_there_and_made_anew_here(world: World) -> None:
    here, there = await world.pool("here", names=["x", "y"]), await world.pool("there", names=["z"])
    await world.stocked(here, 2)
    await world.stocked(there, 1)
    x, y, z = map(world.named, "xyz")
    await world.patch_pool(here, resources={"names": [y]})
    await world.patch_pool(there, resources={"names": [z, x]})
    assert await world.stocked(here, 1) == [y]
    assert await world.stocked(there, 2) == [x, z]
    await world.lease("a", there, names=[x])
    assert await world.ready("a") == [x]


async def test_a_name_that_moves_while_it_is_held_moves_when_it_is_released(world: World) -> None:
    here, there = await world.pool("here", names=["x", "y"]), await world.pool("there", names=["z"])
    await world.stocked(here, 2)
    x, y, z = map(world.named, "xyz")
    await world.lease("a", here, names=[x])
    await world.ready("a")
    await world.patch_pool(there, resources={"names": [z, x]})
    await world.patch_pool(here, resources={"names": [y]})
    await world.recorder.until("x is on its way out", lambda: "deletionTimestamp" in world.seen_resource(x)["metadata"])
    assert world.seen_resource(x)["spec"]["pool"] == here
    await world.delete_lease("a")
    assert await world.stocked(there, 2) == [x, z]


async def test_a_name_that_two_pools_claim_belongs_to_the_older_and_the_other_says_so(world: World) -> None:
    older = await world.pool("older", names=["x", "y"])
    await world.stocked(older, 2)
    # Which of two pools of one second is the older is decided by their uids: then the second may be.
    younger = await world.pool("younger", names=["x", "z"])
    born = {p: ((m := (await world.read_pool(p))["metadata"])["creationTimestamp"], m["uid"]) for p in (older, younger)}
    first, second = sorted(born, key=lambda pool: born[pool])
    x = world.named("x")
    message = await world.says("Pool", second, "Ready", "DuplicateName")
    assert x in message
    assert first in message
    await world.recorder.until("x is the first's", lambda: world.seen_resource(x).get("spec", {}).get("pool") == first)
    await world.stocked(first, 2)
    assert len(await world.stocked(second, 1)) == 1  # what it has for itself is lent
    await world.says("Pool", first, "Ready", "Ready")
    await world.patch_pool(first, resources={"names": [world.named("y" if first == older else "z")]})
    await world.says("Pool", second, "Ready", "Ready")
    await world.recorder.until("x moved", lambda: world.seen_resource(x).get("spec", {}).get("pool") == second)
    await world.stocked(second, 2)


async def test_a_pool_that_is_deleted_goes_with_its_resources(world: World) -> None:
    pool = await world.pool("p", count=2)
    names = await world.stocked(pool, 2)
    await world.delete_pool(pool)
    await world.gone("Pool", pool)
    for name in names:
        await world.gone("Resource", name)


async def test_a_pool_that_is_deleted_waits_for_its_holder_and_names_it_and_the_command_that_ends_the_wait(
    world: World,
) -> None:
    pool = await world.pool("p", count=2)
    await world.stocked(pool, 2)
    await world.lease("a", pool)
    (held,) = await world.ready("a")
    await world.delete_pool(pool)
    message = await world.says("Pool", pool, "Ready", "Deleting")
    assert held in message
    assert f"lease {world.name}/a" in message
    command = f"kubectl delete rl -n {world.name} a"
    assert command in message
    await world.recorder.until("the idle one is gone", lambda: set(world.resources_of(pool)) == {held})
    assert condition_of(await world.read_lease("a"), "Ready") == "True"
    assert why(world.seen_pool(pool), "Drained")[:2] == ("False", "InUse")
    world.plane.kubectl(*command.split()[1:])
    await world.gone("Resource", held)
    await world.gone("Pool", pool)


async def test_a_pool_on_hold_lends_nothing_and_says_so_and_lends_again_when_it_is_active(world: World) -> None:
    pool = await world.pool("p", count=2)
    await world.stocked(pool, 2)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_pool(pool, mode="Hold")
    await world.says("Pool", pool, "Ready", "Paused")
    await world.lease("b", pool)
    await world.waits("b", "PoolPaused")
    assert condition_of(await world.read_lease("a"), "Ready") == "True"
    await world.says("Pool", pool, "Drained", "InUse")
    await world.delete_lease("a")
    await world.says("Pool", pool, "Drained", "Idle")
    await world.patch_pool(pool, mode="Active")
    await world.ready("b")
    await world.says("Pool", pool, "Ready", "Ready")


async def test_what_a_pool_says_of_its_resources_reaches_them_also_while_they_are_held(world: World) -> None:
    x = world.named("x")
    pool = await world.pool("p", resources={"items": [{"name": x, "attributes": {"region": "a", "tier": "1"}}]})
    await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    items = [{"name": x, "attributes": {"region": "b"}, "labels": {"cloud": "aws"}}]
    await world.patch_pool(pool, resources={"items": items})
    await world.recorder.until(
        "the new attributes", lambda: world.seen_resource(x)["spec"].get("attributes") == {"region": "b"}
    )
    resource = await world.read_resource(x)
    assert resource["metadata"]["labels"] == {"cloud": "aws"}
    assert resource["status"]["holder"]["name"] == "a"


async def test_a_pools_initial_state_is_that_of_its_new_resources(world: World) -> None:
    pool = await world.pool(
        "p",
        resources={"items": [{"name": world.named("x")}, {"name": world.named("y"), "initialState": "free"}]},
        template={"initialState": "new"},
    )
    await world.is_in_state(world.named("x"), "new")
    await world.is_in_state(world.named("y"), "free")
    await world.lease("a", pool)
    assert await world.ready("a") == [world.named("y")]


async def test_a_pool_of_which_all_is_cordoned_says_why_a_lease_waits(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.patch_resource(name, {"spec": {"cordoned": {"reason": "the disk is broken", "by": "me"}}})
    await world.lease("a", pool)
    await world.waits("a", "AllCordoned")
    await world.patch_resource(name, {"spec": {"cordoned": None}})
    assert await world.ready("a") == [name]
    await world.patch_resource(name, {"spec": {"cordoned": {"reason": "later"}}})
    assert condition_of(await world.read_lease("a"), "Ready") == "True"


async def test_a_pool_counts_what_it_has_and_who_waits(world: World) -> None:
    pool = await world.pool("p", count=2, lease={"releaseStates": ["free", "broken"]})
    await world.stocked(pool, 2)
    await world.lease("a", pool)
    await world.lease("b", pool)
    await world.ready("a", "b")
    await world.lease("c", pool)

    def counted() -> bool:
        status = status_of(world.seen_pool(pool))
        return (status.get("counts"), status.get("waiting")) == ({"free": 0, "leased": 2, "dirty": 0}, 1)

    await world.recorder.until("the counts", counted, 25)  # at most one write in 10 s for counts alone
    assert why(world.seen_pool(pool), "Exhausted")[:2] == ("True", "NothingFree")
    writes = [event for event in (await world.recorder.history()).of("Pool", pool) if event.body.get("status")]
    assert len(writes) <= 5


async def test_a_pool_may_spell_out_its_names_later_and_keeps_the_resources_that_it_has(world: World) -> None:
    pool = await world.pool("p", count=2)
    names = await world.stocked(pool, 2)
    before = {name: world.seen_resource(name)["metadata"]["uid"] for name in names}
    await world.patch_pool(pool, resources={"count": None, "names": [*names, world.named("extra")]})
    await world.stocked(pool, 3)
    assert {name: world.seen_resource(name)["metadata"]["uid"] for name in names} == before
