"""The election, with the clock in the test's hand. What only a server can show: test_election_real."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest

from lessor.kube.election import Elector, NamespaceMissing, Timing
from tests.kube.simulation import STEP_SECONDS, Clock, LeaseServer, Link, Process

# A deadline that no try ends at by chance: tries of 1.5 s, 1 s apart, would end at 5.0.
TIMING = Timing(duration=8, deadline=4.7, retry=1)


class Replica:
    """An operator's process that only campaigns. `led` holds the terms it led in."""

    def __init__(self, world: "World", name: str) -> None:
        self.name = name
        self.link = Link(world.server)
        self.led: list[int] = []
        self.stopped = 0
        self.fails = False
        self.finishes = False
        self.elector = Elector(
            self.link,
            namespace="lessor-system",
            name="lessor-operator",
            identity=name,
            lead=self._lead,
            timing=TIMING,
            clock=world.clock,
        )
        self.process = Process(world.clock, self.elector.run)

    async def _lead(self, term: int) -> None:
        self.led.append(term)
        try:
            while not self.finishes:
                assert not self.fails, "a bug in what the leader does"
                await asyncio.sleep(0.1)
        finally:
            self.stopped += 1

    @property
    def leads(self) -> bool:
        return self.elector.is_leader()


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.server = LeaseServer()
        self.replicas: list[Replica] = []

    def replica(self, name: str) -> Replica:
        self.replicas.append(Replica(self, name))
        return self.replicas[-1]

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> float:
        """Moves the clock until the claim holds, at most so far; returns the seconds that took.

        At every step: at most one leads, and who does not lead has been told to stop.
        """
        start = self.clock.now
        while True:
            for replica in self.replicas:
                replica.process.step()
                leading = [r.name for r in self.replicas if r.leads]
                assert len(leading) <= 1, f"{leading} lead at {self.clock.now}"
            late = [r.name for r in self.replicas if not r.process.frozen and len(r.led) > r.stopped and not r.leads]
            assert not late, f"{late} work at {self.clock.now} without leading"
            if until() or self.clock.now >= start + seconds:
                return self.clock.now - start
            self.clock.now += STEP_SECONDS

    def elect(self, first: str = "a", *others: str) -> list[Replica]:
        """`first` leads in term 0, the others have seen it."""
        replicas = [self.replica(first)]
        self.run(1)
        assert replicas[0].leads
        replicas += [self.replica(name) for name in others]
        self.run(2)
        return replicas


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    for replica in made.replicas:
        replica.process.close()


def test_the_first_to_come_leads_and_creates_the_lease(world: World) -> None:
    a = world.replica("a")
    world.run(1)
    assert a.leads
    assert a.led == [0]
    assert world.server.lease is not None
    assert world.server.lease["spec"]["holderIdentity"] == "a"
    assert world.server.lease["spec"]["leaseDurationSeconds"] == 8


def test_the_second_stands_by_for_as_long_as_the_first_renews(world: World) -> None:
    a, b = world.elect("a", "b")
    world.run(60)
    assert a.led == [0]
    assert a.stopped == 0
    assert b.led == []
    assert b.elector.leader == "a"


def test_renewing_costs_one_write_a_second_and_the_standby_writes_nothing(world: World) -> None:
    world.elect("a", "b")
    before = world.server.writes
    world.run(20)
    assert 15 <= world.server.writes - before <= 21


def test_when_the_leader_is_killed_the_next_leads_within_a_duration_and_two_tries(world: World) -> None:
    a, b = world.elect("a", "b")
    a.process.kill()
    took = world.run(20, lambda: b.leads)
    assert 5 < took < 8 + 2 * 1.2 + 0.2
    assert b.led == [1]


def test_a_leader_that_wakes_up_from_being_frozen_does_not_lead_and_stops_what_it_did(world: World) -> None:
    a, b = world.elect("a", "b")
    a.process.frozen = True
    world.run(30, lambda: b.leads)
    a.process.frozen = False
    assert not a.leads, "before anything of it has run"
    world.run(10)
    assert a.stopped == 1
    assert b.leads
    assert a.elector.leader == "b"


def test_a_leader_frozen_for_less_than_its_deadline_goes_on(world: World) -> None:
    a, b = world.elect("a", "b")
    a.process.frozen = True
    world.run(3)
    a.process.frozen = False
    world.run(20)
    assert a.led == [0]
    assert a.stopped == 0
    assert b.led == []


