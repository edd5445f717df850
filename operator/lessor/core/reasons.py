"""Why a Lease is refused, and why one waits: the questions that the allocator asks, asked of other supplies.

What could never be met is judged by what the pools' specs say that there is; what waits by the first thing that stands
in its way, most specific and soonest mended first (design, "Waiting reasons"). A request with alternatives fails only
where all of them do.
"""

from __future__ import annotations

from collections.abc import Callable

from .access import names_matter, what_is_missing
from .actions import pool_key
from .explain import Reason, Why, fields, paused
from .lanes import Lane
from .ledger import Ledger
from .match import Match, Supply, by_group, choose, match, meet, without_limit
from .model import UNCLEAN, Lease, Pool, Request
from .supplies import labels_of, may_end_as_it_wishes, room_of, specified, usable, ways_of

WORDS_MAX = 5  # names or alternatives that a sentence lists


class Reasons:
    """The answers of one decision, each found once for all Leases of a line: they ask for the same."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # By id() of a line or lane, and what else makes a difference. The line is held, so its id() is not used again.
        self._refusals: dict[tuple[int, str, str | None], tuple[Lane, Why | None]] = {}
        self._waits: dict[tuple[int, str], tuple[Lane, Why]] = {}

    def refusal(self, lease: Lease) -> Why | None:
        lane = self._lane_of(lease)
        if lane is None or lease.unsupported:
            return refusal(self._ledger, lease)
        key = (id(lane.line), lease.namespace, lease.release_state)
        if key not in self._refusals:
            self._refusals[key] = (lane, refusal(self._ledger, lease))
        return self._refusals[key][1]

    def waiting(self, lease: Lease) -> Why:
        """Ask when the decision has taken all it takes: what is free changes the answer."""
        lane = self._lane_of(lease)
        if lane is None:
            return waiting(self._ledger, lease)
        of = lane.line if room_of(self._ledger, lease, {}) is None else lane
        key = id(of), lease.namespace if names_matter(self._ledger, lease) else ""
        if key not in self._waits:
            self._waits[key] = (lane, waiting(self._ledger, lease))
        return self._waits[key][1]

    def _lane_of(self, lease: Lease) -> Lane | None:
        place = self._ledger.lanes.places.get(lease.uid)
        return place.lane if place is not None else None


# -- can it ever be met?


def refusal(ledger: Ledger, lease: Lease) -> Why | None:
    """Why a Lease can never be met as things stand; None if it can be."""
    if lease.unsupported:
        return Reason.NOT_SUPPORTED_YET, f"this version does not support {fields(lease.unsupported)}: leave it out"
    open_ways: list[tuple[Request, ...]] = []
    for request in lease.requests:
        found = [(way, _impossible(ledger, lease, way)) for way in request.ways]
        possible = tuple(way for way, why in found if why is None)
        if not possible:
            return _none_of(request, [why for _, why in found if why is not None])
        if not any(_unsupported(ledger, way) for way in possible):  # what such a pool has can't be known
            open_ways.append(possible)
    return _together(ledger, lease, open_ways) if len(open_ways) > 1 else None


def _none_of(request: Request, whys: list[Why]) -> Why:
    """Why no alternative of a request is possible. One that can't be judged yet refuses nobody."""
    if len(whys) == 1:
        return whys[0]
    first = next((why for why in whys if why[0] is Reason.UNREADABLE), whys[0])
    said = "; ".join(dict.fromkeys(message for _, message in whys[:WORDS_MAX]))
    more = f"; and {len(whys) - WORDS_MAX} more" if len(whys) > WORDS_MAX else ""
    return first[0], f"no alternative of request {request.name} can be met: {said}{more}"


def _impossible(ledger: Ledger, lease: Lease, way: Request) -> Why | None:
    """Why a plain request could not be met if it were all that the Lease asks for."""
    pool = ledger.pools.get(way.pool)
    if pool is None:
        gone = Reason.POOL_NOT_FOUND, f"there is no pool {way.pool}: create it, or correct the request's pool"
        return unreadable(ledger, way.pool) or gone
    if (missing := what_is_missing(ledger, pool, lease.namespace)) is not None:
        return Reason.NOT_PERMITTED, missing
    if not pool.unsupported and (why := _exceeds(ledger, pool, way)):
        return why
    if not may_end_as_it_wishes(ledger, lease, (way,)):
        allowed = ", ".join(pool.release_states)
        message = f"pool {pool.name} does not allow releaseState {lease.release_state}; it allows {allowed}"
        return Reason.RELEASE_STATE_NOT_ALLOWED, message
    return None


