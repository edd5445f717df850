"""Rules taken away, one at a time. Each is a bug that somebody could write; the simulation must see every one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lessor.core import actions as a
from lessor.core import allocator, decide, endings, initialise, reaper, reasons
from lessor.core.heartbeats import Heartbeats
from lessor.core.holders import Holders
from lessor.core.indexes import Vanished
from lessor.core.ledger import Ledger
from lessor.core.model import EVERYTHING, Lease, LeaseState, Now, Pool, Resource, Tracked
from lessor.kube import calls, codec

from . import traces_of_holders, traces_of_leases, traces_of_loss
from .sim_operator import READS, Flight, Operator
from .tracing import Trace

Patch = pytest.MonkeyPatch
PLANTS: list[Plant] = []


@dataclass(frozen=True, slots=True)
class Plant:
    """`put` takes the rule away. `trace` shows it step by step; `search`: the state machine finds it in a few examples;
    `timed`: the one in which time has a meaning does."""

    put: Callable[[Patch], None]
    trace: Trace | None
    search: bool
    timed: bool

    def __str__(self) -> str:
        return self.put.__name__


def seen_by(
    trace: Trace | None = None, search: bool = False, timed: bool = False
) -> Callable[[Callable[[Patch], None]], None]:
    def plant(put: Callable[[Patch], None]) -> None:
        PLANTS.append(Plant(put, trace, search, timed))

    return plant


@seen_by(search=True)
def a_bind_rests_on_assumed_claims(patch: Patch) -> None:
    real = Ledger.assume

    def assume(self: Ledger, action: a.Action) -> None:
        real(self, action)
        if isinstance(action, a.Claim | a.HandOver):
            old = action.resource
            self._unindex_resource(old)
            self.resources[old.name] = replace(old, state=action.state, holder=action.holder, epoch=old.epoch + 1)
            self._index_resource(self.resources[old.name], quiet=True)
            self.claiming.pop(action.holder.uid, None)
            self.dirty_leases[action.holder.uid] = None

    patch.setattr(Ledger, "assume", assume)


@seen_by(traces_of_leases.a_lease_that_an_operator_does_not_know_is_looked_at_before_its_resource_is_freed)
def what_a_vanished_lease_held_is_freed_without_a_confirming_read(patch: Patch) -> None:
    real = endings.free_of

    def free_of(ledger: Ledger, resource: Resource) -> Any:
        step = real(ledger, resource)
        if isinstance(step, a.LookAtLease):
            ledger.vanished.setdefault(step.uid, Vanished(None)).confirmed = True
            return real(ledger, resource)
        return step

    patch.setattr("lessor.core.decide.free_of", free_of)


@seen_by(search=True)
def what_is_being_written_is_lent_all_the_same(patch: Patch) -> None:
    patch.setattr(Ledger, "is_busy", lambda self, key: key in self.unreadable)


@seen_by(traces_of_leases.a_claim_of_a_waiting_lease_is_given_back_only_after_a_raise)
def a_claim_is_given_back_without_a_raise(patch: Patch) -> None:
    real = endings.free_of

    def free_of(ledger: Ledger, resource: Resource) -> Any:
        assert resource.holder is not None
        lease = ledger.leases.get(resource.holder.uid)
        if lease is not None and lease.waiting and ledger.pending.get(a.lease_key(lease.uid)) is None:
            free = sum(len(ledger.pool_index(pool).idle("free")) for pool in lease.pools)
            if len(ledger.held_by(lease)) + free < sum(request.count for request in lease.requests):
                return a.Free(resource, resource.holder.from_state, "NeverBound")
        return real(ledger, resource)

    patch.setattr("lessor.core.decide.free_of", free_of)


@seen_by(traces_of_leases.a_claim_of_an_earlier_attempt_counts_for_nothing)
def claims_of_an_earlier_attempt_count(patch: Patch) -> None:
    patch.setattr(Ledger, "held_by", lambda self, lease: [self.resources[n] for n in self.claims.get(lease.uid, ())])


@seen_by(traces_of_loss.a_resource_removed_by_force_in_a_counted_pool_is_made_again_as_one_that_existed, search=True)
def a_write_is_not_guarded_by_the_version_it_was_decided_on(patch: Patch) -> None:
    real = calls._guarded

    def unguarded(item: Any, body: Any, **meta: Any) -> Any:
        out = real(item, body, **meta)
        del out["metadata"]["resourceVersion"]
        return out

    patch.setattr(calls, "_guarded", unguarded)


@seen_by(traces_of_loss.a_resource_removed_by_force_in_a_counted_pool_is_made_again_as_one_that_existed)
def a_lost_resource_is_initialised_without_a_raise(patch: Patch) -> None:
    patch.setattr(initialise, "_suspects", lambda *_: iter(()))


@seen_by(traces_of_loss.a_lost_resource_goes_back_to_the_bound_lease_that_lists_it_though_nobody_knew_that_lease)
def a_lost_resource_is_initialised_without_a_list(patch: Patch) -> None:
    real = initialise.initialise

    def now(ledger: Ledger, names: list[str]) -> Any:
        ledger.leases_listed_at = ledger.tick
        return real(ledger, names)

    patch.setattr(decide, "initialise", now)


@seen_by(traces_of_leases.an_end_is_written_before_anything_is_freed)
def a_resource_is_freed_before_the_end_of_its_lease_is_written(patch: Patch) -> None:
    real = endings.free_of

    def free_of(ledger: Ledger, resource: Resource) -> Any:
        assert resource.holder is not None
        lease = ledger.leases.get(resource.holder.uid)
        if lease is not None and lease.state is LeaseState.BOUND and (lease.deleting or EVERYTHING in lease.release):
            return a.Free(resource, resource.holder.release_state, "Released")
        return real(ledger, resource)

    patch.setattr("lessor.core.decide.free_of", free_of)


@seen_by(traces_of_leases.a_single_resource_leaves_its_lease_before_it_is_freed)
def a_resource_is_freed_before_it_leaves_the_list_of_its_lease(patch: Patch) -> None:
    real = endings.free_of

    def free_of(ledger: Ledger, resource: Resource) -> Any:
        assert resource.holder is not None
        lease = ledger.leases.get(resource.holder.uid)
        if lease is not None and lease.state is LeaseState.BOUND and resource.name in lease.release:
            return a.Free(resource, resource.holder.release_state, "Released")
        return real(ledger, resource)

    patch.setattr("lessor.core.decide.free_of", free_of)


@seen_by(traces_of_loss.a_lost_resource_is_adopted)
def a_lost_resource_is_not_given_back_to_the_lease_that_lists_it(patch: Patch) -> None:
    def from_list(ledger: Ledger, resource: Resource) -> a.Action:
        return a.Initialise(resource, endings.initial_state(ledger.pools[resource.pool], resource))

    patch.setattr(initialise, "_from_list", from_list)


@seen_by(search=True)
def own_writes_are_not_assumed(patch: Patch) -> None:
    patch.setattr(Ledger, "assume", lambda self, action: None)


@seen_by(traces_of_leases.of_a_write_whose_answer_was_lost_nothing_is_believed)
def an_unknown_outcome_counts_as_success(patch: Patch) -> None:
    def look(self: Operator, flight: Flight) -> None:
        action = flight.action
        if action is None or isinstance(action, READS):
            self.flights.remove(flight)
            if action is None:
                self._list_next()
            else:
                self.ledger.settled(action)
            return
        self.flights.remove(flight)
        if isinstance(action, a.Claim | a.HandOver):
            old = action.resource
            taken = replace(old, state=action.state, holder=action.holder, epoch=old.epoch + 1, version=old.version + 1)
            self.ledger.observe_resource(taken)
        self.ledger.settled(action)

    patch.setattr(Operator, "_look", look)


@seen_by(traces_of_leases.a_claim_too_many_comes_back)
def a_claim_too_many_is_never_given_back(patch: Patch) -> None:
    real = endings._free_of_known

    def free(resource: Resource, lease: Lease, pool: Pool | None) -> a.Free | None:
        if lease.state is LeaseState.BOUND and resource.name not in lease.release:
            return None
        return real(resource, lease, pool)

    patch.setattr(endings, "_free_of_known", free)


@seen_by(traces_of_leases.of_two_half_done_leases_one_gives_way)
def nobody_gives_way(patch: Patch) -> None:
    real = allocator.Walk.run

    def run(self: allocator.Walk, group: list[str]) -> allocator.Allocation:
        out = real(self, group)
        out.stuck.clear()
        return out

    patch.setattr(allocator.Walk, "run", run)


@seen_by(traces_of_leases.an_old_event_changes_nothing)
def an_old_event_counts(patch: Patch) -> None:
    real = Ledger._news

    def news(self: Ledger, key: a.Key, version: int) -> bool:
        return self._known(key) is not None or real(self, key, version)

    patch.setattr(Ledger, "_news", news)
    patch.setattr(Ledger, "is_news", lambda self, key, version: True)


@seen_by(traces_of_leases.what_a_list_lacks_is_gone)
def what_a_list_lacks_is_kept(patch: Patch) -> None:
    patch.setattr(Ledger, "_keys", lambda self, kind: iter(()))


@seen_by(traces_of_leases.what_a_holder_wishes_is_done, search=True)
def a_wish_is_not_asked_for(patch: Patch) -> None:
    patch.setattr(endings, "wished", lambda resource, lease, pool: "free")


@seen_by(traces_of_leases.a_wish_that_no_pool_allows_is_refused, search=True)
def what_a_lease_asks_in_vain_is_granted(patch: Patch) -> None:
    def may_be_granted(ledger: Ledger, lease: Lease) -> bool:
        return not (
            lease.uid in ledger.claims or lease.uid in ledger.claiming or ledger.is_busy(a.lease_key(lease.uid))
        )

    patch.setattr(reasons, "refusal", lambda ledger, lease: None)
    patch.setattr(allocator, "may_be_granted", may_be_granted)


@seen_by(traces_of_leases.how_a_lease_ended_is_not_guessed_by_who_never_saw_it)
def the_last_word_of_a_lease_that_was_never_seen_is_guessed(patch: Patch) -> None:
    """Hole G: its end was persisted with a wish, it was deleted, and a new process takes it for a plain release."""
    real = endings.free_of

    def free_of(ledger: Ledger, resource: Resource) -> Any:
        step = real(ledger, resource)
        assert resource.holder is not None
        if isinstance(step, a.Free) and step.ended == "Lost":
            return replace(step, state=resource.holder.release_state)
        return step

    patch.setattr("lessor.core.decide.free_of", free_of)


@seen_by(traces_of_leases.an_answer_not_there_that_is_older_than_what_was_seen_forgets_nothing)
def what_was_never_seen_may_be_forgotten_by_an_old_answer(patch: Patch) -> None:
    def missing(self: Ledger, key: a.Key, known: int) -> bool:
        return self._forget(key, self._known_version(key))

    patch.setattr(Ledger, "observe_missing", missing)


@seen_by(traces_of_leases.a_claim_of_an_earlier_attempt_counts_for_nothing)
def a_cordoned_resource_is_lent(patch: Patch) -> None:
    real = Ledger.is_lendable
    patch.setattr(Ledger, "is_lendable", lambda self, r: real(self, replace(r, cordoned=False, deleting=False)))


@seen_by(search=True)
def a_settled_answer_wakes_nobody(patch: Patch) -> None:
    patch.setattr(Ledger, "_write_settled", lambda self, action, kind, name: None)


@seen_by(timed=True)
def a_renewal_is_not_heard(patch: Patch) -> None:
    real = Heartbeats.observe

    def observe(self: Heartbeats, lease: Lease) -> None:
        real(self, replace(lease, renewal=None))

    patch.setattr(Heartbeats, "observe", observe)


@seen_by(timed=True)
def the_end_of_a_silent_lease_is_not_guarded(patch: Patch) -> None:
    """A renewal that has landed and was not seen yet is overwritten."""
    real = calls._guarded

    def guarded(item: Any, body: Any, **meta: Any) -> Any:
        out = real(item, body, **meta)
        if body.get("status", {}).get("reason") == "RenewalOverdue":
            del out["metadata"]["resourceVersion"]
        return out

    patch.setattr(calls, "_guarded", guarded)


@seen_by(traces_of_holders.a_pod_of_which_the_watch_has_not_heard_yet_is_not_gone)
def what_a_watch_lacks_is_gone_without_a_live_read(patch: Patch) -> None:
    real = reaper.judge

    def judge(ledger: Ledger, lease: Lease, now: Now) -> reaper.Verdict:
        found = real(ledger, lease, now)
        if found.looks and ledger.holders.facts(found.looks[0]) is None:
            return reaper.Verdict(("HolderGone", "its pod is gone"))  # type: ignore[arg-type]
        return found

    patch.setattr(decide, "judge", judge)


@seen_by(traces_of_holders.the_pod_of_before_that_the_watch_still_shows_is_not_taken_for_the_holder)
def the_pod_that_the_watch_shows_is_pinned_without_a_live_read(patch: Patch) -> None:
    def uid_of(self: Holders, lease: Lease, tracked: Tracked) -> str | None:
        seen = self.facts(tracked.key)
        return tracked.uid or lease.holder_uid or (seen.uid if seen is not None else None)

    def pin(self: Holders, lease: Lease) -> str | None:
        tracked = lease.pinnable
        return self.uid_of(lease, tracked) if tracked is not None and lease.holder_uid is None else None

    patch.setattr(Holders, "uid_of", uid_of)
    patch.setattr(Holders, "pin", pin)


@seen_by(timed=True)
def a_dead_pod_is_looked_at_by_nobody(patch: Patch) -> None:
    real = reaper.standing

    def standing(ledger: Ledger, lease: Lease, tracked: Tracked) -> reaper.Standing:
        found = real(ledger, lease, tracked)
        return reaper.Standing.COMING if found is reaper.Standing.ASKED and lease.holder_uid else found

    patch.setattr(reaper, "standing", standing)


@seen_by(timed=True)
def nobody_wakes_up_for_a_deadline(patch: Patch) -> None:
    real = reaper.judge

    def judge(ledger: Ledger, lease: Lease, now: Now) -> reaper.Verdict:
        return real(ledger, lease, now)._replace(again=None)

    patch.setattr(decide, "judge", judge)


@seen_by(timed=True)
def after_a_restart_everybody_is_as_old_as_its_bind(patch: Patch) -> None:
    real = codec.lease

    def lease(body: Any) -> Lease:
        found = real(body)
        return replace(found, renewed_at=found.bound_time)

    patch.setattr(codec, "lease", lease)
