"""Changes of Resources and Leases that the API server must refuse or let pass: the promises of the protocol.

Only the API server knows the old object, so these are no matter for the pydantic models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lessor.api.models.lease import CHANGEABLE, LeaseFields
from tests.api.objects import NOW, Json, condition, held_by, lease, listed, resource

LATER = "2026-11-24T16:00:00Z"
FIXED = "of an existing Lease only renewTime, release and outcome may change: delete it and create another"
POOL_FIXED = "a Resource can't change its pool: move its name from one Pool to the other, then it is made anew"
RELEASE_ADDS = "what was released stays so: entries of release are only added"
RELEASE_STATE = "what was released stays so: an entry of release can't change its state"
EPOCH = "epoch may not fall or vanish: it is the fencing token of the holder"
HOLDER_EPOCH = "a holder needs an epoch: it is its fencing token"
HOLDER = "the holder changes only together with a greater epoch"
RESOURCE_STATUS = "the status of a Resource can't be removed: it says who holds it"
LEASE_STATUS = "the status of a Lease can't be removed: it says what it holds"
FINISHED = "a finished Lease never reopens: create another"
ATTEMPT = "attempt may not fall or vanish: claims of an earlier attempt would count again"
BOUND_TIME = "boundTime can't change: a Lease is bound once"
SHRINKS = "once a Lease is bound, resources only shrinks and its entries keep their epoch"


@dataclass(frozen=True)
class Change:
    """`patch` is a merge patch of `object`, whose status is `before`. `says` is empty if it must pass."""

    claim: str
    object: Json
    patch: Json
    says: str = ""
    at: str = ""
    before: Json = field(default_factory=dict)

    @property
    def subresource(self) -> str | None:
        return "status" if "status" in self.patch else None

    def __str__(self) -> str:
        return self.claim


def _specs() -> Iterator[Change]:
    yield Change("a resource's pool changes", resource(), {"spec": {"pool": "b"}}, POOL_FIXED, "spec.pool")
    people = {"cordoned": {"reason": "broken"}, "recheck": 3, "attributes": {"a": "b"}, "credentialsSecret": "keys"}
    yield Change("the rest of a resource's spec changes", resource(), {"spec": people})
    others: Json = {
        "requests": [{"pool": "b"}],
        "priority": 1,
        "holder": {"identity": "another"},
        "releaseState": "dirty",
        "adopt": True,
    }
    for name, info in LeaseFields.model_fields.items():
        shown = info.alias or name
        if shown in CHANGEABLE:
            continue
        value = others.get(shown, "45m")
        at = "spec"
        yield Change(f"{shown} of a lease changes", lease(**_first(shown)), {"spec": {shown: value}}, FIXED, at)
        if shown not in ("requests", "priority", "ttlAfterFinished", "adopt"):  # these are never absent
            yield Change(f"{shown} of a lease is set later", lease(), {"spec": {shown: value}}, FIXED, at)
            yield Change(f"{shown} of a lease is unset", lease(**_first(shown)), {"spec": {shown: None}}, FIXED, at)
    free: Json = {"renewTime": NOW, "release": [{"name": "x"}], "outcome": {"result": "Succeeded"}}
    yield Change("renewTime, release and outcome are set", lease(), {"spec": free})
    more: Json = {
        "renewTime": LATER,
        "release": [{"name": "y", "state": "dirty"}, {"name": "x"}],
        "outcome": {"result": "Failed"},
    }
    yield Change("renewTime, release and outcome change", lease(**free), {"spec": more})
    yield Change("renewTime and outcome are unset", lease(**free), {"spec": {"renewTime": None, "outcome": None}})
    yield Change("nothing changes", lease(**free), {"spec": {"priority": 0}})


def _first(field: str) -> Json:
    first: Json = {
        "requests": [{"pool": "a-pool"}],
        "priority": 0,
        "holder": {"identity": "me", "pod": {"name": "build-1"}},
        "releaseState": "free",
        "adopt": False,
    }
    return {field: first.get(field, "30m")}


def _releases() -> Iterator[Change]:
    one = lease(release=[{"name": "x"}, {"name": "y", "state": "dirty"}])

    def change(claim: str, entries: list[Json] | None, says: str = "", at: str = "spec.release") -> Change:
        return Change(claim, one, {"spec": {"release": entries}}, says, at)

    x, y = {"name": "x"}, {"name": "y", "state": "dirty"}
    yield change("a release is added", [x, y, {"name": "*"}])
    yield change("a release is taken back", [x], RELEASE_ADDS)
    yield change("a release is replaced", [x, {"name": "z"}], RELEASE_ADDS)
    yield change("all releases are taken back", [], RELEASE_ADDS)
    yield change("release is unset", None, RELEASE_ADDS)
    yield change("a release gets a state", [{**x, "state": "dirty"}, y], RELEASE_STATE, "spec.release[0].state")
    yield change("a release gets another state", [x, {**y, "state": "free"}], RELEASE_STATE, "spec.release[1].state")
    yield change("a release loses its state", [x, {"name": "y"}], RELEASE_STATE, "spec.release[1].state")


def _resources() -> Iterator[Change]:
    free: Json = {"state": "free", "epoch": 1}
    held: Json = {"state": "leased", "epoch": 2, "holder": held_by("a")}

    def change(claim: str, before: Json, status: Json | None, says: str = "", at: str = "status.holder") -> Change:
        return Change(claim, resource(), {"status": status}, says, at, before)

    yield change("the first state", {}, free)
    yield change("a state that nobody knows", free, {"state": "toBeDeleted"})
    yield change("the epoch grows", free, {"epoch": 2})
    yield change("the epoch falls", held, {"epoch": 1}, EPOCH, "status.epoch")
    yield change("the epoch vanishes", held, {"epoch": None}, EPOCH, "status.epoch")
    yield change("the status vanishes", held, None, RESOURCE_STATUS, "status")
    yield change("a claim", free, {"state": "leased", "epoch": 2, "holder": held_by("a")})
    yield change("the first claim of all", {}, {"state": "leased", "epoch": 1, "holder": held_by("a")})
    yield change("a first claim without an epoch", {}, {"state": "leased", "holder": held_by("a")}, HOLDER_EPOCH)
    yield change("a first claim at epoch 0", {}, {"epoch": 0, "holder": held_by("a")}, HOLDER_EPOCH)
    yield change("a claim without an epoch", {"state": "free"}, {"holder": held_by("a")}, HOLDER_EPOCH)
    yield change("a claim at the old epoch", free, {"state": "leased", "holder": held_by("a")}, HOLDER)
    yield change("another claims at the old epoch", held, {"holder": held_by("b")}, HOLDER)
    yield change("handed over", held, {"epoch": 3, "holder": held_by("b")})
    yield change("freed", held, {"state": "free", "epoch": 3, "holder": None})
    yield change("freed at the old epoch", held, {"state": "free", "holder": None}, HOLDER)
    yield change("what is said about the same holder changes", held, {"holder": {"identity": "me"}, "state": "busy"})


def _leases() -> Iterator[Change]:
    def change(claim: str, before: Json, status: Json | None, says: str = "", at: str = "status.resources") -> Change:
        return Change(claim, lease(), {"status": status}, says, at, before)

    ended: Json = {"conditions": [condition("Bound", "False"), condition("Finished", "True")]}
    living: Json = {"conditions": [condition("Finished", "False")]}
    at = "status.conditions"
    yield change("a lease ends", living, ended)
    yield change("a lease ends that had no conditions", {}, ended)
    yield change(
        "another condition of a finished lease changes", ended, {"conditions": [condition("Finished", "True")]}
    )
    yield change("a finished lease reopens", ended, living, FINISHED, at)
    yield change(
        "nobody knows any more whether it ended",
        ended,
        {"conditions": [condition("Finished", "Unknown")]},
        FINISHED,
        at,
    )
    yield change("the end is forgotten", ended, {"conditions": [condition("Bound", "False")]}, FINISHED, at)
    yield change("all conditions of a finished lease vanish", ended, {"conditions": None}, FINISHED, at)

    yield change("the first attempt", {}, {"attempt": 1})
    yield change("the attempt grows", {"attempt": 1}, {"attempt": 2})
    yield change("the attempt falls", {"attempt": 2}, {"attempt": 1}, ATTEMPT, "status.attempt")
    yield change("the attempt vanishes", {"attempt": 2}, {"attempt": None}, ATTEMPT, "status.attempt")
    yield change("the status of a lease vanishes", {"attempt": 2}, None, LEASE_STATUS, "status")

    bound: Json = {"boundTime": NOW, "resources": [listed("x"), listed("y")]}
    yield change("a bind", {"state": "Waiting"}, bound)
    yield change("bound at another time", bound, {"boundTime": LATER}, BOUND_TIME, "status.boundTime")
    yield change("never bound", bound, {"boundTime": None}, BOUND_TIME, "status.boundTime")
    yield change("one resource goes", bound, {"resources": [listed("y")]})
    yield change("all resources go", bound, {"resources": []})
    yield change("the list of resources goes", bound, {"resources": None})
    yield change("a resource comes", bound, {"resources": [listed("x"), listed("y"), listed("z")]}, SHRINKS)
    yield change("a resource is replaced", bound, {"resources": [listed("x"), listed("z")]}, SHRINKS)
    yield change("a resource's epoch changes", bound, {"resources": [listed("x", 2)]}, SHRINKS)
    yield change("a resource comes back", {"boundTime": NOW}, {"resources": [listed("x")]}, SHRINKS)
    yield change(
        "a resource comes back to an empty list",
        {"boundTime": NOW, "resources": []},
        {"resources": [listed("x")]},
        SHRINKS,
    )
    yield change(
        "a resource comes where boundTime is missing",
        {"resources": [listed("x")]},
        {"resources": [listed("z")]},
        SHRINKS,
    )
    everything = [listed(f"r-{number}") for number in range(256)]
    yield change(
        "one of 256 resources goes", {"boundTime": NOW, "resources": everything}, {"resources": everything[1:]}
    )


CHANGES = (*_specs(), *_releases(), *_resources(), *_leases())
SENTENCES = frozenset(change.says for change in CHANGES if change.says)
