"""The state machine: hypothesis rolls the dice, the judge looks at each write, and the end must come to rest."""

from __future__ import annotations

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from . import steps
from .world import World

ROLL = 3  # bytes for a step: whose turn it is, and two for what is done
STEPS = 8  # taken at once: a draw costs hypothesis more than a step costs us


class Simulation(RuleBasedStateMachine):
    """Two operators decide at once, each with its own inbox and calls; people do what they like."""

    timed = False

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.sound = True

    @initialize(rough=st.integers(0, 2), narrow=st.booleans(), lazy=st.booleans())
    def a_world_at_rest(self, rough: int, narrow: bool, lazy: bool) -> None:
        self.manner = steps.Manner(rough, narrow, lazy, self.timed)
        steps.begin(self.world, self.manner)

    @rule(rolls=st.binary(min_size=STEPS * ROLL, max_size=STEPS * ROLL))
    def steps(self, rolls: bytes) -> None:
        self.sound = False  # until these steps have ended well
        for at in range(0, len(rolls), ROLL):
            whose, roll = rolls[at], int.from_bytes(rolls[at + 1 : at + ROLL], "big")
            if whose or roll:  # all zeros: no step, so hypothesis can shorten a trace
                steps.take(self.world, self.manner, whose / 256, roll / 65536)
        self.sound = True

    def teardown(self) -> None:
        """It must come to rest: with both operators, or with one while the other is frozen. What failed is told."""
        try:
            if self.sound and (ops := self.world.operators):
                steps.settle(self.world, [ops, ops[:1], ops[1:]][len(self.world.server.history) % 3])
        finally:
            note(self.world.tell())


class TimedSimulation(Simulation):
    """The same where time has a meaning: clients renew and die, pods come and go, outages happen."""

    timed = True