def test_a_leader_that_is_cut_off_stops_before_another_may_start(world: World) -> None:
    a, b = world.elect("a", "b")
    a.link.down = True
    stopped = world.run(20, lambda: a.stopped == 1)
    assert not a.leads
    started = stopped + world.run(20, lambda: b.leads)
    assert stopped <= 4.8
    assert started - stopped > 1
    a.link.down = False
    world.run(5)
    assert b.leads
    assert a.elector.leader == "b"


def test_a_leader_whose_requests_hang_stops_in_time_too(world: World) -> None:
    a, b = world.elect("a", "b")
    a.link.hangs = True
    assert world.run(20, lambda: a.stopped == 1) <= 4.8
    assert not b.leads
    world.run(10, lambda: b.leads)
    assert b.led == [1]


def test_while_the_server_is_away_for_less_than_the_deadline_leadership_stays(world: World) -> None:
    a, b = world.elect("a", "b")
    for link in (a.link, b.link):
        link.down = True
    world.run(3)
    for link in (a.link, b.link):
        link.down = False
    world.run(20)
    assert a.led == [0]
    assert a.stopped == 0


def test_while_the_server_is_away_for_long_nobody_leads_and_one_leads_when_it_is_back(world: World) -> None:
    a, b = world.elect("a", "b")
    for link in (a.link, b.link):
        link.down = True
    world.run(30)
    assert not a.leads
    assert not b.leads
    for link in (a.link, b.link):
        link.down = False
    world.run(3, lambda: a.leads or b.leads)
    assert a.leads or b.leads
    world.run(20)
    assert len(a.led) + len(b.led) == 2


def test_a_renewal_whose_answer_is_lost_is_looked_up_and_leadership_stays(world: World) -> None:
    a, b = world.elect("a", "b")
    a.link.loses_answers = True
    world.run(1.2)
    a.link.loses_answers = False
    world.run(20)
    assert a.led == [0]
    assert a.stopped == 0
    assert b.led == []


def test_a_first_write_whose_answer_is_lost_leads_a_moment_later(world: World) -> None:
    a = world.replica("a")
    a.link.loses_answers = True
    world.run(0.1)
    assert not a.leads
    a.link.loses_answers = False
    world.run(2)
    assert a.leads
    assert a.led == [1], "whether term 0 was led is not known to anybody else: it is not used again"


def test_one_that_keeps_losing_its_answers_stops_and_the_other_does_not_lead_meanwhile(world: World) -> None:
    a, b = world.elect("a", "b")
    a.link.loses_answers = True
    assert world.run(20, lambda: a.stopped == 1) <= 4.8
    world.run(20)
    assert b.led == [], "the Lease is being renewed, by one who can't know that"


def test_who_stops_hands_the_lease_back_and_the_next_leads_at_its_next_try(world: World) -> None:
    a, b = world.elect("a", "b")
    a.process.main.cancel()
    took = world.run(5, lambda: b.leads)
    assert took < 1.3
    assert a.stopped == 1
    assert a.process.main.cancelled()
    assert b.led == [1]


def test_the_lease_is_handed_back_also_after_a_renewal_whose_outcome_is_unknown(world: World) -> None:
    a, b = world.elect("a", "b")
    a.link.loses_answers = True
    world.run(1.1)
    a.link.loses_answers = False
    a.process.main.cancel()
    assert world.run(5, lambda: b.leads) < 1.3


