"""What an operator may write, decided from the world as it sees it: the core's actions, one function each.

A rule says what is allowed, not what is sensible: the search tries everything that is allowed, at any time. What a fair
operator chooses among it is in `fair.py`. A read that must confirm a write (`LookAtLease`, `ListLeases` in the core) is
named in the write and made by the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from tests.model.setup import Setup
from tests.model.world import (
    ABSENT,
    BLANK,
    BOUND,
    ENDED,
    HELD,
    IDLE,
    WAITING,
    Lease,
    Object,
    Resource,
    World,
    bits,
    held,
    idle,
    made_again,
)


class LookAtLease(NamedTuple):
    """The write needs a live read that shows: this uid is gone."""

    place: int
    uid: int


class ListLeases(NamedTuple):
    """What is written follows from a full list of Leases (`initialised`)."""


Read = LookAtLease | ListLeases


# The core's actions; an Initialise that follows from a Bound Lease is an Adopt.
VERBS = ("Claim", "Bind", "Raise", "Shrink", "End", "Free", "HandOver", "Initialise", "Adopt", "DropFinalizer")


class Write(NamedTuple):
    verb: str
    place: int
    after: Object | None  # None: see `read`
    label: str
    read: Read | None = None
    unasked: bool = False  # an End that only time asks for


class Raised(NamedTuple):
    """An answered Raise of one operator's own: it clears one blank Resource of one Lease's binds in flight."""

    r: int
    resource_uid: int
    place: int
    uid: int


# -- Leases


def lease_writes(setup: Setup, place: int, seen: World) -> Iterator[Write]:
    lease = seen.leases[place]
    name = f"L{place}.{lease.uid}"
    if lease.state == WAITING:
        yield from bind(setup, place, seen, name)
        yield from raise_attempt(setup, place, seen, name)
        if setup.has("reapw"):
            yield Write("End", place, ended(lease), f"End {name} (it waited too long)", unasked=True)
    elif lease.state == BOUND:
        yield from end_or_shrink(place, lease, name)
        if setup.has("reap"):
            yield Write("End", place, ended(lease), f"End {name} (overdue)", unasked=True)


def claims_of(setup: Setup, place: int, lease: Lease, seen: World) -> int:
    """Mask of the Resources that a Lease holds at its present attempt: all that a Bind may rest on."""
    mask = 0
    for r, resource in enumerate(seen.resources):
        current = resource.attempt == lease.attempt or setup.has("noattempt")
        if resource.phase == HELD and resource.held_by(place, lease) and current:
            mask |= 1 << r
    return mask


def bind(setup: Setup, place: int, seen: World, name: str) -> Iterator[Write]:
    lease = seen.leases[place]
    for chosen in combinations(bits(claims_of(setup, place, lease, seen)), setup.leases[place]):
        mask = sum(1 << r for r in chosen)
        names = " ".join(f"R{r}" for r in chosen)
        yield Write("Bind", place, lease._replace(state=BOUND, resources=mask), f"Bind {name} to {names}")


def raise_attempt(setup: Setup, place: int, seen: World, name: str) -> Iterator[Write]:
    """For two reasons: a claim can't be completed and is to be given back; a blank Resource is to be initialised."""
    lease = seen.leases[place]
    if lease.attempt >= setup.maxa:
        return
    blocked = not setup.has("noattempt") and not setup.has("stubborn") and is_blocked(setup, place, seen)
    if blocked or (not setup.has("noraisefirst") and any(x.phase == BLANK for x in seen.resources)):
        yield Write("Raise", place, raised(lease), f"Raise {name} to attempt {lease.attempt + 1}")


def is_blocked(setup: Setup, place: int, seen: World) -> bool:
    """It has claims, and with all that is idle they would not be enough."""
    lease = seen.leases[place]
    mine = claims_of(setup, place, lease, seen)
    on_the_shelf = sum(1 for x in seen.resources if x.phase == IDLE and not x.deleting)
    return mine.bit_count() > 0 and mine.bit_count() + on_the_shelf < setup.leases[place]


def end_or_shrink(place: int, lease: Lease, name: str) -> Iterator[Write]:
    """What the holder gave back leaves status.resources before its Resource is freed."""
    if lease.release & lease.resources == lease.resources:
        yield Write("End", place, ended(lease), f"End {name} (released)")
    elif lease.release & lease.resources:
        yield Write("Shrink", place, lease._replace(resources=lease.resources & ~lease.release), f"Shrink {name}")


def ended(lease: Lease) -> Lease:
    return lease._replace(state=ENDED, resources=0)


