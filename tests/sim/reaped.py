"""What the reaper may end and what it must, judged by the truth: when holders were heard by the server, and which pods
live. No operator knows it as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lessor.kube.codec import duration, seconds

from .api import Change, Json, Server
from .invariants import Violation, finished, is_bound
from .people import NAMESPACE

STAMP_S = 1.0  # creationTimestamp has whole seconds
LATE_S = 63.0  # by so much an end may come late: the slack between clocks, whole seconds, who is woken when


@dataclass(slots=True)
class Witness:
    """`heard`: when each Lease's client was heard last, by uid. `blinded`: some operator could not look at pods."""

    server: Server
    heard: dict[str, float] = field(default_factory=dict)
    collected: dict[str, None] = field(default_factory=dict)
    blinded: bool = False

    def __post_init__(self) -> None:
        self.server.judges.append(self.see)

    def see(self, change: Change) -> None:
        old, new = change.old, change.new
        if change.kind != "Lease" or new is None:
            return
        uid = new["metadata"]["uid"]
        if old is None or old["spec"].get("renewTime") != new["spec"].get("renewTime"):
            self.heard[uid] = self.server.now
        if old is not None and old["spec"] != new["spec"] and is_bound(old):
            self.collected[uid] = None
        if old is not None and is_bound(new) and not is_bound(old):
            self.heard[uid] = max(self.heard[uid], seconds(new["status"]["boundTime"]))
        ends = old is not None and _state(new) == "Expired" and _state(old) != "Expired"
        if ends and old is not None and not self._may_end(uid, old, new["status"]["reason"]):
            raise Violation(f"lease {change.key[2]} ({uid}) ends, {new['status']['reason']}, and must not")

    def _may_end(self, uid: str, lease: Json, reason: str) -> bool:
        spec, status, now = lease["spec"], lease.get("status") or {}, self.server.now
        terms, slack = status.get("terms") or {}, duration(spec.get("renewSlack", "0s"))
        match reason:
            case "HolderEnded" | "HolderGone":
                return not self.pod_lives(lease)
            case "RenewalOverdue":
                tracked = "pod" in (spec.get("holder") or {}) and "renewWithin" not in spec
                if tracked and self.pod_lives(lease) and not self.blinded:
                    return False
                return now - self.heard[uid] >= duration(terms["renewWithin"]) + slack - 1e-3
            case "WaiterSilent":
                return now - self.heard[uid] >= duration(spec["waiterRenewWithin"]) + slack - 1e-3
            case "MaxDuration":
                return now - seconds(status["boundTime"]) >= duration(terms["maxDuration"]) - 1e-3
            case "WaitTimeout":
                created = seconds(lease["metadata"]["creationTimestamp"])
                return now - created >= duration(spec["waitTimeout"]) - STAMP_S
            case "NotCollected":
                late = now - seconds(status["boundTime"]) >= duration(spec["collectWithin"]) - 1e-3
                return late and uid not in self.collected
        return False

    def pod_lives(self, lease: Json) -> bool:
        """Whether the pod that is certainly its holder is there and has not ended."""
        pod = (lease["spec"].get("holder") or {}).get("pod") or {}
        known = pod.get("uid") or (lease.get("status") or {}).get("holderUID")
        body = self.server.objects.get(("Pod", NAMESPACE, pod.get("name", "")))
        if body is None or known != body["metadata"]["uid"]:
            return False
        return (body.get("status") or {}).get("phase") not in ("Succeeded", "Failed")

    def overdue(self, since: float) -> Iterator[str]:
        """What must have ended, or be gone, at rest. `since`: from when on the operators heard the server."""
        now = self.server.now
        for lease in self.server.of("Lease"):
            uid, spec, status = lease["metadata"]["uid"], lease["spec"], lease.get("status") or {}
            silent = now - max(self.heard[uid], since) - LATE_S - duration(spec.get("renewSlack", "0s"))
            terms, name = status.get("terms") or {}, lease["metadata"]["name"]
            if finished(lease):
                ended = next(c["lastTransitionTime"] for c in status["conditions"] if c["type"] == "Finished")
                if now - max(seconds(ended), since) > duration(spec["ttlAfterFinished"]) + LATE_S:
                    yield f"lease {name} has outlived its ttlAfterFinished"
                continue
            pod = (spec.get("holder") or {}).get("pod")
            if pod is not None and (pod.get("uid") or status.get("holderUID")) and not self.pod_lives(lease):
                yield f"the pod of lease {name} is dead, and the lease has not ended"
            if not is_bound(lease):
                if "waiterRenewWithin" in spec and silent > duration(spec["waiterRenewWithin"]):
                    yield f"lease {name} waits in silence"
                if "waitTimeout" in spec and now - max(self.heard[uid], since) > duration(spec["waitTimeout"]) + LATE_S:
                    yield f"lease {name} waits beyond its waitTimeout"
                continue
            if (pod is None or "renewWithin" in spec) and silent > duration(terms["renewWithin"]):
                yield f"lease {name} is Bound, and its client is dead"
            held = now - max(seconds(status["boundTime"]), since) - LATE_S
            if "maxDuration" in terms and held > duration(terms["maxDuration"]):
                yield f"lease {name} is held beyond its maxDuration"


def _state(lease: Json) -> str:
    return str((lease.get("status") or {}).get("state", "Waiting"))
