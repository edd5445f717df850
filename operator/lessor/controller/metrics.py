"""The operator's metrics, under one registry. Names and labels are an interface: dashboards and alerts use them."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

import lessor

# A decision takes 0.1 to 2 ms; above 50 ms it delays every grant.
DECISION_BUCKETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
# A write takes 1.5 ms alone and 5 s at most.
WRITE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
RESYNC_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """One per process; a registry of its own, so that tests may have several."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.leader = Gauge("lessor_leader", "1 while this process leads", registry=registry)
        self.decision_seconds = Histogram(
            "lessor_decision_seconds", "Time of one decision", buckets=DECISION_BUCKETS, registry=registry
        )
        self.writes_total = Counter(
            "lessor_writes_total", "Writes to the API server, by action and how it answered", ["action", "result"],
            registry=registry,
        )  # fmt: skip
        self.write_seconds = Histogram(
            "lessor_write_seconds", "Time of one write, from sending to its answer", ["action"], buckets=WRITE_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.writes_in_flight = Gauge(
            "lessor_writes_in_flight", "Writes that were sent and not answered yet", registry=registry
        )
        self.resources = Gauge(
            "lessor_resources", "Resources of a pool in a state", ["pool", "state"], registry=registry
        )
        self.leases_waiting = Gauge("lessor_leases_waiting", "Leases that wait for a pool", ["pool"], registry=registry)
        self.events_total = Counter(
            "lessor_events_total", "Watch events that were taken in, by kind", ["kind"], registry=registry
        )
        self.resync_seconds = Histogram(
            "lessor_resync_seconds", "Time to list and compare everything", buckets=RESYNC_BUCKETS, registry=registry
        )
        Info("lessor_build", "The version that runs", registry=registry).info({"version": lessor.__version__})
        ProcessCollector(registry=registry)
        self._states: dict[str, set[str]] = {}
        self._known: set[str] = set()

    def set_pool(self, pool: str, per_state: Mapping[str, int], waiting: int) -> None:
        """The counts of one pool as they are now. States it has no more disappear, not stay at 0 for ever."""
        for state in self._states.get(pool, set()) - per_state.keys():
            self.resources.remove(pool, state)
        for state, count in per_state.items():
            self.resources.labels(pool, state).set(count)
        self._states[pool] = set(per_state)
        self._known.add(pool)
        self.leases_waiting.labels(pool).set(waiting)

    def forget_pool(self, pool: str) -> None:
        """The pool is gone, and its series with it."""
        for state in self._states.pop(pool, set()):
            self.resources.remove(pool, state)
        if pool in self._known:
            self._known.discard(pool)
            self.leases_waiting.remove(pool)
