"""What the waiting are told: why, and where they stand.

The first word comes with the first decision that does not grant. After that the reason and the place change with every
grant to somebody else, so they are written rarely: at most once in TELL_EVERY_S for each Lease and TELLS_PER_S in all,
the first in line first. Whoever wants it exact asks `lessor get queue`, which computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .actions import Action, Report, lease_key
from .budget import TELL_EVERY_S
from .explain import waiting_conditions
from .ledger import Ledger
from .model import EVERYTHING, Lease, Now, QueuePlace
from .queue import coupled, has_a_place, in_line
from .reaper import alive
from .reasons import Reasons

SHORT_LINE = 64  # waiting; so many are walked over for one that comes, so that its first word says its place
EXACT_BELOW = 10
NAMES_MAX = 3
_CONDITIONS = ("Accepted", "Bound", "Finished")


class Teller:
    """Of one decision."""

    def __init__(self, ledger: Ledger, now: Now, reasons: Reasons, ask: Callable[[Action], None]) -> None:
        self._ledger, self._now, self._reasons, self._ask = ledger, now, reasons, ask

    def tell(self, uid: str) -> None:
        """A Lease that has changed, or whose pools have: its first word at once, any other if it may be told now."""
        lease = self._ledger.leases.get(uid)
        if lease is None or not self._may_be_told(lease):
            return
        report = self._report(lease, lease.place)
        if report is None:
            return
        if "Bound" not in lease.conditions:
            self._ledger.telling.first(uid, self._now.mono)
            place = self._first_place(lease) if report.accepted else None
            self._ask(replace(report, place=place))
        elif report.accepted != lease.accepted or self._ledger.telling.take(uid, self._now.mono):
            self._ask(report)
        else:
            self._later(lease.pools)

    def tell_all(self, pools: list[str]) -> None:
        """Those who wait for these pools, first in line first, as far as the budget goes."""
        for group in coupled(self._ledger, pools):
            reports: list[Report] = []
            for lease, place in places(self._ledger, group, self._now.wall):
                if not self._may_be_told(lease):
                    continue
                report = self._report(lease, place)
                if report is None:
                    continue
                if self._ledger.telling.take(lease.uid, self._now.mono):
                    reports.append(report)
                    continue
                self._later(group)
                if self._ledger.telling.spent:
                    break
            for report in reports:  # the walk is over: the ledger may change
                self._ask(report)

    def tell_again(self, pools: dict[str, None]) -> None:
        """Something has moved in these: whoever waits for them is told in a while."""
        for pool in pools:
            if self._ledger.pool_index(pool).waiting:
                self._ledger.timers.set("explain", pool, self._now.mono + TELL_EVERY_S)

    def _later(self, pools: tuple[str, ...] | list[str]) -> None:
        self._ledger.timers.set("explain", pools[0], self._now.mono + 1.0)

    def _may_be_told(self, lease: Lease) -> bool:
        ledger = self._ledger
        return not (
            not lease.waiting
            or lease.uid in ledger.half_done
            or ledger.is_busy(lease_key(lease.uid))
            or lease.deleting
            or EVERYTHING in lease.release
        )

    def _report(self, lease: Lease, place: QueuePlace | None) -> Report | None:
        """None: nothing of it is news."""
        why = self._reasons.refusal(lease) if not lease.accepted else None
        accepted = why is None
        conditions = waiting_conditions(
            why or self._reasons.waiting(lease), accepted=accepted, alive=alive(self._ledger, lease)
        )
        same_place = place is None or (lease.place is not None and place.position == lease.place.position)
        if same_place and all(conditions[c].says(lease.conditions.get(c)) for c in _CONDITIONS):
            return None
        return Report(lease, accepted, conditions, self._ledger.holders.pin(lease), None if same_place else place)

    def _first_place(self, lease: Lease) -> QueuePlace | None:
        """Of a line that is long only how long it is: it is the last in most lines."""
        ledger = self._ledger
        (group,) = coupled(ledger, lease.pools[:1])
        if sum(len(ledger.pool_index(pool).waiting) for pool in group) <= SHORT_LINE:
            return next((place for of, place in places(ledger, group, self._now.wall) if of.uid == lease.uid), None)
        longest = max(len(ledger.pool_index(pool).waiting) for pool in lease.pools)
        return QueuePlace(rounded(longest), rounded(longest), "")


def places(ledger: Ledger, group: list[str], wall: float) -> Iterator[tuple[Lease, QueuePlace | None]]:
    """The waiting of coupled pools with their places, first in line first. Over several pools a Lease stands where it
    is furthest behind."""
    ahead: dict[str, int] = {}  # by pool
    names: dict[tuple[str, str], list[str]] = {}  # by pool and namespace: of those ahead
    length = {pool: _length(ledger, pool) for pool in group}
    for lease in in_line(ledger, group, wall):
        if not has_a_place(lease):
            yield lease, None
            continue
        pool = max(lease.pools, key=lambda pool: ahead.get(pool, 0))
        count, mine = ahead.get(pool, 0), names.setdefault((pool, lease.namespace), [])
        yield lease, QueuePlace(rounded(count + 1), rounded(length[pool]), _blocked_by(pool, mine, count))
        for pool in lease.pools:
            ahead[pool] = ahead.get(pool, 0) + 1
            names.setdefault((pool, lease.namespace), []).append(lease.name)


def _length(ledger: Ledger, pool: str) -> int:
    return sum(has_a_place(ledger.leases[uid]) for uid in ledger.pool_index(pool).waiting_uids())


def _blocked_by(pool: str, mine: list[str], ahead: int) -> str:
    """What it waits for, in words: names of one's own namespace, of others their number alone."""
    if not ahead:
        return f"pool {pool}"
    said = [f"lease {name}" for name in mine[:NAMES_MAX]]
    if len(mine) > NAMES_MAX:
        said.append(f"{len(mine) - NAMES_MAX} more of this namespace")
    if others := ahead - len(mine):
        said.append(f"{others} of other namespaces")
    return " and ".join(filter(None, (", ".join(said[:-1]), said[-1])))


def rounded(number: int) -> int:
    """Exact below ten, else the next power of two: a long line moves all the time."""
    return number if number < EXACT_BELOW else 1 << (number - 1).bit_length()
