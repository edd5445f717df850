"""Reasons and messages: the one place for the words that statuses, log lines, HTTP and the command line share.

Conditions follow the API conventions: CamelCase reasons are API, messages are for people and say what to do.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from .holders import Blind
from .ledger import Ledger
from .model import FREE, Condition, Conditions, ConditionStatus, Lease, LeaseState, Pool, Tracked

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


class Reason(StrEnum):
    """Every reason that this version writes."""

    # of Accepted: why a Lease is Refused
    ACCEPTED = "Accepted"
    NOT_SUPPORTED_YET = "NotSupportedYet"
    POOL_NOT_FOUND = "PoolNotFound"
    NOT_PERMITTED = "NotPermitted"
    NO_MATCHING_RESOURCE = "NoMatchingResource"
    COUNT_EXCEEDS_POOL = "CountExceedsPool"
    EXCEEDS_TENANT_LIMIT = "ExceedsTenantLimit"
    RELEASE_STATE_NOT_ALLOWED = "ReleaseStateNotAllowed"
    UNREADABLE = "Unreadable"
    # of Bound, while waiting: one at a time, in this order
    TENANT_LIMIT_REACHED = "TenantLimitReached"
    POOL_PAUSED = "PoolPaused"
    ALL_CORDONED = "AllCordoned"
    RESERVED_FOR_EARLIER = "ReservedForEarlier"
    WAITING_FOR_OTHER_POOL = "WaitingForOtherPool"
    WAITING_FOR_CLEANING = "WaitingForCleaning"
    WAITING_FOR_CAPACITY = "WaitingForCapacity"
    # of Bound and Ready afterwards, of Finished, and how a hold ended in lastHolders
    BOUND = "Bound"
    READY = "Ready"
    RELEASED = "Released"
    DELETED = "Deleted"
    LOST = "Lost"
    NEVER_BOUND = "NeverBound"
    ACTIVE = "Active"
    # why the reaper ended a Lease
    HOLDER_ENDED = "HolderEnded"
    HOLDER_GONE = "HolderGone"
    RENEWAL_OVERDUE = "RenewalOverdue"
    WAITER_SILENT = "WaiterSilent"
    WAIT_TIMEOUT = "WaitTimeout"
    MAX_DURATION = "MaxDuration"
    NOT_COLLECTED = "NotCollected"
    NAMESPACE_GOING = "NamespaceGoing"
    # of HolderAlive; Forbidden, KindNotFound and the like come from who can't watch a holder
    POD_RUNNING = "PodRunning"
    OBJECT_ACTIVE = "ObjectActive"
    RENEWED = "Renewed"
    NOT_TRACKED = "NotTracked"
    NOT_SEEN_YET = "NotSeenYet"
    NOT_REQUESTED = "NotRequested"
    # of Pools
    DUPLICATE_NAME = "DuplicateName"
    DELETING = "Deleting"
    PAUSED = "Paused"
    RESOURCE_REFUSED = "ResourceRefused"
    IN_USE = "InUse"
    IDLE = "Idle"
    NOTHING_FREE = "NothingFree"
    SOME_FREE = "SomeFree"
    NOT_IN_POOL = "NotInPool"


Why = tuple[Reason, str]  # a reason and its sentence
RENEWED = Condition("HolderAlive", TRUE, Reason.RENEWED, "it is renewed")
NOT_TRACKED = Condition("HolderAlive", UNKNOWN, Reason.NOT_TRACKED, "nothing tells yet whether the holder lives")


def paused(pool: Pool) -> str | None:
    """The sentence that says why a Pool lends nothing now."""
    if pool.unsupported:
        return f"pool {pool.name} is not ready: this version does not support {fields(pool.unsupported)}"
    if pool.deleting:
        return f"pool {pool.name} is being deleted"
    if pool.hold:
        return f"pool {pool.name} is on hold (spec.mode)"
    return None


def fields(paths: tuple[str, ...]) -> str:
    return ", ".join(paths)


def waiting_conditions(why: Why, *, accepted: bool, alive: Condition = NOT_TRACKED) -> Conditions:
    """All conditions of a Lease that is not granted; `why` is what it waits for, or fails of until it is refused."""
    reason, message = why
    first = Condition("Accepted", TRUE, Reason.ACCEPTED, "the pools can meet it")
    if not accepted:
        until = "" if reason is Reason.UNREADABLE else "; it is refused if that stays so for 10 s"
        first = Condition("Accepted", UNKNOWN, reason, message + until)
    return _conditions(
        first,
        Condition("Bound", FALSE, reason, message),
        Condition("Ready", FALSE, reason, message),
        Condition("Finished", FALSE, Reason.ACTIVE, "it waits"),
        alive,
    )


def bound_conditions(names: list[str], alive: Condition = NOT_TRACKED) -> Conditions:
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return _conditions(
        Condition("Accepted", TRUE, Reason.ACCEPTED, "the pools can meet it"),
        Condition("Bound", TRUE, Reason.BOUND, f"holds {listed}"),
        Condition("Ready", TRUE, Reason.READY, "to be used"),
        Condition("Finished", FALSE, Reason.ACTIVE, "it is held"),
        alive,
    )


def end_conditions(lease: Lease, state: LeaseState, why: Why) -> Conditions:
    """Bound and Ready are False in the same write that says Finished, so nobody waits on an old truth."""
    reason, message = why
    accepted = lease.conditions.get("Accepted") or Condition("Accepted", TRUE, Reason.ACCEPTED, "the pools can meet it")
    if state is LeaseState.REFUSED:
        accepted = Condition("Accepted", FALSE, reason, message)
    alive = lease.conditions.get("HolderAlive") or NOT_TRACKED
    if reason in _DEAD:
        alive = Condition("HolderAlive", FALSE, reason, message)
    return _conditions(
        accepted,
        Condition("Bound", FALSE, reason, message),
        Condition("Ready", FALSE, reason, message),
        Condition("Finished", TRUE, reason, message),
        alive,
    )


def _conditions(
    accepted: Condition, bound: Condition, ready: Condition, finished: Condition, alive: Condition
) -> Conditions:
    reclaim = Condition("ReclaimRequested", FALSE, Reason.NOT_REQUESTED, "nobody asks for it back")
    return {c.type: c for c in (accepted, bound, ready, alive, reclaim, finished)}


_DEAD = (Reason.HOLDER_ENDED, Reason.HOLDER_GONE, Reason.RENEWAL_OVERDUE, Reason.WAITER_SILENT)
_OVERDUE = {
    Reason.RENEWAL_OVERDUE: "it was not renewed for {}",
    Reason.WAITER_SILENT: "it waited and was not renewed for {}",
    Reason.WAIT_TIMEOUT: "it waited for {}, its waitTimeout",
    Reason.MAX_DURATION: "it was held for {}, its maxDuration",
    Reason.NOT_COLLECTED: "it was bound and not collected for {}: nobody renewed it",
}


def overdue(reason: Reason, seconds: float) -> Why:
    """Why a Lease ends whose time is over."""
    return reason, _OVERDUE[reason].format(f"{seconds:g} s")


def alive_as(lease: Lease, seen: Tracked | None, blind: Blind | None = None) -> Condition:
    """HolderAlive of a Lease that has not ended: `seen` is the holder that is there, `blind` why none can be seen."""
    if seen is not None:
        reason = Reason.POD_RUNNING if seen.key.kind == "Pod" else Reason.OBJECT_ACTIVE
        return Condition("HolderAlive", TRUE, reason, f"{seen.key.kind} {seen.key.name} is there and has not ended")
    if lease.renewal is not None:
        return RENEWED if blind is None else replace(RENEWED, message=f"it is renewed; {blind.message}")
    if blind is not None:
        message = f"{blind.message}; until it can be seen, the lease has to be renewed"
        return Condition("HolderAlive", UNKNOWN, blind.reason, message)
    if lease.tracked:
        key = lease.tracked[0].key
        return Condition("HolderAlive", UNKNOWN, Reason.NOT_SEEN_YET, f"{key.kind} {key.name} was not seen yet")
    return NOT_TRACKED


def pool_conditions(ledger: Ledger, pool: Pool) -> Conditions:
    ready = Condition("Ready", TRUE, Reason.READY, "lends")
    duplicates = ledger.claimed_names.duplicates(pool.name)
    objection = ledger.objections.get(pool.name)
    if pool.unsupported:
        message = f"this version does not support {fields(pool.unsupported)}: leave it out; nothing is lent until then"
        ready = Condition("Ready", FALSE, Reason.NOT_SUPPORTED_YET, message)
    elif pool.deleting:
        ready = Condition("Ready", FALSE, Reason.DELETING, _waits_for(ledger, pool))
    elif duplicates:
        name, older = next(iter(duplicates.items()))
        message = f"{name} belongs to the older pool {older}"
        if len(duplicates) > 1:
            message += f", and {len(duplicates) - 1} more names to older pools"
        ready = Condition("Ready", FALSE, Reason.DUPLICATE_NAME, f"{message}: take them out of one of the pools")
    elif objection is not None and objection.generation == pool.generation:
        message = f"the API server refuses resource {objection.resource!r} as the spec says: {objection.message}; "
        message += "correct its item or the template"
        ready = Condition("Ready", FALSE, Reason.RESOURCE_REFUSED, message[:1024])
    elif pool.hold:
        ready = Condition("Ready", FALSE, Reason.PAUSED, "spec.mode is not Active: no new leases")
    index = ledger.pool_index(pool.name)
    exhausted = Condition("Exhausted", FALSE, Reason.SOME_FREE, "some are free")
    if not index.counts.get(FREE):
        exhausted = Condition("Exhausted", TRUE, Reason.NOTHING_FREE, "nothing is free")
    out = {c.type: c for c in (ready, exhausted)}
    if pool.hold or pool.deleting:
        held = held_names(ledger, pool.name)
        drained = Condition("Drained", TRUE, Reason.IDLE, "nothing is held")
        if held:
            drained = Condition("Drained", FALSE, Reason.IN_USE, f"{len(held)} held, {held[0]} among them")
        out[drained.type] = drained
    return out


def held_names(ledger: Ledger, pool: str) -> list[str]:
    """Sorted, so that every process tells the same of them."""
    return sorted(name for name in ledger.pool_index(pool).names if ledger.resources[name].holder is not None)


def _waits_for(ledger: Ledger, pool: Pool) -> str:
    """What a Pool's deletion waits for, and the command that ends the wait."""
    held = held_names(ledger, pool.name)
    if held:
        holder = ledger.resources[held[0]].holder
        assert holder is not None
        return (
            f"{len(held)} of its resources are held; {held[0]} by lease {holder.namespace}/{holder.name}: "
            f"wait, or kubectl delete rl -n {holder.namespace} {holder.name}"
        )
    left = ledger.pool_index(pool.name).names
    return f"{len(left)} of its resources are left, {min(left)} among them" if left else "its last resource is gone"