def _exceeds(ledger: Ledger, pool: Pool, way: Request) -> Why | None:
    if way.count > len(pool.items):
        return Reason.COUNT_EXCEEDS_POOL, f"{way.count} of pool {pool.name} are asked for; it has {len(pool.items)}"
    if pool.max_per_tenant is not None and way.count > pool.max_per_tenant:
        return Reason.EXCEEDS_TENANT_LIMIT, _over_limit(pool, way.count)
    fitting = len(match([way], (), pool.items, specified(ledger).labels)[0])
    if fitting == way.count:
        return None
    if way.selector is None:
        unknown = sorted(name for name in way.names if name not in pool.items)
        what = f"it has no {', '.join(unknown[:WORDS_MAX])}"
        return Reason.NO_MATCHING_RESOURCE, f"the names asked of pool {pool.name} can't be met: {what}"
    asked = f"labels {way.selector}" + (" and one of the names asked for" if way.names else "")
    if not fitting:
        message = f"pool {pool.name} has no resource with {asked}: correct the request, or the labels in the pool"
        return Reason.NO_MATCHING_RESOURCE, message
    message = f"{way.count} of pool {pool.name} with {asked} are asked for; it has {fitting}"
    return Reason.COUNT_EXCEEDS_POOL, message


def _together(ledger: Ledger, lease: Lease, ways: list[tuple[Request, ...]]) -> Why | None:
    """Each request could be met alone: can all of them be?"""
    if _possible(meet(ways, specified(ledger, lambda pool: ledger.pools[pool].max_per_tenant))):
        return None
    for name in lease.pools:
        asked = [way for mine in ways for way in mine if way.pool == name]
        if not asked or any(len(mine) > 1 for mine in ways):
            continue
        pool, count = ledger.pools[name], sum(way.count for way in asked)
        if count > len(pool.items):
            return Reason.COUNT_EXCEEDS_POOL, f"{count} of pool {name} are asked for; it has {len(pool.items)}"
        if pool.max_per_tenant is not None and count > pool.max_per_tenant:
            return Reason.EXCEEDS_TENANT_LIMIT, _over_limit(pool, count)
        if not match(asked, (), pool.items, specified(ledger).labels)[1]:
            what = "the requests name the same ones too often"
            if any(way.selector is not None for way in asked):
                what = "the requests want the same ones too often"
            return Reason.NO_MATCHING_RESOURCE, f"the names asked of pool {name} can't be met: {what}"
    pools = ", ".join(lease.pools[:WORDS_MAX])
    message = f"the requests can be met one by one, but not together: no alternatives of pools {pools} add up"
    return Reason.COUNT_EXCEEDS_POOL, message


def _possible(got: Match) -> bool:
    return got.whole or not got.finished


def _over_limit(pool: Pool, count: int) -> str:
    return f"{count} of pool {pool.name} are asked for; one tenant may hold {pool.max_per_tenant} (queue.maxPerTenant)"


def _unsupported(ledger: Ledger, way: Request) -> bool:
    pool = ledger.pools.get(way.pool)
    return pool is not None and bool(pool.unsupported)


def unreadable(ledger: Ledger, pool: str) -> Why | None:
    """A Pool that is there but was never readable: no reason to refuse anybody."""
    spoilt = ledger.unreadable.get(pool_key(pool))
    return (Reason.UNREADABLE, f"pool {pool}: {spoilt.message}") if spoilt is not None else None


# -- what does it wait for?


def waiting(ledger: Ledger, lease: Lease) -> Why:
    """Why an acceptable Lease waits: the first that applies, most specific and soonest mended first."""

    def closed(way: Request) -> Why | None:
        return _gone(ledger, way) or _forbidden(ledger, lease, way)

    return (
        _first_closed(lease, closed)
        or _limit_reached(ledger, lease)
        or _first_closed(lease, lambda way: closed(way) or _paused(ledger, way))
        or _first_closed(lease, lambda way: closed(way) or _paused(ledger, way) or _cordoned(ledger, way))
        or _short_of(ledger, lease)
    )


def _first_closed(lease: Lease, closed: Callable[[Request], Why | None]) -> Why | None:
    """Of the first request that has no open way: what closes its last one, which opens soonest."""
    for request in lease.requests:
        whys = [closed(way) for way in request.ways]
        if all(whys):
            return whys[-1]
    return None


