"""A real API server, operators as processes, and a record of every write, judged at the end of each test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from lessor.kube import credentials, paths
from lessor.kube.client import Client
from tests.cluster.operators import OperatorProcess, Operators
from tests.cluster.recorder import Recorder
from tests.cluster.world import World
from tests.conftest import serving
from tests.local.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of their own: the standing operator would have its say about what the other tests write."""
    yield from serving(tmp_path_factory.mktemp("operated-control-plane"))


@pytest.fixture(scope="session")
def all_operators(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operators]:
    control_plane.kubectl("create", "namespace", "lessor-system", check=False)
    out = Operators(control_plane, tmp_path_factory.mktemp("operators"))
    yield out
    out.end()


@pytest.fixture
def operator(all_operators: Operators) -> Iterator[OperatorProcess]:
    """The standing operator: leading, ready, and well to the end of the test."""
    standing = all_operators.stand()
    since = len(standing.text)
    yield standing
    standing.assert_well(since)


@pytest.fixture
def operators(all_operators: Operators) -> Iterator[Operators]:
    """To start operators of the test's own, with short election times; the standing one does not run meanwhile."""
    all_operators.dismiss()
    yield all_operators
    for ended in all_operators.end_own():
        ended.assert_well()


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client(credentials.load(str(control_plane.kubeconfig))) as made:
        yield made


@pytest.fixture
async def world(control_plane: ControlPlane, client: Client) -> AsyncIterator[World]:
    """The test's part of the cluster. At its end the whole history of the test is read."""
    name = f"t{uuid.uuid4().hex[:5]}"
    await client.create(paths.collection(paths.NAMESPACES), {"metadata": {"name": name}})
    async with Recorder(control_plane, client).running() as recorder:
        made = World(name, control_plane, client, recorder)
        try:
            yield made
            history = await recorder.history()
        finally:
            await made.clear()
    violations = history.violations(made.by_force, made.forged)
    assert not violations, "\n".join(violations[:50])
