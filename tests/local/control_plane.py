"""A control plane for tests and benchmarks: a real API server of one's own, or a cluster that the caller names.

Runs `deploy/local/cluster.sh`, so what tests use is what `make up` uses.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "deploy" / "local"
CRDS = ROOT / "crds"

SERVED_SECONDS_MAX = 30
COMMAND_SECONDS_MAX = 100  # less than a test's own limit, so a hang names the command and not the test


class CommandError(AssertionError):
    """A command that a test needs ended with an error; the message is the command and all that it wrote."""


def run(
    *command: str | Path, input: str | None = None, check: bool = True, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end with its output captured. `env` is added to this process's environment.

    Raises CommandError if it ends with an error, unless `check` is false.
    """
    done = subprocess.run(
        [str(word) for word in command],
        input=input,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        env={**os.environ, **(env or {})},
    )
    if check and done.returncode:
        words = " ".join(map(str, command))
        raise CommandError(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@dataclass(frozen=True)
class ControlPlane:
    """A running API server with etcd and controllers, and how to reach it as its administrator."""

    folder: Path
    """Its state; where `kubectl` keeps what it caches."""
    kubeconfig: Path
    server: str
    """`https://host:port`"""
    token: str = field(repr=False)
    """A bearer token; empty where the kubeconfig has another kind of credential."""
    ca: Path
    """The certificate authority of `server`, a PEM file."""
    started_here: bool

    @classmethod
    def start(cls, folder: Path, *options: str, env: Mapping[str, str] | None = None) -> ControlPlane:
        """Starts one in `folder` (made if need be), in about 4 s. It ends by `down`, at the latest with this process.

        `options` are those of cluster.sh; APISERVER_FLAGS and KCM_FLAGS in `env` go to the programs. Raises
        CommandError if the programs were not built yet, or do not start.
        """
        run(LOCAL / "build.sh", "--where")
        run(LOCAL / "cluster.sh", "--dir", folder, "--owner", str(os.getpid()), *options, "up", env=env)
        return cls.of(folder / "kubeconfig", folder, started_here=True)

    @classmethod
    def of(cls, kubeconfig: Path, folder: Path, *, started_here: bool = False) -> ControlPlane:
        """The cluster of a kubeconfig's current context, wherever it is; `folder` is for what is cached about it."""
        view = json.loads(run(kubectl_program(), *_view(kubeconfig)).stdout)
        cluster, user = view["clusters"][0]["cluster"], view["users"][0].get("user", {})
        return cls(folder, kubeconfig, cluster["server"], user.get("token", ""), _ca(cluster, folder), started_here)

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs `kubectl ARGS` against this cluster. Raises CommandError on an error, unless `check` is false."""
        cache = {"KUBECACHEDIR": str(self.folder / "kubectl")}
        return run(kubectl_program(), "--kubeconfig", self.kubeconfig, *args, input=input, check=check, env=cache)

    def apply_crds(self) -> None:
        """Applies crds/ and waits until they are served."""
        if any(CRDS.glob("*.yaml")):
            self.kubectl("apply", "--server-side", "-f", str(CRDS))
            self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))
            # Established is said about a second before they are served: until then the answer is 404 or 429.
            until = time.monotonic() + SERVED_SECONDS_MAX
            while self.kubectl("get", "lessor", "-A", check=False).returncode:
                assert time.monotonic() < until, "the API server does not serve our kinds"
                time.sleep(0.1)

    def stop_apiserver(self) -> None:
        """Kills the API server (SIGKILL); etcd and the controllers go on."""
        self._cluster("stop-apiserver")

    def start_apiserver(self) -> None:
        """Starts it again on the same port with the same data, in about 3 s."""
        self._cluster("start-apiserver")

    def restart_apiserver(self) -> None:
        """`stop_apiserver` and `start_apiserver`."""
        self._cluster("restart-apiserver")

    def down(self) -> None:
        """Ends its processes and removes its folder. Nothing is done to a cluster that was not started here."""
        if self.started_here:
            self._cluster("down")

    def _cluster(self, command: str) -> None:
        assert self.started_here, f"{command}: the tests did not start the cluster of {self.kubeconfig}"
        run(LOCAL / "cluster.sh", "--dir", self.folder, command)


@cache
def kubectl_program() -> Path:
    """The kubectl that was built with the control plane. Raises CommandError if it was not built yet."""
    return Path(run(LOCAL / "build.sh", "--where").stdout.strip()) / "kubectl"


def _view(kubeconfig: Path) -> list[str]:
    return ["--kubeconfig", str(kubeconfig), "config", "view", "--raw", "--minify", "--output=json"]


def _ca(cluster: dict[str, Any], folder: Path) -> Path:
    if "certificate-authority" in cluster:
        return Path(cluster["certificate-authority"])
    ca = folder / "ca.crt"
    ca.write_bytes(base64.b64decode(cluster.get("certificate-authority-data", "")))
    return ca
