"""What people and their jobs do with kubectl: reasonable things, impatient things, and things by hand.

Each act reads the object and writes it at once, as kubectl does, so a person never meets a conflict. An act that has no
object to work on does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessor.api.names import FINALIZER

from .api import Json, Key, Server, version_of
from .invariants import finished, is_bound

NAMESPACE = "ci"
FOREIGN = "example.com/keeps"  # somebody else's finalizer

DUSTED: Json = {"releaseStates": ["free", "dusty"], "onLoss": "lost"}
POOLS: dict[str, Json] = {  # the words of a pool's rules differ, so that an end tells which rule led to it
    "a": {"resources": {"count": 3}, "lease": DUSTED, "template": {"labels": {"is": "$(NAME)"}}},
    "b": {"resources": {"names": ["x", "y"]}, "lease": {"releaseStates": ["free", "*"]}},
    "d": {"resources": {"items": [{"name": "y"}, {"name": "z", "attributes": {"region": "moon"}}]}},
}
SOURCES: dict[str, list[Json]] = {
    "a": [{"count": 3}, {"count": 1}, {"count": 2}, {"count": 4}, {"count": 0}],
    "b": [{"names": ["x", "y"]}, {"names": ["x"]}, {"names": ["y"]}, {"names": ["x", "y", "w"]}],
    "d": [{"names": ["y", "z"]}, {"names": ["z"]}, {"names": ["z", "x"]}, {"names": ["z", "a-2"]}],
}
RULES: list[Json] = [
    {"mode": "Hold"},
    {"mode": "Active"},
    {"lease": {"releaseStates": ["free"], "onLoss": "lost"}},
    {"lease": DUSTED},
    {"template": {"attributes": {"region": "mars"}, "labels": {"planet": "red"}}},
    {"queue": {"reserveAfter": "1m"}},
    {"queue": {"maxPerTenant": 2, "fairShare": {"by": "Namespace", "weights": {"ci": 2}}}},
    {"queue": {"maxPerTenant": 1}},
    {"queue": {"maxPerTenant": None, "fairShare": None}},
    {"needs": [{"pool": "e", "count": 1}]},  # not supported yet
    {"needs": None},
]

ONE: Json = {"pool": "a"}
LIKE_A_0_OR_1: Json = {"matchExpressions": [{"key": "is", "operator": "In", "values": ["a-0", "a-1"]}]}
LEASES: list[Json] = [
    {"requests": [ONE]},
    {"requests": [{"pool": "a", "count": 2}]},
    {"requests": [{"pool": "b"}]},
    {"requests": [{"name": "one", "pool": "a"}, {"name": "two", "pool": "b"}]},
    {"requests": [{"pool": "a", "names": ["a-0", "a-1"], "count": 1}]},
    {"requests": [{"name": "any", "pool": "a"}, {"name": "this", "pool": "a", "names": ["a-0"]}]},
    {"requests": [ONE], "priority": 5},
    {"requests": [{"pool": "a", "count": 3}]},
    {"requests": [ONE], "releaseState": "dusty"},
    {"requests": [{"pool": "d"}]},
    {"requests": [{"pool": "a", "from": "dusty", "as": "busy"}]},
    {"requests": [{"pool": "a", "from": "lost"}]},
    {"requests": [{"pool": "a", "selector": {"matchLabels": {"is": "a-1"}}}]},
    {
        "requests": [
            {"name": "other", "pool": "a", "selector": LIKE_A_0_OR_1},
            {"name": "this", "pool": "a", "names": ["a-0"]},
        ]
    },
    {"requests": [{"firstOf": [{"pool": "b"}, {"pool": "a", "count": 2}]}]},
    {
        "requests": [
            {"name": "any", "firstOf": [{"pool": "a"}, {"pool": "b", "names": ["x"]}]},
            {"name": "this", "pool": "a", "names": ["a-1"]},
        ]
    },
    {"requests": [ONE], "releaseState": "nowhere"},  # not allowed
    {"requests": [{"pool": "a", "names": ["a-0"]}], "adopt": True},  # not supported yet
]

TIMED: list[Json] = [  # for worlds in which time has a meaning
    {"requests": [ONE], "renewWithin": "1m"},
    {"requests": [ONE], "renewWithin": "1m", "renewSlack": "30s", "ttlAfterFinished": "5m"},
    {"requests": [ONE], "holder": {"pod": {"name": "p0"}}, "ttlAfterFinished": "0s"},
    {"requests": [ONE], "holder": {"pod": {"name": "p1", "uid": ""}}, "ttlAfterFinished": "5m"},  # as it is then
    {"requests": [{"pool": "a", "count": 2}], "holder": {"pod": {"name": "p0", "uid": ""}}},
    {"requests": [ONE], "holder": {"pod": {"name": "p1"}}, "renewWithin": "1m"},
    {"requests": [{"pool": "a", "count": 2}], "waiterRenewWithin": "1m", "collectWithin": "1m", "renewWithin": "2m"},
    {"requests": [ONE], "maxDuration": "5m", "ttlAfterFinished": "5m"},
    {"requests": [ONE], "waitTimeout": "5m"},
    {"requests": [{"pool": "b"}]},
]
PODS = ("p0", "p1")


class People:
    """`living`: Leases, by name, whose clients renew them as time passes."""

    def __init__(self, server: Server, say: Callable[[str], None]) -> None:
        self._server, self._say = server, say
        self.living: dict[str, str] = {}  # uid
        self.renewing = False

    # -- Pools

    def make_pool(self, name: str, spec: Json | None = None) -> None:
        key = ("Pool", "", name)
        if key not in self._server.objects:
            self._say(f"a person creates pool {name}")
            self._server.create(key, {"spec": spec or POOLS[name]})

    def edit_pool(self, name: str, spec: Json) -> None:
        self._patch(("Pool", "", name), {"spec": spec}, f"says of pool {name}: {spec}")

    def fill_pool(self, name: str, source: Json) -> None:
        nothing: Json = dict.fromkeys(("count", "names", "items"))
        self.edit_pool(name, {"resources": nothing | source})

    def delete_pool(self, name: str) -> None:
        self._delete(("Pool", "", name))

    # -- Leases

    def make_lease(self, name: str, spec: Json, kept: bool = False) -> None:
        """`kept`: with a foreign finalizer."""
        key = ("Lease", NAMESPACE, name)
        if key not in self._server.objects:
            requests = [{"name": "main", "count": 1, **request} for request in spec["requests"]]
            self._say(f"a job creates lease {name}: {spec}{' with a finalizer of its own' if kept else ''}")
            meta = {"finalizers": [FOREIGN]} if kept else {}
            self._server.create(
                key, {"metadata": meta, "spec": {"ttlAfterFinished": "1h", **spec, "requests": requests}}
            )

    def hold(self, name: str, spec: Json) -> None:
        """As `make_lease`, by a client that renews it from now on. It names its pod as that is now."""
        pod = (spec.get("holder") or {}).get("pod")
        if pod is not None and "uid" in pod:
            found = self._server.objects.get(("Pod", NAMESPACE, pod["name"]))
            if found is None:
                return
            spec = {**spec, "holder": {"pod": {"name": pod["name"], "uid": found["metadata"]["uid"]}}}
        if ("Lease", NAMESPACE, name) not in self._server.objects:
            self.make_lease(name, spec)
            self.living[name] = self._server.objects["Lease", NAMESPACE, name]["metadata"]["uid"]

    def client_dies(self, name: str) -> None:
        if self.living.pop(name, None) is not None:
            self._say(f"the client of lease {name} dies")

    def clients_renew(self) -> None:
        for name, uid in list(self.living.items()):
            body = self._server.objects.get(("Lease", NAMESPACE, name))
            if body is None or body["metadata"]["uid"] != uid or finished(body):
                del self.living[name]
            else:
                self.renewing = True  # nobody tells of each of them
                self.renew(name)
                self.renewing = False

    # -- pods

    def start_pod(self, name: str) -> None:
        key = ("Pod", NAMESPACE, name)
        if key not in self._server.objects:
            self._say(f"pod {name} starts")
            self._server.create(key, {"metadata": {"finalizers": [FOREIGN]}, "spec": {}})

    def end_pod(self, name: str, phase: str) -> None:
        self._patch(("Pod", NAMESPACE, name), {"status": {"phase": phase}}, f"sees pod {name} end: {phase}", "status")

    def stop_pod(self, name: str) -> None:
        """As kubectl delete: it terminates, and then it is gone."""
        self._delete(("Pod", NAMESPACE, name))

    def forget_pod(self, name: str) -> None:
        """Its containers have ended, or its node is gone and somebody removes it by force."""
        self.remove_by_force("Pod", name)

    def delete_lease(self, name: str) -> None:
        self._delete(("Lease", NAMESPACE, name))

    def let_go(self, name: str) -> None:
        """Takes the foreign finalizer off."""
        self._patch(
            ("Lease", NAMESPACE, name), {"metadata": {"finalizers": None}}, f"takes the finalizer off lease {name}"
        )

    def renew(self, name: str) -> None:
        stamp = f"2027-01-15T08:00:00.{self._server.revision:06d}Z"
        self._patch(("Lease", NAMESPACE, name), {"spec": {"renewTime": stamp}}, f"renews lease {name}")

    def release(self, name: str, what: str, state: str | None = None) -> None:
        """`what`: a Resource's name or "*". What was released stays so."""
        body = self._server.objects.get(("Lease", NAMESPACE, name))
        if body is None or any(entry["name"] == what for entry in body["spec"].get("release") or ()):
            return
        entry = {"name": what, **({"state": state} if state else {})}
        release = [*(body["spec"].get("release") or ()), entry]
        self._patch(("Lease", NAMESPACE, name), {"spec": {"release": release}}, f"releases {entry} of lease {name}")

    def release_one(self, name: str, pick: int, state: str | None = None) -> None:
        body = self._server.objects.get(("Lease", NAMESPACE, name))
        if body is not None and is_bound(body):
            listed = body["status"]["resources"]
            self.release(name, listed[pick % len(listed)]["name"], state)

    # -- Resources

    def cordon(self, name: str, cordoned: bool) -> None:
        spec = {"cordoned": {"reason": "broken"} if cordoned else None}
        self._patch(("Resource", "", name), {"spec": spec}, f"{'cordons' if cordoned else 'uncordons'} {name}")

    def delete_resource(self, name: str) -> None:
        self._delete(("Resource", "", name))

    def remove_by_force(self, kind: str, name: str) -> None:
        key = (kind, NAMESPACE if kind == "Pod" else "", name)
        if key in self._server.objects:
            self._patch(key, {"metadata": {"finalizers": None}}, f"strips the finalizers of {kind} {name}")
            self._delete(key)

    def lose_and_restore(self, name: str, pool: str) -> None:
        """Removed by force, and restored from a backup at once."""
        self.remove_by_force("Resource", name)
        self.make_resource(name, pool, True)

    def make_resource(self, name: str, pool: str, protected: bool) -> None:
        """By hand, or from a backup: then it has its finalizer and no status."""
        key = ("Resource", "", name)
        if key not in self._server.objects:
            self._say(f"a person creates resource {name} of pool {pool}{', from a backup' if protected else ''}")
            meta = {"finalizers": [FINALIZER]} if protected else {}
            self._server.create(key, {"metadata": meta, "spec": {"pool": pool}})

    def strip_status(self, name: str, holder: bool) -> None:
        """Edits the status by hand: no state any more, and no holder either."""
        body = self._server.objects.get(("Resource", "", name))
        status = (body or {}).get("status")
        if not status:
            return
        change: Json = {"state": None}
        if holder and "holder" in status:
            change |= {"holder": None, "epoch": status.get("epoch", 0) + 1}
        self._patch(("Resource", "", name), {"status": change}, f"strips {name} of {list(change)}", "status")

    # -- inside

    def _patch(self, key: Key, patch: Json, words: str, subresource: str | None = None) -> None:
        if key in self._server.objects:
            if not self.renewing:
                self._say(f"a person {words}")
            self._server.merge_patch(key, patch, subresource)

    def _delete(self, key: Key) -> None:
        if key in self._server.objects:
            self._say(f"a person deletes {key[0].lower()} {key[2]}")
            self._server.delete(key)


def lease_of(server: Server, name: str) -> Any:
    return server.objects.get(("Lease", NAMESPACE, name))


__all__ = [
    "FOREIGN",
    "LEASES",
    "NAMESPACE",
    "PODS",
    "POOLS",
    "RULES",
    "SOURCES",
    "TIMED",
    "People",
    "finished",
    "lease_of",
    "version_of",
]
