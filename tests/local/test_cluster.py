"""cluster.sh: instances side by side, and nothing left of any of them, however it or its owner ended."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.local.control_plane import LOCAL, ControlPlane, run

pytestmark = pytest.mark.cluster

CLUSTER = LOCAL / "cluster.sh"


def processes_of(folder: Path) -> set[int]:
    """The processes that carry an instance's mark; of a zombie nothing is left but its number."""
    mark = f"LESSOR_CLUSTER={folder}".encode()
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environ.read_bytes().split(b"\0"):
                found.add(int(environ.parent.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def eventually(what: Callable[[], bool], *, seconds: float = 20) -> None:
    """Waits until it is so; fails if that takes longer than `seconds`."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def pid(folder: Path, name: str) -> int:
    return int((folder / "run" / f"{name}.pid").read_text())


def test_two_instances_run_side_by_side_and_know_nothing_of_each_other(tmp_path: Path) -> None:
    one, two = ControlPlane.start(tmp_path / "one"), ControlPlane.start(tmp_path / "two")
    try:
        assert one.server != two.server
        one.kubectl("create", "namespace", "only-in-one")
        assert "only-in-one" in one.kubectl("get", "namespaces").stdout
        assert "only-in-one" not in two.kubectl("get", "namespaces").stdout
        foreign = one.kubectl("--server", two.server, "--insecure-skip-tls-verify", "get", "namespaces", check=False)
        assert "Unauthorized" in foreign.stderr or "logged in" in foreign.stderr
        one.down()
        assert two.kubectl("get", "--raw", "/readyz").stdout == "ok"
    finally:
        one.down()
        two.down()
    assert processes_of(one.folder) | processes_of(two.folder) == set()
    assert list(tmp_path.iterdir()) == []


def test_its_secrets_are_for_its_owner_only(tmp_path: Path) -> None:
    plane = ControlPlane.start(tmp_path / "plane")
    try:
        assert oct(plane.folder.stat().st_mode & 0o777) == "0o700"
        assert oct(plane.kubeconfig.stat().st_mode & 0o777) == "0o600"
    finally:
        plane.down()


def test_up_again_after_everything_was_killed_starts_anew_and_down_leaves_nothing(tmp_path: Path) -> None:
    plane = ControlPlane.start(tmp_path / "plane")
    try:
        for process in processes_of(plane.folder):
            os.kill(process, signal.SIGKILL)
        again = ControlPlane.start(plane.folder)
        assert again.token != plane.token
        assert again.kubectl("get", "--raw", "/readyz").stdout == "ok"
    finally:
        plane.down()
    assert processes_of(plane.folder) == set()
    assert not plane.folder.exists()


def test_a_second_up_leaves_a_running_instance_as_it_is(tmp_path: Path) -> None:
    plane = ControlPlane.start(tmp_path / "plane")
    try:
        before = processes_of(plane.folder)
        said = run(CLUSTER, "--dir", plane.folder, "up")
        assert "runs already" in said.stderr
        assert processes_of(plane.folder) == before
    finally:
        plane.down()


def test_a_process_that_got_an_old_number_is_not_killed(tmp_path: Path) -> None:
    """After a reboot a number in a pid file may be anybody's."""
    folder = tmp_path / "plane"
    with subprocess.Popen(["sleep", "600"]) as bystander:
        try:
            (folder / "run").mkdir(parents=True)
            (folder / ".lessor-cluster").touch()
            (folder / "run" / "etcd.pid").write_text(f"{bystander.pid}\n")
            run(CLUSTER, "--dir", folder, "down")
            assert bystander.poll() is None
            assert not folder.exists()
        finally:
            bystander.kill()


def test_it_ends_by_itself_when_its_owner_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    with subprocess.Popen(["sleep", "600"]) as owner:
        try:
            run(CLUSTER, "--dir", folder, "--owner", str(owner.pid), "up")
            assert len(processes_of(folder)) == 4  # etcd, API server, controllers, and who looks after the owner
        finally:
            owner.kill()
    eventually(lambda: not folder.exists() and not processes_of(folder))


def test_an_interrupted_up_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    with subprocess.Popen([CLUSTER, "--dir", folder, "--owner", str(os.getpid()), "up"], stderr=subprocess.PIPE) as up:
        eventually((folder / "log" / "apiserver.log").exists)
        up.terminate()
    assert processes_of(folder) == set()
    assert not folder.exists()


def test_the_api_server_comes_back_on_the_same_port_with_the_same_data(tmp_path: Path) -> None:
    plane = ControlPlane.start(tmp_path / "plane")
    try:
        plane.kubectl("create", "namespace", "kept")
        before = pid(plane.folder, "apiserver")
        plane.stop_apiserver()
        assert plane.kubectl("get", "namespaces", check=False).returncode != 0
        plane.start_apiserver()
        assert pid(plane.folder, "apiserver") != before
        assert "kept" in plane.kubectl("get", "namespaces").stdout
    finally:
        plane.down()


def test_of_a_range_it_takes_a_port_that_nobody_has_even_without_listening(tmp_path: Path) -> None:
    with socket.socket() as listening, socket.socket() as bound:
        first = neighbours(listening, bound)
        folder = tmp_path / "plane"
        try:
            run(CLUSTER, "--dir", folder, "--port", f"{first}-{first + 9}", "up")
            port = int(re.findall(r"^PORT=(\d+)$", (folder / "run" / "settings").read_text(), re.MULTILINE)[0])
            assert first + 2 <= port <= first + 9
        finally:
            run(CLUSTER, "--dir", folder, "down")


def test_a_port_that_is_taken_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port, folder = listening.getsockname()[1], tmp_path / "plane"
        refused = run(CLUSTER, "--dir", folder, "--port", str(port), "up", check=False)
    assert refused.returncode == 1
    assert refused.stderr == f"cluster.sh: port {port} is taken: choose another by --port\n"
    assert processes_of(folder) == set()
    assert not folder.exists()


def test_a_wrong_flag_is_said_with_the_programs_own_words(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    env = {"APISERVER_FLAGS": "--no-such-flag"}
    refused = run(CLUSTER, "--dir", folder, "up", check=False, env=env)
    assert refused.returncode == 1
    assert "cluster.sh: apiserver ended: Error: unknown flag: --no-such-flag" in refused.stderr
    assert processes_of(folder) == set()


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_folder_with_somebody_elses_files_is_refused_and_kept(command: str, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    refused = run(CLUSTER, "--dir", tmp_path, command, check=False)
    assert refused.returncode == 1
    assert "has files that are not of a local cluster: name another folder by --dir" in refused.stderr
    assert (tmp_path / "letter").read_text() == "dear"


def neighbours(listening: socket.socket, bound: socket.socket) -> int:
    """Makes the two sockets take a port and the next one, the second without listening; answers the first."""
    for first in range(18000, 19000, 2):
        try:
            listening.bind(("127.0.0.1", first))
            bound.bind(("127.0.0.1", first + 1))
        except OSError:
            continue
        listening.listen()
        return first
    raise AssertionError("no two free ports from 18000 to 19000")
