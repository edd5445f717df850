"""Resources that people create, edit, delete and tear away by hand, in every state: nobody loses what was lent."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from lessor.kube import paths
from lessor.kube.errors import Conflict, Invalid, NotFound
from tests.cluster.history import condition_of, entries_of, holder_of, status_of, version_of, why
from tests.cluster.world import World

FINALIZER = "lessor.dev/protection"

pytestmark = pytest.mark.usefixtures("operator")


async def delete_resource(world: World, name: str) -> None:
    await world.client.delete(paths.one(paths.RESOURCES, name))


async def tear_away(world: World, name: str) -> str:
    """Deletes a Resource for real, though its finalizer would keep it; returns its uid."""
    world.by_force = (*world.by_force, name)
    uid: str = (await world.read_resource(name))["metadata"]["uid"]
    await delete_resource(world, name)
    with suppress(NotFound, Conflict):  # an idle one the operator lets go itself, and makes anew
        await world.patch_resource(name, {"metadata": {"uid": uid, "finalizers": None}})
    return uid


async def made_anew(world: World, name: str, uid: str) -> None:
    """Waits until another Resource of that name has a state."""

    def there() -> bool:
        body = world.seen_resource(name)
        return bool(body) and body["metadata"]["uid"] != uid and "state" in status_of(body)

    await world.recorder.until(f"{name} is there again", there)


async def create_resource(world: World, name: str, pool: str) -> None:
    body = {"apiVersion": "lessor.dev/v1alpha1", "kind": "Resource", "metadata": {"name": name}, "spec": {"pool": pool}}
    made = await world.client.create(paths.collection(paths.RESOURCES), body)
    await world.recorder.reached("Resource", version_of(made))


# -- created


async def test_a_resource_for_a_pool_that_is_not_there_says_so_and_is_lent_when_the_pool_comes(world: World) -> None:
    name, pool = world.named("x"), world.named("p")
    await create_resource(world, name, pool)
    message = await world.says("Resource", name, "Ready", "PoolNotFound")
    assert message == f"there is no pool {pool}: nobody lends it; create the pool, or delete this resource"
    assert "state" not in status_of(world.seen_resource(name))
    await world.lease("a", pool)
    await world.says("Lease", "a", "Accepted", "PoolNotFound")
    await world.pool("p", names=["x"])
    assert await world.ready("a") == [name]
    resource = await world.read_resource(name)
    assert resource["metadata"]["finalizers"] == [FINALIZER]
    await world.recorder.until("it complains no more", lambda: condition_of(world.seen_resource(name), "Ready") is None)


async def test_a_resource_that_no_pool_ever_wants_is_deleted_like_any_object(world: World) -> None:
    name = world.named("x")
    await create_resource(world, name, world.named("nowhere"))
    await world.says("Resource", name, "Ready", "PoolNotFound")
    await delete_resource(world, name)
    await world.gone("Resource", name)


async def test_a_resource_that_its_pool_does_not_name_is_removed(world: World) -> None:
    pool = await world.pool("p", count=1)
    await world.stocked(pool, 1)
    await create_resource(world, world.named("extra"), pool)
    await world.gone("Resource", world.named("extra"))
    assert await world.stocked(pool, 1) == [f"{pool}-0"]


# -- deleted


async def test_an_idle_resource_that_is_deleted_is_made_anew(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    uid = world.seen_resource(name)["metadata"]["uid"]
    await delete_resource(world, name)
    await made_anew(world, name, uid)
    await world.lease("a", pool)
    assert await world.ready("a") == [name]


async def test_a_leased_resource_that_is_deleted_stays_with_its_holder_and_is_made_anew_afterwards(
    world: World,
) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    uid = world.seen_resource(name)["metadata"]["uid"]
    await delete_resource(world, name)
    await world.recorder.until("it is to go", lambda: "deletionTimestamp" in world.seen_resource(name)["metadata"])
    assert condition_of(await world.read_lease("a"), "Ready") == "True"
    assert (await world.read_resource(name))["status"]["holder"]["name"] == "a"
    await world.delete_lease("a")
    await made_anew(world, name, uid)
    assert await world.ready("b") == [name]


async def test_a_dirty_resource_of_a_pool_without_a_janitor_that_is_deleted_is_made_anew(world: World) -> None:
    pool = await world.pool("p", count=1, lease={"releaseStates": ["dirty"]})
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.delete_lease("a")
    await world.is_in_state(name, "dirty")
    uid = world.seen_resource(name)["metadata"]["uid"]
    await delete_resource(world, name)
    await made_anew(world, name, uid)
    await world.is_in_state(name, "free")


async def test_a_leased_resource_that_is_torn_away_comes_back_to_the_same_lease(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool, priority=9)
    await world.waits("b", "WaitingForCapacity")
    lease = await world.read_lease("a")
    uid = await tear_away(world, name)
    await made_anew(world, name, uid)
    resource = await world.read_resource(name)
    assert resource["status"]["holder"]["uid"] == lease["metadata"]["uid"]
    assert resource["status"]["state"] == "leased"
    assert resource["status"]["epoch"] > entries_of(lease)[0]["epoch"]
    assert condition_of(await world.read_lease("a"), "Ready") == "True"
    assert resource["metadata"]["finalizers"] == [FINALIZER]
    await world.delete_lease("a")
    assert await world.ready("b") == [name]


async def test_all_of_a_lease_that_is_torn_away_at_once_comes_back_to_it(world: World) -> None:
    pool = await world.pool("p", count=4)
    names = await world.stocked(pool, 4)
    await world.lease("a", pool, count=4)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    uids = {name: await tear_away(world, name) for name in names}
    for name, uid in uids.items():
        await made_anew(world, name, uid)
    holders = {holder_of(await world.read_resource(name))["name"] for name in names}  # type: ignore[index]
    assert holders == {"a"}


async def test_an_idle_resource_that_is_torn_away_is_made_anew_and_lent(world: World) -> None:
    pool = await world.pool("p", count=2)
    names = await world.stocked(pool, 2)
    await world.lease("a", pool)
    (held,) = await world.ready("a")
    (idle,) = set(names) - {held}
    uid = await tear_away(world, idle)
    await world.lease("b", pool)
    assert await world.ready("b") == [idle]
    assert (await world.read_resource(idle))["metadata"]["uid"] != uid


async def test_resources_torn_away_again_and_again_under_churn_are_never_lent_twice(world: World) -> None:
    pool = await world.pool("p", count=2)
    names = await world.stocked(pool, 2)
    left = iter(range(24))

    async def client() -> None:
        for number in left:
            await world.lease(f"a{number}", pool)
            await world.ready(f"a{number}")
            await world.delete_lease(f"a{number}")

    clients = [asyncio.create_task(client()) for _ in range(4)]
    while not all(task.done() for task in clients):
        for name in names:
            await made_anew(world, name, await tear_away(world, name))
    await asyncio.gather(*clients)
    await world.stocked(pool, 2)


# -- edited


async def test_what_the_pool_says_of_a_resource_is_put_back_when_it_is_edited(world: World) -> None:
    pool = await world.pool("p", count=1, template={"attributes": {"region": "a"}, "labels": {"cloud": "aws"}})
    (name,) = await world.stocked(pool, 1)
    await world.patch_resource(
        name,
        {
            "spec": {"attributes": {"region": "b", "extra": "c"}},
            "metadata": {"finalizers": None, "labels": {"cloud": "gcp"}},
        },
    )

    def restored() -> bool:
        body = world.seen_resource(name)
        meta = body["metadata"]
        mended = meta.get("finalizers") == [FINALIZER] and meta.get("labels", {}).get("cloud") == "aws"
        return mended and bool(body["spec"].get("attributes") == {"region": "a"})

    await world.recorder.until("what was edited is put back", restored)
    await world.lease("a", pool)
    assert await world.ready("a") == [name]


async def test_a_leased_resource_that_is_edited_stays_with_its_holder(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.patch_resource(name, {"metadata": {"finalizers": None}, "spec": {"attributes": {"x": "y"}}})
    await world.recorder.until(
        "the finalizer is back", lambda: world.seen_resource(name)["metadata"].get("finalizers") == [FINALIZER]
    )
    assert (await world.read_resource(name))["status"]["holder"]["name"] == "a"
    await world.delete_lease("a")
    await world.is_in_state(name, "free")


async def test_an_idle_resource_that_somebody_sets_to_another_state_is_not_lent_until_it_is_free_again(
    world: World,
) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.patch_resource(name, {"status": {"state": "under-repair"}}, "status")
    await world.lease("a", pool)
    await world.waits("a", "WaitingForCapacity")
    await world.patch_resource(name, {"status": {"state": "free"}}, "status")
    assert await world.ready("a") == [name]


async def test_the_status_of_a_resource_cannot_be_stripped_nor_its_holder_without_a_new_epoch(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    for patch, sentence in (
        (None, "the status of a Resource can't be removed"),
        ({"holder": None}, "the holder changes only together with a greater epoch"),
        ({"epoch": None, "holder": None}, "epoch may not fall or vanish"),
    ):
        with pytest.raises(Invalid, match=sentence):
            await world.patch_resource(name, {"status": patch}, "status")
    with pytest.raises(Invalid, match="can't change its pool"):
        await world.patch_resource(name, {"spec": {"pool": world.named("other")}})
    assert (await world.read_resource(name))["status"]["holder"]["name"] == "a"


async def test_a_resource_that_is_freed_by_hand_while_a_lease_lists_it_goes_to_nobody_else(world: World) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    world.by_force = (name,)
    epoch = (await world.read_resource(name))["status"]["epoch"]
    freed = await world.patch_resource(
        name, {"status": {"state": "free", "holder": None, "epoch": epoch + 1}}, "status"
    )
    # A grant of something else in the same pool proves that the operator has seen it and decided since.
    await world.patch_pool(pool, resources={"count": 2})
    assert await world.ready("b") == [f"{pool}-1"]
    await world.lease("c", pool)
    await world.waits("c", "WaitingForCapacity")
    assert holder_of(await world.read_resource(name)) is None, freed
    await world.delete_lease("a")
    assert await world.ready("c") == [name]


async def test_the_status_of_a_lease_that_somebody_edits_frees_nothing_that_is_not_its_own(world: World) -> None:
    pool = await world.pool("p", count=2)
    await world.stocked(pool, 2)
    await world.lease("a", pool)
    await world.lease("b", pool)
    await world.ready("a", "b")
    entries = entries_of(await world.read_lease("a")) + entries_of(await world.read_lease("b"))
    with pytest.raises(Invalid, match="only shrinks"):
        await world.patch_lease("a", {"status": {"resources": entries}}, "status")
    with pytest.raises(Invalid, match="can't be removed"):
        await world.patch_lease("a", {"status": None}, "status")
    assert why(await world.read_lease("a"), "Ready")[0] == "True"
