"""Which namespaces may ask of a pool: by their names, and by labels of real namespaces."""

from __future__ import annotations

import pytest

from lessor.kube import paths
from tests.cluster.history import status_of
from tests.cluster.world import World

pytestmark = pytest.mark.usefixtures("operator")


async def label(world: World, **labels: str | None) -> None:
    await world.client.merge_patch(paths.one(paths.NAMESPACES, world.name), {"metadata": {"labels": labels}})


async def test_a_namespace_that_is_named_may_ask(world: World) -> None:
    pool = await world.pool("p", count=1, access={"namespaces": ["kube-system", world.name]})
    await world.lease("a", pool)
    await world.ready("a")


async def test_a_lease_is_granted_when_its_namespace_gets_the_label_in_time(world: World) -> None:
    pool = await world.pool("p", count=1, access={"namespaceSelector": {"matchLabels": {"team": "red"}}})
    await world.lease("a", pool)
    await world.says("Lease", "a", "Accepted", "NotPermitted")
    assert status_of(world.seen_lease("a"))["state"] == "Waiting"
    await label(world, team="blue")
    await label(world, team="red")
    await world.ready("a")


async def test_who_may_not_ask_is_refused_after_ten_seconds_and_told_what_is_missing(world: World) -> None:
    """One test, because all of them have to wait for the same ten seconds."""
    by_name = await world.pool("name", count=1, access={"namespaces": ["kube-system"]})
    by_label = await world.pool("label", count=1, access={"namespaceSelector": {"matchLabels": {"team": "red"}}})
    await world.lease("by-name", by_name)
    await world.lease("by-label", by_label)
    message = await world.refused("by-name", "NotPermitted")
    assert by_name in message
    assert world.name in message
    message = await world.refused("by-label", "NotPermitted")
    assert by_label in message
    assert "team" in message
    assert "red" in message
    assert all("holder" not in status_of(r) for pool in (by_name, by_label) for r in world.resources_of(pool).values())


async def test_who_was_let_in_keeps_what_it_has_and_who_waits_is_told_when_the_label_goes(world: World) -> None:
    await label(world, team="red")
    pool = await world.pool("p", count=1, access={"namespaceSelector": {"matchLabels": {"team": "red"}}})
    await world.lease("a", pool)
    await world.ready("a")
    await world.lease("b", pool)
    await world.waits("b", "WaitingForCapacity")
    await label(world, team=None)
    await world.waits("b", "NotPermitted")
    assert status_of(await world.read_lease("a"))["state"] == "Bound"
    await world.delete_lease("a")
    await world.is_in_state(f"{pool}-0", "free")
    await label(world, team="red")
    await world.ready("b")
