"""What ends a Lease with its pod, its object or its namespace, and what of them does not."""

from __future__ import annotations

import pytest

from lessor.core import actions as a
from lessor.core.model import HolderFacts, LeaseState
from tests.core.build import lease, pool, resource
from tests.core.reaping import (
    DAY,
    JOBS,
    LOSSY,
    PODS,
    TERM,
    Reaped,
    alive,
    by_job,
    by_pod,
    expired,
    holding,
    key,
    reads,
    state,
    waiting,
    with_pod,
)

# -- a pod


def test_while_its_pod_runs_no_heartbeat_is_asked_for() -> None:
    world = with_pod()
    world.later(20 * TERM)
    assert state(world) is LeaseState.BOUND


@pytest.mark.parametrize("uid", ["h1", None])
@pytest.mark.parametrize("ended", ["has succeeded", "has failed"])
def test_a_lease_whose_pod_has_ended_ends_at_once(ended: str, uid: str | None) -> None:
    world = with_pod(uid)
    world.holder("p", ended=ended)
    world.run()
    expired(world, "HolderEnded")
    assert alive(world) == ("False", "HolderEnded")
    assert world.message("u1", "HolderAlive") == f"its Pod p {ended}"
    assert world.resource("aws-1").state == "lost"


@pytest.mark.parametrize("uid", ["h1", None])
def test_a_lease_whose_pod_is_gone_ends_at_once(uid: str | None) -> None:
    world = with_pod(uid)
    world.remove_holder("p")
    world.run()
    expired(world, "HolderGone")
    assert world.message("u1", "HolderAlive") == "its Pod p is gone"


@pytest.mark.parametrize("uid", ["h1", None])
def test_a_pod_of_the_same_name_with_another_uid_is_not_the_holder(uid: str | None) -> None:
    world = with_pod(uid)
    world.holder("p", "h2")
    world.run()
    expired(world, "HolderGone")
    assert world.message("u1", "HolderAlive") == "its Pod p is gone: the Pod of that name is another"


def test_a_lease_keeps_what_it_has_while_its_pod_terminates() -> None:
    world = with_pod()
    world.holder("p", terminating=True)
    world.run()
    world.later(DAY)
    assert state(world) is LeaseState.BOUND
    world.remove_holder("p")
    world.run()
    expired(world, "HolderGone")


def test_an_ended_pod_weighs_more_than_a_fresh_renewal() -> None:
    world = with_pod()
    world.renew("u1")
    world.holder("p", ended="has succeeded")
    world.run()
    expired(world, "HolderEnded")


def test_an_absence_in_the_watch_alone_ends_nothing() -> None:
    world = with_pod()
    world.ledger.holders.seen(key("p"), None)
    (look,) = world.decide()
    assert isinstance(look, a.LookAtHolder)
    world.answer(look)
    world.run()
    world.later(2 * TERM)
    assert state(world) is LeaseState.BOUND
    assert alive(world) == ("True", "PodRunning")
    assert reads(world) == ["p"]


def test_a_list_in_which_a_pod_is_missing_is_confirmed_by_a_live_read() -> None:
    world = with_pod()
    world.ledger.holders.listed(PODS, {})
    world.run()
    assert state(world) is LeaseState.BOUND
    world.remove_holder("p", seen=False)
    world.ledger.holders.listed(PODS, {})
    world.run()
    expired(world, "HolderGone")


def test_a_live_read_that_failed_is_made_again() -> None:
    world = with_pod()
    world.remove_holder("p")
    (look,) = world.decide()
    world.ledger.settled(look)
    (again,) = world.decide()
    assert isinstance(again, a.LookAtHolder)
    world.answer(again)
    world.run()
    expired(world, "HolderGone")


def test_one_live_read_serves_all_leases_of_a_pod() -> None:
    world = Reaped(pool(names=2, **LOSSY), resource("aws-1"), resource("aws-2"))
    world.holder("p", seen=False)
    world.create(lease("u1", tracked=by_pod("p", "h1")), lease("u2", tracked=by_pod("p", "h1")))
    world.run()
    world.watch()
    world.holder("p", ended="has failed")
    world.run()
    expired(world, "HolderEnded", "u1")
    expired(world, "HolderEnded", "u2")
    assert reads(world) == ["p"]


