"""The one control plane of a run, what it and the operator use of the processor, and how many writes were made."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lessor.kube.client import Client
from tests.local.control_plane import ControlPlane

NAMESPACE = "lessor-system"  # of the operator's election
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 20.0
# One request that the API server has answered, as it counts them itself.
REQUESTS = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
WRITES = frozenset(("POST", "PUT", "PATCH", "DELETE", "APPLY", "DELETECOLLECTION"))


class Requests:
    """The API server's own count of requests to our group, as a value: subtract an earlier one."""

    def __init__(self, counts: dict[tuple[str, str, str], float]) -> None:
        self._counts = counts

    @classmethod
    async def now(cls, client: Client) -> Requests:
        text = (await client.get_raw("/metrics")).decode()
        counts: dict[tuple[str, str, str], float] = {}
        for labels, value in REQUESTS.findall(text):
            of = dict(LABEL.findall(labels))
            if of["group"] == "lessor.dev":
                key = (of["verb"], of["resource"], of["code"])
                counts[key] = counts.get(key, 0.0) + float(value)
        return cls(counts)

    def __sub__(self, earlier: Requests) -> Requests:
        return Requests({key: n - earlier._counts.get(key, 0.0) for key, n in self._counts.items()})

    def writes(self, *plurals: str) -> int:
        """Writes that were sent, carried out or not. Without `plurals`: of all our kinds."""
        return self._sum(lambda verb, plural, _: verb in WRITES and (not plurals or plural in plurals))

    def conflicts(self) -> int:
        return self._sum(lambda verb, _, code: verb in WRITES and code == "409")

    def reads(self) -> int:
        return self._sum(lambda verb, _, __: verb == "GET")

    def _sum(self, counts: Callable[[str, str, str], bool]) -> int:
        return int(sum(n for key, n in self._counts.items() if counts(*key)))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[int, int]:
    """Bytes of memory that a process has resident, now and at most since its start."""
    status = Path(f"/proc/{pid}/status").read_text()
    now, most = (re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE) for name in ("VmRSS", "VmHWM"))
    assert now is not None and most is not None, status
    return int(now[1]) * 1024, int(most[1]) * 1024


class Cpu:
    """Processor time of this process, the operator, the API server and etcd, as it goes by."""

    def __init__(self, plane: ControlPlane, operator: Operator | None) -> None:
        self._pids = {"client": os.getpid()}
        if operator is not None:
            self._pids["operator"] = operator.pid
        for name in ("apiserver", "etcd"):
            self._pids[name] = int((plane.folder / "run" / f"{name}.pid").read_text())
        self._begun = self._read()

    def _read(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}

    def per(self, cycles: int) -> dict[str, float]:
        """Milliseconds per cycle, by process."""
        now = self._read()
        return {name: (now[name] - self._begun[name]) / cycles * 1e3 for name in self._pids}


class Operator:
    """`lessor operator` as a process of its own, as a cluster runs it."""

    def __init__(self, plane: ControlPlane, *flags: str) -> None:
        self.log = plane.folder / "operator.log"
        command = [sys.executable, "-m", "lessor.cli.main", "operator", "--kubeconfig", str(plane.kubeconfig)]
        command += ["--namespace", NAMESPACE, "--listen", "127.0.0.1:0", "--log-level", "warning", *flags]
        self.started = time.perf_counter()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> float:
        """SIGTERM; returns the seconds until it was gone. Killed if it lingers."""
        begun = time.perf_counter()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the operator did not end within {STOP_SECONDS_MAX} s of SIGTERM") from None
        assert self._process.returncode == 0, f"the operator ended with {self._process.returncode}: {self.said()}"
        return time.perf_counter() - begun

    def kill(self) -> None:
        if self.is_running():
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        return self.log.read_text()[-2000:]


def _die_with_parent() -> None:
    """A benchmark that is killed leaves no operator behind (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
