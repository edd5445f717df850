"""What ends a Lease by time without a word of its holder, and above all what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lessor.core import actions as a
from lessor.core.contact import OUTAGE_S
from lessor.core.model import LeaseState, Request, Terms
from tests.core.build import bound, held, hours, lease, minutes, pool, resource
from tests.core.reaping import (
    DAY,
    LOSSY,
    TERM,
    Reaped,
    alive,
    by_pod,
    expired,
    holding,
    state,
    waiting,
    with_pod,
)

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
