"""The commands for people as words: usage, flags, exit codes, and what is loaded before anything is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from lessor.cli import commands, exits
from lessor.cli.main import main
from lessor.cli.options import Target
from lessor.kube.errors import Conflict, Forbidden, KubeError, NotFound, Unavailable

LEAVES = {
    "get pools": commands.pools,
    "get resources": commands.resources,
    "get leases": commands.leases,
    "get queue": commands.queue,
    "explain": commands.explain,
    "cordon": commands.cordon,
    "uncordon": commands.uncordon,
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would have been run, with what."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(commands, "_run", lambda *args: calls.append(args))
    return calls


def lessor(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, words, env=env)


def test_where_to_look_is_said_by_flags_or_by_the_environment(ran: list[tuple[Any, ...]]) -> None:
    flags = ["--kubeconfig", "/a", "--context", "c", "-n", "ci", "-o", "json"]
    assert lessor("get", "leases", *flags).exit_code == 0
    env = {"LESSOR_KUBECONFIG": "/a", "LESSOR_CONTEXT": "c", "LESSOR_NAMESPACE": "ci", "LESSOR_OUTPUT": "json"}
    assert lessor("get", "leases", **env).exit_code == 0
    assert ran == [("get", "leases", Target("/a", "c", "ci"), (), "json")] * 2
    assert lessor("get", "leases", "-A").exit_code == 0
    assert ran[-1][2] == Target(all_namespaces=True)


def test_a_lease_to_explain_may_be_named_with_its_namespace(ran: list[tuple[Any, ...]]) -> None:
    lessor("explain", "e2e", "-n", "ci")
    lessor("explain", "ci/e2e", "-n", "other")
    assert ran == [("explain", "explain", Target(namespace="ci"), "e2e", "text")] * 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("get boxes", "No such command 'boxes'"),
        ("get leases -o wide", "'wide' is not one of 'table', 'json', 'yaml', 'name'"),
        ("get leases a -A", "a lease is named within one namespace: leave out --all-namespaces"),
        ("get leases ../pools", "'../pools' can't be the name of an object"),
        ("get leases ..", "'..' can't be the name of an object"),
        ("get pools a%2fb", "'a%2fb' can't be the name of an object"),
        ("get resources aws-1 --pool aws", "give the names of resources or --pool, not both"),
        ("explain", "Missing argument 'LEASE'"),
        ("explain a/b/c", "'a/b' can't be the name of an object"),
        ("explain /e2e", "'' can't be the name of an object"),
        ("explain e2e -o table", "'table' is not one of 'text', 'json', 'yaml'"),
        ("cordon aws-1", "Missing option '--reason'"),
        ("cordon --reason x", "Missing argument 'RESOURCE...'"),
        ("uncordon", "Missing argument 'RESOURCE...'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(ran: list[tuple[Any, ...]], words: str, sentence: str) -> None:
    result = lessor(*words.split())
    assert result.exit_code == exits.Exit.USAGE
    assert sentence in result.stderr
    assert ran == []


def test_a_reason_of_blanks_is_none(ran: list[tuple[Any, ...]]) -> None:
    result = lessor("cordon", "aws-1", "--reason", "  ")
    assert (result.exit_code, ran) == (2, [])
    assert "say why, for those who wait" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotFound("x"), 3), (Forbidden("x"), 4), (Conflict("x"), 1), (Unavailable("x", outcome_unknown=False), 1)],
)
def test_each_error_of_the_cluster_is_its_sentence_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: KubeError, code: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "_run", fail)
    result = lessor("get", "pools")
    assert result.exit_code == code
    assert result.stderr.splitlines() == ["Error: x; ask an administrator for that right" if code == 4 else "Error: x"]


def test_help_says_the_exit_codes() -> None:
    told = " ".join(lessor("--help").output.split())
    assert exits.HELP in told
    assert all(f"{code:d} " in exits.HELP for code in exits.Exit)


@pytest.mark.parametrize("command", LEAVES)
def test_every_flag_is_explained_and_can_be_set_by_the_environment(command: str) -> None:
    for parameter in LEAVES[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert parameter.envvar == "LESSOR_" + parameter.opts[0].removeprefix("--").upper().replace("-", "_")


def test_no_command_loads_kopf_pydantic_or_the_sdks() -> None:
    modules = ["get", "queue", "explain", "cordon"]
    code = f"import sys; {'; '.join(f'import lessor.cli.{m}' for m in modules)}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded = {name.partition(".")[0] for name in told.split()}
    assert "aiohttp" in loaded
    assert not loaded & {"kopf", "pydantic", "boto3", "botocore", "prometheus_client"}
    assert not any(name.startswith("lessor.controller") for name in told.split())


def test_no_cluster_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["get", "pools", "--kubeconfig", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert result.stderr == f"Error: kubeconfig {tmp_path / 'none'} (named by --kubeconfig) is not there\n"
