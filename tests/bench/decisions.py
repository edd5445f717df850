"""How long a decision takes, with much known and with little. In process, no API server: the core and nothing else.

All worlds have the same shape: of every five pools four are fully lent with five Leases waiting at each, and one is
half lent. What differs is how many pools there are, and how many Resources each has. A round of steps is what operators
see: a Lease comes that must wait, another that is granted at once (claim, bind); then one is deleted for which others
wait (look, hand over, bind), and one for which nobody does (look, free).
"""

from __future__ import annotations

import random
import time

from lessor.core import actions as a
from lessor.core.decide import decide
from lessor.core.model import Lease, Pool, Resource
from tests.core.build import bound, held, lease, pool, resource
from tests.core.world import World

WAITING = 5  # at each pool that is fully lent
WORLDS = {"small": (5, 20), "large": (250, 40), "fat": (5, 2000)}  # pools, resources in each


class Timed(World):
    """Answers every action at once, and notes the seconds of each decision that asked for something."""

    def __init__(self, pools: int, resources: int) -> None:
        """`resources` in each of so many pools."""
        self.holders: dict[str, list[str]] = {}
        self.full = [f"pool{n}" for n in range(pools) if n % 5 != 4]
        self.roomy = [f"pool{n}" for n in range(pools) if n % 5 == 4]
        self.born = 0
        things: list[Pool | Resource | Lease] = []
        for name in (*self.full, *self.roomy):
            things.append(pool(name, count=resources))
            lent = resources if name in self.full else resources // 2
            self.holders[name] = []
            for n in range(resources):
                if n < lent:
                    of = bound(self._uid(), f"{name}-{n}", asks={name: 1})
                    self.holders[name].append(of.uid)
                    things += [of, held(f"{name}-{n}", of)]
                else:
                    things.append(resource(f"{name}-{n}"))
            if name in self.full:
                things += [lease(self._uid(), asks={name: 1}, waited=60.0) for _ in range(WAITING)]
        super().__init__(*things)
        self.times: list[float] = []
        self.rest()

    def _uid(self) -> str:
        self.born += 1
        return f"uid-{self.born:06}"

    def rest(self) -> None:
        """Decides and answers until nothing is left."""
        while True:
            begun = time.perf_counter()
            decision = decide(self.ledger, self.now)
            took = time.perf_counter() - begun
            if not decision.actions:
                return
            self.times.append(took)
            self.done += decision.actions
            for action in decision.actions:
                self._answer(action)
                if isinstance(action, a.Bind):
                    self.holders[action.lease.pools[0]].append(action.lease.uid)

    def release(self, name: str, which: random.Random) -> None:
        holders = self.holders[name]
        self.remove(self.lease(holders.pop(which.randrange(len(holders)))))
        self.rest()

    def ask(self, name: str) -> None:
        new = lease(self._uid(), asks={name: 1}, version=self.version + 1, created=self.wall)
        self.create(new)
        self.rest()

    def round(self, which: random.Random) -> None:
        """One of each step, somewhere."""
        self.later(0.01)
        full, roomy = which.choice(self.full), which.choice(self.roomy)
        self.ask(full)
        self.ask(roomy)
        self.release(full, which)
        self.release(roomy, which)


def measure(rounds: int, worlds: dict[str, tuple[int, int]]) -> dict[str, list[float]]:
    """Each of `worlds` (name -> pools, resources in each) for so many rounds, in turns: noise comes over all alike."""
    made = {name: Timed(*size) for name, size in worlds.items()}
    which = random.Random(20250101)
    for world in made.values():
        world.round(which)
        world.times.clear()
    for _ in range(rounds):
        for world in made.values():
            world.round(which)
    return {name: world.times for name, world in made.items()}
