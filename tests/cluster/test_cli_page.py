"""docs/cli.md: its commands are run as written, and what it says of flags and exit codes is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lessor.cli import exits
from lessor.cli.main import main
from tests.local.control_plane import ROOT, ControlPlane, kubectl_program

PAGE = (ROOT / "docs" / "cli.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def as_left_before(control_plane: ControlPlane) -> Iterator[None]:
    yield
    control_plane.kubectl("delete", "rl", "ten", "e2e-aws", "-n", "default", "--ignore-not-found")
    control_plane.kubectl(
        "delete", "pool", "hypershift-quota-slice", "aws-account", "--ignore-not-found", "--wait=false"
    )


@pytest.mark.usefixtures("operator", "as_left_before")
def test_the_commands_of_the_page_work_as_written(control_plane: ControlPlane) -> None:
    programs = f"{Path(sys.executable).parent}:{kubectl_program().parent}:{os.environ['PATH']}"
    env = {"PATH": programs, "HOME": str(control_plane.folder), "KUBECONFIG": str(control_plane.kubeconfig)}
    said = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(BLOCKS)],
        cwd=ROOT, capture_output=True, text=True, timeout=100, env=env,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    out = said.stdout
    assert re.search(r"^hypershift-quota-slice  True   Active  10 ", out, re.MULTILINE)
    assert re.search(r"^hypershift-quota-slice  1 of 1    default/ten  default  0         10 ", out, re.MULTILINE)
    assert "default/ten: Waiting, WaitingForCapacity\n" in out
    assert "Place     1 of 1 for pool hypershift-quota-slice: it is next\n" in out
    assert "resource.lessor.dev/hypershift-quota-slice-9\n" in out
    assert re.search(r"^hypershift-quota-slice-9 cordoned", out, re.MULTILINE)
    assert re.search(r"^hypershift-quota-slice-9 .* the account is being moved", out, re.MULTILINE)
    assert re.search(r"^hypershift-quota-slice-9 uncordoned$", out, re.MULTILINE)


def test_the_page_names_every_command_flag_and_exit_code() -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)]
    assert codes == [int(code) for code in exits.Exit]
    for command in ("get", "explain", "cordon", "uncordon"):
        for flag in flags_of(main.commands[command]):
            assert f"{flag}" in PAGE, f"{command} {flag}"


def flags_of(command: click.Command) -> list[str]:
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    own = [option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts]
    return [*own, *(flag for one in inner for flag in flags_of(one))]
