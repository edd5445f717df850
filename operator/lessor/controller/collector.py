"""Metrics that are a look at the ledger: read when Prometheus asks, so they cost nothing in between and leave no series
of what is gone behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lessor.core.audit import doubly_listed
from lessor.core.ledger import Ledger

from .clocks import Clocks

NOT_TOLD_YET = "PendingEvaluation"  # a waiting Lease whose first status is on its way


class LedgerCollector(Collector):
    """Of the leader alone: a sum over both replicas counts everything once."""

    def __init__(self, ledger: Ledger, leads: Callable[[], bool], clocks: Clocks) -> None:
        self._ledger, self._leads, self._clocks = ledger, leads, clocks

    def describe(self) -> Iterator[Metric]:
        """The families without samples: a registry asks at once, before there is a ledger worth a look."""
        yield from _families()

    def collect(self) -> Iterator[Metric]:
        resources, waiting, oldest, violations = families = _families()
        if self._leads():
            now = self._clocks()
            for name, pool in self._ledger.index.items():
                for state, count in pool.counts.items():
                    resources.add_metric((name, state), count)
                told: dict[str, int] = {}
                since = now.wall
                for uid in pool.waiting_uids():
                    lease = self._ledger.leases[uid]
                    bound = lease.conditions.get("Bound")
                    reason = bound.reason if bound is not None else NOT_TOLD_YET
                    told[reason] = told.get(reason, 0) + 1
                    since = min(since, lease.created)
                for reason, count in told.items():
                    waiting.add_metric((name, reason), count)
                if name in self._ledger.pools:
                    oldest.add_metric((name,), max(0.0, now.wall - since))
            violations.add_metric((), len(doubly_listed(self._ledger, now)))
        yield from families


def _families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily("lessor_resources", "Resources of a pool in a state", labels=("pool", "state")),
        GaugeMetricFamily(
            "lessor_leases_waiting",
            "Leases that wait for a pool, by the reason they are told",
            labels=("pool", "reason"),
        ),
        GaugeMetricFamily(
            "lessor_oldest_wait_seconds", "How long the Lease has waited that waits longest; 0: none", labels=("pool",)
        ),
        GaugeMetricFamily(
            "lessor_exclusivity_violations",
            "Resources that two Bound Leases list, for longer than a late event can explain: must be 0",
            labels=(),
        ),
    )