def test_the_lease_is_handed_back_only_when_what_the_leader_did_has_ended(world: World) -> None:
    order: list[str] = []

    async def slow(term: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(2)
            order.append(f"ended while {world.server.lease and world.server.lease['spec']['holderIdentity']} holds")

    a = world.replica("a")
    a.elector._lead = slow
    world.run(1)
    a.process.main.cancel()
    world.run(1)
    assert not a.leads, "from the moment it is told to stop no write passes"
    world.run(2)
    assert order == ["ended while a holds"]
    assert world.server.lease is not None
    assert world.server.lease["spec"]["holderIdentity"] == ""


def test_a_lost_lease_is_not_handed_back_for_somebody_else(world: World) -> None:
    a, b = world.elect("a", "b")
    a.process.frozen = True
    world.run(30, lambda: b.leads)
    a.process.frozen = False
    a.process.main.cancel()
    world.run(3)
    assert b.leads
    assert b.led == [1]


def test_terms_grow_with_every_new_leader(world: World) -> None:
    for n in range(4):
        replica = world.replica(f"r{n}")
        world.run(3, lambda replica=replica: replica.leads)  # type: ignore[misc]
        replica.process.main.cancel()
        world.run(1)
    assert [replica.led for replica in world.replicas] == [[0], [1], [2], [3]]


def test_a_lease_deleted_by_hand_is_made_again_and_neither_term_nor_leader_change(world: World) -> None:
    a, b = world.elect("a", "b")
    b.process.kill()
    world.server.lease = None
    world.run(10)
    assert a.led == [0]
    assert world.server.lease is not None
    assert world.server.lease["spec"]["holderIdentity"] == "a"


def test_a_leader_whose_lease_was_given_to_another_by_hand_stops_at_its_next_tries(world: World) -> None:
    (a,) = world.elect("a")
    world.server.edit(holderIdentity="x", leaseTransitions=5)
    assert world.run(20, lambda: a.stopped == 1) < 2.5
    assert a.elector.leader == "x"
    world.run(20)
    assert a.led == [0, 6], "x never renewed, so it is taken when it has expired"


def test_a_lease_in_our_name_but_of_another_term_is_not_ours_and_no_term_is_led_twice(world: World) -> None:
    (a,) = world.elect("a")
    world.server.edit(leaseTransitions=7)
    world.run(5, lambda: a.stopped == 1)
    world.run(5, lambda: a.leads)
    assert a.led == [0, 8]
    world.server.edit(holderIdentity="x", leaseTransitions=0)
    world.run(20)
    assert a.led == [0, 8, 9], "terms do not fall when somebody turns the Lease back"


def test_a_lease_whose_content_was_emptied_by_hand_is_taken(world: World) -> None:
    a = world.replica("a")
    world.server.lease = {"metadata": {"resourceVersion": "1"}, "spec": {}}
    world.run(2)
    assert a.leads


def test_when_what_the_leader_does_ends_the_election_ends_and_the_lease_is_free(world: World) -> None:
    a, b = world.elect("a", "b")
    a.finishes = True
    world.run(5, lambda: b.leads)
    assert a.process.main.done()
    assert a.process.main.exception() is None
    assert b.led == [1]


def test_when_what_the_leader_does_fails_the_failure_comes_out_and_the_lease_is_free(world: World) -> None:
    a, b = world.elect("a", "b")
    a.fails = True
    world.run(5, lambda: b.leads)
    assert isinstance(a.process.main.exception(), AssertionError)
    assert b.led == [1]


def test_a_missing_namespace_is_one_sentence_with_the_command_that_makes_it(world: World) -> None:
    world.server.namespace_exists = False
    a = world.replica("a")
    world.run(1)
    error = a.process.main.exception()
    assert isinstance(error, NamespaceMissing)
    assert str(error) == (
        "the namespace 'lessor-system' for the election Lease 'lessor-operator' is not there; "
        "create it (kubectl create namespace lessor-system) or choose another with --namespace"
    )


def test_log_lines_say_who_leads_and_a_standing_failure_is_said_once_a_minute(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _, b = world.elect("a", "b")
    b.link.down = True
    world.run(100)
    lines = [record.getMessage() for record in caplog.records]
    assert lines.count("leading (term 0, a)") == 1
    assert lines.count("standing by: a leads (term 0)") == 1
    assert sum("connection refused" in line for line in lines) == 2
    b.link.down = False
    world.run(2)
    b.link.down = True
    world.run(2)
    assert sum("connection refused" in record.getMessage() for record in caplog.records) == 3, "it is a new failure"


@pytest.mark.parametrize(
    ("duration", "deadline", "retry"),
    [(5, 5, 1), (5, 8, 1), (8, 1, 1), (8, 1.2, 1), (8, 5, 0), (8, 5, -1)],
)
def test_timings_with_which_two_could_lead_are_refused_with_a_sentence(
    duration: float, deadline: float, retry: float
) -> None:
    with pytest.raises(ValueError, match="must be longer than"):
        Timing(duration, deadline, retry)
