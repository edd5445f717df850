"""What ends a Lease without a word of its holder, and above all what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lessor.core import actions as a
from lessor.core.contact import OUTAGE_S
from lessor.core.model import HolderFacts, LeaseState, Request, Terms
from tests.core.build import bound, held, hours, lease, minutes, pool, resource
from tests.core.reaping import JOBS, PODS, Reaped, by_job, by_pod, key

TERM = 1800.0
LOSSY = {"on_loss": "lost", "release_states": ("free",)}
DAY = hours(24)


def holding(*, names: int = 1, pool_: dict[str, Any] | None = None, **facts: Any) -> Reaped:
    """The Lease u1 is created, and bound to aws-1."""
    world = Reaped(pool(names=names, **{**LOSSY, **(pool_ or {})}), *(resource(f"aws-{n + 1}") for n in range(names)))
    world.create(lease("u1", waited=0.0, **facts))
    world.run()
    assert world.has("u1")
    return world


def waiting(**facts: Any) -> Reaped:
    """The Lease u1 waits for what another has, which ends never."""
    other = bound("other", "aws-1", terms=Terms(9e9, None, "free", "lost", 0))
    world = Reaped(pool(**LOSSY), held("aws-1", other), other)
    world.create(lease("u1", waited=0.0, **facts))
    world.run()
    assert world.lease("u1").waiting
    return world


def state(world: Reaped, uid: str = "u1") -> LeaseState:
    return world.lease(uid).state


def alive(world: Reaped, uid: str = "u1") -> tuple[str, str]:
    said = world.lease(uid).conditions["HolderAlive"]
    return str(said.status), said.reason


def expired(world: Reaped, reason: str, uid: str = "u1") -> None:
    """It has ended for that reason, as a loss."""
    assert state(world, uid) is LeaseState.EXPIRED
    assert world.reason(uid, "Finished") == world.reason(uid, "Bound") == reason
    assert world.lease(uid).conditions["Ready"].status == "False"


def reads(world: Reaped) -> list[str]:
    return [action.about.name for action in world.done if isinstance(action, a.LookAtHolder)]


# -- heartbeats


def test_a_lease_that_nobody_renews_ends_after_its_term_and_not_before() -> None:
    world = holding()
    world.later(TERM - 1)
    assert state(world) is LeaseState.BOUND
    world.later(1)
    expired(world, "RenewalOverdue")
    assert alive(world) == ("False", "RenewalOverdue")
    assert world.resource("aws-1").state == "lost"
    assert world.message("u1", "Finished") == "it was not renewed for 1800 s"


def test_each_renewal_gives_a_full_term() -> None:
    world = holding()
    for _ in range(5):
        world.later(TERM - 5)
        world.renew("u1")
        world.run()
    world.later(TERM - 1)
    assert state(world) is LeaseState.BOUND
    world.later(1)
    expired(world, "RenewalOverdue")


@pytest.mark.parametrize(
    "value", ["", "now", "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2026-11-23T00:00:00Z", "x" * 64]
)
def test_the_value_of_a_renewal_does_not_matter_so_clients_clocks_may_be_days_off(value: str) -> None:
    world = holding()
    world.later(TERM - 5)
    world.renew("u1", value=value)
    world.run()
    world.later(TERM - 1)
    assert state(world) is LeaseState.BOUND
    world.later(1)
    expired(world, "RenewalOverdue")


def test_the_same_value_again_is_no_renewal() -> None:
    world = holding()
    world.renew("u1", value="same")
    world.run()
    world.later(TERM - 5)
    world.renew("u1", value="same")
    world.run()
    world.later(5)
    expired(world, "RenewalOverdue")


def test_what_else_changes_of_a_lease_is_no_renewal() -> None:
    world = holding()
    world.later(TERM - 5)
    world.change(world.lease("u1"), release={"aws-9": None})
    world.run()
    world.later(5)
    expired(world, "RenewalOverdue")


def test_the_slack_is_added_to_the_term() -> None:
    world = holding(renew_within=60.0, renew_slack=90.0)
    world.later(149)
    assert state(world) is LeaseState.BOUND
    world.later(1)
    expired(world, "RenewalOverdue")


def test_a_lease_may_ask_for_a_shorter_term_and_not_for_a_longer_one() -> None:
    assert holding(renew_within=60.0).lease("u1").terms == Terms(60.0, None, "free", "lost", 0)
    assert holding(renew_within=99999.0).lease("u1").terms == Terms(TERM, None, "free", "lost", 0)


def test_of_several_pools_the_shortest_terms_hold() -> None:
    world = Reaped(
        pool("aws", renew_within=600.0, max_duration=hours(3)),
        pool("gcp", renew_within=300.0, max_duration=None),
        resource("aws-1"),
        resource("gcp-1"),
    )
    world.create(lease("u1", asks={"aws": 1, "gcp": 1}, max_duration=hours(4), renew_slack=7.0))
    world.run()
    assert world.lease("u1").terms == Terms(300.0, hours(3), "free", "free", 0, 7.0)


def test_an_edited_pool_changes_the_terms_of_new_leases_only() -> None:
    world = holding()
    world.change(world.pool("aws"), renew_within=10.0, max_duration=20.0)
    world.run()
    world.later(TERM - 1)
    assert state(world) is LeaseState.BOUND


def test_a_renewal_that_races_with_the_end_wins() -> None:
    world = holding()
    world.later(TERM - 1)
    world.stall(1.0)
    world.hear()
    (end,) = world.decide()
    assert isinstance(end, a.End)
    world.renew("u1", seen=False)
    world.answer(end)
    world.run()
    assert state(world) is LeaseState.BOUND
    world.later(TERM - 1)
    assert state(world) is LeaseState.BOUND


def test_the_first_renewal_is_told_and_no_other() -> None:
    world = holding()
    assert alive(world) == ("Unknown", "NotTracked")
    before = len(world.writes())
    for _ in range(4):
        world.later(60)
        world.renew("u1")
        world.run()
    assert alive(world) == ("True", "Renewed")
    assert [w for w in world.writes()[before:] if "u1" in w] == ["NoteHolder u1"]


def test_a_lease_that_was_renewed_while_it_waited_is_told_with_the_bind() -> None:
    world = Reaped(pool(), resource("aws-1"))
    world.create(lease("u1", renewal="at its creation"))
    assert [w for w in world.run() if "u1" in w] == ["Claim aws-1 for u1", "Bind u1"]
    assert alive(world) == ("True", "Renewed")


def test_a_lease_that_releases_itself_when_it_is_overdue_is_released() -> None:
    world = holding()
    world.later(TERM - 1)
    world.stall(1.0)
    world.hear()
    world.change(world.lease("u1"), release={"*": None})
    world.run()
    assert state(world) is LeaseState.RELEASED
    assert world.resource("aws-1").state == "free"


def test_deadlines_of_leases_that_are_gone_leave_no_trace() -> None:
    world = holding()
    for n in range(300):
        world.create(lease(f"v{n}", asks={"aws": 1}))
        world.run()
        world.delete(world.lease(f"v{n}"))
        world.run()
    assert len(world.ledger.timers._heap) < 200


# -- a pod


def with_pod(uid: str | None = "h1", **facts: Any) -> Reaped:
    """u1 is held by the pod p, which runs."""
    world = Reaped(pool(**LOSSY), resource("aws-1"))
    world.holder("p", "h1", seen=False)
    world.create(lease("u1", tracked=by_pod("p", uid), waited=0.0, **facts))
    world.run()
    world.watch()
    assert world.has("u1") == ["aws-1"]
    assert alive(world) == ("True", "PodRunning")
    return world


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


# -- limits that no renewal moves


def test_a_lease_ends_after_its_longest_duration_renewed_or_not() -> None:
    world = with_pod(max_duration=hours(2))
    for _ in range(7):
        world.later(minutes(15))
        world.renew("u1")
        world.run()
    world.later(minutes(15) - 2)
    assert state(world) is LeaseState.BOUND
    world.later(2)
    expired(world, "MaxDuration")
    assert alive(world) == ("True", "PodRunning")


def test_the_longest_duration_survives_a_restart() -> None:
    world = with_pod(max_duration=hours(2))
    world.later(hours(1.5))
    world.restart()
    world.watch()
    world.later(hours(0.5) - 2)
    assert state(world) is LeaseState.BOUND
    world.later(4)
    expired(world, "MaxDuration")


def test_the_longest_duration_does_not_lean_on_the_clock_of_the_machine() -> None:
    world = with_pod(max_duration=hours(2))
    world.wall += 10 * DAY
    world.server_clock = False
    world.later(hours(2) - 2)
    assert state(world) is LeaseState.BOUND


def test_who_waits_for_longer_than_its_wait_timeout_leaves_the_queue() -> None:
    world = waiting(wait_timeout=300.0)
    world.later(298)
    assert state(world) is LeaseState.WAITING
    world.later(3)
    expired(world, "WaitTimeout")
    world.delete(world.lease("other"))
    world.run()
    assert world.holder_of("aws-1") is None


def test_the_wait_timeout_does_not_touch_who_is_bound() -> None:
    world = holding(wait_timeout=10.0)
    world.later(60)
    assert state(world) is LeaseState.BOUND


def test_the_wait_is_measured_by_the_api_servers_clock_which_set_the_creation() -> None:
    world = waiting(wait_timeout=300.0)
    world.wall += DAY  # the operator's clock jumps, the API server's does not
    world.server_ahead = -DAY
    world.hear()
    world.later(290)
    assert state(world) is LeaseState.WAITING
    world.later(15)
    expired(world, "WaitTimeout")


# -- who waits in silence, who never comes for it


def test_a_waiter_that_promised_to_renew_and_went_silent_leaves_the_queue() -> None:
    world = waiting(waiter_renew_within=60.0)
    for _ in range(3):
        world.later(55)
        world.renew("u1")
        world.run()
    world.later(59)
    assert state(world) is LeaseState.WAITING
    world.later(1)
    expired(world, "WaiterSilent")
    assert alive(world) == ("False", "WaiterSilent")


def test_a_waiter_that_promised_nothing_may_be_silent() -> None:
    world = waiting(renew_within=60.0, collect_within=5.0)
    world.later(DAY)
    assert state(world) is LeaseState.WAITING


def test_a_waiter_whose_pod_is_gone_leaves_the_queue_at_once() -> None:
    world = waiting(tracked=by_pod("p", "h1"))
    world.holder("p", seen=False)
    world.watch()
    world.remove_holder("p")
    world.run()
    expired(world, "HolderGone")


def test_what_was_bound_and_never_collected_goes_back_where_it_came_from() -> None:
    asked = (Request("main", "aws", from_state="odd", as_state="busy"),)
    world = Reaped(pool(**LOSSY), resource("aws-1", state="odd"))
    world.create(lease("u1", requests=asked, collect_within=20.0, renewal="as a waiter", generation=7))
    world.run()
    assert world.has("u1") == ["aws-1"]
    world.later(19)
    assert state(world) is LeaseState.BOUND
    world.later(1)
    expired(world, "NotCollected")
    assert world.resource("aws-1").state == "odd"
    assert [past.ended for past in world.resource("aws-1").last_holders] == ["NotCollected"]


def test_what_was_collected_is_not_asked_for_it_again_not_even_after_a_restart() -> None:
    world = holding(collect_within=20.0)
    world.later(15)
    world.renew("u1")
    world.run()
    world.restart()
    world.later(minutes(5))
    assert state(world) is LeaseState.BOUND


def test_what_was_not_collected_is_known_after_a_restart() -> None:
    world = holding(collect_within=200.0, renewal="as a waiter")
    world.later(150)
    world.restart()
    world.later(200)
    expired(world, "NotCollected")


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


# -- restarts


def test_after_a_restart_the_age_of_a_renewal_is_that_of_its_field() -> None:
    world = holding()
    world.renew("u1")
    world.run()
    world.later(minutes(20))
    world.restart()
    world.later(minutes(10))
    assert state(world) is LeaseState.BOUND
    world.later(minutes(2))  # the slack between the clocks of several API servers
    expired(world, "RenewalOverdue")


def test_after_a_restart_what_is_long_overdue_ends_at_once() -> None:
    world = holding()
    world.renew("u1")
    world.run()
    world.stall(2 * TERM)  # nobody runs
    world.restart()
    expired(world, "RenewalOverdue")


def test_after_a_restart_a_renewal_of_unknown_age_counts_from_when_it_is_seen_first() -> None:
    world = holding()
    world.renew("u1", fields=False)
    world.run()
    world.later(minutes(20))
    world.restart()
    world.later(TERM - 5)
    assert state(world) is LeaseState.BOUND
    world.later(5)
    expired(world, "RenewalOverdue")


def test_after_a_restart_who_never_renewed_is_as_old_as_its_bind() -> None:
    world = holding()
    world.later(minutes(20))
    world.restart()
    world.later(minutes(12))
    expired(world, "RenewalOverdue")


def test_after_a_restart_no_age_is_greater_than_it_is_though_the_clock_of_the_machine_is_a_day_ahead() -> None:
    world = holding()
    world.renew("u1")
    world.run()
    world.later(minutes(20))
    world.wall += DAY
    world.server_ahead = -DAY
    world.restart()
    world.later(minutes(10) - 2)
    assert state(world) is LeaseState.BOUND


def test_crash_after_crash_a_dead_holders_lease_ends() -> None:
    world = holding()
    world.renew("u1")
    world.run()
    for _ in range(8):
        world.later(minutes(4))
        world.restart()
    expired(world, "RenewalOverdue")


def test_a_renewal_seen_by_a_standby_counts_when_it_leads() -> None:
    world = holding()
    world.later(TERM - 60)
    world.ledger.rest()  # it decides nothing
    world.renew("u1")
    world.stall(1)
    world.hear()
    world.ledger.touch_everything()
    world.run()
    world.later(TERM - 2)
    assert state(world) is LeaseState.BOUND
    world.later(2)
    expired(world, "RenewalOverdue")


# -- outages


def outage(world: Reaped, seconds: float) -> None:
    world.connected = False
    world.later(seconds)
    world.connected = True
    world.hear()
    world.run()


def test_while_the_api_server_is_not_heard_nothing_expires_and_then_everybody_has_a_full_term() -> None:
    world = holding()
    world.later(TERM - 10)
    outage(world, hours(3))
    assert state(world) is LeaseState.BOUND
    world.later(TERM - 1)
    assert state(world) is LeaseState.BOUND
    world.later(1)
    expired(world, "RenewalOverdue")


def test_a_waiter_and_who_has_not_collected_have_their_full_terms_too() -> None:
    world = waiting(waiter_renew_within=60.0)
    world.later(55)
    outage(world, 30)
    world.later(58)
    assert state(world) is LeaseState.WAITING
    other = holding(collect_within=60.0)
    other.later(55)
    outage(other, 30)
    other.later(58)
    assert state(other) is LeaseState.BOUND


def test_a_short_silence_is_no_outage() -> None:
    world = holding()
    world.later(TERM - 10)
    outage(world, 2)
    world.later(8)
    expired(world, "RenewalOverdue")


def test_a_process_that_was_suspended_blames_nobody() -> None:
    world = holding()
    world.later(60)
    world.stall(DAY)
    assert world.run() == []  # woken before anything was heard
    world.hear()
    world.run()
    world.later(TERM - 1)
    assert state(world) is LeaseState.BOUND


def test_what_a_limit_ended_during_an_outage_ends_when_it_is_over() -> None:
    world = holding(max_duration=hours(1))
    for _ in range(3):
        world.later(minutes(15))
        world.renew("u1")
        world.run()
    outage(world, hours(1))
    world.later(4)
    expired(world, "MaxDuration")


def test_before_the_api_server_was_ever_heard_nothing_expires() -> None:
    world = holding()
    world.connected = False
    world.restart()
    world.later(5 * TERM)
    assert state(world) is LeaseState.BOUND
    world.connected = True
    world.hear()
    world.run()
    assert state(world) is LeaseState.EXPIRED  # its bind is hours old by the API server's clock


def test_an_outage_does_not_hold_up_what_a_live_read_found() -> None:
    world = with_pod()
    world.remove_holder("p")
    world.connected = False
    world.later(60)
    world.run()
    expired(world, "HolderGone")


# -- finished Leases go


def released(ttl: float = 600.0, **facts: Any) -> Reaped:
    world = holding(ttl=ttl, **facts)
    world.change(world.lease("u1"), release={"*": None})
    world.run()
    assert state(world) is LeaseState.RELEASED
    return world


def gone(world: Reaped, uid: str = "u1") -> bool:
    return a.lease_key(uid) not in world.truth


def test_a_finished_lease_is_deleted_after_its_time_to_live() -> None:
    world = released()
    world.later(599)
    assert not gone(world)
    world.later(1)
    assert gone(world)
    assert world.resource("aws-1").state == "free"


def test_the_time_to_live_is_counted_from_the_end_across_restarts() -> None:
    world = released()
    world.later(400)
    world.restart()
    world.later(199)
    assert not gone(world)
    world.later(2)
    assert gone(world)


def test_a_finished_lease_stays_while_a_resource_names_it() -> None:
    of = replace(bound("u1", "aws-1", ttl=0.0), state=LeaseState.RELEASED, resources=(), finished_at=1.0)
    world = Reaped(pool(**LOSSY))
    world.create(of)
    world.ledger.assume(stuck := a.DeleteLease(world.lease("u1")))
    world.create(held("aws-1", of))
    world.ledger.settled(stuck)
    actions = world.decide()
    assert [type(x).__name__ for x in actions if x.key == a.lease_key("u1")] == []
    world.answer(*actions)
    world.run()
    assert world.holder_of("aws-1") is None
    assert gone(world)


def test_with_no_time_to_live_a_finished_lease_goes_as_soon_as_its_resources_are_free() -> None:
    world = holding(ttl=0.0)
    world.change(world.lease("u1"), release={"*": None})
    said = [w for w in world.run() if "Pool" not in w]
    assert said == ["End u1 as Released", "Free aws-1 as free: Released", "DeleteLease u1"]


def test_a_finished_lease_is_not_deleted_while_the_api_server_is_not_heard() -> None:
    world = released()
    world.connected = False
    world.later(hours(2))
    assert not gone(world)
    world.connected = True
    world.later(OUTAGE_S)
    assert gone(world)


# -- what is told at the bind


def expires_in(world: Reaped) -> float | None:
    (bind,) = (x for x in world.done if isinstance(x, a.Bind) and x.lease.uid == "u1")
    return None if bind.expires is None else bind.expires - world.wall


def test_when_a_lease_ends_unless_it_is_renewed_is_told_with_the_bind() -> None:
    assert expires_in(holding()) == TERM
    assert expires_in(holding(renew_slack=30.0)) == TERM + 30
    assert expires_in(holding(max_duration=60.0)) == 60
    assert expires_in(holding(collect_within=10.0)) == 10
    assert expires_in(holding(tracked=by_pod())) is None
    assert expires_in(holding(tracked=by_pod(), max_duration=hours(2))) == hours(2)