def test_what_was_read_before_a_lease_named_the_pod_says_nothing_about_that_lease() -> None:
    world = with_pod()
    world.remove_holder("p")
    (look,) = world.decide()
    world.change(world.pool("aws"), items={**world.pool("aws").items, **pool(names=2).items})
    world.holder("p", "h2", seen=False)
    world.create(lease("u2", tracked=by_pod("p", "h2")))
    world.ledger.holders.looked(key("p"), None, look.tick)  # the answer, of before the second pod
    world.ledger.settled(look)
    world.run()
    expired(world, "HolderGone", "u1")
    assert state(world, "u2") is not LeaseState.EXPIRED


def test_an_old_event_does_not_revive_a_pod_that_has_ended() -> None:
    world = with_pod()
    world.holder("p", ended="has failed")
    world.ledger.holders.seen(key("p"), HolderFacts("h1"))
    world.run()
    expired(world, "HolderEnded")


def test_a_lease_with_a_pod_that_asks_for_heartbeats_ends_without_them_though_the_pod_runs() -> None:
    world = with_pod(renew_within=60.0)
    world.later(59)
    assert state(world) is LeaseState.BOUND
    world.later(1)
    expired(world, "RenewalOverdue")


def test_before_the_first_list_of_its_pods_nothing_is_known_and_nothing_ends() -> None:
    world = Reaped(pool(**LOSSY), resource("aws-1"))
    world.create(lease("u1", tracked=by_pod("p", "h1")))
    world.run()
    assert alive(world) == ("Unknown", "NotSeenYet")
    world.later(3 * TERM)
    assert state(world) is LeaseState.BOUND


# -- the uid that is pinned


def test_without_a_uid_the_pod_that_a_live_read_shows_first_is_pinned_in_the_same_write_as_its_life() -> None:
    world = with_pod(None)
    assert world.lease("u1").holder_uid == "h1"
    assert reads(world) == ["p"]
    assert [w for w in world.writes() if "u1" in w] == ["Claim aws-1 for u1", "Bind u1", "NoteHolder u1"]


def test_a_pod_that_is_known_when_the_lease_is_bound_costs_no_write_more() -> None:
    world = waiting(tracked=by_pod("p"))
    world.holder("p", seen=False)
    world.watch()
    assert world.lease("u1").holder_uid == "h1"
    before = len(world.writes())
    world.delete(world.lease("other"))
    world.run()
    assert [w for w in world.writes()[before:] if "u1" in w] == ["HandOver aws-1 to u1", "Bind u1"]
    assert alive(world) == ("True", "PodRunning")


def test_a_stale_watch_does_not_pin_the_pod_of_before() -> None:
    world = Reaped(pool(**LOSSY), resource("aws-1"))
    world.holder("p", "old", seen=False)
    world.watch()
    world.holder("p", "new", seen=False)
    world.create(lease("u1", tracked=by_pod("p")))
    world.run()
    world.later(60)
    assert world.lease("u1").holder_uid in (None, "new")
    world.holder("p", "new")
    world.run()
    assert world.lease("u1").holder_uid == "new"
    assert state(world) is LeaseState.BOUND


def test_a_crash_between_the_pin_and_the_bind_forgets_nothing() -> None:
    world = waiting(tracked=by_pod("p"))
    world.holder("p", seen=False)
    world.watch()
    world.holder("p", "h2", seen=False)
    world.restart()
    world.watch()
    expired(world, "HolderGone")


def test_a_crash_before_the_pin_pins_who_is_there_then() -> None:
    world = waiting(tracked=by_pod("p"))
    world.holder("p", seen=False)
    world.ledger.holders.listed(PODS, {"p": HolderFacts("h1")})
    (look,) = world.decide()
    world.answer(look)
    assert [type(x).__name__ for x in world.decide()] == ["NoteHolder"]  # and it dies
    world.restart()
    world.watch()
    assert world.lease("u1").holder_uid == "h1"


