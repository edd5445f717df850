"""The README's first ten minutes, as a newcomer has them: its commands are taken from its text and run."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.control_plane import ROOT

README = (ROOT / "README.md").read_text()
SERVING_S_MAX = 90  # the build is there already; two cores may be shared with other tests


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make run` uses, so that a control plane that runs in this checkout is left alone."""
    for name in ("Makefile", "pyproject.toml", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("crds", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    plan = subprocess.run(["make", "-n", "-C", str(tmp_path), "run"], capture_output=True, text=True, check=True).stdout
    assert "pip" not in plan, f"the environment is not current, run make test: {plan}"
    return tmp_path


@pytest.fixture
def make_run(checkout: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`make run` in the foreground, and the export line that it prints."""
    command = blocks("sh")[0].strip()
    assert command == "make run"
    said = checkout / "make-run.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            command.split(), cwd=checkout, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, text=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + SERVING_S_MAX
        while "Ctrl-C stops" not in said.read_text():
            assert process.poll() is None and time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        yield process, next(line for line in said.read_text().splitlines() if line.lstrip().startswith("export "))
    finally:
        # As Ctrl-C does: the terminal signals the whole foreground group.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)
        assert "are stopped" in said.read_text(), said.read_text()


def shell(script: str, export: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{export}\n{script}"],
        cwd=cwd, capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"], "HOME": str(cwd)},
    )  # fmt: skip


@pytest.mark.cluster
def test_the_readmes_first_ten_minutes_work_as_written(
    checkout: Path, make_run: tuple[subprocess.Popen[str], str]
) -> None:
    _, export = make_run
    first = shell(blocks("sh")[1], export, checkout)
    assert first.returncode == 0, first.stderr
    assert "condition met" in first.stdout
    # Which slice it is depends on which was initialised first.
    held = re.search(r"lease\.lessor\.dev/e2e-aws +Bound +Bound +(hypershift-quota-slice-\d)", first.stdout)
    assert held, first.stdout
    assert re.search(r"pool\.lessor\.dev/hypershift-quota-slice +True +Active +10 ", first.stdout)
    assert re.search(rf"{held[1]} +hypershift-quota-slice +leased .*e2e-aws", first.stdout)

    # A resource may be in one pool only; the sample pool of the README has names of its own.
    [sample] = blocks("yaml")
    (checkout / "sample.yaml").write_text(
        sample.replace("name: aws-account", "name: readme").replace("pool: aws-account", "pool: readme")
    )
    script = """
    kubectl apply -f sample.yaml
    kubectl wait --for=condition=Ready rl/upgrade-test --timeout=10s
    kubectl get rl upgrade-test -o 'jsonpath={.status.resources[*].name}{"\\n"}'
    kubectl patch rl upgrade-test --type merge -p '{"spec": {"release": [{"name": "aws-1"}]}}'
    kubectl wait rl/upgrade-test --for='jsonpath={.status.resources[*].name}=aws-2' --timeout=5s
    kubectl patch rl upgrade-test --type merge -p '{"spec": {"release": [{"name": "aws-1"}, {"name": "*"}]}}'
    kubectl wait rl/upgrade-test --for=condition=Finished --timeout=5s
    kubectl explain leases.lessor.dev.spec.requests
    """
    second = shell(script, export, checkout)
    assert second.returncode == 0, second.stderr
    assert "aws-1 aws-2\n" in second.stdout


def test_every_make_target_of_the_readme_is_listed_by_make() -> None:
    listed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"`make ([a-z]+)", README))
    assert named >= {"run", "test", "check", "up", "down", "model", "bench", "generate"}
    for target in sorted(named):
        assert f"make {target} " in listed, target


def test_every_file_that_the_docs_link_to_is_there() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
