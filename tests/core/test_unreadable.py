"""An object that can't be read is decided about no more, and harms no other."""

from __future__ import annotations

from dataclasses import replace

from lessor.core import actions as a
from tests.core.build import bound, held, lease, minutes, pool, resource
from tests.core.world import World


def test_an_unreadable_resource_is_lent_no_more_and_harms_no_other() -> None:
    world = World(pool(names=2), resource("aws-1", idle=minutes(9)), resource("aws-2"))
    world.spoil(world.resource("aws-1"))
    world.create(lease("u1"), lease("u2"))
    world.run()
    assert world.has("u1") == ["aws-2"]
    assert world.holder_of("aws-1") is None


def test_an_unreadable_object_is_used_again_when_it_is_corrected() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    world.spoil(world.resource("aws-1"))
    world.run()
    assert world.has("u1") == []
    world.change(world.resource("aws-1"))
    world.run()
    assert world.has("u1") == ["aws-1"]
    assert world.ledger.unreadable == {}


def test_an_older_version_does_not_make_an_unreadable_object_readable() -> None:
    world = World(pool(), resource("aws-1"))
    world.version += 1
    between = world.version
    world.spoil(world.resource("aws-1"))
    world.ledger.observe(replace(world.resource("aws-1"), version=between))
    assert a.resource_key("aws-1") in world.ledger.unreadable


def test_an_unreadable_lease_waits_for_nobody_and_keeps_what_it_has() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(names=2), held("aws-1", of), resource("aws-2"), of, lease("u2", waited=minutes(99)))
    world.spoil(world.lease("u1"))
    world.spoil(world.lease("u2"))
    world.create(lease("u3"))
    world.run()
    assert world.holder_of("aws-1") == "u1"
    assert world.has("u3") == ["aws-2"]


def test_a_lease_that_could_never_be_read_keeps_what_it_has_and_is_looked_at_once() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of, listed=False)
    world.spoil(world.lease("u1"), seen=False)
    world.list_all()
    assert "LookAtLease u1" not in world.run()
    assert world.holder_of("aws-1") == "u1"


def test_a_lease_that_was_unreadable_until_it_was_deleted_gives_its_resource_back() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of, listed=False)
    world.spoil(world.lease("u1"), seen=False)
    world.list_all()
    world.run()
    world.remove(of, seen=False)
    world.ledger.observe_gone(a.lease_key("u1"), world.version)
    world.run()
    assert world.holder_of("aws-1") is None


def test_an_unreadable_object_that_a_list_lacks_is_forgotten() -> None:
    world = World(pool(), resource("aws-1"))
    world.spoil(resource("aws-9"))
    world.spoilt.clear()
    world.relist(a.RESOURCE)
    assert world.ledger.unreadable == {}


def test_an_unreadable_object_that_a_list_shows_is_not_gone() -> None:
    world = World(pool(), resource("aws-1"))
    item = world.spoil(world.resource("aws-1"))
    world.relist(a.RESOURCE)
    assert "aws-1" in world.ledger.resources
    assert world.ledger.unreadable == {a.resource_key("aws-1"): item}


def test_an_unreadable_object_newer_than_a_list_is_not_forgotten() -> None:
    world = World(pool())
    begun, at = world.ledger.tick, world.version
    world.spoil(resource("aws-9"))
    world.ledger.observe_list(a.RESOURCE, [], at, begun)
    assert a.resource_key("aws-9") in world.ledger.unreadable
