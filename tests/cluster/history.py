"""Reads the whole history of a test, write by write in the order of etcd's revisions, and says what was wrong in it.

It knows the design's rules (section 3) and nothing of the operator's code. Leases and Resources are two kinds, but one
etcd gives every write of both a place in one order, so "at that moment" has a meaning over both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str, str]  # kind, namespace, name

ENDED = frozenset(("Released", "Expired", "Refused"))


@dataclass(frozen=True, slots=True)
class Event:
    """One write as a watch shows it. Of a deletion, `body` is the last version and `version` the deletion's own."""

    version: int
    kind: str
    change: str  # ADDED, MODIFIED, DELETED
    body: Json

    @property
    def key(self) -> Key:
        return key_of(self.kind, self.body)


@dataclass(frozen=True)
class History:
    """`start`: what was there, each kind listed at another revision, the last of them `settled`."""

    start: tuple[tuple[str, Json], ...]
    settled: int
    events: tuple[Event, ...]

    def violations(self, by_force: Iterable[str] = (), forged: Iterable[str] = ()) -> list[str]:
        """Each broken rule as a sentence with its revision. `by_force`: Resources that the test itself takes from their
        holders: they may be away, without a state or unheld while a Lease lists them, but never another's. `forged`:
        Leases (by name) whose status the test writes, so what they say is not the operator's word."""
        checker = Checker(by_force, forged)
        for kind, body in self.start:
            checker.adopt(Event(version_of(body), kind, "ADDED", body))
        for event in sorted(self.events, key=lambda event: event.version):
            if event.version <= self.settled:
                checker.adopt(event)
            else:
                checker.see(event)
        return checker.violations

    def of(self, kind: str, name: str = "", namespace: str = "") -> Iterator[Event]:
        """The writes to one object, or to all of a kind, in their order."""
        for event in sorted(self.events, key=lambda event: event.version):
            meta = event.body["metadata"]
            if event.kind == kind and name in ("", meta["name"]) and namespace in ("", meta.get("namespace")):
                yield event

    def holders(self, resource: str) -> list[str | None]:
        """Who held it, one after the other: names of Leases, None for nobody; each once as long as it lasted."""
        out: list[str | None] = []
        for event in self.of("Resource", resource):
            holder = None if event.change == "DELETED" else holder_of(event.body)
            name = holder["name"] if holder else None
            if not out or out[-1] != name:
                out.append(name)
        return out


