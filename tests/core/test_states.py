"""The tables: each step that they lack is forbidden, and every action knows its step."""

from __future__ import annotations

import typing

import pytest

from lessor.core import actions as a
from lessor.core.model import Lease, LeaseState, Resource
from lessor.core.states import (
    LEASE,
    RESOURCE,
    Event,
    ForbiddenTransition,
    ResourcePhase,
    next_lease_state,
    next_resource_phase,
    phase_of,
)
from tests.core.build import blank, bound, held, lease, resource

IN_PHASE: dict[ResourcePhase, Resource] = {
    ResourcePhase.BLANK: blank("aws-1"),
    ResourcePhase.IDLE: resource("aws-1"),
    ResourcePhase.HELD: held("aws-1", lease()),
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("phase", IN_PHASE)
def test_a_resource_takes_the_steps_of_its_table_and_no_other(phase: ResourcePhase, event: Event) -> None:
    allowed = {
        (ResourcePhase.BLANK, Event.INITIALISE): ResourcePhase.IDLE,
        (ResourcePhase.BLANK, Event.ADOPT): ResourcePhase.HELD,
        (ResourcePhase.IDLE, Event.CLAIM): ResourcePhase.HELD,
        (ResourcePhase.HELD, Event.FREE): ResourcePhase.IDLE,
        (ResourcePhase.HELD, Event.HAND_OVER): ResourcePhase.HELD,
        (ResourcePhase.IDLE, Event.DROP): ResourcePhase.GONE,
        (ResourcePhase.BLANK, Event.DROP): ResourcePhase.GONE,
    }
    assert phase_of(IN_PHASE[phase]) is phase
    if (phase, event) in allowed:
        assert next_resource_phase(IN_PHASE[phase], event) is allowed[phase, event]
    else:
        with pytest.raises(ForbiddenTransition, match=f"resource aws-1 is {phase}: {event} is not allowed"):
            next_resource_phase(IN_PHASE[phase], event)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", LeaseState)
def test_a_lease_takes_the_steps_of_its_table_and_no_other(state: LeaseState, event: Event) -> None:
    allowed = {
        (LeaseState.WAITING, Event.REPORT): LeaseState.WAITING,
        (LeaseState.WAITING, Event.NOTE_HOLDER): LeaseState.WAITING,
        (LeaseState.WAITING, Event.RAISE): LeaseState.WAITING,
        (LeaseState.WAITING, Event.BIND): LeaseState.BOUND,
        (LeaseState.WAITING, Event.REFUSE): LeaseState.REFUSED,
        (LeaseState.WAITING, Event.RELEASE): LeaseState.RELEASED,
        (LeaseState.WAITING, Event.EXPIRE): LeaseState.EXPIRED,
        (LeaseState.BOUND, Event.NOTE_HOLDER): LeaseState.BOUND,
        (LeaseState.BOUND, Event.SHRINK): LeaseState.BOUND,
        (LeaseState.BOUND, Event.RELEASE): LeaseState.RELEASED,
        (LeaseState.BOUND, Event.EXPIRE): LeaseState.EXPIRED,
    }
    there = lease("u1", state=state)
    if (state, event) in allowed:
        assert next_lease_state(there, event) is allowed[state, event]
    else:
        with pytest.raises(ForbiddenTransition, match=f"lease ci/u1 is {state}: {event} is not allowed"):
            next_lease_state(there, event)


def test_nothing_leads_out_of_a_finished_lease() -> None:
    assert not [state for state, _ in LEASE if state.finished]


def test_nothing_blank_is_ever_claimed_and_nothing_held_is_dropped() -> None:
    assert (ResourcePhase.BLANK, Event.CLAIM) not in RESOURCE
    assert (ResourcePhase.HELD, Event.DROP) not in RESOURCE


def test_every_step_of_the_tables_has_an_action_that_takes_it() -> None:
    in_tables = {event for _, event in (*RESOURCE, *LEASE)}
    ends = {Event.RELEASE, Event.EXPIRE, Event.REFUSE}  # of End, which carries its event
    taken = {write.event for write in typing.get_args(a.Write) if isinstance(write.__dict__.get("event"), Event)}
    assert taken | ends == in_tables == set(Event)


def test_a_step_that_the_tables_lack_is_not_assumed() -> None:
    from lessor.core.ledger import Ledger

    ledger = Ledger()
    of: Lease = bound("u1", "aws-1")
    ledger.observe_lease(Lease(**{f: getattr(of, f) for f in of.__dataclass_fields__} | {"version": 1}))
    with pytest.raises(ForbiddenTransition):
        ledger.assume(a.Raise(ledger.leases["u1"]))
    assert not ledger.pending
