"""What must hold at every moment of the API server's history: judged at each write, before anybody hears of it.

The judge knows the truth, which no operator does: every version of every object, also of those that are gone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from lessor.api.names import FINALIZER

from .api import Change, Json, Server

Uid = str


class Violation(AssertionError):
    """A promise of the design is broken. The message names the promise and the objects."""


@dataclass(slots=True)
class Judge:
    """`last`: each Lease's last version by uid, gone or not. `losses`, `allowed`: what each Pool ever said."""

    server: Server
    last: dict[Uid, Json] = field(default_factory=dict)
    bound_with: dict[Uid, frozenset[str]] = field(default_factory=dict)  # names that a Lease was ever Bound to
    losses: dict[str, set[str]] = field(default_factory=dict)
    allowed: dict[str, set[str]] = field(default_factory=dict)
    always: dict[str, set[str]] = field(default_factory=dict)  # what each Pool allowed at every time
    wishes: dict[tuple[Uid, str], str] = field(default_factory=dict)  # as they were when a Lease gave a Resource back

    def __post_init__(self) -> None:
        self.server.judges.append(self.see)

    def see(self, change: Change) -> None:
        match change.kind:
            case "Pool":
                self._pool(change)
            case "Lease":
                self._lease(change)
            case "Resource":
                self._resource(change)

    # -- Pools: what they ever allowed

    def _pool(self, change: Change) -> None:
        if change.new is None:
            self.always[change.key[2]] = set()  # for who does not know the Pool, nothing is allowed
        else:
            lending = change.new["spec"].get("lease") or {}
            states = set(lending.get("releaseStates") or ["free"])
            self.losses.setdefault(change.key[2], {"dirty"}).add(lending.get("onLoss", "free"))
            self.allowed.setdefault(change.key[2], set()).update(states)
            self.always.setdefault(change.key[2], set(states)).intersection_update(states)

    def _allows(self, lease: Json, pool: str, state: str) -> bool:
        """Who takes from other states than free may wish for any, as Boskos' cleaner does."""
        allowed = self.allowed.get(pool, set())
        trusted = any(request.get("from", "free") != "free" for request in lease["spec"]["requests"])
        return trusted or state in allowed or "*" in allowed

    # -- Leases

    def _lease(self, change: Change) -> None:
        old, new = change.old, change.new
        if old is not None and is_bound(old):
            self._given_back(old, names_of(new) if new is not None else [])
        if new is None:
            return
        uid = new["metadata"]["uid"]
        self.last[uid] = new
        if old is None:
            return
        before, after = old.get("status") or {}, new.get("status") or {}
        name = f"lease {change.key[2]} ({uid})"
        _demand(not (finished(old) and not finished(new)), f"{name} is finished and reopens")
        _demand(after.get("attempt", 0) >= before.get("attempt", 0), f"the attempt of {name} falls")
        if "boundTime" in before:
            _demand(before["boundTime"] == after.get("boundTime"), f"boundTime of {name} changes")
            names = {entry["name"]: entry["epoch"] for entry in before.get("resources") or ()}
            kept = {entry["name"]: entry["epoch"] for entry in after.get("resources") or ()}
            _demand(kept.items() <= names.items(), f"{name} is Bound, and its resources don't only shrink")
        if is_bound(new) and not is_bound(old):
            self._bind(name, uid, old, new)

    def _given_back(self, old: Json, kept: list[str]) -> None:
        wishes = {entry["name"]: entry.get("state") for entry in old["spec"].get("release") or ()}
        for name in names_of(old):
            wish = wishes[name] if name in wishes else wishes.get("*")
            if name not in kept and wish is not None:
                self.wishes[old["metadata"]["uid"], name] = wish

    def _bind(self, name: str, uid: Uid, old: Json, new: Json) -> None:
        _demand(not finished(old), f"{name} is finished and is bound")
        _demand("deletionTimestamp" not in old["metadata"], f"{name} is being deleted and is bound")
        _demand("adopt" not in old["spec"], f"{name} is bound with a field that has no effect yet")
        entries = new["status"]["resources"]
        _demand(
            _meets(entries, new["spec"]["requests"]), f"{name} is bound to {entries}, which is not what it asked for"
        )
        wish = new["spec"].get("releaseState")
        for entry in entries:
            _demand(
                wish is None or self._allows(new, entry["pool"], wish),
                f"{name} is bound with a wish that is not allowed",
            )
            others = [o for o in self.server.of("Lease") if is_bound(o) and o["metadata"]["uid"] != uid]
            for other in others:
                taken = entry["name"] in names_of(other)
                _demand(not taken, f"{entry['name']} is listed by {name} and by {other['metadata']['uid']}, both Bound")
            self._is_held_by(entry["name"], uid)
        self.bound_with[uid] = frozenset(names_of(new))

    def _is_held_by(self, resource: str, uid: Uid) -> None:
        """What a Bound Lease lists is held by it, has no state (yet), or was removed by force."""
        body = self.server.objects.get(("Resource", "", resource))
        if body is None or "state" not in (body.get("status") or {}):
            return
        _demand(
            holder_of(body).get("uid") == uid, f"{resource} is listed by {uid}, which is Bound, and held by another"
        )

    # -- Resources

    def _resource(self, change: Change) -> None:
        old, new = change.old, change.new
        if old is None:
            return
        name = change.key[2]
        if change.by != "operator":
            return
        before = old.get("status") or {}
        if new is None or FINALIZER not in new["metadata"].get("finalizers", ()):
            _demand("holder" not in before, f"the finalizer of {name} is dropped while it is held")
            _demand(
                "state" not in before or not self._listed_by(name), f"{name} is dropped while a Bound Lease lists it"
            )
            return
        after = new.get("status") or {}
        _demand(after.get("epoch", 0) >= before.get("epoch", 0), f"the epoch of {name} falls")
        was, now = holder_of(old), holder_of(new)
        if was == now and before.get("state") == after.get("state"):
            return
        if was != now:
            jump = after.get("epoch", 0) - before.get("epoch", 0)
            _demand(jump >= 1, f"{name} gets another holder and no greater epoch")
            _demand(jump == 1 or "state" not in before, f"the epoch of {name} jumps by {jump}")
        if (was and was["uid"] != now.get("uid")) or (was and not now):
            self._freed(name, old, new)
        if now and was != now:
            self._claimed(name, old, new)
        if "state" not in before and not now:
            _demand(not self._listed_by(name), f"{name} is initialised while a Bound Lease lists it")

    def _listed_by(self, name: str) -> list[Uid]:
        return [x["metadata"]["uid"] for x in self.server.of("Lease") if is_bound(x) and name in names_of(x)]

    def _freed(self, name: str, old: Json, new: Json) -> None:
        by = self._listed_by(name)
        _demand(not by, f"{name} is freed while {by} is Bound and lists it")
        state = holder_of(new).get("from") or new["status"]["state"]
        may = self._ends_of(name, old)
        _demand(state in may, f"{name} ends as {state}; what was asked for or agreed is {sorted(may)}")

    def _ends_of(self, name: str, old: Json) -> set[str]:
        """The states in which a hold may end: the one wished for, onLoss, and where it came from if it never was
        Bound."""
        holder, pool = holder_of(old), old["spec"]["pool"]
        lease = self.last.get(holder["uid"])
        if lease is None:
            return self.losses.get(pool, set()) | {holder["from"], "dirty"}
        wishes = {entry.get("state") for entry in lease["spec"].get("release") or () if entry["name"] in (name, "*")}
        terms = (lease.get("status") or {}).get("terms") or {}
        may = {wish for wish in wishes if wish and self._allows(lease, pool, wish)}
        wish = self.wishes.get((holder["uid"], name))
        if wish is None or not self.always.get(pool, set()) & {wish, "*"}:
            may.add(holder["releaseState"])
        may |= self.losses.get(pool, {"dirty"}) | ({terms["onLoss"]} if "onLoss" in terms else set())
        if (lease.get("status") or {}).get("reason") == "NotCollected":
            may.add(holder["from"])
        if name not in self.bound_with.get(holder["uid"], frozenset()):
            # It may have been claimed for a Lease that had its wish already; then nobody can tell.
            may.add(holder["from"])
        return may

    def _claimed(self, name: str, old: Json, new: Json) -> None:
        holder, before = holder_of(new), old.get("status") or {}
        if "state" not in before and not holder_of(old):
            # It is taken for a Lease that lists it; that Lease may have ended since.
            _demand(name in self.bound_with.get(holder["uid"], ()), f"{name} has no state and is claimed")
            return
        if not holder_of(old):
            _demand(
                before["state"] == holder["from"], f"{name} is {before['state']}, and claimed from {holder['from']}"
            )
        _demand("cordoned" not in old["spec"], f"{name} is cordoned and is claimed")
        _demand("deletionTimestamp" not in old["metadata"], f"{name} is being deleted and is claimed")
        by = self._listed_by(name)
        _demand(not by or by == [holder["uid"]], f"{name} is claimed while {by} is Bound and lists it")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)


