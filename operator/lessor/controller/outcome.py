"""What an answer of the API server means for the ledger. Synchronous: the writer brings the answers, a simulation
others.

Three outcomes end an action: it succeeded; its object was read again (after a conflict, or when nobody knows whether
the write was carried out); its object is not there. Each is observed first and settled then, so nothing is decided
between.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lessor.core import actions as a
from lessor.core.actions import Action
from lessor.core.initialise import raised
from lessor.core.ledger import Ledger
from lessor.core.model import Lease
from lessor.kube import codec
from lessor.kube.holders import holder_facts
from lessor.kube.observations import observe as observe
from lessor.kube.observations import observe_list as observe_list

Json = dict[str, Any]


def deleted(ledger: Ledger, kind: str, body: Json) -> None:
    """A DELETED event: the body is the object's last version, its resourceVersion that of the deletion."""
    meta = body["metadata"]
    last: Lease | None = None
    if kind == a.LEASE:
        try:
            last = codec.lease(body)
        except (KeyError, TypeError, ValueError, AttributeError):
            last = None  # its end is then a loss
    ledger.observe_gone(codec.key_of(kind, meta), int(meta["resourceVersion"]), last)


def succeeded(ledger: Ledger, action: Action, answer: Any, at_mono: float) -> None:
    """The call was carried out. `answer`: the object, or (items, version) of a list; `at_mono`: when it was sent."""
    match action:
        case a.ListLeases() | a.LookAtPool() | a.LookAtNamespace() | a.LookAtLease() | a.LookAtHolder():
            _was_read(ledger, action, answer, at_mono)
        case a.CreateResource():
            if action.fresh:
                ledger.fresh[answer["metadata"]["uid"]] = None
            observe(ledger, a.RESOURCE, answer)
        case a.DeleteResource() | a.DeleteLease():
            if answer.get("kind") != "Status":  # a Status says that it went at once; else it waits for a finalizer
                observe(ledger, action.key[0], answer)
            else:
                ledger.observe_missing(action.key, a.version_of(action))
        case _:
            if isinstance(action, a.ReserveOrdinals):
                ledger.reserved(action.pool, action.next_ordinal)
            observe(ledger, action.key[0], answer)
            if isinstance(action, a.Raise):
                raised(ledger, action)
    ledger.settled(action)


def _was_read(ledger: Ledger, action: a.Read, answer: Any, at_mono: float) -> None:
    match action:
        case a.ListLeases():
            bodies, version = answer
            observe_list(ledger, a.LEASE, bodies, version, action.tick)
        case a.LookAtPool():
            observe(ledger, a.POOL, answer)
            ledger.observe_pool_look(action.name, at_mono)
        case a.LookAtNamespace():
            ledger.observe_namespace(codec.namespace(answer))
            ledger.observe_namespace_look(action.name, at_mono)
        case a.LookAtLease():
            observe(ledger, a.LEASE, answer)
            if answer["metadata"]["uid"] != action.uid:
                ledger.observe_lease_absent(action.uid)
        case a.LookAtHolder():
            ledger.holders.looked(action.about, holder_facts(answer), action.tick)


def told(ledger: Ledger, action: a.TellUnreadable) -> None:
    """The object's status was refused, and people are told otherwise: once for each version of it."""
    item = ledger.unreadable.get(action.key)
    if item is not None and item.version == action.item.version:
        ledger.unreadable[action.key] = replace(item, told=True)
    ledger.settled(action)


def found(ledger: Ledger, action: Action, body: Json) -> None:
    """The action's object was read again, instead of an answer."""
    observe(ledger, action.key[0], body)
    if (
        isinstance(action, (a.Bind, a.Raise, a.Report, a.NoteHolder, a.Shrink, a.End, a.DeleteLease))
        and body["metadata"]["uid"] != action.lease.uid
    ):
        ledger.observe_missing(action.key, a.version_of(action))  # another of that name
    ledger.settled(action)


def not_there(ledger: Ledger, action: Action, at_mono: float) -> None:
    """A live read, or the call itself, found no such object."""
    match action:
        case a.LookAtLease():
            ledger.observe_lease_absent(action.uid)
        case a.LookAtPool():
            ledger.observe_missing(a.pool_key(action.name), action.version)
            ledger.observe_pool_look(action.name, at_mono)
        case a.LookAtNamespace():
            ledger.observe_namespace_gone(action.name)
            ledger.observe_namespace_look(action.name, at_mono)
        case a.LookAtHolder():
            ledger.holders.looked(action.about, None, action.tick)
        case a.ListLeases():
            raise AssertionError("a collection is always there once its CRD is")
        case _:
            ledger.observe_missing(action.key, a.version_of(action))
    ledger.settled(action)