def test_a_pin_that_meets_a_conflict_is_written_again() -> None:
    world = waiting(tracked=by_pod("p"))
    world.holder("p", seen=False)
    world.ledger.holders.listed(PODS, {"p": HolderFacts("h1")})
    world.answer(*world.decide())
    (note,) = world.decide()
    world.renew("u1", seen=False)
    world.answer(note)
    world.run()
    assert world.lease("u1").holder_uid == "h1"


def test_the_pod_that_another_operator_has_pinned_counts_and_not_the_one_seen_here_before() -> None:
    world = waiting(tracked=by_pod("p"))
    world.holder("p", "h1", seen=False)
    world.ledger.holders.listed(PODS, {"p": HolderFacts("h1")})
    world.answer(*world.decide())  # h1 is found; the pin is not written yet
    world.holder("p", "h2")
    world.ledger.holders.looked(key("p"), HolderFacts("h2"), world.ledger.tick)
    (end,) = world.decide()
    assert isinstance(end, a.End)
    world.change(world.lease("u1"), seen=False, holder_uid="h2")
    world.answer(end)
    world.run()
    assert state(world) is LeaseState.WAITING
    assert alive(world) == ("True", "PodRunning")


def test_a_pod_that_was_never_seen_leaves_the_lease_to_its_heartbeats() -> None:
    world = Reaped(pool(**LOSSY), resource("aws-1"))
    world.create(lease("u1", tracked=by_pod("p")))
    world.run()
    world.watch()
    assert alive(world) == ("Unknown", "NotSeenYet")
    world.later(TERM - 60)
    assert state(world) is LeaseState.BOUND
    world.later(60)
    expired(world, "RenewalOverdue")


def test_a_pod_given_by_uid_that_is_not_there_is_gone() -> None:
    world = Reaped(pool(**LOSSY), resource("aws-1"))
    world.create(lease("u1", tracked=by_pod("p", "h0")))
    world.run()
    world.watch()
    expired(world, "HolderGone")


# -- an object of another kind


def test_a_lease_lives_as_long_as_its_job() -> None:
    world = Reaped(pool(**LOSSY), resource("aws-1"))
    world.holder("j", of=JOBS, seen=False)
    world.create(lease("u1", tracked=by_job()))
    world.run()
    world.watch(JOBS)
    assert alive(world) == ("True", "ObjectActive")
    world.later(5 * TERM)
    assert state(world) is LeaseState.BOUND
    world.holder("j", of=JOBS, ended="is complete")
    world.run()
    expired(world, "HolderEnded")
    assert world.message("u1", "HolderAlive") == "its Job j is complete"


def test_with_a_pod_and_a_job_the_end_of_either_is_the_end() -> None:
    for ends in ("pod", "job"):
        world = Reaped(pool(**LOSSY), resource("aws-1"))
        world.holder("p", "h1", seen=False)
        world.holder("j", "h2", of=JOBS, seen=False)
        world.create(lease("u1", tracked=(*by_pod("p", "h1"), *by_job("j"))))
        world.run()
        world.watch()
        world.watch(JOBS)
        assert world.lease("u1").holder_uid == "h2"
        if ends == "pod":
            world.remove_holder("p")
        else:
            world.remove_holder("j", of=JOBS)
        world.run()
        expired(world, "HolderGone")


# -- what can't be watched


@pytest.mark.parametrize("reason", ["Forbidden", "KindNotFound"])
def test_what_can_not_be_watched_ends_nothing_and_says_so(reason: str) -> None:
    world = holding(tracked=by_pod("p", "h1"))
    world.ledger.holders.blind(PODS, reason, "the operator may not list pods in ci")
    world.run()
    assert alive(world) == ("Unknown", reason)
    assert "may not list pods" in world.message("u1", "HolderAlive")
    world.later(TERM - 5)
    assert state(world) is LeaseState.BOUND


def test_who_can_not_be_watched_lives_by_heartbeats() -> None:
    world = holding(tracked=by_pod("p", "h1"))
    world.ledger.holders.blind(PODS, "Forbidden", "no right")
    world.run()
    for _ in range(3):
        world.later(TERM - 5)
        world.renew("u1")
        world.run()
    assert alive(world) == ("True", "Renewed")
    world.later(TERM)
    expired(world, "RenewalOverdue")


