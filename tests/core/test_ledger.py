"""What the ledger believes: newer versions only, whole lists, its own writes until they are answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessor.core import actions as a
from lessor.core.decide import decide
from lessor.core.ledger import Ledger
from lessor.core.model import FREE, Lease, LeaseState
from tests.core.build import Thing, bound, held, lease, pool, resource, words
from tests.core.world import World

KINDS = (a.POOL, a.RESOURCE, a.LEASE)


# -- versions


def test_an_older_version_is_ignored() -> None:
    ledger = Ledger()
    new = resource("aws-1", version=7, state="dirty")
    assert ledger.observe(new)
    assert not ledger.observe(resource("aws-1", version=6))
    assert not ledger.observe(resource("aws-1", version=7))
    assert ledger.resources["aws-1"] == new


def test_versions_compare_as_numbers() -> None:
    ledger = Ledger()
    ledger.observe(lease("u1", version=9))
    assert ledger.observe(lease("u1", version=10, attempt=1))
    assert ledger.leases["u1"].attempt == 1


@pytest.mark.parametrize("thing", [pool(version=5), resource("aws-1", version=5), lease("u1", version=5)])
def test_a_late_event_of_a_deleted_object_does_not_bring_it_back(thing: Thing) -> None:
    ledger = Ledger()
    ledger.observe(thing)
    key = a.lease_key(thing.uid) if isinstance(thing, Lease) else (type(thing).__name__, thing.name)
    assert ledger.observe_gone(key, 8)
    for late in (5, 6, 8):
        assert not ledger.observe(replace(thing, version=late))
    assert not (ledger.pools or ledger.resources or ledger.leases)


def test_an_object_made_anew_under_the_same_name_is_believed() -> None:
    ledger = Ledger()
    ledger.observe(resource("aws-1", version=5, state="dirty"))
    ledger.observe_gone(a.resource_key("aws-1"), 8)
    assert ledger.observe(resource("aws-1", version=9, uid="another"))
    assert ledger.resources["aws-1"].uid == "another"


def test_a_late_deletion_does_not_remove_the_object_made_since() -> None:
    ledger = Ledger()
    ledger.observe(resource("aws-1", version=9, uid="another"))
    assert not ledger.observe_gone(a.resource_key("aws-1"), 8)
    assert "aws-1" in ledger.resources


# -- lists


def test_what_a_list_lacks_is_gone() -> None:
    ledger = Ledger()
    ledger.observe(resource("aws-1", version=5))
    ledger.observe_list(a.RESOURCE, [resource("aws-2", version=6)], version=9, begun=ledger.tick)
    assert list(ledger.resources) == ["aws-2"]


def test_what_a_list_lacks_but_was_seen_newer_is_not_gone() -> None:
    ledger = Ledger()
    begun = ledger.tick
    ledger.observe(resource("aws-1", version=12))  # while the list was on its way
    ledger.observe_list(a.RESOURCE, [], version=9, begun=begun)
    assert "aws-1" in ledger.resources


def test_late_events_of_an_object_that_a_list_lacks_are_dropped() -> None:
    ledger = Ledger()
    ledger.observe_list(a.LEASE, [], version=9, begun=0)
    assert not ledger.observe(lease("u1", version=8))
    assert ledger.observe(lease("u2", version=10))


def test_a_list_does_not_take_an_object_back_to_an_older_version() -> None:
    ledger = Ledger()
    begun = ledger.tick
    ledger.observe(lease("u1", version=12, attempt=3))
    ledger.observe_list(a.LEASE, [lease("u1", version=8)], version=9, begun=begun)
    assert ledger.leases["u1"].attempt == 3


@pytest.mark.parametrize("missing", KINDS)
def test_nothing_is_decided_before_every_kind_was_listed(missing: str) -> None:
    world = World(pool(), resource("aws-1"), lease("u1"), listed=False)
    for kind in KINDS:
        if kind != missing:
            world.relist(kind)
    assert not world.ledger.ready
    assert world.decide() == []
    world.relist(missing)
    assert "Claim aws-1 for u1" in map(words, world.decide())


# -- an etcd that was restored


def test_a_list_older_than_what_was_seen_stops_all_decisions_for_good() -> None:
    world = World(pool(), resource("aws-1"))
    world.ledger.observe_list(a.RESOURCE, [resource("aws-1", version=3)], version=4, begun=world.ledger.tick)
    assert world.ledger.restored
    world.create(lease("u1"))
    world.list_all()
    assert not world.ledger.ready
    assert world.decide() == []


def test_a_list_older_than_the_list_before_it_stops_all_decisions() -> None:
    world = World()
    world.ledger.observe_list(a.LEASE, [], version=world.version + 50, begun=world.ledger.tick)
    world.ledger.observe_list(a.LEASE, [], version=world.version + 49, begun=world.ledger.tick)
    assert world.ledger.restored


def test_a_list_older_than_a_deletion_that_was_seen_stops_all_decisions() -> None:
    world = World(lease("u1"))
    world.ledger.observe_gone(a.lease_key("u1"), world.version + 20)
    world.ledger.observe_list(a.LEASE, [], version=world.version + 19, begun=world.ledger.tick)
    assert world.ledger.restored


def test_what_is_written_while_a_list_is_on_its_way_is_no_restored_etcd() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    at, begun, there = world.version, world.ledger.tick, world.things(a.LEASE)
    world.run()  # Bind is answered before the list that was sent first
    world.ledger.observe_list(a.LEASE, there, at, begun)
    assert not world.ledger.restored
    assert world.ledger.leases["u1"].state is LeaseState.BOUND


def test_two_lists_may_be_answered_in_the_other_order() -> None:
    world = World()
    first = second = world.ledger.tick
    world.ledger.observe_list(a.LEASE, [], version=world.version + 9, begun=second)
    world.ledger.observe_list(a.LEASE, [], version=world.version + 8, begun=first)
    assert not world.ledger.restored


# -- a Lease that is gone


def test_the_last_word_of_a_vanished_lease_is_kept_until_its_last_claim_is_freed() -> None:
    of = bound("u1", "aws-1", "aws-2", release={"aws-1": "dirty"})
    world = World(
        pool(names=2, release_states=(FREE, "dirty")),
        held("aws-1", of),
        held("aws-2", of),
        lease("u9", asks={"z": 1}),
        of,
    )
    world.delete(of)
    look = next(x for x in world.decide() if isinstance(x, a.LookAtLease))
    world.answer(look)
    frees = {x.key[1]: x for x in world.decide() if isinstance(x, a.Free)}
    assert set(frees) == {"aws-1", "aws-2"}
    world.answer(frees["aws-2"])
    assert world.ledger.vanished["u1"].lease is not None
    world.answer(frees["aws-1"])
    assert world.resource("aws-1").state == "dirty"
    assert "u1" not in world.ledger.vanished


def test_nothing_is_freed_before_a_read_confirmed_that_its_lease_is_gone() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.delete(of)
    assert [words(x) for x in world.decide() if x.key[0] != a.POOL] == ["LookAtLease u1"]
    assert [words(x) for x in world.decide() if x.key[0] != a.POOL] == []


def test_a_lease_that_the_watch_lost_but_a_read_finds_keeps_its_resource() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of, listed=False)
    world.relist(a.POOL)
    world.relist(a.RESOURCE)
    world.ledger.observe_list(a.LEASE, [], version=1, begun=world.ledger.tick)
    assert "LookAtLease u1" in world.run()
    assert world.holder_of("aws-1") == "u1"
    assert "Free" not in " ".join(world.writes())


def test_a_lease_that_comes_back_in_a_newer_version_is_not_gone() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.ledger.observe_gone(a.lease_key("u1"), world.version, None)
    world.change(of, seen=True)
    world.run()
    assert world.holder_of("aws-1") == "u1"


# -- leadership


def test_a_new_leader_decides_about_all_there_is() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    world.ledger.rest()
    assert decide(world.ledger, world.now).actions == ()
    world.ledger.touch_everything()
    world.run()
    assert world.has("u1") == ["aws-1"]


# -- answers that come late, looks that fail


def test_a_look_that_got_no_answer_is_made_again() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of))
    (look,) = (x for x in world.decide() if isinstance(x, a.LookAtLease))
    world.ledger.settled(look)
    assert "LookAtLease u1" in [words(x) for x in world.decide()]


def test_an_answer_that_nothing_is_there_does_not_remove_what_was_made_since() -> None:
    ledger = Ledger()
    ledger.observe(resource("aws-1", version=9))
    assert not ledger.observe_missing(a.resource_key("aws-1"), known=5)
    assert "aws-1" in ledger.resources
    assert ledger.observe_missing(a.resource_key("aws-1"), known=9)
    assert "aws-1" not in ledger.resources


def test_what_a_list_holds_is_there_though_it_was_believed_to_be_gone() -> None:
    ledger = Ledger()
    thing = resource("aws-1", version=9)
    ledger.observe(thing)
    ledger.observe_missing(a.resource_key("aws-1"), known=9)
    ledger.observe_list(a.RESOURCE, [thing], version=12, begun=ledger.tick)
    assert ledger.resources["aws-1"] == thing


def test_the_last_word_is_kept_while_one_claim_is_seen_and_another_on_its_way() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2"), lease("u1", asks={"aws": 2}))
    first, second = world.decide()
    world.answer(first)
    world.delete(world.lease("u1"))
    world.answer(second)
    world.run()
    assert [world.resource(n).last_holders[0].ended for n in ("aws-1", "aws-2")] == ["NeverBound", "NeverBound"]


# -- counts, whatever way a Resource takes


def test_a_resource_whose_hold_is_over_is_counted_once() -> None:
    world = World(pool(), resource("aws-1", hold_until=World().wall + 5))
    world.run()
    world.later(10)
    world.run()
    assert world.ledger.pool_index("aws").counts == {FREE: 1}


def test_a_resource_that_a_lease_lists_no_more_is_counted_once_and_lent_again() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), resource("aws-1"), of, lease("u2"))  # its holder was taken out by hand
    world.run()
    assert world.ledger.pool_index("aws").counts == {FREE: 1}
    assert world.has("u2") == []
    world.delete(of)
    world.run()
    assert world.has("u2") == ["aws-1"]
    assert world.ledger.pool_index("aws").counts == {"leased": 1}


def test_what_a_lease_gave_back_alone_is_lent_to_the_next() -> None:
    of = bound("u1", "aws-1", "aws-2", release={"aws-1": None})
    world = World(pool(names=2), held("aws-1", of), held("aws-2", of), of)
    world.run()
    world.create(lease("u2"))
    world.run()
    assert world.has("u2") == ["aws-1"]
