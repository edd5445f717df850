"""build.sh: the programs are built once for each content of what they are made from.

The real build takes minutes (and every cluster test uses what it made), so here the compiler is a script that writes
a file at once.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.local.control_plane import LOCAL, run

COMPILER = """#!/bin/bash
case $1 in
  env) echo go1.26.99 ;;
  list) echo one; echo two ;;
  build)
    echo built >> "$BUILDS"
    if [ -n "${BROKEN:-}" ]; then echo "kube/main.go:7: a mistake" >&2; exit 1; fi
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/bash\\n' > "$2"
    chmod +x "$2" ;;
esac
"""


@dataclass
class Checkout:
    """A copy of deploy/local with a cache and a compiler of its own."""

    local: Path
    env: dict[str, str]

    @property
    def builds(self) -> int:
        """How often the compiler was asked to build."""
        log = Path(self.env["BUILDS"])
        return len(log.read_text().splitlines()) if log.exists() else 0

    def build(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return run(self.local / "build.sh", *words, check=False, env={**self.env, **env})

    def start_build(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.local / "build.sh"], env={**os.environ, **self.env}, text=True, stdout=-1, stderr=subprocess.DEVNULL
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    compiler = tmp_path / "go" / "go"
    compiler.parent.mkdir()
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    local = Path(shutil.copytree(LOCAL, tmp_path / "checkout" / "deploy" / "local"))
    path = f"{compiler.parent}:{os.environ['PATH']}"
    env = {"PATH": path, "LESSOR_CACHE": str(tmp_path / "cache"), "BUILDS": str(tmp_path / "builds")}
    return Checkout(local, env)


def test_the_programs_are_built_into_the_cache_and_their_folder_is_printed(checkout: Checkout) -> None:
    built = checkout.build()
    folder = Path(built.stdout.strip())
    assert folder.parent == Path(checkout.env["LESSOR_CACHE"])
    assert (folder / "kubectl").resolve() == folder / "kube"
    assert "building the control plane of Kubernetes v1.36.3, once: about 5 minutes" in built.stderr


def test_a_second_build_does_nothing_and_says_nothing(checkout: Checkout) -> None:
    first, second = checkout.build(), checkout.build()
    assert (second.stdout, second.stderr, second.returncode) == (first.stdout, "", 0)
    assert checkout.builds == 1


def test_two_builds_at_once_build_once(checkout: Checkout) -> None:
    both = [checkout.start_build(), checkout.start_build()]
    folders = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(folders) == 1
    assert checkout.builds == 1


def test_a_change_of_a_source_goes_to_another_folder_so_that_two_checkouts_do_not_fight(checkout: Checkout) -> None:
    before = checkout.build().stdout
    with (checkout.local / "kube" / "main.go").open("a") as source:
        source.write("// changed\n")
    after = checkout.build().stdout
    assert before != after
    assert all(Path(folder.strip(), "kube").exists() for folder in (before, after))


def test_where_builds_nothing_and_says_what_to_run(checkout: Checkout) -> None:
    missing = checkout.build("--where")
    assert missing.returncode == 1
    assert missing.stderr == "build.sh: the control plane is not built yet: run make up (about 5 minutes, once)\n"
    assert checkout.builds == 0


def test_a_build_that_fails_shows_the_compilers_last_words_and_leaves_nothing_that_counts_as_built(
    checkout: Checkout,
) -> None:
    failed = checkout.build(BROKEN="1")
    assert failed.returncode == 1
    assert "kube/main.go:7: a mistake" in failed.stderr
    assert checkout.build("--where").returncode == 1


def test_without_a_home_it_says_which_variable_to_set_and_that_is_enough(checkout: Checkout) -> None:
    homeless = ["env", "-u", "HOME", "-u", "XDG_CACHE_HOME"]
    refused = run(*homeless, "-u", "LESSOR_CACHE", checkout.local / "build.sh", check=False, env=checkout.env)
    assert refused.returncode == 1
    assert refused.stderr == "build.sh: HOME is not set: set LESSOR_CACHE, a folder for what is built once\n"
    run(*homeless, checkout.local / "build.sh", env=checkout.env)
