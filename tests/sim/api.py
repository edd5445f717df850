"""An API server in memory that behaves like the real one where the protocol rests on it (`test_server.py` compares).

Objects are JSON dicts that are never changed in place: each write makes a new one, so events and answers are what was
true then. One revision counter for all kinds, as etcd has; a merge patch is RFC 7386; `metadata.resourceVersion` in a
patch makes it a compare-and-set; a patch that changes nothing keeps the version and no watcher hears of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from lessor.api import names
from lessor.kube.calls import Call
from lessor.kube.errors import AlreadyExists, Conflict, Invalid, KubeError, NotFound, Unavailable

Json: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str]  # kind, namespace ("" for a cluster-scoped kind), name

KINDS = {kind.plural: kind.kind for kind in names.KINDS} | {"pods": "Pod"}
_PATH = re.compile(rf"/api(?:s/{names.GROUP})?/(?:{names.VERSION}|v1)(?:/namespaces/([^/]+))?/([a-z]+)(?:/([^/]+))?")
_FIXED = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation", "resourceVersion")


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write. `old` is None for a creation, `new` for what is gone; `by`: "operator" or a person's
    word."""

    key: Key
    old: Json | None
    new: Json | None
    by: str

    @property
    def kind(self) -> str:
        return self.key[0]


@dataclass(frozen=True, slots=True)
class Event:
    """What a watcher is told: ADDED, MODIFIED, DELETED, or "" for a line of a listing. The object is as of then."""

    type: str
    key: Key
    body: Json

    @property
    def version(self) -> int:
        return version_of(self.body)