def test_who_can_be_watched_no_more_has_a_full_term_from_then_on() -> None:
    world = with_pod()
    world.later(10 * TERM)
    world.ledger.holders.blind(PODS, "Forbidden", "no right")
    world.run()
    assert alive(world) == ("Unknown", "Forbidden")
    world.later(TERM - 5)
    world.ledger.holders.blind(PODS, "Forbidden", "still no right")
    world.run()
    assert state(world) is LeaseState.BOUND
    world.later(5)
    expired(world, "RenewalOverdue")


def test_who_can_be_watched_again_needs_no_heartbeat_any_more() -> None:
    world = with_pod()
    world.ledger.holders.blind(PODS, "Forbidden", "no right")
    world.run()
    world.later(TERM - 60)
    world.watch()
    assert alive(world) == ("True", "PodRunning")
    world.later(DAY)
    assert state(world) is LeaseState.BOUND


# -- which watches are wanted


def test_one_watch_is_wanted_for_each_kind_and_namespace_that_an_unfinished_lease_names() -> None:
    world = Reaped(pool(names=3), *(resource(f"aws-{n}") for n in (1, 2, 3)))
    assert world.ledger.holders.groups == {}
    world.create(lease("u1", tracked=by_pod("p")), lease("u2", tracked=by_pod("q")), lease("u3", tracked=by_job()))
    assert world.ledger.holders.groups == {PODS: None, JOBS: None}
    before = world.ledger.holders.changes
    world.run()
    world.delete(world.lease("u1"))
    world.run()
    assert (world.ledger.holders.groups, world.ledger.holders.changes) == ({PODS: None, JOBS: None}, before)
    world.delete(world.lease("u2"))
    world.change(world.lease("u3"), release={"*": None})
    world.run()
    assert world.ledger.holders.groups == {}
    assert world.ledger.holders.changes == before + 2
    assert not (world.ledger.holders._by_key or world.ledger.holders._by_group)


def test_what_a_watch_says_is_kept_until_the_watch_ends_so_a_group_may_go_and_come_again() -> None:
    world = with_pod()
    world.delete(world.lease("u1"))
    world.run()
    assert world.ledger.holders.groups == {}
    world.create(lease("u2", tracked=by_pod("p", "h1")))
    world.run()
    assert alive(world, "u2") == ("True", "PodRunning")
    world.delete(world.lease("u2"))
    world.run()
    world.ledger.holders.unwatched(PODS)
    assert not (world.ledger.holders._seen or world.ledger.holders.blinds or world.ledger.holders.over)


def test_an_answer_about_what_nobody_names_any_more_is_not_kept() -> None:
    world = with_pod()
    world.remove_holder("p")
    (look,) = world.decide()
    world.delete(world.lease("u1"))
    world.answer(look)
    world.run()
    assert not (world.ledger.holders.over or world.ledger.holders._by_key or world.ledger.pending)


# -- namespaces


def test_a_lease_in_a_namespace_that_is_going_ends_as_a_loss() -> None:
    world = holding()
    world.going()
    world.run()
    expired(world, "NamespaceGoing")
    assert world.resource("aws-1").state == "lost"


def test_who_waits_in_a_namespace_that_is_going_leaves_the_queue() -> None:
    world = waiting(tracked=by_pod("p", "h1"))
    world.holder("p", seen=False)
    world.watch()
    world.going()
    world.run()
    expired(world, "NamespaceGoing")


def test_a_pod_in_a_namespace_that_is_going_keeps_its_lease_until_it_has_ended() -> None:
    world = with_pod()
    world.going()
    world.holder("p", terminating=True)
    world.run()
    assert state(world) is LeaseState.BOUND
    world.remove_holder("p")
    world.run()
    expired(world, "HolderGone")


def test_a_deletion_in_a_namespace_that_is_going_is_a_release() -> None:
    world = holding()
    world.change(world.lease("u1"), deleting=True)
    world.going()
    world.run()
    assert state(world) is LeaseState.RELEASED
    assert world.resource("aws-1").state == "free"


def test_namespaces_that_stay_or_are_other_peoples_end_nothing() -> None:
    world = holding()
    world.ledger.observe_namespaces([])
    world.going(going=False)
    world.going("other")
    world.run()
    assert state(world) is LeaseState.BOUND