def _gone(ledger: Ledger, way: Request) -> Why | None:
    if way.pool in ledger.pools:
        return None
    gone = Reason.POOL_NOT_FOUND, f"pool {way.pool} was deleted; the lease waits until it is back"
    return unreadable(ledger, way.pool) or gone


def _forbidden(ledger: Ledger, lease: Lease, way: Request) -> Why | None:
    """Of a Lease that was accepted before its pool was edited."""
    missing = what_is_missing(ledger, ledger.pools[way.pool], lease.namespace)
    return (Reason.NOT_PERMITTED, missing) if missing is not None else None


def _paused(ledger: Ledger, way: Request) -> Why | None:
    why = paused(ledger.pools[way.pool])
    return (Reason.POOL_PAUSED, why) if why is not None else None


def _cordoned(ledger: Ledger, way: Request) -> Why | None:
    index = ledger.pool_index(way.pool)
    if not index.cordoned:
        return None
    if not index.usable:
        return Reason.ALL_CORDONED, f"every resource of pool {way.pool} is cordoned or being removed"
    if not way.picky:
        return None
    labels = labels_of(ledger)
    fitting = [name for name in index.names if way.takes(name, labels(name))]
    if fitting and all(name in index.cordoned for name in fitting):
        message = f"every resource of pool {way.pool} that fits {_fits(way)} is cordoned or being removed"
        return Reason.ALL_CORDONED, message
    return None


def _limit_reached(ledger: Ledger, lease: Lease) -> Why | None:
    """Whether what its tenant holds leaves no room for it, whatever is free."""
    room = room_of(ledger, lease, {})
    if room is None:
        return None
    ways = ways_of(ledger, lease)
    if _possible(meet(ways, specified(ledger, room))) or not meet(ways, specified(ledger)).whole:
        return None
    for request in lease.requests:
        for way in request.ways:
            left, pool = room(way.pool), ledger.pools.get(way.pool)
            if pool is not None and left is not None and lease.asks_of(pool.name) > left:
                tenant = pool.tenant_of(lease)
                return (
                    Reason.TENANT_LIMIT_REACHED,
                    f"tenant {tenant} holds {ledger.lanes.holds(pool.name, tenant)} of pool {pool.name} and may hold "
                    f"{pool.max_per_tenant}; {lease.asks_of(pool.name)} more are asked for",
                )
    return None


def _short_of(ledger: Ledger, lease: Lease) -> Why:
    """What is lacking where every pool lends."""
    ways, room = ways_of(ledger, lease), room_of(ledger, lease, {})
    supply = Supply(
        lambda group: ledger.pool_index(group[0]).on_shelf(group[1]), labels_of(ledger), room=room or without_limit
    )
    if any(len(mine) > 1 for mine in ways):
        got = meet(ways, supply)
        if not got.finished:
            return Reason.WAITING_FOR_CAPACITY, "its alternatives are too many to be tried out: give fewer of them"
        if got.whole:
            return Reason.RESERVED_FOR_EARLIER, KEPT
        ways = [(way,) for way in choose(ways, usable(ledger, room)) or [mine[0] for mine in ways]]
    short: dict[str, Request] = {}
    lacking = 0
    for (name, _), requests in by_group((mine[0] for mine in ways), supply).items():
        got_names, whole = match(requests, (), supply.names(supply.group(requests[0])), supply.labels)
        if not whole:
            short.setdefault(name, requests[0])
            lacking += sum(request.count for request in requests) - len(got_names)
    if not short:
        return Reason.RESERVED_FOR_EARLIER, KEPT
    pools = ", ".join(short)
    if len(short) < len(dict.fromkeys(mine[0].pool for mine in ways)):
        return Reason.WAITING_FOR_OTHER_POOL, f"pool {pools} has too few free; the other pools have enough"
    if any((pool := ledger.pools.get(name)) is not None and pool.janitor for name in short):
        unclean = sum(ledger.pool_index(name).counts.get(state, 0) for name in short for state in sorted(UNCLEAN))
        if unclean >= lacking:
            return Reason.WAITING_FOR_CLEANING, f"resources of pool {pools} are being cleaned"
    picky = next((way for way in short.values() if way.picky), None)
    fitting = f" that fit {_fits(picky)}" if picky is not None else ""
    return Reason.WAITING_FOR_CAPACITY, f"pool {pools} has too few free resources{fitting}"


KEPT = "what is free is kept for a lease that waits longer"


def _fits(way: Request) -> str:
    return f"labels {way.selector}" if way.selector is not None else "the names asked for"
