"""The state machine: hypothesis chooses the steps, the judge looks at each write, and the end must come to rest.

What may happen is a flat list of steps, weighted by how often each stands in it: hypothesis draws one number for a
step, which costs a third of what rules with arguments of their own do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from . import at_rest
from .people import LEASES, RULES, SOURCES, People
from .sim_operator import Operator
from .world import World

T = TypeVar("T")

LEASE_NAMES = ("l0", "l1", "l2", "l3")
RESOURCE_NAMES = ("a-0", "a-1", "x", "y", "a-2", "z")
POOL_NAMES = ("a", "b", "d")
STATES = (None, "dusty", "free", "elsewhere")
# A name that is removed by force and made again in another pool is a known hole (test_traces.py): these don't move.
ROOTED = ("a-0", "a-1", "z")
POOL_OF = {"a-0": "a", "a-1": "a", "a-3": "a", "z": "d", "x": "b", "y": "d", "stray": "nowhere"}


class Act(NamedTuple):
    """Something that a person does; hypothesis prints it as the call that it is."""

    name: str
    args: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"Act({self.name!r}, {self.args!r})"


def acts(how: Callable[..., None], *choices: Sequence[Any], times: int = 1) -> list[Act]:
    return [Act(how.__name__, args) for args in product(*choices)] * times


def lose_and_restore(people: People, name: str) -> None:
    """A Resource is removed by force, and restored from a backup at once."""
    people.remove_by_force("Resource", name)
    people.make_resource(name, POOL_OF[name], protected=True)


def delete_for_good(people: People, name: str) -> None:
    people.delete_lease(name)
    people.let_go(name)


def make_two(people: People, first: int, second: int) -> None:
    people.make_lease("l0", LEASES[first])
    people.make_lease("l1", LEASES[second])


OF_THIS_MODULE = {how.__name__: how for how in (lose_and_restore, delete_for_good, make_two)}
ON_LEASES = [
    *acts(People.make_lease, LEASE_NAMES, LEASES),
    *acts(People.make_lease, LEASE_NAMES[:2], LEASES[:2], (True,)),
    *acts(make_two, range(3), (0, 1, 3, 6, 7)),
    *acts(People.delete_lease, LEASE_NAMES, times=4),
    *acts(delete_for_good, LEASE_NAMES, times=2),
    *acts(People.renew, LEASE_NAMES, times=2),
    *acts(People.release, LEASE_NAMES, ("*", "a-0"), STATES),
    *acts(People.release_one, LEASE_NAMES, (0, 1), STATES),
]
ON_POOLS = [
    *(act for name in POOL_NAMES for act in acts(People.fill_pool, (name,), SOURCES[name])),
    *acts(People.edit_pool, POOL_NAMES, RULES),
    *acts(People.make_pool, POOL_NAMES, times=4),
    *acts(People.delete_pool, POOL_NAMES, times=2),
    *acts(People.remove_by_force, ("Pool",), POOL_NAMES),
]
ON_RESOURCES = [
    *acts(People.cordon, RESOURCE_NAMES, (True, False)),
    *acts(People.delete_resource, RESOURCE_NAMES, times=2),
    *acts(People.remove_by_force, ("Resource",), ROOTED, times=2),
    *acts(lose_and_restore, ROOTED, times=2),
    *(act for name, pool in POOL_OF.items() for act in acts(People.make_resource, (name,), (pool,), (True, False))),
    *acts(People.strip_status, RESOURCE_NAMES, (True, False)),
]


def pick(things: Sequence[T], number: int) -> T | None:
    return things[number % len(things)] if things else None


class Simulation(RuleBasedStateMachine):
    """Two operators decide at once, each with its own inbox and calls; people do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize()
    def a_world_at_rest(self) -> None:
        """Two pools, one operator that is at rest, and another that has just been started."""
        self.world.people.make_pool("a")
        self.world.people.make_pool("b")
        self.world.operator("A")
        self.world.rest()
        self.world.operator("B")

    def teardown(self) -> None:
        if self.world.operators:
            self.settle(len(self.world.server.history) % 3)

    @rule(act=st.sampled_from(ON_LEASES))
    def leases(self, act: Act) -> None:
        self._do(act)

    @rule(act=st.one_of(st.sampled_from(ON_POOLS), st.sampled_from(ON_RESOURCES)))
    def objects(self, act: Act) -> None:
        self._do(act)

    def _do(self, act: Act) -> None:
        people = self.world.people
        if act.name in OF_THIS_MODULE:
            OF_THIS_MODULE[act.name](people, *act.args)
        else:
            getattr(people, act.name)(*act.args)

    @rule(step=st.sampled_from(["work"] * 4 + ["decide"] * 2 + ["see", "relist", "die"]), of=st.integers(0, 1))
    def operator(self, step: str, of: int) -> None:
        op = self.world.operators[of]
        match step:
            case "work":
                self.world.work(op)
            case "decide":
                self.world.decide(op)
            case "see":
                self.world.say(f"{op.name} sees all that happened")
                op.hear_all()
            case "relist":
                self.world.say(f"{op.name} begins to list everything")
                op.relist()
            case "die":
                self.world.say(f"{op.name} dies, and another starts")
                op.die()

    @rule(step=st.sampled_from(["land", "land", "hear", "hear", "lose"]), of=st.integers(0, 1), which=st.integers(0, 7))
    def call(self, step: str, of: int, which: int) -> None:
        """A call reaches the server (also of a process that has died), its answer comes back, or never does."""
        op = self.world.operators[of]
        match step:
            case "land":
                if (flight := pick([f for f in (*op.flights, *op.orphans) if not f.landed], which)) is not None:
                    self.world.land(op, flight)
            case "hear":
                if (flight := pick([f for f in op.flights if f.landed], which)) is not None:
                    self.world.hear(op, flight)
            case "lose":
                if (flight := pick(op.flights, which)) is not None:
                    self.world.lose(op, flight)

    @rule(step=st.sampled_from(["next", "next", "missed", "again"]), of=st.integers(0, 1), which=st.integers(0, 30))
    def event(self, step: str, of: int, which: int) -> None:
        """The next event of one object comes, or never comes; or an old one comes again."""
        op = self.world.operators[of]
        if step == "again":
            event = self.world.server.history[-1 - which % len(self.world.server.history)]
            self.world.say(f"{op.name} sees again {event.type} {event.key[2]} @{event.version}")
            op.handle(event)
        elif (key := pick(op.waiting_events(), which)) is not None:
            self.world.say(f"{op.name} {'sees' if step == 'next' else 'misses'} the next of {key[2]}")
            if step == "next":
                op.deliver(key)
            else:
                op.miss(key)

    @rule(seconds=st.sampled_from([0.4, 11.0, 61.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(who=st.integers(0, 2))
    def settle(self, who: int) -> None:
        """Both, or one while the other is frozen, come to rest."""
        ops: list[Operator] = self.world.operators if who == 2 else [self.world.operators[who]]
        self.world.say(f"{', '.join(op.name for op in ops)} come to rest")
        self.world.rest(ops)
        at_rest.check(self.world, ops)
