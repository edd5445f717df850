"""The election between real processes on a real API server: killed, frozen, ended."""

import asyncio
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lessor.kube import credentials, paths
from lessor.kube.client import Client
from lessor.kube.election import Elector, NamespaceMissing, Timing, boot_seconds, new_identity
from tests.kube.wire import eventually
from tests.local.control_plane import ControlPlane

# Writes down each word that it does: a process that only leads.
CAMPAIGN = """
import asyncio, sys
from lessor.kube import credentials
from lessor.kube.client import Client
from lessor.kube.election import Elector, Timing

async def main(kubeconfig, namespace, identity):
    async with Client(credentials.load(kubeconfig)) as client:
        async def lead(term):
            print("leads", flush=True)
            try:
                await asyncio.Event().wait()
            finally:
                print("may still write" if elector.is_leader() else "stopped", flush=True)
        timing = Timing(2, 1.5, 0.3)
        elector = Elector(client, namespace=namespace, name="e", identity=identity, lead=lead, timing=timing)
        await elector.run()

asyncio.run(main(*sys.argv[1:]))
"""
TIMING = Timing(2, 1.5, 0.3)


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client(credentials.load(str(control_plane.kubeconfig))) as made:
        yield made


@pytest.fixture
async def namespace(client: Client) -> str:
    name = f"election-{uuid.uuid4().hex[:8]}"
    await client.create(paths.collection(paths.NAMESPACES), {"metadata": {"name": name}})
    return name


class Standby:
    """A replica in this process."""

    def __init__(self, client: Client, namespace: str, identity: str) -> None:
        self.elector = Elector(client, namespace=namespace, name="e", identity=identity, lead=self._lead, timing=TIMING)
        self.task = asyncio.create_task(self.elector.run())

    async def _lead(self, term: int) -> None:
        await asyncio.Event().wait()

    async def leads(self) -> bool:
        return self.elector.is_leader()

    async def stands_by_for(self, identity: str) -> bool:
        return self.elector.leader == identity

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def other_process(control_plane: ControlPlane, namespace: str, identity: str) -> asyncio.subprocess.Process:
    """Starts a process that campaigns; it leads when this returns."""
    command = (sys.executable, "-c", CAMPAIGN, str(control_plane.kubeconfig), namespace, identity)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert await said(process) == "leads"
    return process


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()


async def test_a_killed_leader_is_followed_within_its_duration(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    first = await other_process(control_plane, namespace, "first")
    standby = Standby(client, namespace, "second")
    await eventually("the second has seen the first", lambda: standby.stands_by_for("first"))
    first.kill()
    await first.wait()
    killed = boot_seconds()
    await eventually("the second leads", standby.leads)
    assert 0.5 < boot_seconds() - killed < 4
    await standby.end()


async def test_a_frozen_leader_stops_when_it_wakes_up_and_stands_by(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    first = await other_process(control_plane, namespace, "first")
    first.send_signal(signal.SIGSTOP)
    standby = Standby(client, namespace, "second")
    await eventually("the second leads", standby.leads)
    first.send_signal(signal.SIGCONT)
    assert await said(first) == "stopped"
    await standby.end()
    assert await said(first) == "leads", "it was handed the lease back"
    first.kill()
    await first.wait()


async def test_the_lease_shows_to_kubectl_who_leads_since_when_and_for_which_time(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    one = Standby(client, namespace, "one")
    await eventually("it leads", one.leads)
    await one.end()
    two = Standby(client, namespace, "two")
    await eventually("the next leads", two.leads)
    spec = (await client.get(paths.one(paths.ELECTIONS, "e", namespace)))["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"], spec["leaseDurationSeconds"]) == ("two", 1, 2)
    assert spec["acquireTime"] <= spec["renewTime"]
    assert "two" in control_plane.kubectl("get", "lease.coordination.k8s.io", "e", "-n", namespace).stdout
    await two.end()
    spec = (await client.get(paths.one(paths.ELECTIONS, "e", namespace)))["spec"]
    assert spec.get("holderIdentity", "") == ""


async def test_two_that_start_together_never_both_lead(client: Client, namespace: str) -> None:
    replicas = [Standby(client, namespace, new_identity()) for _ in range(5)]

    async def one_leads() -> bool:
        leading = [replica for replica in replicas if replica.elector.is_leader()]
        assert len(leading) <= 1
        return bool(leading)

    await eventually("one of them leads", one_leads)
    for replica in replicas:
        await replica.end()
        assert sum(r.elector.is_leader() for r in replicas) <= 1


async def test_without_its_namespace_there_is_no_election(client: Client, tmp_path: Path) -> None:
    standby = Standby(client, "nowhere", "one")
    with pytest.raises(NamespaceMissing, match="kubectl create namespace nowhere"):
        await standby.task
