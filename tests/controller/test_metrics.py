"""The metrics as Prometheus reads them."""

from prometheus_client import generate_latest

from lessor.controller.metrics import Metrics


def lines(metrics: Metrics, name: str) -> list[str]:
    """The samples of a metric, without help and time stamps."""
    text = generate_latest(metrics.registry).decode()
    return [line for line in text.splitlines() if line.startswith(name) and "_created" not in line]


def test_every_metric_of_the_operator_is_there_by_its_name_and_labels() -> None:
    metrics = Metrics()
    metrics.writes_total.labels("Claim", "ok").inc()
    metrics.write_seconds.labels("Claim").observe(0.002)
    metrics.events_total.labels("Lease").inc()
    metrics.set_pool("aws", {"free": 3}, waiting=2)
    text = generate_latest(metrics.registry).decode()
    for sample in (
        "lessor_leader 0.0",
        "lessor_decision_seconds_count 0.0",
        'lessor_writes_total{action="Claim",result="ok"} 1.0',
        'lessor_write_seconds_bucket{action="Claim",le="0.002"} 1.0',
        "lessor_writes_in_flight 0.0",
        'lessor_resources{pool="aws",state="free"} 3.0',
        'lessor_leases_waiting{pool="aws"} 2.0',
        'lessor_events_total{kind="Lease"} 1.0',
        "lessor_resync_seconds_count 0.0",
        'lessor_build_info{version="0.1.0"} 1.0',
    ):
        assert f"\n{sample}\n" in text


def test_a_state_that_a_pool_has_no_more_disappears() -> None:
    metrics = Metrics()
    metrics.set_pool("aws", {"free": 1, "odd word": 1}, waiting=0)
    metrics.set_pool("aws", {"free": 2}, waiting=0)
    assert lines(metrics, "lessor_resources") == ['lessor_resources{pool="aws",state="free"} 2.0']


def test_a_pool_that_is_gone_takes_its_series_with_it() -> None:
    metrics = Metrics()
    metrics.set_pool("aws", {"free": 1}, waiting=1)
    metrics.set_pool("gcp", {"free": 1}, waiting=0)
    metrics.forget_pool("aws")
    assert lines(metrics, "lessor_resources") == ['lessor_resources{pool="gcp",state="free"} 1.0']
    assert lines(metrics, "lessor_leases_waiting") == ['lessor_leases_waiting{pool="gcp"} 0.0']
    metrics.forget_pool("never seen")


def test_two_operators_in_one_process_count_for_themselves() -> None:
    one, other = Metrics(), Metrics()
    one.leader.set(1)
    assert lines(other, "lessor_leader") == ["lessor_leader 0.0"]
