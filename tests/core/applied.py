"""What each write makes of its object: purely, no JSON. `tests/kube/test_calls.py` proves that `calls.py` writes and
`codec.py` reads the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lessor.core import actions as a
from lessor.core.model import (
    Conditions,
    Lease,
    LeaseState,
    PastHolder,
    Resource,
)
from tests.core.build import Thing


def applied(action: a.Write, wall: float, version: int, stamp: Callable[[float], str] = lambda _: "") -> Thing:
    """The object of a guarded write afterwards. `stamp`: how times that people read are written."""
    match action:
        case a.CreateResource(p, item):
            return Resource(
                item.name,
                f"{item.name}-uid-{version}",
                version,
                float(int(wall)),
                p.name,
                labels=item.labels,
                attributes=item.attributes,
                credentials_secret=item.credentials_secret,
            )
        case a.ProtectPool(p):
            return replace(p, version=version, protected=True)
        case a.UnprotectPool(p):
            return replace(p, version=version, protected=False)
        case a.ReserveOrdinals(p, ordinal):
            return replace(p, version=version, next_ordinal=ordinal)
        case a.ReportPool(p):
            said = ({k: v for k, v in action.counts.items() if v}, action.total, action.waiting)
            seen = p.generation
            conditions = _stamped(action.conditions, p.conditions, stamp(wall))
            return replace(p, version=version, said=said, observed_generation=seen, conditions=conditions)
        case a.Bind() | a.Raise() | a.Report() | a.NoteHolder() | a.Shrink() | a.End():
            return _lease_after(action, wall, version, stamp(wall))
        case a.DeleteLease(of):
            return replace(of, version=version, deleting=True)
        case a.TellUnreadable():
            raise AssertionError("what can't be read has no model")
        case _:
            return _resource_after(action, wall, version, stamp)


def _lease_after(action: a.LeaseWrite, wall: float, version: int, at: str) -> Lease:
    old = replace(action.lease, version=version)
    told = {"observed_generation": old.generation}
    match action:
        case a.Raise():
            return replace(old, attempt=old.attempt + 1)
        case a.Shrink(_, entries):
            return replace(old, resources=entries)
        case a.NoteHolder(_, alive, pin):
            said = _stamped({**old.conditions, alive.type: alive}, old.conditions, at)
            return replace(old, conditions=said, holder_uid=pin or old.holder_uid)
        case a.Bind(_, entries, terms):
            new = replace(old, state=LeaseState.BOUND, resources=entries, terms=terms, accepted=True, **told)
            new = replace(new, holder_uid=action.holder_uid or old.holder_uid, bound_time=wall, place=None)
        case a.Report(_, accepted):
            new = replace(old, accepted=accepted, holder_uid=action.holder_uid or old.holder_uid, **told)
            new = replace(new, place=action.place or old.place)
        case a.End(_, _, state):
            accepted = action.conditions["Accepted"].status == "True"
            new = replace(old, state=state, resources=(), accepted=accepted, finished_at=wall, place=None, **told)
    return replace(new, conditions=_stamped(action.conditions, old.conditions, at))


def _resource_after(action: a.ResourceWrite, wall: float, version: int, stamp: Callable[[float], str]) -> Resource:
    old = replace(action.resource, version=version)
    given: dict[str, Any] = {"since": wall, "hold_until": 0.0, "epoch": old.epoch + 1}
    match action:
        case a.Claim(_, new, state):
            return replace(old, holder=new, state=state, **given)
        case a.HandOver(_, new, state, ended):
            return replace(old, holder=new, state=state, last_holders=_past(old, ended, stamp(wall)), **given)
        case a.Free(_, state, ended, until):
            given["hold_until"] = until
            return replace(old, holder=None, state=state, last_holders=_past(old, ended, stamp(wall)), **given)
        case a.Initialise(_, state, until):
            return replace(old, state=state, since=wall, hold_until=until)
        case a.Adopt(_, new, state, epoch):
            return replace(old, holder=new, state=state, **{**given, "epoch": epoch})
        case a.DropFinalizer():
            return replace(old, protected=False)
        case a.MarkResource(_, conditions):
            return replace(old, conditions=_stamped(conditions, old.conditions, stamp(wall)))
        case a.UpdateResource(_, item):
            return replace(
                old,
                protected=True,
                labels={**old.labels, **item.labels},
                attributes=item.attributes,
                credentials_secret=item.credentials_secret,
            )
        case a.DeleteResource():
            return replace(old, deleting=True)
    raise AssertionError(f"{action} is no write to a Resource")


def _past(old: Resource, ended: str, at: str) -> tuple[PastHolder, ...]:
    assert old.holder is not None
    last = PastHolder(old.holder.namespace, old.holder.name, old.holder.uid, str(ended), at)
    return (last, *old.last_holders)[:5]


def _stamped(new: Conditions, old: Conditions, at: str) -> Conditions:
    out = {}
    for kind, condition in new.items():
        before = old.get(kind)
        kept = before.since if before is not None and before.status == condition.status and before.since else at
        out[kind] = replace(condition, since=kept)
    return out
