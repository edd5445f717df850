"""The state machine: hypothesis chooses the steps, the judge looks at each write, and the end must come to rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from . import at_rest
from .people import LEASES, RULES, SOURCES
from .sim_operator import Operator
from .world import World

T = TypeVar("T")

OPERATORS = st.integers(0, 1)
PICKS = st.integers(0, 11)  # which of what there is, modulo
LEASE_NAMES = st.sampled_from(["l0", "l1", "l2", "l3"])
RESOURCE_NAMES = st.sampled_from(["a-0", "a-1", "x", "y", "a-2", "z"])
# A name that is removed by force and made again in another pool is a known hole (test_traces.py): these don't move.
ROOTED = st.sampled_from(["a-0", "a-1", "z"])
POOL_OF = {"a-0": "a", "a-1": "a", "a-3": "a", "z": "d", "x": "b", "y": "d", "stray": "nowhere"}
POOL_NAMES = st.sampled_from(["a", "b", "d"])
STATES = st.sampled_from([None, "dusty", "free", "elsewhere"])


def pick(things: Sequence[T], number: int) -> T | None:
    return things[number % len(things)] if things else None


class Simulation(RuleBasedStateMachine):
    """Two operators decide at once, each with its own inbox and calls; people do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.people = self.world.people

    @initialize(second=st.booleans())
    def a_world_at_rest(self, second: bool) -> None:
        self.people.make_pool("a")
        self.people.make_pool("b")
        for name in ("A", "B")[: 1 + second]:
            self.world.operator(name)
        self.world.rest()

    def op(self, number: int) -> Operator:
        return self.world.operators[number % len(self.world.operators)]

    def teardown(self) -> None:
        if self.world.operators:
            self.settle(len(self.world.server.history) % 3)

    # -- operators

    @rule(number=OPERATORS, rounds=st.integers(1, 4))
    def work(self, number: int, rounds: int) -> None:
        self.world.work(self.op(number), rounds)

    @rule(number=OPERATORS)
    def decide(self, number: int) -> None:
        self.world.decide(self.op(number))

    @rule(number=OPERATORS, which=PICKS)
    def land(self, number: int, which: int) -> None:
        op = self.op(number)
        flight = pick([f for f in (*op.flights, *op.orphans) if not f.landed], which)
        if flight is not None:
            self.world.land(op, flight)

    @rule(number=OPERATORS, which=PICKS)
    def hear(self, number: int, which: int) -> None:
        op = self.op(number)
        flight = pick([f for f in op.flights if f.landed], which)
        if flight is not None:
            self.world.hear(op, flight)

    @rule(number=OPERATORS, which=PICKS)
    def lose(self, number: int, which: int) -> None:
        op = self.op(number)
        if (flight := pick(op.flights, which)) is not None:
            self.world.lose(op, flight)

    @rule(number=OPERATORS)
    def deliver_all(self, number: int) -> None:
        self.world.say(f"{self.op(number).name} sees all that happened")
        self.op(number).hear_all()

    @rule(number=OPERATORS, which=PICKS)
    def deliver(self, number: int, which: int) -> None:
        op = self.op(number)
        if (key := pick(op.waiting_events(), which)) is not None:
            self.world.say(f"{op.name} sees the next of {key[2]}")
            op.deliver(key)

    @rule(number=OPERATORS, which=PICKS)
    def miss(self, number: int, which: int) -> None:
        op = self.op(number)
        if (key := pick(op.waiting_events(), which)) is not None:
            self.world.say(f"{op.name} misses {op.miss(key).type} of {key[2]}")

    @rule(number=OPERATORS, which=st.integers(0, 40))
    def repeat(self, number: int, which: int) -> None:
        """An old event comes again, as after a listing that was slow."""
        event = pick(self.world.server.history[::-1], which)
        if event is not None:
            self.world.say(f"{self.op(number).name} sees again {event.type} {event.key[2]} @{event.version}")
            self.op(number).handle(event)

    @rule(number=OPERATORS)
    def relist(self, number: int) -> None:
        self.world.say(f"{self.op(number).name} begins to list everything")
        self.op(number).relist()

    @rule(number=OPERATORS)
    def die(self, number: int) -> None:
        self.world.say(f"{self.op(number).name} dies, and another starts")
        self.op(number).die()

    @rule(seconds=st.sampled_from([0.4, 11.0, 61.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(who=st.integers(0, 2))
    def settle(self, who: int) -> None:
        """All, or one while the other is frozen, come to rest."""
        ops = self.world.operators if who == 2 else [self.op(who)]
        self.world.say(f"{', '.join(op.name for op in ops)} come to rest")
        self.world.rest(ops)
        at_rest.check(self.world, ops)

    # -- people

    @rule(name=LEASE_NAMES, shape=st.integers(0, len(LEASES) - 1), kept=st.sampled_from([False, False, False, True]))
    def make_lease(self, name: str, shape: int, kept: bool) -> None:
        self.people.make_lease(name, LEASES[shape], kept=kept)

    @rule(first=st.integers(0, 2), shapes=st.lists(st.integers(0, 7), min_size=2, max_size=2))
    def make_leases(self, first: int, shapes: list[int]) -> None:
        for number, shape in enumerate(shapes, first):
            self.people.make_lease(f"l{number}", LEASES[shape])

    @rule(name=LEASE_NAMES, forced=st.booleans())
    def delete_lease(self, name: str, forced: bool) -> None:
        self.people.delete_lease(name)
        if forced:
            self.people.let_go(name)

    @rule(name=LEASE_NAMES)
    def renew(self, name: str) -> None:
        self.people.renew(name)

    @rule(name=LEASE_NAMES, what=st.sampled_from(["*", "a-0", "a-1"]), state=STATES)
    def release(self, name: str, what: str, state: str | None) -> None:
        self.people.release(name, what, state)

    @rule(name=LEASE_NAMES, which=PICKS, state=STATES)
    def release_one(self, name: str, which: int, state: str | None) -> None:
        self.people.release_one(name, which, state)

    @rule(name=POOL_NAMES, which=PICKS)
    def fill_pool(self, name: str, which: int) -> None:
        self.people.fill_pool(name, SOURCES[name][which % len(SOURCES[name])])

    @rule(name=POOL_NAMES, which=st.integers(0, len(RULES) - 1))
    def edit_pool(self, name: str, which: int) -> None:
        self.people.edit_pool(name, RULES[which])

    @rule(name=POOL_NAMES)
    def make_pool(self, name: str) -> None:
        self.people.make_pool(name)

    @rule(name=POOL_NAMES)
    def delete_pool(self, name: str) -> None:
        self.people.delete_pool(name)

    @rule(name=RESOURCE_NAMES, cordoned=st.booleans())
    def cordon(self, name: str, cordoned: bool) -> None:
        self.people.cordon(name, cordoned)

    @rule(name=RESOURCE_NAMES)
    def delete_resource(self, name: str) -> None:
        self.people.delete_resource(name)

    @rule(name=ROOTED, again=st.booleans())
    def remove_resource_by_force(self, name: str, again: bool) -> None:
        """And, where somebody restores it from a backup, it is there again at once."""
        self.people.remove_by_force("Resource", name)
        if again:
            self.people.make_resource(name, POOL_OF[name], protected=True)

    @rule(name=POOL_NAMES)
    def remove_pool_by_force(self, name: str) -> None:
        self.people.remove_by_force("Pool", name)

    @rule(name=st.sampled_from(sorted(POOL_OF)), protected=st.booleans())
    def make_resource(self, name: str, protected: bool) -> None:
        self.people.make_resource(name, POOL_OF[name], protected=protected)

    @rule(name=RESOURCE_NAMES, holder=st.booleans())
    def strip_status(self, name: str, holder: bool) -> None:
        self.people.strip_status(name, holder=holder)
