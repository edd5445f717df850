"""What has ended by now without a word of its holder, and when to look again.

Order of evidence: a pod or object that has ended, by a live read > a renewal > not knowing. What is not known ends
nothing. Clients' clocks are never read; ages are this process's monotonic clock, or, of what it has not seen itself
(after a restart), the API server's stamps against the API server's clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from .explain import Reason, Why, alive_as, overdue
from .heartbeats import Sign
from .initialise import CLOCK_SLACK_S
from .ledger import Ledger
from .model import Condition, HolderKey, Lease, Now, Terms, Tracked

STAMP_S = CLOCK_SLACK_S + 1.0  # other API servers' clocks may differ, and stamps have whole seconds, cut off


class Standing(Enum):
    """What is known of one tracked holder, short of a live read."""

    COMING = auto()  # its watch has not listed yet
    BLIND = auto()  # it can't be watched
    UNSEEN = auto()  # nobody of that name, and none was ever seen
    ALIVE = auto()
    ASKED = auto()  # a live read is needed: it seems gone, or ended, or is to be pinned


class Verdict(NamedTuple):
    """`why` ended it; `looks` are the live reads that are needed first; `again`: when to look again (`Now.mono`)."""

    why: Why | None = None
    looks: tuple[HolderKey, ...] = ()
    again: float | None = None


NOTHING = Verdict()


class Deadline(NamedTuple):
    """At `at` (`Now.mono`) `term` seconds are over."""

    at: float
    reason: Reason
    term: float


def judge(ledger: Ledger, lease: Lease, now: Now) -> Verdict:
    """Of a live Lease that nobody has released."""
    going = ledger.is_going(lease.namespace)
    if lease.waiting and not (lease.tracked or lease.wait_timeout or lease.waiter_renew_within or going):
        return NOTHING  # as most that wait, and each is asked often
    over = ledger.holders.over.get(lease.uid)
    if over is not None:
        reason = Reason.HOLDER_GONE if over.gone else Reason.HOLDER_ENDED
        return Verdict((reason, f"its {over.tracked.key.kind} {over.tracked.key.name} {over.words}"))
    standings = [standing(ledger, lease, tracked) for tracked in lease.tracked]
    looks = tuple(t.key for t, s in zip(lease.tracked, standings, strict=True) if s is Standing.ASKED)
    # A pod that is still there keeps what it tears down; Kubernetes from 1.34 on deletes the pods of a namespace first.
    if going and (lease.waiting or not _still_there(standings)):
        return Verdict((Reason.NAMESPACE_GOING, f"namespace {lease.namespace} is being deleted"), looks=looks)
    if ledger.contact.last is None:
        return Verdict(looks=looks)
    first = min(_deadlines(ledger, lease, standings, now), default=None)
    if first is None or first.at > now.mono:
        return Verdict(looks=looks, again=first.at if first is not None else None)
    if not ledger.contact.holds(now.mono):
        return Verdict(looks=looks, again=now.mono + ledger.contact.outage)
    return Verdict(overdue(first.reason, first.term), looks=looks)


def standing(ledger: Ledger, lease: Lease, tracked: Tracked) -> Standing:
    holders, group = ledger.holders, tracked.key.group
    if group in holders.blinds:
        return Standing.BLIND
    if not holders.listed_once(group):
        return Standing.COMING
    facts, known = holders.facts(tracked.key), holders.uid_of(lease, tracked)
    if facts is None:
        return Standing.UNSEEN if known is None else Standing.ASKED
    if facts.ended is not None or (known is None and tracked == lease.pinnable):
        return Standing.ASKED
    return Standing.ALIVE if known in (None, facts.uid) else Standing.ASKED


def _still_there(standings: list[Standing]) -> bool:
    return any(s in (Standing.ALIVE, Standing.ASKED, Standing.COMING) for s in standings)


def needs_heartbeat(lease: Lease, standings: list[Standing]) -> bool:
    """Only where nothing else tells, or the Lease itself asked for it."""
    return lease.renew_within is not None or all(s in (Standing.BLIND, Standing.UNSEEN) for s in standings)


def alive(ledger: Ledger, lease: Lease) -> Condition:
    """The condition HolderAlive. While a watch begins or a live read is on its way it stays as it was."""
    if not lease.tracked:
        return alive_as(lease, None)
    standings = [standing(ledger, lease, tracked) for tracked in lease.tracked]
    known = lease.conditions.get("HolderAlive")
    for tracked, found in zip(lease.tracked, standings, strict=True):
        if found is Standing.ALIVE:
            return alive_as(lease, tracked)
        if found in (Standing.COMING, Standing.ASKED) and known is not None:
            return known
    blind = next((b for t in lease.tracked if (b := ledger.holders.blinds.get(t.key.group)) is not None), None)
    return alive_as(lease, None, blind)


def expires(ledger: Ledger, lease: Lease, terms: Terms, now: Now) -> float | None:
    """status.expireTime of a Lease that is bound now: seconds since the epoch; None: nothing limits it."""
    standings = [standing(ledger, lease, tracked) for tracked in lease.tracked]
    limits = [limit for limit in (terms.max_duration, lease.collect_within) if limit is not None]
    if needs_heartbeat(lease, standings):
        limits.append(terms.renew_within + terms.renew_slack)
    return ledger.contact.wall(now.wall, now.mono) + min(limits) if limits else None


# -- deadlines


def _deadlines(ledger: Ledger, lease: Lease, standings: list[Standing], now: Now) -> Iterator[Deadline]:
    sign = ledger.heartbeats.of(lease.uid)
    assert sign is not None
    if lease.waiting:
        yield from _of_waiting(ledger, lease, sign, now)
    else:
        yield from _of_bound(ledger, lease, sign, standings, now)


def _of_waiting(ledger: Ledger, lease: Lease, sign: Sign, now: Now) -> Iterator[Deadline]:
    if lease.wait_timeout is not None:
        created = ledger.contact.mono_of(lease.created, now.wall, now.mono)
        yield Deadline(created + lease.wait_timeout, Reason.WAIT_TIMEOUT, lease.wait_timeout)
    if lease.waiter_renew_within is not None:
        term = lease.waiter_renew_within + lease.renew_slack
        heard = _heard(ledger, sign, now, lease.created, lease)
        yield Deadline(heard + term, Reason.WAITER_SILENT, term)


def _of_bound(ledger: Ledger, lease: Lease, sign: Sign, standings: list[Standing], now: Now) -> Iterator[Deadline]:
    terms = lease.terms or Terms(1800.0, None, None, None, 0)
    since = lease.bound_time if lease.bound_time is not None else now.wall
    bound = _seen(ledger, sign.bound_at, sign, since, now)
    if terms.max_duration is not None:
        yield Deadline(bound + terms.max_duration, Reason.MAX_DURATION, terms.max_duration)
    if lease.collect_within is not None and not lease.collected:
        begun = max(_seen(ledger, sign.bound_at, sign, since + STAMP_S, now), ledger.contact.outage_end)
        yield Deadline(begun + lease.collect_within, Reason.NOT_COLLECTED, lease.collect_within)
    if needs_heartbeat(lease, standings):
        term = terms.renew_within + terms.renew_slack
        blinds = (ledger.holders.blinds.get(tracked.key.group) for tracked in lease.tracked)
        # It was not asked for before its holder could be watched no more.
        asked = max((b.since for b in blinds if b is not None and b.since is not None), default=-math.inf)
        yield Deadline(max(_heard(ledger, sign, now, since, lease), asked) + term, Reason.RENEWAL_OVERDUE, term)


def _heard(ledger: Ledger, sign: Sign, now: Now, begun: float, lease: Lease) -> float:
    """When its holder was heard last (`Now.mono`), and not before the end of the last outage. `begun`: the stamp of
    what counts as the first sign."""
    stamp = max(begun, lease.renewed_at or begun) + STAMP_S
    if lease.renewal is not None and lease.renewed_at is None:
        stamp = math.inf  # nobody knows when: from when this process saw it first
    return max(_seen(ledger, sign.heard, sign, stamp, now), ledger.contact.outage_end)


def _seen(ledger: Ledger, seen: float | None, sign: Sign, stamp: float, now: Now) -> float:
    """When something was (`Now.mono`): as this process saw it, else by its stamp, but never after this process saw the
    Lease first."""
    if seen is not None:
        return seen
    return min(sign.first if sign.first is not None else now.mono, ledger.contact.mono_of(stamp, now.wall, now.mono))
