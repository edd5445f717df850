"""Model `janitor`: one Resource, a tenant, two janitors with a cleaning Lease each; time in ticks.

The operator is right by the other models; here it claims and binds in one step. What is searched is the janitor's own
promise: no destructive call while anybody else has the Resource, however it freezes, and whatever becomes of its Lease.
Only a freeze between the check and the call is limited (`gap`): nothing in the janitor can close that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.search import State
from tests.model.setup import UNLIMITED, Setup
from tests.model.world import ABSENT, BOUND, ENDED, WAITING, Memo, Numbers

FREE, DIRTY, CLEANING, LEASED = "free", "dirty", "cleaning", "leased"
NOBODY = -1
RESTS, CHECKED, CALLS = range(3)  # Janitor.phase
NONE = -1  # no renewal is in flight


class Thing(NamedTuple):
    """The Resource."""

    state: str
    janitor: int  # whose cleaning Lease holds it
    hold: int  # ticks until holdUntil


class Cleaning(NamedTuple):
    """A cleaning Lease."""

    state: int
    age: int  # ticks since it was renewed


class Janitor(NamedTuple):
    at_work: bool
    deadline: int  # ticks left: after its last check it may call that long
    phase: int
    ticks: int  # CHECKED: since the check; CALLS: until the call must be over
    renewal: int  # ticks since the renewal in flight was sent
    empty: bool  # what it would write as outcome


class Now(NamedTuple):
    thing: Thing
    leases: tuple[Cleaning, ...]
    tenant: bool
    janitors: tuple[Janitor, ...]


AWAY = Janitor(False, 0, RESTS, 0, NONE, False)
NO_LEASE = Cleaning(ABSENT, 0)


class Step(NamedTuple):
    label: str
    after: Now
    costs: int = 0  # 1: an action of a person, or a time-out that comes when it likes


class Janitors:
    fair_runs = 0

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._gap = setup.margin if setup.gap < 0 else setup.gap
        self._frozen_for_ever = self._gap >= 99
        self._hold = setup.term + setup.call if setup.hold < 0 else setup.hold
        if setup.has("nohold"):
            self._hold = 0
        self._contents: Numbers[Now] = Numbers()
        self._judged: Memo[int, str] = Memo(self._find_wrong)
        self._steps: Memo[int, list[tuple[str, int, int]]] = Memo(self._find_steps)
        start = Now(Thing(DIRTY, NOBODY, 0), (NO_LEASE,) * 2, False, (AWAY,) * 2)
        self.start: State = (self._contents.of(start), setup.env)

    def canon(self, state: State) -> State:
        return state

    def judge(self, state: State) -> str:
        return self._judged[state[0]]

    def moves(self, state: State) -> Iterator[tuple[str, State | None]]:
        number, env = state
        for label, after, costs in self._steps[number]:
            if env or not costs:
                yield label, (after, env - costs if env < UNLIMITED else env)

    def _find_wrong(self, number: int) -> str:
        now = self._contents.content[number]
        for i, janitor in enumerate(now.janitors):
            if janitor.phase == CALLS:
                if now.tenant:
                    return f"janitor {i} destroys under the tenant"
                if now.thing.state == CLEANING and now.thing.janitor != i:
                    return f"janitor {i} destroys under another cleaning Lease"
        return ""

    def _find_steps(self, number: int) -> list[tuple[str, int, int]]:
        now = self._contents.content[number]
        steps = [*self._tick(now)]
        for i in (0, 1):
            steps += self._takes_the_name(now, i)
            steps += self._renews(now, i)
            steps += self._calls(now, i)
            steps += self._operator(now, i)
            steps += self._people_with_leases(now, i)
        steps += self._others(now)
        return [(label, self._contents.of(after), costs) for label, after, costs in steps]

    def _tick(self, now: Now) -> Iterator[Step]:
        """Time passes for all alike. A call in flight must end in time, and a gap after a check has its limit."""
        limit = 0 if self._frozen_for_ever else self._gap
        for janitor in now.janitors:
            late = janitor.phase == CHECKED and not self._frozen_for_ever and janitor.ticks >= limit
            if late or (janitor.phase == CALLS and janitor.ticks == 0):
                return
        term = self._setup.term
        leases = tuple(Cleaning(s, min(age + 1, term) if s == BOUND else age) for s, age in now.leases)
        janitors = tuple(self._older(janitor) for janitor in now.janitors)
        thing = now.thing._replace(hold=max(0, now.thing.hold - 1))
        yield Step("a tick", now._replace(thing=thing, leases=leases, janitors=janitors))

    def _older(self, janitor: Janitor) -> Janitor:
        ticks = janitor.ticks
        if janitor.phase == CALLS:
            ticks -= 1
        elif janitor.phase == CHECKED and not self._frozen_for_ever:
            ticks = min(ticks + 1, self._gap)
        renewal = min(janitor.renewal + 1, self._setup.term) if janitor.renewal >= 0 else NONE
        return janitor._replace(deadline=max(0, janitor.deadline - 1), ticks=ticks, renewal=renewal)

    def _takes_the_name(self, now: Now, i: int) -> Iterator[Step]:
        """The name of a cleaning Lease is the mutex: one that waits keeps others out."""
        dirty = now.thing.state == DIRTY
        taken = now.leases[i].state != ABSENT or now.leases[1 - i].state == WAITING
        if dirty and not taken and not now.janitors[i].at_work:
            after = put_janitor(put_lease(now, i, Cleaning(WAITING, 0)), i, AWAY._replace(at_work=True))
            yield Step(f"janitor {i} creates its cleaning Lease", after)
        if now.leases[i].state == WAITING and dirty and now.thing.hold == 0:
            after = put_lease(now, i, Cleaning(BOUND, 0))
            yield Step(f"Claim and Bind for janitor {i}", after._replace(thing=Thing(CLEANING, i, 0)))

    def _renews(self, now: Now, i: int) -> Iterator[Step]:
        """Only an answer that shows the Lease, by uid, still Bound moves the deadline, counted from before the
        sending."""
        janitor, lease, setup = now.janitors[i], now.leases[i], self._setup
        if janitor.at_work and janitor.renewal < 0:
            yield Step(f"janitor {i} sends a renewal", put_janitor(now, i, janitor._replace(renewal=0)))
        if janitor.renewal >= 0:
            landed = put_lease(now, i, Cleaning(BOUND, 0)) if lease.state == BOUND else now
            good = lease.state == BOUND
            good |= setup.has("oldext") and lease.state == ENDED
            good |= setup.has("byname") and now.leases[1 - i].state == BOUND
            answered = janitor._replace(renewal=NONE)
            if good:
                deadline = max(janitor.deadline, setup.term - setup.margin - janitor.renewal)
                answered = answered._replace(deadline=max(0, deadline))
            elif janitor.phase != CALLS and lease.state in (ENDED, ABSENT):
                answered = AWAY._replace(empty=janitor.empty)
            yield Step(f"janitor {i}'s renewal lands", put_janitor(landed, i, answered))
            lost = put_janitor(landed, i, janitor._replace(renewal=NONE))
            yield Step(f"janitor {i}'s renewal lands, the answer is lost", lost)

    def _calls(self, now: Now, i: int) -> Iterator[Step]:
        janitor = now.janitors[i]
        if janitor.phase == RESTS and janitor.at_work:
            if janitor.deadline > 0 or self._setup.has("nocheck"):
                checked = janitor._replace(phase=CHECKED, ticks=0)
                yield Step(f"janitor {i} checks its deadline ({janitor.deadline} left)", put_janitor(now, i, checked))
            if janitor.empty and now.leases[i].state == BOUND:
                thing = Thing(FREE, NOBODY, 0) if now.thing.janitor == i else now.thing
                after = put_janitor(put_lease(now, i, NO_LEASE), i, AWAY)._replace(thing=thing)
                yield Step(f"janitor {i} writes outcome Empty; End and Free", after)
        elif janitor.phase == CHECKED:
            calling = janitor._replace(phase=CALLS, ticks=self._setup.call)
            yield Step(f"janitor {i} CALLS (destroys)", put_janitor(now, i, calling))
        elif janitor.phase == CALLS:
            done = janitor._replace(phase=RESTS, ticks=0, empty=True)
            yield Step(f"janitor {i}'s call is over", put_janitor(now, i, done))

    def _operator(self, now: Now, i: int) -> Iterator[Step]:
        """A cleaning Lease that ended without an outcome is a loss: dirty, with holdUntil one term and one call
        ahead."""
        state, age = now.leases[i]
        if state == BOUND:
            if age >= self._setup.term:
                yield Step(f"End of janitor {i}'s Lease (overdue)", put_lease(now, i, Cleaning(ENDED, 0)))
            else:
                yield Step(f"End of janitor {i}'s Lease (janitor.timeout)", put_lease(now, i, Cleaning(ENDED, 0)), 1)
        elif state == ENDED:
            if now.thing.janitor == i:
                yield Step(
                    f"Free as dirty, held for {self._hold}", now._replace(thing=Thing(DIRTY, NOBODY, self._hold))
                )
            else:
                yield Step(f"janitor {i}'s Lease is removed (ttl)", put_lease(now, i, NO_LEASE))

    def _people_with_leases(self, now: Now, i: int) -> Iterator[Step]:
        if now.leases[i].state in (BOUND, WAITING):
            thing = now.thing
            if thing.janitor == i:
                thing = Thing(DIRTY, NOBODY, 0 if self._setup.has("delvol") else self._hold)
            after = put_lease(now, i, NO_LEASE)._replace(thing=thing)
            yield Step(f"a person deletes janitor {i}'s Lease; Free as dirty", after, 1)

    def _others(self, now: Now) -> Iterator[Step]:
        thing = now.thing
        if thing.state == FREE and thing.hold == 0:
            yield Step("Claim and Bind for the tenant", now._replace(thing=Thing(LEASED, NOBODY, 0), tenant=True))
        adopted = thing.janitor != NOBODY and now.leases[thing.janitor].state == BOUND
        if self._setup.has("force") and thing.state != LEASED and not adopted:
            again = Thing(FREE, NOBODY, 0) if self._setup.has("initfree") else Thing(DIRTY, NOBODY, self._hold)
            label = f"a person removes the Resource by force; Initialise as {again.state}"
            yield Step(label, now._replace(thing=again), 1)
        if thing.state == LEASED:
            after = now._replace(thing=Thing(DIRTY, NOBODY, 0), tenant=False)
            yield Step("the tenant releases; Free as dirty", after, 1)


def put_lease(now: Now, i: int, lease: Cleaning) -> Now:
    return now._replace(leases=(lease, now.leases[1]) if i == 0 else (now.leases[0], lease))


def put_janitor(now: Now, i: int, janitor: Janitor) -> Now:
    return now._replace(janitors=(janitor, now.janitors[1]) if i == 0 else (now.janitors[0], janitor))
