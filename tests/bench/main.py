"""`make bench`: what Lessor costs, as ratios to what the API server can do, in one run on one control plane of its own.

    python -m tests.bench.main [--short] [--no-fail]

Prints a table; the exit code is 1 if a figure of it is missed. `--short` takes less than a minute: for CI, with
`--no-fail`, since its samples are too few to judge by.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.credentials import Credentials, load
from tests.local.control_plane import CommandError, ControlPlane

from . import decisions, report
from .figures import Table
from .machine import NAMESPACE, Operator
from .objects import served
from .restart import Restart, Size, fill, restart, writes_at_rest
from .rounds import Count, Rounds
from .watch import Watch


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    count: Count
    size: Size
    restarts: int
    rest_s: float
    decisions: int  # rounds of steps in each world


FULL = Plan(Count(rounds=7, alone=60, many=480, handed_over=50), Size(20, 100, 480, 20), 3, 12.0, 400)
SHORT = Plan(Count(rounds=1, alone=40, many=320, handed_over=20), Size(4, 50, 90, 10), 1, 3.0, 50)


async def measure(plane: ControlPlane, plan: Plan, table: Table) -> None:
    credentials = load(str(plane.kubeconfig))
    async with Client(credentials) as client:
        await served(client)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        await client.create(paths.collection(paths.NAMESPACES), namespace)
        found = await Rounds(plane, client, credentials, plan.count, say).run()
        report.cycles(table, found, plan.count)
        say(f"restart with {plan.size}")
        restarts, written = await large(plane, client, credentials, plan)
        report.large(table, plan.size, restarts, written, plan.rest_s)


async def large(plane: ControlPlane, client: Client, credentials: Credentials, plan: Plan) -> tuple[list[Restart], int]:
    operator = Operator(plane, "--resync", "5s")
    try:
        async with Watch(client, credentials) as watch:
            await fill(client, watch, plan.size)
            restarts = []
            for _ in range(plan.restarts):
                took, operator = await restart(client, watch, plane, operator)
                restarts.append(took)
            written = await writes_at_rest(client, plan.rest_s)
            await asyncio.to_thread(operator.stop)
            return restarts, written
    finally:
        operator.kill()


def say(text: str) -> None:
    print(f"bench: {text} ...", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Measures Lessor against the API server alone.")
    parser.add_argument("--short", action="store_true", help="under a minute; too few samples to judge by")
    parser.add_argument("--no-fail", action="store_true", help="exit code 0 though a figure is missed")
    given = parser.parse_args()
    plan = SHORT if given.short else FULL
    os.environ["KUBECONFIG"] = os.devnull  # whatever forgets to name its cluster reaches none
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the `finally`s: nothing is left running
    table = Table()
    begun, load_before = time.monotonic(), os.getloadavg()[0]
    say("decisions, in process")
    report.decisions(table, decisions.measure(plan.decisions, decisions.WORLDS))
    with tempfile.TemporaryDirectory(prefix="lessor-bench-") as folder:
        try:
            plane = ControlPlane.start(Path(folder) / "plane")
        except CommandError as e:
            print(f"bench: {e}", file=sys.stderr)
            return 2
        try:
            plane.apply_crds()
            asyncio.run(measure(plane, plan, table))
        finally:
            plane.down()
    print(report.conditions(load_before, time.monotonic() - begun, short=given.short))
    print(table)
    return report.verdict(table, fails=not given.no_fail)


if __name__ == "__main__":
    sys.exit(main())
