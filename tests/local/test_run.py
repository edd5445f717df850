"""run.sh: what `make up` and `make down` do, in a checkout of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.control_plane import LOCAL, run
from tests.local.test_cluster import processes_of

pytestmark = pytest.mark.cluster


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    """run.sh in a checkout whose path has a space in it."""
    local = Path(shutil.copytree(LOCAL, tmp_path / "a checkout" / "deploy" / "local"))
    yield local / "run.sh"
    run(local / "run.sh", "down")


def test_what_make_up_prints_is_all_that_a_shell_needs_and_make_down_leaves_nothing_running(script: Path) -> None:
    state = script.parents[2] / ".local"
    said = run(script, "up").stdout
    assert "etcd without fsync" in said
    export = next(line for line in said.splitlines() if line.lstrip().startswith("export "))
    shell = ["bash", "-c", f"{export}; command -v kubectl; kubectl get --raw /readyz"]
    answer = subprocess.run(shell, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": str(state)})
    assert answer.stdout == f"{state}/bin/kubectl\nok", answer.stderr

    assert run(script, "up").returncode == 0
    assert run(script, "down").stdout == "the local control plane is stopped\n"
    assert processes_of(state / "cluster") == set()
    assert [path.name for path in state.iterdir() if path.name != ".kube"] == ["bin"]
    assert run(script, "down").stdout == "no local control plane is running\n"


def test_a_kubeconfig_that_is_not_there_is_named(script: Path) -> None:
    refused = run(script, "run", "/no/such/file", check=False)
    assert refused.returncode == 1
    assert refused.stderr == "KUBECONFIG=/no/such/file: there is no such file\n"
