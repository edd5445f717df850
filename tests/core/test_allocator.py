"""Who gets what: all of a Lease's requests or none, matched exactly, the longest idle first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessor.core import actions as a
from lessor.core.allocator import assign
from lessor.core.match import match
from lessor.core.model import Request
from tests.core.build import Facts, bound, held, lease, minutes, pool, request, resource, words
from tests.core.world import World

BUSY = "busy"


# -- all or nothing


def test_the_longest_idle_is_given_first() -> None:
    world = World(
        pool(names=3),
        resource("aws-1", idle=minutes(1)),
        resource("aws-2", idle=minutes(3)),
        resource("aws-3", idle=minutes(2)),
    )
    for uid, name in (("u1", "aws-2"), ("u2", "aws-3"), ("u3", "aws-1")):
        world.create(lease(uid))
        world.run()
        assert world.has(uid) == [name]


def test_of_those_equally_long_idle_the_first_by_name_is_given() -> None:
    world = World(pool(names=2), resource("aws-2"), resource("aws-1"), lease("u1"))
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_a_lease_of_several_gets_the_longest_idle_ones() -> None:
    world = World(
        pool(names=3), *(resource(f"aws-{n}", idle=minutes(n)) for n in (1, 2, 3)), lease("u1", asks={"aws": 2})
    )
    world.run()
    assert world.has("u1") == ["aws-2", "aws-3"]


def test_a_lease_of_several_gets_none_while_one_is_missing() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state=BUSY), lease("u1", asks={"aws": 2}))
    world.run()
    assert world.holder_of("aws-1") is None
    assert world.reason("u1") == "WaitingForCapacity"


def test_a_lease_over_two_pools_gets_none_while_one_pool_is_short() -> None:
    world = World(pool("aws"), pool("gcp"), resource("aws-1"), resource("gcp-1", state=BUSY))
    world.create(lease("u1", asks={"aws": 1, "gcp": 1}))
    world.run()
    assert world.holder_of("aws-1") is None
    assert world.reason("u1") == "WaitingForOtherPool"


def test_several_requests_of_one_pool_are_counted_together() -> None:
    requests = (request("aws", 2, name="workers"), request("aws", 1, name="master"))
    world = World(pool(names=3), *(resource(f"aws-{n}") for n in (1, 2)), resource("aws-3", state=BUSY))
    world.create(lease("u1", requests=requests))
    world.run()
    assert world.has("u1") == []
    world.change(world.resource("aws-3"), state="free")
    world.run()
    of = [(entry.request, entry.name) for entry in world.lease("u1").resources]
    assert sorted(r for r, _ in of) == ["master", "workers", "workers"]
    assert sorted(n for _, n in of) == ["aws-1", "aws-2", "aws-3"]


def test_requests_of_one_pool_in_two_states_take_from_each() -> None:
    requests = (request("aws", name="one"), request("aws", name="used", from_state="dirty", as_state="cleaning"))
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state="dirty"), lease("u1", requests=requests))
    world.run()
    assert [(e.request, e.name) for e in world.lease("u1").resources] == [("one", "aws-1"), ("used", "aws-2")]
    assert [world.resource(f"aws-{n}").state for n in (1, 2)] == ["leased", "cleaning"]


def test_a_request_takes_from_the_state_it_asks_for_alone() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2", state="dirty"))
    world.create(lease("u1", requests=(request("aws", from_state="dirty", as_state="cleaning"),)), lease("u2"))
    world.run()
    assert world.has("u1") == ["aws-2"]
    assert world.has("u2") == ["aws-1"]
    assert world.resource("aws-2").holder.from_state == "dirty"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "facts",
    [
        {"cordoned": True},
        {"deleting": True},
        {"protected": False},
        {"state": BUSY},
        {"state": None},
        {"hold_until": 2_000_000_000.0},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_a_resource_that_may_not_be_lent_is_not(facts: Facts) -> None:
    world = World(pool(), resource("aws-1", **facts), lease("u1"))
    assert "Claim aws-1 for u1" not in map(words, world.decide())


def test_a_resource_is_lent_once_its_hold_is_over() -> None:
    world = World(pool(), lease("u1"))
    world.create(resource("aws-1", hold_until=world.wall + 30))
    world.run()
    assert world.has("u1") == []
    assert world.wake_at is not None
    world.later(30)
    world.run()
    assert world.has("u1") == ["aws-1"]


@pytest.mark.parametrize("facts", [{"hold": True}, {"deleting": True}, {"unsupported": ("spec.needs",)}])
def test_a_pool_that_lends_nothing_lends_nothing(facts: Facts) -> None:
    world = World(pool(**facts), resource("aws-1"), lease("u1"))
    assert "Claim aws-1 for u1" not in map(words, world.decide())


def test_a_lease_that_is_being_deleted_is_given_nothing() -> None:
    world = World(pool(), resource("aws-1"), lease("u1", deleting=True))
    world.run()
    assert world.lease("u1").state == "Released"
    assert not [x for x in world.done if isinstance(x, a.Claim)]


def test_a_single_release_before_the_bind_means_nothing_yet() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2"))
    world.create(lease("u1", asks={"aws": 2}, release={"aws-1": None}))
    world.run()
    assert world.has("u1") == ["aws-2"]
    assert world.resource("aws-1").holder is None


def test_a_wish_that_the_pool_does_not_allow_is_not_granted() -> None:
    world = World(pool(), resource("aws-1"), lease("u1", release_state="dirty"))
    world.run()
    assert world.has("u1") == []
    assert world.reason("u1", "Accepted") == "ReleaseStateNotAllowed"


# -- the holder that is written


def test_the_holder_carries_what_the_end_will_need() -> None:
    world = World(
        pool(release_states=("dirty", "free"), renew_within=60.0),
        resource("aws-1", epoch=6),
        lease("u1", attempt=3, identity="job 7"),
    )
    world.run()
    now = world.resource("aws-1")
    assert now.epoch == 7
    assert now.state == "leased"
    got = now.holder
    assert got is not None
    assert (got.namespace, got.name, got.uid, got.identity, got.attempt) == ("ci", "u1", "u1", "job 7", 3)
    assert (got.from_state, got.release_state, got.term) == ("free", "dirty", 60.0)


def test_the_wish_of_the_lease_goes_before_the_pools_default() -> None:
    world = World(pool(release_states=("free", "dirty")), resource("aws-1"), lease("u1", release_state="dirty"))
    world.run()
    got = world.resource("aws-1").holder
    assert got is not None
    assert got.release_state == "dirty"


def test_the_bind_lists_the_requests_in_their_order_with_epoch_and_attributes() -> None:
    requests = (request("gcp", name="second-pool"), request("aws", 2, name="first-pool"))
    world = World(
        pool("aws", names=2, max_duration=minutes(90)),
        pool("gcp", release_states=("dirty",), on_loss="dirty", renew_within=60.0),
        resource("aws-1", attributes={"region": "x"}, epoch=4),
        resource("aws-2"),
        resource("gcp-1"),
        lease("u1", requests=requests, priority=3),
    )
    world.run()
    entries = world.lease("u1").resources
    assert [(e.name, e.request, e.pool, e.epoch, e.attributes) for e in entries] == [
        ("gcp-1", "second-pool", "gcp", 1, {}),
        ("aws-1", "first-pool", "aws", 5, {"region": "x"}),
        ("aws-2", "first-pool", "aws", 1, {}),
    ]
    terms = world.lease("u1").terms
    assert terms is not None
    assert (terms.renew_within, terms.max_duration, terms.priority) == (60.0, minutes(90), 3)
    assert (terms.release_state, terms.on_loss) == (None, None)  # the pools differ: each Resource keeps its own


# -- hand-over


def test_what_comes_free_with_somebody_in_line_is_handed_over_in_one_write() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of, lease("u2"))
    world.run()
    world.delete(world.lease("u1"))
    assert world.run() == ["LookAtLease u1", "HandOver aws-1 to u2", "Bind u2"]
    assert world.resource("aws-1").epoch == 2
    assert [h.ended for h in world.resource("aws-1").last_holders] == ["Deleted"]


def test_what_is_idle_is_given_before_what_just_came_free() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(names=2), held("aws-1", of), resource("aws-2", idle=0.0), of)
    world.run()
    world.delete(world.lease("u1"))
    world.answer(*world.decide())
    world.create(lease("u2"))
    world.run()
    assert world.has("u2") == ["aws-2"]


@pytest.mark.parametrize("facts", [{"cordoned": True}, {"deleting": True}])
def test_what_may_not_be_lent_is_freed_and_not_handed_over(facts: Facts) -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of, **facts), of, lease("u2"))
    world.run()
    world.delete(world.lease("u1"))
    done = world.run()
    assert "Free aws-1 as free: Deleted" in done
    assert "HandOver" not in " ".join(done)


def test_what_comes_free_dirty_is_not_handed_to_one_who_wants_it_free() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(on_loss="dirty"), held("aws-1", of, release_state="dirty"), of, lease("u2"))
    world.run()
    world.delete(world.lease("u1"))
    assert "Free aws-1 as dirty: Deleted" in world.run()
    assert world.reason("u2") == "WaitingForCapacity"


def test_what_comes_free_dirty_is_handed_to_one_who_takes_it_dirty() -> None:
    of = bound("u1", "aws-1")
    cleaner = lease("u2", requests=(request("aws", from_state="dirty", as_state="cleaning"),))
    world = World(pool(release_states=("dirty", "free")), held("aws-1", of, release_state="dirty"), of, cleaner)
    world.run()
    world.delete(world.lease("u1"))
    assert "HandOver aws-1 to u2" in world.run()
    assert world.resource("aws-1").state == "cleaning"


def test_a_paused_pool_hands_nothing_over() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(hold=True), held("aws-1", of), of, lease("u2"))
    world.run()
    world.delete(world.lease("u1"))
    assert "Free aws-1 as free: Deleted" in world.run()


def test_a_hand_over_and_a_claim_may_meet_one_lease_together() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(names=2), held("aws-1", of), resource("aws-2"), of, lease("u2", asks={"aws": 2}))
    world.run()
    world.delete(world.lease("u1"))
    done = world.run()
    assert {"HandOver aws-1 to u2", "Claim aws-2 for u2"} < set(done)
    assert world.has("u2") == ["aws-1", "aws-2"]


# -- matching is exact


def brute_force(requests: list[Request], names: Iterable[str]) -> bool:
    """Whether the requests can be met at all: every choice, tried."""
    slots = [r for r in requests for _ in range(r.count)]
    return any(
        all(not slot.names or name in slot.names for slot, name in zip(slots, choice, strict=True))
        for choice in itertools.permutations(names, len(slots))
    )


NAMES = ("a", "b", "c", "d")
SUBSETS = [frozenset(c) for n in range(1, 4) for c in itertools.combinations(NAMES, n)]
WISHES = [frozenset[str](), *SUBSETS]


def test_two_requests_are_met_exactly_when_some_choice_meets_them() -> None:
    for first, second in itertools.product(WISHES, WISHES):
        requests = [Request("one", "p", 1, first), Request("two", "p", 2, second)]
        for shelf in (NAMES, NAMES[:3], NAMES[1:], NAMES[:2]):
            got, whole = match(requests, [], shelf)
            assert whole == brute_force(requests, shelf), (requests, shelf)
            check(requests, got, shelf, whole=whole)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 2), st.sampled_from(WISHES)), min_size=1, max_size=4),
    st.lists(st.sampled_from("abcdef"), unique=True, max_size=6),
    st.data(),
)
def test_any_requests_are_met_exactly_when_some_choice_meets_them(
    asked: list[tuple[int, frozenset[str]]], shelf: list[str], data: st.DataObject
) -> None:
    requests = [Request(f"r{i}", "p", count, names) for i, (count, names) in enumerate(asked)]
    mine = data.draw(st.sets(st.sampled_from(shelf)) if shelf else st.just(set()))
    have = [name for name in shelf if name in mine]
    rest = [name for name in shelf if name not in mine]
    got, whole = match(requests, have, rest)
    assert whole == brute_force(requests, shelf)
    check(requests, got, shelf, whole=whole)
    only_held, _ = match(requests, have, [])
    assert set(only_held) <= set(got)  # what is held and of use stays used
    assert len([name for name in got if name in mine]) == len(only_held)


def check(requests: list[Request], got: dict[str, Request], shelf: Iterable[str], *, whole: bool) -> None:
    assert set(got) <= set(shelf)
    for r in requests:
        mine = [name for name, of in got.items() if of is r]
        assert len(mine) <= r.count
        assert len(mine) == r.count or not whole
        assert not r.names or set(mine) <= r.names


def test_without_names_the_first_of_the_shelf_are_taken() -> None:
    got, whole = match([Request("r", "p", 3)], [], [f"n{i}" for i in range(50)])
    assert whole
    assert list(got) == ["n0", "n1", "n2"]


def test_a_request_without_names_leaves_the_named_ones_to_who_needs_them() -> None:
    world = World(pool(names=2), resource("aws-1", idle=minutes(9)), resource("aws-2"))
    world.create(lease("u1", requests=(request("aws", name="any"), request("aws", ["aws-1"], name="that"))))
    world.run()
    assert sorted((e.request, e.name) for e in world.lease("u1").resources) == [("any", "aws-2"), ("that", "aws-1")]


def test_of_several_names_as_many_as_asked_for_are_given_the_longest_idle_first() -> None:
    world = World(pool(names=4), *(resource(f"aws-{n}", idle=minutes(n)) for n in (1, 2, 3, 4)))
    world.create(lease("u1", requests=(request("aws", ["aws-1", "aws-2", "aws-3"], count=2),)))
    world.run()
    assert world.has("u1") == ["aws-2", "aws-3"]


def test_256_resources_of_one_lease_are_matched() -> None:
    names = [f"n{i:03}" for i in range(256)]
    wanted = [Request(f"r{i}", "p", 16, frozenset(names[i * 16 : i * 16 + 17])) for i in range(16)]
    got, whole = match(wanted, [], reversed(names))
    assert whole
    assert len(got) == 256


# -- which claim is for which request


def test_claims_fit_only_if_they_are_of_the_pool_and_the_state_asked_for() -> None:
    of = lease("u1", requests=(request("aws", name="clean"), request("aws", name="used", from_state="dirty")))
    right = [held("aws-1", of), held("aws-2", of, from_state="dirty")]
    got = assign(of, right)
    assert got is not None
    assert {name: r.name for name, r in got.items()} == {"aws-1": "clean", "aws-2": "used"}
    assert assign(of, [held("aws-1", of), held("aws-2", of)]) is None
    assert assign(of, [held("aws-1", of), held("gcp-2", of, from_state="dirty")]) is None