class Checker:
    """The world as of the last write seen, and what was wrong so far."""

    def __init__(self, by_force: Iterable[str] = (), forged: Iterable[str] = ()) -> None:
        self.violations: list[str] = []
        self._by_force, self._forged = frozenset(by_force), frozenset(forged)
        self._pools: dict[str, Json] = {}
        self._resources: dict[str, Json] = {}
        self._leases: dict[str, Json] = {}  # by uid
        self._last: dict[str, Json] = {}  # by uid, those that are gone too
        self._listed: dict[str, dict[str, Json]] = {}  # Resource -> uids of the Bound Leases that list it -> the entry
        self._ever: set[tuple[str, str]] = set()  # (uid of a Lease, Resource) that were listed once
        self._version = 0

    def adopt(self, event: Event) -> None:
        """Takes a write in without judging it."""
        self._version = event.version
        gone = event.change == "DELETED"
        meta = event.body["metadata"]
        if event.kind == "Lease":
            self._take_lease(None if gone else event.body, meta["uid"], event.body)
        else:
            known = self._pools if event.kind == "Pool" else self._resources
            if gone:
                known.pop(meta["name"], None)
            else:
                known[meta["name"]] = event.body

    def see(self, event: Event) -> None:
        """Judges a write, and the world after it."""
        meta = event.body["metadata"]
        match event.kind:
            case "Lease" if meta["name"] in self._forged:
                self._version = event.version
            case "Lease":
                old = self._leases.get(meta["uid"])
                self.adopt(event)
                if event.change != "DELETED":
                    self._judge_lease(old, event.body)
                names = {entry["name"] for body in (old, event.body) if body for entry in entries_of(body)}
                for name in sorted(names):
                    self._judge_listing(name)
            case "Resource":
                old = self._resources.get(meta["name"])
                self._version = event.version
                self._judge_resource(old, None if event.change == "DELETED" else event.body)
                self.adopt(event)
                self._judge_listing(meta["name"])
            case _:
                self.adopt(event)

    def _wrong(self, sentence: str) -> None:
        self.violations.append(f"at {self._version}: {sentence}")

    def _take_lease(self, body: Json | None, uid: str, last: Json) -> None:
        for entry in entries_of(self._leases.get(uid, {})):
            self._listed.get(entry["name"], {}).pop(uid, None)
        self._last[uid] = last
        if body is None:
            self._leases.pop(uid, None)
            return
        self._leases[uid] = body
        if is_bound(body):
            for entry in entries_of(body):
                self._listed.setdefault(entry["name"], {})[uid] = entry
                self._ever.add((uid, entry["name"]))

    # -- Leases

    def _judge_lease(self, old: Json | None, new: Json) -> None:
        what = f"lease {full_name(new)}"
        before, after = status_of(old or {}), status_of(new)
        state = after.get("state", "Waiting")
        ended = state in ENDED
        if ended != (condition_of(new, "Finished") == "True"):
            self._wrong(f"{what} is {state}, but its condition Finished is {condition_of(new, 'Finished')}")
        if (state == "Bound") != (condition_of(new, "Bound") == "True"):
            self._wrong(f"{what} is {state}, but its condition Bound is {condition_of(new, 'Bound')}")
        if before.get("state") in ENDED and state != before["state"]:
            self._wrong(f"{what} was {before['state']} and is {state} again")
        if before.get("state") == "Bound" and state == "Waiting":
            self._wrong(f"{what} was Bound and waits again")
        if ended and entries_of(new):
            self._wrong(f"{what} is {state} and still lists {names_of(new)}")
        if after.get("attempt", 0) < before.get("attempt", 0):
            self._wrong(f"the attempt of {what} fell from {before['attempt']} to {after.get('attempt', 0)}")
        if state == "Bound" and before.get("state") != "Bound":
            self._judge_bind(new, what)
        elif state == "Bound":
            kept = {entry["name"]: entry["epoch"] for entry in entries_of(old or {})}
            for entry in entries_of(new):
                if kept.get(entry["name"]) != entry["epoch"]:
                    self._wrong(f"{what} is Bound and got {entry['name']}, epoch {entry['epoch']}, later")

    def _judge_bind(self, lease: Json, what: str) -> None:
        wanted = sum(request["count"] for request in status_of(lease).get("requests", ()))
        if len(entries_of(lease)) != wanted:
            self._wrong(f"{what} is Bound with {len(entries_of(lease))} resources; it asks for {wanted}")
        for entry in entries_of(lease):
            resource = self._resources.get(entry["name"])
            holder = holder_of(resource) if resource else None
            attempt = status_of(lease).get("attempt", 0)
            if holder and holder["uid"] == lease["metadata"]["uid"] and holder.get("attempt", 0) != attempt:
                self._wrong(
                    f"{what} is bound at attempt {attempt}; its claim on {entry['name']} is of {holder['attempt']}"
                )

    def _judge_listing(self, name: str) -> None:
        """One Bound Lease at most lists it, and has it."""
        by = self._listed.get(name, {})
        if len(by) > 1:
            both = " and ".join(sorted(full_name(self._leases[uid]) for uid in by))
            self._wrong(f"{both} are Bound and both list {name}")
        resource = self._resources.get(name)
        for uid, entry in by.items():
            what = f"{full_name(self._leases[uid])} is Bound and lists {name}"
            if resource is None or "state" not in status_of(resource):
                if name not in self._by_force:
                    self._wrong(f"{what}, which {'is not there' if resource is None else 'has no state'}")
                continue
            holder = holder_of(resource)
            if holder is None and name in self._by_force:
                continue
            if holder is None or holder["uid"] != uid:
                has = f"{holder['namespace']}/{holder['name']} holds it" if holder else "nobody holds it"
                self._wrong(f"{what}, but {has}")
            elif status_of(resource)["epoch"] < entry["epoch"]:
                self._wrong(f"{what} at epoch {entry['epoch']}; it has epoch {status_of(resource)['epoch']}")

    # -- Resources

    def _judge_resource(self, old: Json | None, new: Json | None) -> None:
        if old is None or (new is not None and new["metadata"]["uid"] != old["metadata"]["uid"]):
            if new is not None and holder_of(new):
                self._wrong(f"{new['metadata']['name']} was created with a holder")
            return
        name, holder = old["metadata"]["name"], holder_of(old)
        if new is None:
            if holder is not None and name not in self._by_force:
                self._wrong(f"{name} is gone while {holder['namespace']}/{holder['name']} holds it")
            return
        before, after, taker = status_of(old), status_of(new), holder_of(new)
        if after.get("epoch", 0) < before.get("epoch", 0):
            self._wrong(f"the epoch of {name} fell from {before['epoch']} to {after.get('epoch', 0)}")
        if (holder or {}).get("uid") == (taker or {}).get("uid"):
            return
        if after.get("epoch", 0) <= before.get("epoch", 0):
            self._wrong(f"the holder of {name} changed, its epoch stayed {after.get('epoch', 0)}")
        if holder is not None:
            self._judge_end(old, new)
        elif taker is not None:
            self._judge_claim(old, taker)

    def _judge_claim(self, old: Json, taker: Json) -> None:
        name, state = old["metadata"]["name"], status_of(old).get("state")
        who = f"{taker['namespace']}/{taker['name']}"
        if state is None:
            # It may have ended since that was decided; then this is freed like any claim of who is gone.
            if (taker["uid"], name) not in self._ever:
                self._wrong(f"{who} got {name}, which had no state and which it never listed")
        elif taker["from"] != state:
            self._wrong(f"{who} got {name} as one that is {taker['from']}; it was {state}")
        if old["spec"].get("cordoned") and state is not None:
            self._wrong(f"{who} got {name}, which is cordoned")
        if "deletionTimestamp" in old["metadata"] and state is not None:
            self._wrong(f"{who} got {name}, which is being deleted")

    def _judge_end(self, old: Json, new: Json) -> None:
        """A hold has ended: freed, or handed over in the same write (then `from` says which state it went through)."""
        name, holder, taker = old["metadata"]["name"], holder_of(old), holder_of(new)
        assert holder is not None
        what = f"{name} of {holder['namespace']}/{holder['name']}"
        left = taker["from"] if taker else status_of(new).get("state")
        past = status_of(new).get("lastHolders") or [{}]
        if past[0].get("uid") != holder["uid"]:
            if taker is None and name in self._by_force:
                return  # not the operator's doing: that one always remembers
            self._wrong(f"{what} was freed and does not remember it in lastHolders")
        expected = self._wished(name, holder, old["spec"]["pool"], lost=past[0].get("ended") == "Lost")
        if left != expected:
            self._wrong(f"{what} was left {left}; {expected} was wished")

    def _wished(self, name: str, holder: Json, pool: str, *, lost: bool) -> str:
        uid = holder["uid"]
        rules = self._pools.get(pool, {}).get("spec", {}).get("lease", {})
        allowed = rules.get("releaseStates") or ["free"]
        lease = self._last.get(uid)
        if lost:
            agreed = status_of(lease or {}).get("terms", {}).get("onLoss")  # at the bind: the pool may be edited since
            return str(agreed or rules.get("onLoss") or "free")
        if lease is None or (uid, name) not in self._ever:
            return str(holder["from"])
        asked = {entry["name"]: entry.get("state") for entry in lease["spec"].get("release") or ()}
        wish = asked.get(name) or asked.get("*")
        return str(wish if wish and (wish in allowed or "*" in allowed) else holder["releaseState"])


