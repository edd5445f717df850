"""`make`, and that no target uses a cluster which its caller did not name."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.local.control_plane import ROOT


def make(*words: str, **env: str) -> str:
    done = subprocess.run(["make", *words], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_make_alone_lists_each_command_with_a_word_on_what_it_does() -> None:
    listed = re.findall(r"^  make (\w+) +\S+", make(), re.MULTILINE)
    assert {"run", "test", "check", "up", "down", "generate", "model", "bench"} <= set(listed)
    parts_of_check = {"units", "types", "lint", "imports", "generated"}
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(" ".join(phony).split()) - parts_of_check - {"help"} == set(listed)


def test_an_exported_kubeconfig_reaches_neither_the_tests_nor_make_run() -> None:
    commands = make("--dry-run", "test", "run", KUBECONFIG="/exported", KUBECONFIG_FOR_TESTS="/exported")
    assert "/exported" not in commands


def test_a_kubeconfig_on_makes_command_line_reaches_both() -> None:
    commands = make("--dry-run", "test", "run", "KUBECONFIG=/named")
    assert 'KUBECONFIG_FOR_TESTS="/named"' in commands
    assert 'run.sh run "/named"' in commands


def collect(**env: str) -> subprocess.CompletedProcess[str]:
    """A pytest of its own that only collects."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(Path(__file__))]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True)


def test_tests_refuse_a_cluster_that_they_did_not_start() -> None:
    refused = collect(KUBECONFIG_FOR_TESTS="/somebodys")
    assert refused.returncode == 2
    assert "in the cluster of /somebodys, which they did not start: set LESSOR_TEST_ALLOW_CLUSTER=1" in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr


def test_a_variable_allows_it() -> None:
    assert collect(KUBECONFIG_FOR_TESTS="/somebodys", LESSOR_TEST_ALLOW_CLUSTER="1").returncode == 0
