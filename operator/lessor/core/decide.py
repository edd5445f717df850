"""The decision: what to write now, given what is known. Its one effect is that the ledger assumes what it asks for.

Endings come first: what ended now is what can be lent. Half-done grants come before new ones. Only what changed since
the last decision is looked at, so the cost of a grant does not grow with the number of resources.
"""

from __future__ import annotations

from collections.abc import Iterator

from .actions import (
    Action,
    Bind,
    Claim,
    Decision,
    DeleteLease,
    End,
    Free,
    HandOver,
    LookAtHolder,
    LookAtLease,
    LookAtNamespace,
    LookAtPool,
    NoteHolder,
    Raise,
    TellUnreadable,
    lease_key,
    resource_key,
)
from .allocator import Grant, Walk, assign
from .contact import OUTAGE_S
from .endings import dropped, end_of, free_of, reaped
from .explain import Reason, bound_conditions, end_conditions
from .initialise import initialise
from .ledger import Ledger
from .model import Entry, Holder, Lease, LeaseState, Now, Pool, Request, Terms
from .queue import coupled, priority_of
from .reaper import alive, expires, judge
from .reasons import Reasons
from .states import Event
from .stock import report, stock
from .telling import Teller

REFUSE_AFTER_S = 10.0  # objects applied together arrive in any order (design, section 2)


def decide(ledger: Ledger, now: Now) -> Decision:
    """The next actions, and when to ask again. Nothing before every kind was listed once."""
    ledger.stamp(now.mono)
    if not ledger.ready:
        return Decision()
    return _Round(ledger, now).run()


