"""The command line: what flags and the environment become, and what a mistake is answered with."""

import subprocess
import sys
import types
from typing import Any

import pytest
from click.testing import CliRunner, Result

import lessor
from lessor.cli.main import main
from lessor.cli.options import OperatorOptions
from lessor.kube.errors import NoCredentials

DEFAULTS = OperatorOptions(
    kubeconfig=None,
    context=None,
    listen_host="",
    listen_port=8082,
    namespace="lessor-system",
    lease_duration=8,
    renew_deadline=5,
    retry_period=1,
    log_format="auto",
    log_level="info",
    writes_in_flight=64,
    resync=300,
)


class Started:
    """In the place of `lessor.run`: keeps what was started, and with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, OperatorOptions]] = []
        self.error: Exception | None = None

    def _called(self, process: str, options: OperatorOptions) -> None:
        self.calls.append((process, options))
        if self.error:
            raise self.error


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    made = Started()
    run = types.ModuleType("lessor.run")
    for process in ("operator", "run"):
        setattr(run, process, lambda options, process=process: made._called(process, options))
    monkeypatch.setitem(sys.modules, "lessor.run", run)
    return made


def command(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, words, env=env)


def changed(options: OperatorOptions) -> dict[str, Any]:
    return {key: value for key, value in vars(options).items() if value != getattr(DEFAULTS, key)}


@pytest.mark.parametrize("process", ["operator", "run"])
def test_a_process_starts_with_the_defaults_of_the_design(started: Started, process: str) -> None:
    assert command(process).exit_code == 0
    assert started.calls == [(process, DEFAULTS)]


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--kubeconfig", "/a/config", {"kubeconfig": "/a/config"}),
        ("--context", "kind", {"context": "kind"}),
        ("--listen", "127.0.0.1:0", {"listen_host": "127.0.0.1", "listen_port": 0}),
        ("--listen", "[::1]:9", {"listen_host": "::1", "listen_port": 9}),
        ("--namespace", "ci", {"namespace": "ci"}),
        ("--lease-duration", "1m", {"lease_duration": 60}),
        ("--renew-deadline", "6500ms", {"renew_deadline": 6.5}),
        ("--retry-period", "2s", {"retry_period": 2}),
        ("--log-format", "json", {"log_format": "json"}),
        ("--log-level", "debug", {"log_level": "debug"}),
        ("--writes-in-flight", "8", {"writes_in_flight": 8}),
        ("--resync", "1h30m", {"resync": 5400}),
    ],
)
def test_each_flag_can_be_set_by_the_environment_too(
    started: Started, flag: str, value: str, expected: dict[str, Any]
) -> None:
    assert command("operator", flag, value).exit_code == 0
    assert command("operator", **{"LESSOR_" + flag[2:].upper().replace("-", "_"): value}).exit_code == 0
    assert [changed(options) for _, options in started.calls] == [expected, expected]


def test_every_flag_is_covered_by_the_test_above_and_explained() -> None:
    operator = main.commands["operator"]
    tested = {mark.args[1][n][0] for mark in test_each_flag_can_be_set_by_the_environment_too.pytestmark  # type: ignore[attr-defined]
              for n in range(len(mark.args[1]))}  # fmt: skip
    assert {parameter.opts[0] for parameter in operator.params} == tested
    assert all(parameter.help for parameter in operator.params)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--listen", "8082"), "'8082' is not host:port, such as 127.0.0.1:8082, [::1]:8082 or :8082"),
        (("--listen", "localhost:http"), "'localhost:http' is not host:port"),
        (("--listen", ":65536"), "':65536' is not host:port"),
        (("--listen", "::1:80"), "'::1:80' is not host:port"),
        (("--resync", "1d"), "write a duration such as 90s, 30m or 6h30m; its units are h, m, s and ms, not '1d'"),
        (("--resync", "0s"), "it must be longer than 0, not 0s"),
        (("--lease-duration", "4s"), "the lease duration (4 s) must be longer than the renew deadline (5 s)"),
        (("--writes-in-flight", "0"), "0 is not in the range 1<=x<=1024"),
        (("--log-level", "loud"), "'loud' is not one of"),
        (("--no-such-flag",), "No such option"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(started: Started, words: tuple[str, ...], sentence: str) -> None:
    result = command("operator", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr.splitlines()[-1]
    assert started.calls == []


def test_what_the_cluster_got_wrong_is_one_sentence_and_exit_code_1(started: Started) -> None:
    started.error = NoCredentials("kubeconfig /a/config (named by --kubeconfig) is not there")
    result = command("operator", "--kubeconfig", "/a/config")
    assert result.exit_code == 1
    assert result.stderr == "Error: kubeconfig /a/config (named by --kubeconfig) is not there\n"


def test_a_bug_is_not_dressed_up_as_a_mistake_of_the_user(started: Started) -> None:
    started.error = KeyError("spec")
    assert isinstance(command("operator").exception, KeyError)


def test_the_version_is_the_packages() -> None:
    assert command("--version").output == f"lessor {lessor.__version__}\n"


def test_help_loads_neither_kopf_nor_pydantic_nor_the_http_library() -> None:
    code = "import sys, lessor.cli.main; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not loaded & {"kopf", "pydantic", "aiohttp", "kubernetes", "yaml", "prometheus_client", "asyncio"}