def raised(lease: Lease) -> Lease:
    return lease._replace(attempt=lease.attempt + 1, resources=0)


# -- Resources


def resource_writes(setup: Setup, r: int, seen: World) -> Iterator[Write]:
    resource = seen.resources[r]
    if resource.phase == IDLE:
        for place, lease in takers(setup, r, seen):
            after = held(resource, place, lease.uid, lease.attempt)
            yield Write("Claim", r, after, f"Claim R{r} for {ticket(place, lease)}")
        if resource.deleting and resource.uid < setup.maxr:
            yield Write("DropFinalizer", r, made_again(resource), f"DropFinalizer of R{r}; it is made again, blank")
    elif resource.phase == BLANK:
        yield Write("Initialise", r, None, f"Initialise R{r}", ListLeases())
    else:
        for why, read, may_hand_over in reasons_to_free(setup, r, seen):
            yield Write("Free", r, idle(resource), f"Free R{r}: {why}", read)
            if not (may_hand_over and setup.has("handover")):
                continue
            for place, lease in takers(setup, r, seen):
                if not resource.held_by(place, lease):
                    after = held(resource, place, lease.uid, lease.attempt)
                    yield Write("HandOver", r, after, f"HandOver R{r} to {ticket(place, lease)}: {why}", read)


def ticket(place: int, lease: Lease) -> str:
    return f"L{place}.{lease.uid}@{lease.attempt}"


def takers(setup: Setup, r: int, seen: World) -> Iterator[tuple[int, Lease]]:
    """Leases that wait and lack Resources; none for one that is being deleted or that a Bound Lease lists."""
    if seen.resources[r].deleting or any(lease.lists(r) for lease in seen.leases):
        return
    for place, lease in enumerate(seen.leases):
        if lease.state == WAITING:
            others = sum(
                1
                for i, x in enumerate(seen.resources)
                if i != r and x.phase == HELD and x.held_by(place, lease) and x.attempt == lease.attempt
            )
            if others < setup.leases[place]:
                yield place, lease


def reasons_to_free(setup: Setup, r: int, seen: World) -> Iterator[tuple[str, Read | None, bool]]:
    """Why a held Resource may be freed, the read that must confirm it, and whether it may be handed over at once.

    Each reason is a fact that can't become untrue again; that is why a decision about it may be old."""
    resource = seen.resources[r]
    place, uid = resource.holder, resource.holder_uid
    lease = seen.leases[place]
    name = f"L{place}.{uid}"
    if lease.state == ABSENT or lease.uid != uid:
        yield f"{name} vanished", LookAtLease(place, uid), True
        return
    if lease.state == ENDED:
        yield f"{name} ended", None, True
    elif lease.state == BOUND:
        if not lease.lists(r) and not setup.has("leak"):
            yield f"Bound {name} does not list it", None, True
        elif lease.lists(r) and setup.has("endlate") and setup.has("reap"):
            yield f"{name} is overdue", None, True
    elif setup.has("noattempt") or setup.has("noraise"):
        mine = sum(1 for x in seen.resources if x.phase == HELD and x.held_by(place, lease))
        if mine + sum(1 for x in seen.resources if x.phase == IDLE) < setup.leases[place]:
            yield f"waiting {name} can't be completed", None, False
    if lease.live and resource.attempt < lease.attempt and not setup.has("noattempt"):
        yield f"attempt {resource.attempt} of {name} is past", None, True


def initialised(
    setup: Setup, resource: Resource, r: int, leases: tuple[Lease, ...], cleared: set[int]
) -> Resource | None:
    """What a full list of Leases says about a blank Resource; None: somebody must be raised first.

    `cleared`: places of the Leases whose binds in flight can't list it any more. A Bound Lease that lists it adopts
    it."""
    for place, lease in enumerate(leases):
        if lease.lists(r) and not setup.has("noadopt"):
            return held(resource, place, lease.uid, lease.attempt)
    if not setup.has("noraisefirst"):
        for place, lease in enumerate(leases):
            if lease.state == WAITING and place not in cleared:
                return None
    return idle(resource)


def initialised_label(r: int, after: Resource) -> str:
    if after.phase == HELD:
        return f"Adopt R{r} for L{after.holder}.{after.holder_uid}, which lists it"
    return f"Initialise R{r} as free"


def cleared_by(raised: Iterable[Raised], r: int, blank: Resource, leases: tuple[Lease, ...]) -> set[int]:
    """Places of the Leases that an operator has raised since it saw this blank Resource."""
    here = [x for x in raised if (x.r, x.resource_uid) == (r, blank.uid)]
    return {x.place for x in here if x.uid == leases[x.place].uid}
