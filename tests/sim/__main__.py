"""A long search without hypothesis, whose examples cost half: `python -m tests.sim [timed] FIRST LAST [STEPS]`.

Runs one world for each seed from FIRST to before LAST, with STEPS (100) steps, and stops at the first broken promise:
its seed is printed, with all that happened in words. To look at one again: `python -m tests.sim [timed] SEED`. `timed`:
worlds in which clients renew and die, pods come and go, and Leases expire.
"""

from __future__ import annotations

import random
import sys

from . import steps
from .world import World


def run(world: World, seed: int, count: int, *, timed: bool) -> None:
    """Raises what the first broken promise raised; `world` tells how it came to that."""
    dice = random.Random(seed)
    manner = steps.Manner(dice.randrange(3), narrow=dice.random() < 0.5, lazy=dice.random() < 0.5, timed=timed)
    steps.begin(world, manner)
    for _ in range(count):
        steps.take(world, manner, dice.random(), dice.random())
    steps.settle(world, [world.operators, world.operators[:1], world.operators[1:]][dice.randrange(3)])


def main(first: int, last: int, count: int, *, timed: bool = False) -> int:
    for seed in range(first, last):
        world = World()
        try:
            run(world, seed, count, timed=timed)
        except Exception as e:
            print(world.tell(), f"seed {seed}, {count} steps: {type(e).__name__}: {e}", sep="\n")
            return 1
    print(f"seeds {first} to {last - 1}, {count} steps each: every promise held")
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    timed = words[:1] == ["timed"]
    numbers = [int(word) for word in words[timed : timed + 3]]
    if not numbers:
        sys.exit(__doc__)
    first, last, count = (*numbers, *(numbers[0] + 1, 100)[len(numbers) - 1 :])
    sys.exit(main(first, last, count, timed=timed))
