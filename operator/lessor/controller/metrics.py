"""The operator's metrics, under one registry. Names and labels are an interface: dashboards and alerts use them."""

from collections.abc import Container

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

import lessor
from lessor.core import actions as a
from lessor.core.model import Lease

# A decision takes 0.1 to 2 ms; above 50 ms it delays every grant.
DECISION_BUCKETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
# A write takes 1.5 ms alone and 5 s at most.
WRITE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
RESYNC_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
# A grant takes milliseconds where something is free, and hours in a queue; a hold minutes to a day.
WAIT_BUCKETS = (0.05, 0.2, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800)
HOLD_BUCKETS = (1, 10, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400)
LAGS_MAX = 1024
GRANTED, GAVE_UP = "granted", "gave_up"


class Lag:
    """From the answer to a write to its own watch event: how far behind the watches are."""

    def __init__(self, seconds: Histogram) -> None:
        self._seconds = seconds
        self._answered: dict[tuple[str, str], float] = {}  # uid and resourceVersion -> seconds of the monotonic clock

    def answered(self, uid: str, version: str, mono: float) -> None:
        self._answered[uid, version] = mono
        if len(self._answered) > LAGS_MAX:  # its event came first, or never
            del self._answered[next(iter(self._answered))]

    def seen(self, uid: str, version: str, mono: float) -> None:
        if (at := self._answered.pop((uid, version), None)) is not None:
            self._seconds.observe(mono - at)


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
        self.wait_seconds = Histogram(
            "lessor_wait_seconds", "From a Lease's creation to its grant or its end without one", ["pool", "outcome"],
            buckets=WAIT_BUCKETS, registry=registry,
        )  # fmt: skip
        self.hold_seconds = Histogram(
            "lessor_hold_seconds", "How long a Resource was held", ["pool"], buckets=HOLD_BUCKETS, registry=registry
        )
        self.ended_total = Counter(
            "lessor_leases_ended_total", "Leases that ended, by reason", ["reason"], registry=registry
        )
        self.reserved_idle_seconds_total = Counter(
            "lessor_reserved_idle_seconds_total",
            "Time for which a free Resource was kept for a Lease that had waited for reserveAfter", ["pool"],
            registry=registry,
        )  # fmt: skip
        self.events_total = Counter(
            "lessor_events_total", "Watch events that were taken in, by kind", ["kind"], registry=registry
        )
        lag = Histogram(
            "lessor_event_lag_seconds", "From the answer to a write to its own watch event", buckets=LAG_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.lag = Lag(lag)
        self.resync_seconds = Histogram(
            "lessor_resync_seconds", "Time to list and compare everything", buckets=RESYNC_BUCKETS, registry=registry
        )
        Info("lessor_build", "The version that runs", registry=registry).info({"version": lessor.__version__})
        ProcessCollector(registry=registry)

    def written(self, action: a.Action, wall: float, pools: Container[str]) -> None:
        """A write of ours was carried out at `wall` (seconds since the epoch). `pools`: those that there are."""
        match action:
            case a.Bind():
                for pool in dict.fromkeys(entry.pool for entry in action.entries):
                    self.wait_seconds.labels(pool, GRANTED).observe(max(0.0, wall - action.lease.created))
            case a.End():
                self.ended(action.lease, action.conditions["Finished"].reason, wall, pools)
            case a.Free() | a.HandOver():
                self.hold_seconds.labels(action.resource.pool).observe(max(0.0, wall - action.resource.since))

    def ended(self, lease: Lease, reason: str, wall: float, pools: Container[str]) -> None:
        """A live Lease has ended: by a write of ours, or it was deleted."""
        self.ended_total.labels(reason).inc()
        for pool in lease.pools if lease.waiting else ():
            if pool in pools:  # whoever asks may write any name, and a series would stay for each
                self.wait_seconds.labels(pool, GAVE_UP).observe(max(0.0, wall - lease.created))