@dataclass(slots=True)
class Server:
    """`now`: its clock in seconds since the epoch. `judges` see each write before anybody else, `watchers` each
    event."""

    now: float
    revision: int = 100
    objects: dict[Key, Json] = field(default_factory=dict)
    history: list[Event] = field(default_factory=list)
    judges: list[Callable[[Change], None]] = field(default_factory=list)
    watchers: list[Callable[[Event], None]] = field(default_factory=list)
    _uids: int = 0

    # -- reads

    def get(self, key: Key) -> Json:
        found = self.objects.get(key)
        if found is None:
            raise NotFound(f"{key[0]} {key[2]} not found", status=404, reason="NotFound")
        return found

    def list(self, kind: str) -> tuple[list[Json], int]:
        return list(self.of(kind)), self.revision

    def of(self, kind: str) -> Iterator[Json]:
        return (body for key, body in self.objects.items() if key[0] == kind)

    # -- writes

    def create(self, key: Key, body: Json, by: str = "person") -> Json:
        """Raises AlreadyExists. A status in `body` is dropped, as for every kind with a status subresource."""
        if key in self.objects:
            raise AlreadyExists(f"{key[0]} {key[2]} already exists", status=409, reason="AlreadyExists")
        self._uids += 1
        meta = {k: v for k, v in body.get("metadata", {}).items() if k in ("labels", "finalizers") and v}
        meta |= {"name": key[2], "uid": f"{key[2]}-u{self._uids}", "generation": 1, "creationTimestamp": self._stamp()}
        if key[1]:
            meta["namespace"] = key[1]
        version = "v1" if key[0] == "Pod" else names.API_VERSION
        made = {"apiVersion": version, "kind": key[0], "metadata": meta, "spec": body["spec"]}
        return self._commit("ADDED", key, None, made, by)

    def merge_patch(self, key: Key, patch: Json, subresource: str | None = None, by: str = "person") -> Json:
        """Raises NotFound, Conflict (another resourceVersion), Invalid (another uid, a new finalizer while
        deleting)."""
        old = self.get(key)
        meta = patch.get("metadata") or {}
        guard = meta.get("resourceVersion")
        if guard is not None and not isinstance(guard, str):
            raise Invalid("resourceVersion must be a string", status=422, reason="Invalid")
        if guard is not None and guard != old["metadata"]["resourceVersion"]:
            raise Conflict(f"{key[2]}: the object has been modified", status=409, reason="Conflict")
        if subresource == "status":
            # Nothing but the status is taken over, not even a wrong uid is looked at (measured on 1.36).
            merged = merge(old, {"status": patch.get("status", {})})
        else:
            if meta.get("uid") not in (None, old["metadata"]["uid"]):
                raise Invalid("metadata.uid: field is immutable", status=422, reason="Invalid")
            merged = _with_kept(old, merge(old, {k: v for k, v in patch.items() if k in ("metadata", "spec")}))
        if merged == old:
            return old
        if merged["spec"] != old["spec"]:
            merged = _meta(merged, generation=old["metadata"]["generation"] + 1)
        if merged["spec"].get("renewTime") != old["spec"].get("renewTime"):
            fields = {"f:spec": {"f:renewTime": {}}}
            merged = _meta(merged, managedFields=[{"manager": by, "time": self._stamp(), "fieldsV1": fields}])
        if "deletionTimestamp" in old["metadata"] and not merged["metadata"].get("finalizers"):
            return self._remove(key, merged, by)
        return self._commit("MODIFIED", key, old, merged, by)

    def delete(self, key: Key, uid: str | None = None, version: str | None = None, by: str = "person") -> Json:
        """Raises NotFound, Conflict. The object while finalizers hold it, else a Status."""
        old = self.get(key)
        if uid not in (None, old["metadata"]["uid"]) or version not in (None, old["metadata"]["resourceVersion"]):
            raise Conflict(f"{key[2]}: the precondition does not hold", status=409, reason="Conflict")
        if old["metadata"].get("finalizers"):
            if "deletionTimestamp" in old["metadata"]:
                return old
            generation = old["metadata"]["generation"] + 1
            marked = _meta(old, deletionTimestamp=self._stamp(), deletionGracePeriodSeconds=0, generation=generation)
            return self._commit("MODIFIED", key, old, marked, by)
        self._remove(key, old, by)
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def carry_out(self, call: Call, by: str = "operator") -> Any:
        """A call as the operator's client would bring it home: the same answers, the same errors."""
        key = _key(call)
        body = call.body or {}
        match call.verb:
            case "get":
                return self.get(key)
            case "list":
                return self.list(key[0])
            case "create":
                return self.create((key[0], key[1], body["metadata"]["name"]), body, by)
            case "delete":
                guard = body["preconditions"]
                return self.delete(key, guard["uid"], guard["resourceVersion"], by)
            case _:
                return self._patch(key, call, body, by)

    def _patch(self, key: Key, call: Call, body: Json, by: str) -> Json:
        uid = body["metadata"].get("uid")
        try:
            answer = self.merge_patch(key, body, call.subresource, by)
        except Invalid as e:
            if "uid" in e.message:
                raise Conflict(e.message, status=422, reason="Invalid") from e
            raise
        if uid is not None and answer["metadata"]["uid"] != uid:
            raise Unavailable("carried out on another object of that name", outcome_unknown=True)
        return answer

    # -- inside

    def _stamp(self) -> str:
        return datetime.fromtimestamp(int(self.now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _commit(self, event: str, key: Key, old: Json | None, new: Json, by: str) -> Json:
        self.revision += 1
        new = _meta(new, resourceVersion=str(self.revision))
        self.objects[key] = new
        for judge in self.judges:
            judge(Change(key, old, new, by))
        self._tell(Event(event, key, new))
        return new

    def _remove(self, key: Key, last: Json, by: str) -> Json:
        """The answer keeps the last version; the DELETED event carries the deletion's."""
        self.revision += 1
        old = self.objects.pop(key)
        for judge in self.judges:
            judge(Change(key, old, None, by))
        self._tell(Event("DELETED", key, _meta(last, resourceVersion=str(self.revision))))
        return last

    def _tell(self, event: Event) -> None:
        self.history.append(event)
        for watcher in self.watchers:
            watcher(event)


def version_of(body: Json) -> int:
    return int(body["metadata"]["resourceVersion"])


def merge(old: Any, patch: Any) -> Any:
    """RFC 7386: null removes a key, a list is replaced whole. Neither argument is changed."""
    if not isinstance(patch, Mapping):
        return patch
    out = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


def _with_kept(old: Json, merged: Json) -> Json:
    """What a patch of the object itself does not change: the status and the server's part of the metadata."""
    before, meta = old["metadata"], dict(merged["metadata"])
    for name in _FIXED:
        if name in before:
            meta[name] = before[name]
        else:
            meta.pop(name, None)
    for name in ("labels", "finalizers", "annotations"):
        if not meta.get(name):
            meta.pop(name, None)
    if "deletionTimestamp" in before and not set(meta.get("finalizers", ())) <= set(before.get("finalizers", ())):
        raise Invalid("metadata.finalizers: no new finalizers can be added", status=422, reason="Invalid")
    return {**old, "metadata": meta, "spec": merged["spec"]}


def _meta(body: Json, **changes: Any) -> Json:
    return {**body, "metadata": {**body["metadata"], **changes}}


def _key(call: Call) -> Key:
    found = _PATH.fullmatch(call.path)
    assert found is not None, call.path
    return KINDS[found[2]], found[1] or "", found[3] or ""


__all__ = ["Change", "Event", "Json", "Key", "KubeError", "Server", "merge", "version_of"]
