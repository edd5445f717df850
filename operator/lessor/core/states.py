"""The life of a Resource and of a Lease as two tables. What is missing in a table is forbidden.

`status.state` of a Resource is an open word, as in Boskos; the protocol only sees whether it has one (BLANK or not) and
whether somebody holds it. `Ledger.assume` looks each action up here, docs/protocol.md draws the same tables.
"""

from __future__ import annotations

from enum import StrEnum

from .model import Lease, LeaseState, Resource


class ResourcePhase(StrEnum):
    BLANK = "Blank"  # no status.state: new, made again by hand, or restored without status
    IDLE = "Idle"
    HELD = "Held"
    GONE = "Gone"


class Event(StrEnum):
    INITIALISE = "Initialise"
    ADOPT = "Adopt"  # initialised for the Bound Lease that lists it
    CLAIM = "Claim"
    FREE = "Free"
    HAND_OVER = "HandOver"
    DROP = "DropFinalizer"
    RAISE = "Raise"
    REPORT = "Report"
    NOTE_HOLDER = "NoteHolder"
    BIND = "Bind"
    SHRINK = "Shrink"
    RELEASE = "Release"
    EXPIRE = "Expire"
    REFUSE = "Refuse"


# There is no edge from BLANK to HELD by a Claim: what nobody has initialised is never leased.
RESOURCE: dict[tuple[ResourcePhase, Event], ResourcePhase] = {
    (ResourcePhase.BLANK, Event.INITIALISE): ResourcePhase.IDLE,
    (ResourcePhase.BLANK, Event.ADOPT): ResourcePhase.HELD,
    (ResourcePhase.IDLE, Event.CLAIM): ResourcePhase.HELD,
    (ResourcePhase.HELD, Event.FREE): ResourcePhase.IDLE,
    (ResourcePhase.HELD, Event.HAND_OVER): ResourcePhase.HELD,
    (ResourcePhase.IDLE, Event.DROP): ResourcePhase.GONE,
    (ResourcePhase.BLANK, Event.DROP): ResourcePhase.GONE,
}

# There is no edge out of a finished Lease, and none from BOUND back to WAITING: a bind is never taken back, only ended.
LEASE: dict[tuple[LeaseState, Event], LeaseState] = {
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


class ForbiddenTransition(AssertionError):
    """A bug in the core: it asked for a step that the tables don't have."""

    def __init__(self, what: str, phase: str, event: Event) -> None:
        super().__init__(f"{what} is {phase}: {event} is not allowed")


def phase_of(resource: Resource) -> ResourcePhase:
    if resource.holder is not None:
        return ResourcePhase.HELD
    return ResourcePhase.BLANK if resource.state is None else ResourcePhase.IDLE


def next_resource_phase(resource: Resource, event: Event) -> ResourcePhase:
    """Raises ForbiddenTransition for a step that the table lacks."""
    phase = phase_of(resource)
    try:
        return RESOURCE[phase, event]
    except KeyError:
        raise ForbiddenTransition(f"resource {resource.name}", phase, event) from None


def next_lease_state(lease: Lease, event: Event) -> LeaseState:
    """Raises ForbiddenTransition for a step that the table lacks."""
    try:
        return LEASE[lease.state, event]
    except KeyError:
        raise ForbiddenTransition(f"lease {lease}", lease.state, event) from None