def at_rest(objects: Mapping[Key, Json]) -> list[str]:
    """What is wrong with a world in which nothing is on its way: claims of nobody, or of who does not list them."""
    wrong = []
    leases = {body["metadata"]["uid"]: body for (kind, _, _), body in objects.items() if kind == "Lease"}
    for (kind, _, name), body in objects.items():
        holder = holder_of(body) if kind == "Resource" else None
        if holder is None:
            continue
        lease = leases.get(holder["uid"])
        if lease is None:
            wrong.append(f"{name} is held by {holder['namespace']}/{holder['name']}, which does not exist")
        elif not is_bound(lease) or name not in names_of(lease):
            wrong.append(f"{name} is held by {full_name(lease)}, which does not list it")
    return wrong


# -- what stands in an object


def key_of(kind: str, body: Json) -> Key:
    return kind, body["metadata"].get("namespace", ""), body["metadata"]["name"]


def version_of(body: Json) -> int:
    return int(body["metadata"]["resourceVersion"])


def full_name(lease: Json) -> str:
    return f"{lease['metadata']['namespace']}/{lease['metadata']['name']}"


def status_of(body: Json) -> Json:
    status: Json = body.get("status") or {}
    return status


def holder_of(resource: Json) -> Json | None:
    return status_of(resource).get("holder")


def entries_of(lease: Json) -> list[Json]:
    return status_of(lease).get("resources") or []


def names_of(lease: Json) -> list[str]:
    return [entry["name"] for entry in entries_of(lease)]


def is_bound(lease: Json) -> bool:
    return status_of(lease).get("state") == "Bound"


def condition_of(body: Json, kind: str) -> str | None:
    """The status of one condition: "True", "False", "Unknown"; None: not there."""
    return next((c["status"] for c in status_of(body).get("conditions") or () if c["type"] == kind), None)


def why(body: Json, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of one condition; three empty words: not there."""
    for c in status_of(body).get("conditions") or ():
        if c["type"] == kind:
            return c["status"], c["reason"], c["message"]
    return "", "", ""
