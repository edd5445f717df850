"""That the benchmarks measure what they say; how long things take is for `make bench` to judge."""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.credentials import load
from tests.bench import decisions, long_line, raw, report
from tests.bench.figures import Table, percentile
from tests.bench.machine import Requests, memory
from tests.bench.objects import AT_ONCE, each, is_free, served
from tests.local.control_plane import ControlPlane


def test_a_round_of_decisions_grants_tells_hands_over_and_frees() -> None:
    world = decisions.Timed(pools=5, resources=4)
    world.done.clear()
    world.times.clear()
    world.round(random.Random(1))
    assert [type(action).__name__ for action in world.done] == [
        *("Report",),  # a lease that must wait
        *("Claim", "Bind"),  # one that is granted at once
        *("LookAtLease", "HandOver", "Bind"),  # one is deleted for which others wait
        *("LookAtLease", "Free"),  # and one for which nobody does
    ]
    assert len(world.times) == len(world.done)


@pytest.mark.parametrize(("fails", "code"), [(True, 1), (False, 0)])
def test_a_missed_figure_is_named_and_fails_the_run_unless_told_otherwise(
    fails: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table()
    table.add("fast things", "1 ms", target="under 2 ms", reached=True)
    table.add("slow things", "9 ms", target="under 2 ms", reached=False)
    assert report.verdict(table, fails=fails) == code
    assert "slow things" in capsys.readouterr().out
    assert "MISSED (under 2 ms)" in str(table)


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 50) == 51.0
    assert percentile(values, 99) == 100.0
    assert percentile([3.0], 99) == 3.0


def test_each_works_on_everything_once_and_on_few_at_a_time() -> None:
    done: list[int] = []
    running, most = 0, 0

    async def work(n: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(n)

    asyncio.run(each(range(200), work))
    assert sorted(done) == list(range(200))
    assert most == AT_ONCE


def test_the_memory_of_a_process_is_read_in_bytes() -> None:
    resident, peak = memory(os.getpid())
    assert 10e6 < resident <= peak


@pytest.mark.parametrize(("long", "missed"), [(45.0, []), (39.0, ["cycles, 5,000 waiting, by arrival"])])
def test_a_long_queue_is_judged_against_the_short_one(long: float, missed: list[str]) -> None:
    size = long_line.Size(short=50, long=5000, namespaces=5, cycles=1, repeats=1)
    rates = {(n, o): [50.0] for n in (50, 5000) for o in (long_line.ARRIVAL, long_line.FAIR)}
    rates[5000, long_line.ARRIVAL] = [long]
    cpu = {key: [{"operator": 1.0}] for key in rates}
    table = Table()
    report.long_line(table, long_line.Turnover(rates, {key: [5.0] for key in rates}, cpu), size)
    assert [line.what for line in table.missed] == missed


async def test_a_raw_cycle_is_five_writes_and_leaves_its_resource_free(control_plane: ControlPlane) -> None:
    async with Client(load(str(control_plane.kubeconfig))) as client:
        await served(client)
        path = paths.collection(paths.RESOURCES)
        resources = []
        for n in range(2):
            meta = {"name": f"raw-{n}"}
            body = {"apiVersion": "lessor.dev/v1alpha1", "kind": "Resource", "metadata": meta, "spec": {"pool": "raw"}}
            await client.create(path, body)
            status = {"status": {"state": "free", "epoch": 0}}
            resources.append(await client.merge_patch(f"{path}/raw-{n}", status, subresource="status"))
        before = await Requests.now(client)
        _, writes = await raw.cycles(client, resources, clients=2, count=6)
        counted = await Requests.now(client) - before
        after = [await client.get(f"{path}/raw-{n}") for n in range(2)]
        for n in range(2):
            await client.delete(f"{path}/raw-{n}")
    assert len(writes) == 30
    assert (counted.writes("leases"), counted.writes("resources"), counted.conflicts()) == (18, 12, 0)
    assert all(map(is_free, after))
    assert sum(resource["status"]["epoch"] for resource in after) == 12
