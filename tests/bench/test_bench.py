"""That the benchmarks measure what they say; how long things take is for `make bench` to judge."""

from __future__ import annotations

import random

import pytest

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.credentials import load
from tests.bench import decisions, raw, report
from tests.bench.figures import Table, percentile
from tests.bench.machine import Requests
from tests.bench.objects import is_free, served
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
