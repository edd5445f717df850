"""Operators as the processes that they are: started, asked over HTTP, stopped, killed, frozen."""

from __future__ import annotations

import ctypes
import functools
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lessor.kube.election import Timing
from tests.local.control_plane import ControlPlane

START_SECONDS_MAX = 40.0  # on a machine with two cores that others use too
DEFAULT = Timing()
SHORT = Timing(duration=2.0, deadline=1.2, retry=0.3)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass
class OperatorProcess:
    """One `lessor operator`. Its log is JSON lines, read by the tests for what never may be in it."""

    log: Path
    process: subprocess.Popen[bytes]
    ended: bool = False
    """By a test."""

    @classmethod
    def start(cls, plane: ControlPlane, log: Path, *flags: str, timing: Timing = DEFAULT) -> OperatorProcess:
        """Starts one. To be called in the main thread (see `_die_with_parent`)."""
        command = [sys.executable, "-m", "lessor.cli.main", "operator", "--kubeconfig", str(plane.kubeconfig)]
        command += ["--listen", "127.0.0.1:0", "--log-format", "json", "--namespace", "lessor-system"]
        command += ["--lease-duration", f"{timing.duration}s", "--renew-deadline", f"{timing.deadline}s"]
        command += ["--retry-period", f"{timing.retry}s", *flags]
        with log.open("wb") as out:
            return cls(log, subprocess.Popen(command, stdout=out, stderr=out, preexec_fn=_die_with_parent))

    @functools.cached_property
    def address(self) -> str:
        """`http://host:port`, as it prints when it listens."""
        self._wait("listening", lambda: re.search(r"listens on http://\S+", self.text))
        return str(re.findall(r"listens on (http://\S+)", self.text)[0])

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, line: str) -> float:
        """The value of a sample such as `lessor_leader`; 0 if there is none."""
        found = re.search(rf"^{re.escape(line)} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(found[1]) if found else 0.0

    @property
    def leads(self) -> bool:
        return self.metric("lessor_leader") == 1

    def wait_ready(self) -> OperatorProcess:
        self._wait("ready", lambda: self.get("/readyz")[0] == 200)
        return self

    def wait_leading(self) -> OperatorProcess:
        self._wait("leading", lambda: self.leads)
        return self.wait_ready()

    def wait_not_leading(self) -> None:
        self._wait("standing by", lambda: not self.leads)

    def _wait(self, what: str, asked: Callable[[], object]) -> None:
        until = time.monotonic() + START_SECONDS_MAX
        while not asked():
            assert self.process.poll() is None, f"the operator ended, it was not {what}:\n{self.text}"
            assert time.monotonic() < until, f"the operator is not {what}:\n{self.text}"
            time.sleep(0.02)

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        self.ended = True
        return self.process.wait(15)

    def kill(self) -> None:
        """SIGKILL: no line of it runs any more."""
        self.process.kill()
        self.process.wait(10)
        self.ended = True

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def assert_well(self, since: int = 0) -> None:
        """It runs unless a test ended it, and its log has no traceback from character `since` on."""
        said = self.text[since:]
        assert self.ended or self.process.poll() is None, f"the operator ended by itself:\n{said[-5000:]}"
        at = said.find("Traceback")
        assert at < 0, f"the operator's log has a traceback:\n{said[max(0, at - 1000) : at + 4000]}"


@dataclass
class Operators:
    """The operators of one control plane: a standing one that most tests use, or a test's own."""

    plane: ControlPlane
    folder: Path
    standing: OperatorProcess | None = None
    own: list[OperatorProcess] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def stand(self) -> OperatorProcess:
        """The standing one, started if need be, leading and ready."""
        if self.standing is None or self.standing.process.poll() is not None:
            self.standing = self._start().wait_leading()
        return self.standing

    def dismiss(self) -> None:
        """Ends the standing one."""
        if self.standing is not None:
            self.standing.terminate()
            self.standing = None

    def start(self, *flags: str, timing: Timing = SHORT) -> OperatorProcess:
        """One of a test's own, not waited for."""
        self.dismiss()
        operator = self._start(*flags, timing=timing)
        self.own.append(operator)
        return operator

    def end_own(self) -> list[OperatorProcess]:
        """Kills those that `start` has started, and returns them."""
        ended, self.own = self.own, []
        for operator in ended:
            if operator.process.poll() is None:
                operator.ended = True
                operator.thaw()
                operator.process.terminate()
        for operator in ended:
            try:
                operator.process.wait(15)
            except subprocess.TimeoutExpired:
                operator.kill()
        return ended

    def end(self) -> None:
        self.end_own()
        self.dismiss()

    def _start(self, *flags: str, timing: Timing = DEFAULT) -> OperatorProcess:
        return OperatorProcess.start(
            self.plane, self.folder / f"operator-{next(self._count)}.log", *flags, timing=timing
        )


def _die_with_parent() -> None:
    """A test run that is killed leaves nothing behind. The parent is a thread, so the main one starts operators."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)