def finished(lease: Json) -> bool:
    said = (lease.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Finished" and c["status"] == "True" for c in said)


def is_bound(lease: Json) -> bool:
    return (lease.get("status") or {}).get("state") == "Bound"


def names_of(lease: Json) -> list[str]:
    return [entry["name"] for entry in (lease.get("status") or {}).get("resources") or ()]


def holder_of(resource: Json) -> Json:
    return (resource.get("status") or {}).get("holder") or {}


def combinations(requests: list[Json]) -> Iterator[list[Json]]:
    """The plain requests that fulfil these, in each combination of alternatives."""
    ways = []
    for request in requests:
        own = {key: value for key, value in request.items() if key in ("name", "from", "as")}
        ways.append([{"count": request.get("count", 1), **way, **own} for way in request.get("firstOf") or [request]])
    return (list(choice) for choice in itertools.product(*ways))


def _meets(entries: list[Json], requests: list[Json]) -> bool:
    names = {entry["name"] for entry in entries}
    return len(names) == len(entries) and any(_meets_one(entries, choice) for choice in combinations(requests))


def _meets_one(entries: list[Json], requests: list[Json]) -> bool:
    for request in requests:
        mine = [entry for entry in entries if entry["request"] == request.get("name", "main")]
        named = request.get("names")
        if len(mine) != request["count"] or any(entry["pool"] != request["pool"] for entry in mine):
            return False
        if named and any(entry["name"] not in named for entry in mine):
            return False
    return len(entries) == sum(int(request["count"]) for request in requests)
