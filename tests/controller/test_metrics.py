"""The metrics as Prometheus reads them."""

from prometheus_client import generate_latest

from lessor.controller.collector import LedgerCollector
from lessor.controller.metrics import Metrics
from lessor.core import actions as a
from lessor.core.explain import Reason, end_conditions
from lessor.core.model import Condition, ConditionStatus, LeaseState, Terms
from lessor.core.states import Event
from tests.core.build import bound, held, lease, minutes, pool, resource
from tests.core.world import World


def lines(metrics: Metrics, name: str) -> list[str]:
    """The samples of a metric, without help and time stamps."""
    text = generate_latest(metrics.registry).decode()
    return [line for line in text.splitlines() if line.startswith(name) and "_created" not in line]


def looking_at(world: World, *, leads: bool = True) -> Metrics:
    metrics = Metrics()
    metrics.registry.register(LedgerCollector(world.ledger, lambda: leads, lambda: world.now))
    return metrics


def test_every_metric_of_the_operator_is_there_by_its_name_and_labels() -> None:
    metrics = Metrics()
    metrics.writes_total.labels("Claim", "ok").inc()
    metrics.write_seconds.labels("Claim").observe(0.002)
    metrics.events_total.labels("Lease").inc()
    text = generate_latest(metrics.registry).decode()
    for sample in (
        "lessor_leader 0.0",
        "lessor_decision_seconds_count 0.0",
        'lessor_writes_total{action="Claim",result="ok"} 1.0',
        'lessor_write_seconds_bucket{action="Claim",le="0.002"} 1.0',
        "lessor_writes_in_flight 0.0",
        'lessor_events_total{kind="Lease"} 1.0',
        "lessor_event_lag_seconds_count 0.0",
        "lessor_resync_seconds_count 0.0",
        'lessor_build_info{version="0.1.0"} 1.0',
    ):
        assert f"\n{sample}\n" in text


def test_resources_are_counted_by_pool_and_state() -> None:
    world = World(pool(names=3), resource("aws-1"), resource("aws-2"), held("aws-3", bound("u1", "aws-3")))
    assert lines(looking_at(world), "lessor_resources") == [
        'lessor_resources{pool="aws",state="free"} 2.0',
        'lessor_resources{pool="aws",state="leased"} 1.0',
    ]


def test_the_waiting_are_counted_by_pool_and_the_reason_they_are_told() -> None:
    told = {"Bound": Condition("Bound", ConditionStatus.FALSE, "WaitingForCapacity", "pool aws has too few free")}
    world = World(pool(), lease("u1", conditions=told, waited=minutes(3)), lease("u2", conditions=told), lease("u3"))
    metrics = looking_at(world)
    assert lines(metrics, "lessor_leases_waiting") == [
        'lessor_leases_waiting{pool="aws",reason="WaitingForCapacity"} 2.0',
        'lessor_leases_waiting{pool="aws",reason="PendingEvaluation"} 1.0',
    ]
    assert lines(metrics, "lessor_oldest_wait_seconds") == ['lessor_oldest_wait_seconds{pool="aws"} 180.0']


def test_a_lease_that_names_a_pool_that_is_not_there_is_counted_too() -> None:
    assert lines(looking_at(World(lease("u1", asks={"nowhere": 1}))), "lessor_leases_waiting") == [
        'lessor_leases_waiting{pool="nowhere",reason="PendingEvaluation"} 1.0'
    ]


def test_the_standby_tells_nothing_of_its_ledger() -> None:
    assert lines(looking_at(World(pool(), resource("aws-1")), leads=False), "lessor_resources") == []


def test_a_grant_an_end_without_one_and_a_hold_are_timed() -> None:
    metrics = Metrics()
    world = World(pool(), resource("aws-1"), lease("u1", waited=20.0), lease("u2", waited=100.0))
    for action in (x for _ in range(4) for x in _answered(world)):
        metrics.written(action, world.wall, world.ledger.pools)
    why = Reason.NO_MATCHING_RESOURCE, "nothing matches"
    waits = world.lease("u1")
    ended = end_conditions(waits, LeaseState.REFUSED, why)
    metrics.written(a.End(waits, Event.REFUSE, LeaseState.REFUSED, ended), world.wall, world.ledger.pools)
    world.later(minutes(5))
    metrics.written(a.Free(world.resource("aws-1"), "free", "Released"), world.wall, world.ledger.pools)
    assert 'lessor_wait_seconds_sum{outcome="granted",pool="aws"} 100.0' in lines(metrics, "lessor_wait_seconds_sum")
    assert 'lessor_wait_seconds_sum{outcome="gave_up",pool="aws"} 20.0' in lines(metrics, "lessor_wait_seconds_sum")
    assert lines(metrics, "lessor_hold_seconds_sum") == ['lessor_hold_seconds_sum{pool="aws"} 300.0']
    assert lines(metrics, "lessor_leases_ended_total") == ['lessor_leases_ended_total{reason="NoMatchingResource"} 1.0']


def _answered(world: World) -> list[a.Action]:
    done = world.decide()
    world.answer(*done)
    return done


def test_a_wait_for_a_pool_that_is_not_there_makes_no_series() -> None:
    metrics = Metrics()
    metrics.ended(lease("u1", asks={"nowhere": 1, "aws": 1}), Reason.DELETED, 1_800_000_000.0, {"aws": pool()})
    assert {line.split("{")[1].split("}")[0] for line in lines(metrics, "lessor_wait_seconds_count")} == {
        'outcome="gave_up",pool="aws"'
    }


def test_two_bound_leases_that_list_one_resource_are_a_violation_if_they_stay() -> None:
    terms = Terms(1800.0, None, "free", "free", 0)
    world = World(pool(), held("aws-1", bound("u1", "aws-1")), bound("u1", "aws-1", terms=terms))
    world.create(bound("u2", "aws-1"))
    metrics = looking_at(world)
    assert lines(metrics, "lessor_exclusivity") == ["lessor_exclusivity_violations 0.0"]
    world.later(11.0)
    assert lines(metrics, "lessor_exclusivity") == ["lessor_exclusivity_violations 1.0"]


def test_a_bind_that_is_seen_before_the_end_of_the_last_holder_is_no_violation() -> None:
    first = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", first), first)
    world.create(bound("u2", "aws-1"))
    metrics = looking_at(world)
    lines(metrics, "lessor_exclusivity")
    world.remove(world.lease("u1"))
    world.later(11.0)
    assert lines(metrics, "lessor_exclusivity") == ["lessor_exclusivity_violations 0.0"]


def test_the_lag_of_the_watches_is_that_of_own_writes() -> None:
    metrics = Metrics()
    metrics.lag.answered("uid", "7", 100.0)
    metrics.lag.seen("uid", "6", 100.1)
    metrics.lag.seen("uid", "7", 100.5)
    metrics.lag.seen("uid", "7", 100.9)
    assert lines(metrics, "lessor_event_lag_seconds_sum") == ["lessor_event_lag_seconds_sum 0.5"]
    assert lines(metrics, "lessor_event_lag_seconds_count") == ["lessor_event_lag_seconds_count 1.0"]


def test_two_operators_in_one_process_count_for_themselves() -> None:
    one, other = Metrics(), Metrics()
    one.leader.set(1)
    assert lines(other, "lessor_leader") == ["lessor_leader 0.0"]
