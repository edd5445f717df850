"""A cluster in which Lessor is not installed, and one that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.commands import lessor
from tests.kube.wire import write_kubeconfig
from tests.local.control_plane import ControlPlane


@pytest.mark.cluster
async def test_a_cluster_without_lessor_is_a_sentence(tmp_path: Path) -> None:
    plane = ControlPlane.start(tmp_path / "plane")
    try:
        for words in ("get pools", "get queue", "explain e2e", "cordon aws-1 --reason x"):
            said = await lessor(plane.kubeconfig, *words.split())
            assert (said.code, said.out) == (1, "")
            assert "Lessor is not installed there; install its CRDs" in said.err and said.err.count("\n") == 1
    finally:
        plane.down()


async def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    said = await lessor(write_kubeconfig(tmp_path / "kubeconfig", {"token": "x"}), "get", "pools")
    assert (said.code, said.out) == (1, "")
    assert "can't be reached: connection refused" in said.err and said.err.count("\n") == 1