class _Round:
    """One decision: the steps in their order, and what they have asked for so far."""

    def __init__(self, ledger: Ledger, now: Now) -> None:
        self.ledger, self.now = ledger, now
        self.actions: list[Action] = []
        self.freeing: dict[str, Free] = {}
        self.reasons = Reasons(ledger)

    def run(self) -> Decision:
        ledger = self.ledger
        explain = self._due()
        leases, ledger.dirty_leases = ledger.dirty_leases, {}
        for uid in leases:
            self._lease(uid)
        resources, ledger.dirty_resources = ledger.dirty_resources, {}
        blanks = [name for name in resources if self._resource(name)]
        pools, ledger.dirty_pools = ledger.dirty_pools, {}
        blanks += [name for pool in pools for name in ledger.pool_index(pool).blanks if name not in resources]
        for action in initialise(ledger, blanks):
            self._ask(action)
        pools.update((free.resource.pool, None) for free in self.freeing.values())
        for group in coupled(ledger, pools):
            self._lend(group)
        for free in self.freeing.values():
            self._ask(free)
        unreadable, ledger.dirty_unreadable = ledger.dirty_unreadable, {}
        for key in unreadable:
            item = ledger.unreadable.get(key)
            if item is not None and not item.told and key not in ledger.pending:
                self._ask(TellUnreadable(item))
        stocks, ledger.dirty_stock = ledger.dirty_stock, {}
        for pool in stocks:
            for action in stock(ledger, pool):
                self._ask(action)
        teller = Teller(ledger, self.now, self.reasons, self._ask)
        for uid in leases:
            teller.tell(uid)
        teller.tell_again(pools)
        teller.tell_all(explain)
        counts, ledger.dirty_counts = ledger.dirty_counts, {}
        for pool in counts:
            if (told := report(ledger, pool, self.now)) is not None:
                self._ask(told)
            ledger.forget_if_empty(pool)
        return Decision(tuple(self.actions), ledger.timers.next)

    def _ask(self, action: Action) -> None:
        self.ledger.assume(action)
        self.actions.append(action)

    def _due(self) -> list[str]:
        """Marks what a deadline has come for; returns the pools whose queue is to be told anew."""
        ledger, explain = self.ledger, []
        for kind, name in ledger.timers.due(self.now.mono):
            match kind:
                case "pool":
                    ledger.dirty_pools[name] = None
                case "lease":
                    ledger.dirty_leases[name] = None
                case "resource":
                    ledger.dirty_resources[name] = None
                case "counts":
                    ledger.dirty_counts[name] = None
                case "explain":
                    explain.append(name)
        return explain

    # -- leases

    def _lease(self, uid: str) -> None:
        lease = self.ledger.leases.get(uid)
        if lease is None or self.ledger.is_busy(lease_key(uid)):
            return
        if lease.finished:
            self._outlived(lease)
        elif (end := end_of(lease) or self._reaped(lease)) is not None:
            self._ask(end)
        elif lease.waiting and uid in self.ledger.half_done:
            if uid not in self.ledger.claiming:
                self._bind(lease)
        elif (note := self._noted(lease)) is not None:
            self._ask(note)
        elif lease.waiting and not lease.accepted:
            self._judge(lease)

    def _reaped(self, lease: Lease) -> End | None:
        """Its end, if something has ended it; else the live reads that are needed, and when to look again."""
        ledger = self.ledger
        verdict = judge(ledger, lease, self.now)
        if verdict.why is not None:
            return reaped(lease, verdict.why)
        for key in verdict.looks:
            look = LookAtHolder(key, ledger.tick)
            if look.key not in ledger.pending:
                self._ask(look)
        if verdict.again is not None:
            ledger.timers.set("lease", lease.uid, verdict.again)
        return None

    def _noted(self, lease: Lease) -> NoteHolder | None:
        """What is news of its holder, if no other write is going to say it: the first is the Report or the Bind."""
        said, pin = alive(self.ledger, lease), self.ledger.holders.pin(lease)
        if not lease.conditions or (said.says(lease.conditions.get(said.type)) and pin is None):
            return None
        return NoteHolder(lease, said, pin)

    def _outlived(self, lease: Lease) -> None:
        """A finished Lease is deleted after its ttlAfterFinished, once nothing is claimed for it any more."""
        ledger, now = self.ledger, self.now
        if ledger.contact.last is None or lease.uid in ledger.claims or lease.uid in ledger.claiming:
            return
        since = lease.finished_at if lease.finished_at is not None else lease.created
        left = since + lease.ttl - ledger.contact.wall(now.wall, now.mono)
        if left <= 0 and ledger.contact.holds(now.mono):
            self._ask(DeleteLease(lease))
        else:
            ledger.timers.set("lease", lease.uid, now.mono + (left if left > 0 else OUTAGE_S))

    def _bind(self, lease: Lease) -> None:
        held = self.ledger.held_by(lease)
        got = assign(lease, held)
        if got is None:
            return
        place = {request.name: i for i, request in enumerate(lease.requests)}
        mine = sorted((r for r in held if r.name in got), key=lambda r: (place[got[r.name].name], r.name))
        entries = tuple(Entry(r.name, got[r.name].name, r.pool, r.epoch, r.attributes) for r in mine)
        granted = dict.fromkeys(request.pool for request in got.values())
        pools = [pool for name in lease.pools if name in granted and (pool := self.ledger.pools.get(name)) is not None]
        conditions = bound_conditions([entry.name for entry in entries], alive(self.ledger, lease))
        terms = terms_of(lease, pools, priority_of(self.ledger, lease))
        pin, until = self.ledger.holders.pin(lease), expires(self.ledger, lease, terms, self.now)
        self._ask(Bind(lease, entries, terms, conditions, pin, until))

    def _judge(self, lease: Lease) -> None:
        """Refuses a Lease that can never be met: after a live read of what it names and 10 s of the same failure."""
        ledger, now = self.ledger, self.now
        why = self.reasons.refusal(lease)
        if why is None or why[0] is Reason.UNREADABLE:
            ledger.stops_failing(lease.uid)
            return
        reason, since = ledger.failing.get(lease.uid, ("", 0.0))
        if reason != why[0]:
            since = now.mono
            ledger.failing[lease.uid] = (why[0], since)
        due = since + REFUSE_AFTER_S
        final = why[0] is Reason.NOT_SUPPORTED_YET  # no other object can change that
        if now.mono < due and not final:
            ledger.timers.set("lease", lease.uid, due)
            return
        looks = [] if final else list(self._looks(lease, why[0], due))
        if not looks:
            state = LeaseState.REFUSED
            self._ask(End(lease, Event.REFUSE, state, end_conditions(lease, state, why)))
        for look in looks:
            if look.key not in ledger.pending:
                self._ask(look)

    def _looks(self, lease: Lease, reason: str, due: float) -> Iterator[LookAtPool | LookAtNamespace]:
        """The live reads of what a Lease fails of that were not made since `due` (`Now.mono`)."""
        ledger = self.ledger
        for name in lease.pools:
            if ledger.pool_looks.get(name, -1.0) < due:
                pool = ledger.pools.get(name)
                yield LookAtPool(name, pool.version if pool is not None else 0)
        if reason is Reason.NOT_PERMITTED and ledger.namespace_looks.get(lease.namespace, -1.0) < due:
            yield LookAtNamespace(lease.namespace)

    # -- resources

    def _resource(self, name: str) -> bool:
        """The next step of one Resource; True if it has no state yet (those are taken together)."""
        ledger = self.ledger
        resource = ledger.resources.get(name)
        if resource is None or ledger.is_busy(resource_key(name)):
            return False
        if resource.holder is not None:
            step = free_of(ledger, resource)
            if isinstance(step, Free):
                self.freeing[name] = step
            elif isinstance(step, LookAtLease) and step.key not in ledger.pending:
                self._ask(step)
            return False
        if (drop := dropped(ledger, resource)) is not None:
            self._ask(drop)
        elif resource.state is None:
            return True
        elif resource.hold_until and ledger.ripe.get(name) != resource.hold_until:
            if resource.hold_until <= self.now.wall:
                ledger.ripen(resource)
            else:
                ledger.timers.set("resource", name, self.now.mono + resource.hold_until - self.now.wall)
        return False

    # -- grants

    def _lend(self, group: list[str]) -> None:
        out = Walk(self.ledger, self.freeing, self.now).run(group)
        self.ledger.keep(group, out.kept_for)
        for grant in out.grants:
            for name, request in grant.names.items():
                self._claim(grant, name, request)
        if out.stuck and not self.ledger.is_busy(lease_key(out.stuck[-1].uid)):
            # Of several half-done grants that block each other only the last in line gives way: the others may then be
            # completed with what it gives back.
            self._ask(Raise(out.stuck[-1]))
        if out.mature_next is not None:
            self.ledger.timers.set("pool", group[0], self.now.mono + out.mature_next - self.now.wall)

    def _claim(self, grant: Grant, name: str, request: Request) -> None:
        lease, resource = grant.lease, self.ledger.resources[name]
        pool = self.ledger.pools[resource.pool]
        holder = Holder(
            namespace=lease.namespace,
            name=lease.name,
            uid=lease.uid,
            attempt=lease.attempt,
            from_state=request.from_state,
            release_state=lease.release_state or pool.release_states[0],
            identity=lease.identity,
            term=pool.renew_within,
        )
        free = self.freeing.pop(name, None)
        if free is not None:
            self._ask(HandOver(resource, holder, request.as_state, free.ended))
        else:
            self._ask(Claim(resource, holder, request.as_state))


def terms_of(lease: Lease, pools: list[Pool], priority: int) -> Terms:
    """The rules that a Lease is bound under: the strictest of the pools' and its own, and the pools' common onLoss and
    releaseState.

    Where they differ, each Resource keeps its own: `holder.releaseState`, and its Pool's onLoss."""
    losses = {pool.on_loss for pool in pools}
    releases = {pool.release_states[0] for pool in pools}
    longest = [pool.max_duration for pool in pools] + [lease.max_duration]
    shortest = [pool.renew_within for pool in pools] or [1800.0]
    return Terms(
        renew_within=min(*shortest, lease.renew_within or shortest[0]),
        max_duration=min((limit for limit in longest if limit is not None), default=None),
        release_state=lease.release_state or (releases.pop() if len(releases) == 1 else None),
        on_loss=losses.pop() if len(losses) == 1 else None,
        priority=priority,
        renew_slack=lease.renew_slack,
    )
