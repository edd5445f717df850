"""`make bench`: what Lessor costs, as ratios to what the API server can do, in one run on one control plane of its own.

    python -m tests.bench.main [--short] [--no-fail]

Prints a table; the exit code is 1 if a figure of it is missed. `--short` takes less than two minutes: for CI, with
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

from . import decisions, long_line, report
from .figures import Table
from .holders import Fleet, Rest, follow
from .machine import NAMESPACE, Cpu, Operator
from .objects import served
from .restart import Restart, Size, empty, fill, restart, writes_at_rest
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
    line: long_line.Size
    fleet: Fleet
    idle_s: float


FULL = Plan(
    Count(rounds=5, alone=60, many=480, handed_over=50, pods=30),
    Size(20, 100, 480, 20),
    restarts=3,
    rest_s=12.0,
    decisions=400,
    line=long_line.Size(short=50, long=5000, namespaces=50, cycles=160, repeats=2),
    fleet=Fleet(leases=2000, namespaces=50),
    idle_s=24.0,
)
SHORT = Plan(
    Count(rounds=1, alone=40, many=320, handed_over=20, pods=10),
    Size(4, 50, 90, 10),
    restarts=1,
    rest_s=3.0,
    decisions=50,
    line=long_line.Size(short=50, long=300, namespaces=10, cycles=96, repeats=1),
    fleet=Fleet(leases=100, namespaces=10),
    idle_s=5.0,
)


async def measure(plane: ControlPlane, plan: Plan, table: Table) -> None:
    credentials = load(str(plane.kubeconfig))
    async with Client(credentials, write_timeout=30.0) as client:  # a busy machine makes a figure bad, not the run fail
        await served(client)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        await client.create(paths.collection(paths.NAMESPACES), namespace)
        found = await Rounds(plane, client, credentials, plan.count, say).run()
        report.cycles(table, found, plan.count)
        report.long_line(table, await lined_up(plane, client, credentials, plan), plan.line)
        say(f"restart with {plan.size}")
        restarts, written = await large(plane, client, credentials, plan)
        report.large(table, plan.size, restarts, written, plan.rest_s)
        say(str(plan.fleet))
        report.fleet(table, plan.fleet, await followed(plane, client, credentials, plan), plan.idle_s)


async def lined_up(plane: ControlPlane, client: Client, credentials: Credentials, plan: Plan) -> long_line.Turnover:
    operator = Operator(plane)
    try:
        async with Watch(client, credentials) as watch:
            found = await long_line.measure(client, watch, plan.line, lambda: Cpu(plane, operator), say)
            await asyncio.to_thread(operator.stop)
            return found
    finally:
        operator.kill()


async def followed(plane: ControlPlane, client: Client, credentials: Credentials, plan: Plan) -> Rest:
    """On the Resources of the large cluster, once nobody holds them any more."""
    operator = Operator(plane)
    try:
        async with Watch(client, credentials) as watch:
            await empty(client, plan.size)
            found = await follow(client, watch, operator, plan.size.names(), plan.fleet, plan.idle_s)
            await asyncio.to_thread(operator.stop)
            return found
    finally:
        operator.kill()


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
    parser.add_argument("--short", action="store_true", help="under two minutes; too few samples to judge by")
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
