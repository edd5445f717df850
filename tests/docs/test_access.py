"""docs/access.md: its commands are taken from its text and run, on a control plane without policies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lessor.api.names import KINDS
from tests.local.control_plane import ROOT, ControlPlane, kubectl_program

PAGE = (ROOT / "docs" / "access.md").read_text()
INSTALL, BIND, RENAME, REPAIR, REMOVE = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
STATUS = ("--subresource=status",)
POLICIES = "validatingadmissionpolicies,mutatingadmissionpolicies"
EFFECTIVE_SECONDS_MAX = 20.0  # of a role binding or a policy

pytestmark = pytest.mark.cluster


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    made = ControlPlane.start(tmp_path / "plane")
    try:
        made.apply_crds()
        yield made
    finally:
        made.down()


@pytest.fixture
def shell(plane: ControlPlane) -> Callable[[str], str]:
    """Runs a block of the page in the checkout, as somebody who has just the cluster and kubectl; what it says."""

    def run(script: str) -> str:
        path = f"{kubectl_program().parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60,
            env={"PATH": path, "HOME": str(plane.folder), "KUBECONFIG": str(plane.kubeconfig)},
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_the_commands_of_the_page_do_what_it_says(plane: ControlPlane, shell: Callable[[str], str]) -> None:
    assert shell(INSTALL).count("created") >= 16
    assert len(plane.kubectl("get", POLICIES, "--output=name").stdout.split()) == 4

    _until("the API server has checked them", lambda: _checked(plane) == [{}, {}, {}])

    plane.kubectl("create", "namespace", "ci-jobs")
    shell(BIND)
    groups = "--as-group=system:serviceaccounts:ci-jobs", "--as-group=system:authenticated"
    job = "--as=system:serviceaccount:ci-jobs:e2e", *groups
    admin = "--as=joe", "--as-group=ci-admins"
    _until_they_may(plane, "create", "leases.lessor.dev", "-n", "ci-jobs", *job)
    _until_they_may(plane, "list", "pools.lessor.dev", *job)
    _until_they_may(plane, "administer", "leases.lessor.dev", "-n", "ci-jobs", *admin)
    for right in (
        ("administer", "leases.lessor.dev"),
        ("create", "pools.lessor.dev"),
        ("transition", "pools.lessor.dev"),
    ):
        assert not _may(plane, *right, *job)
        assert _may(plane, *right, *admin)
    for kind in KINDS:  # an accident of an admin's is one, too
        assert not _may(plane, "patch", kind.crd, *STATUS, *admin)

    _apply(plane, "Pool", "p", {"resources": {"names": ["aws-1"]}})
    _apply(plane, "Resource", "aws-1", {"pool": "p"})
    shell(REPAIR)
    assert plane.kubectl("get", "rsc", "aws-1", "-o", "jsonpath={.status.state}").stdout == "quarantined"
    _until("jane may no more", lambda: not _may(plane, "patch", "resources.lessor.dev", *STATUS, "--as=jane"))

    shell(REMOVE)
    assert plane.kubectl("get", POLICIES, "--output=name").stdout == ""


def test_the_operators_account_is_renamed_in_one_line(plane: ControlPlane, shell: Callable[[str], str]) -> None:
    shell(INSTALL)
    assert len(re.findall("lessor-operator", "".join(p.read_text() for p in (ROOT / "deploy/policies").iterdir()))) == 1
    shell(RENAME)
    _apply(plane, "Resource", "aws-1", {"pool": "p"})
    # Both have the right by RBAC; the policy tells them apart.
    rule = '[{"apiGroups": ["lessor.dev"], "resources": ["resources", "resources/status"], "verbs": ["get", "patch"]}]'
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "w"}}
    plane.kubectl("apply", "-f", "-", input=json.dumps(role | {"rules": json.loads(rule)}))
    plane.kubectl("create", "clusterrolebinding", "w", "--clusterrole=w", "--group=system:serviceaccounts")

    def write(account: str, epoch: int) -> str:
        who = f"--as=system:serviceaccount:{account}", "--as-group=system:serviceaccounts"
        status = json.dumps({"status": {"state": "free", "epoch": epoch}})
        words = "patch", "rsc", "aws-1", "--subresource=status", "--type=merge", "-p", status
        return plane.kubectl(*words, *who, check=False).stderr

    _until("the old name is refused", lambda: "only the operator" in write("lessor-system:lessor-operator", 1))
    assert write("ci:lessor", 2) == ""


def test_where_no_mutating_policy_is_served_kubectl_names_it_and_installs_the_rest(
    plane: ControlPlane, tmp_path: Path
) -> None:
    """v1beta1 is not served here, as v1 is not before 1.36."""
    for file in (ROOT / "deploy" / "policies").iterdir():
        text = file.read_text()
        if "MutatingAdmissionPolicy" in text:
            text = text.replace("admissionregistration.k8s.io/v1\n", "admissionregistration.k8s.io/v1beta1\n")
        (tmp_path / file.name).write_text(text)
    said = plane.kubectl("apply", "-f", str(tmp_path), check=False)
    assert 'no matches for kind "MutatingAdmissionPolicy"' in said.stderr
    assert len(plane.kubectl("get", "validatingadmissionpolicies", "--output=name").stdout.split()) == 3
    assert len(plane.kubectl("get", "validatingadmissionpolicybindings", "--output=name").stdout.split()) == 3


def _checked(plane: ControlPlane) -> list[object]:
    """What the API server found wrong with the types in each policy's expressions."""
    policies = json.loads(plane.kubectl("get", "validatingadmissionpolicies", "--output=json").stdout)["items"]
    return [policy.get("status", {}).get("typeChecking") for policy in policies]


def _may(plane: ControlPlane, *words: str) -> bool:
    return plane.kubectl("auth", "can-i", *words, check=False).stdout.startswith("yes")


def _until_they_may(plane: ControlPlane, *words: str) -> None:
    _until(" ".join(words), lambda: _may(plane, *words))


def _until(what: str, asked: Callable[[], bool]) -> None:
    end = time.monotonic() + EFFECTIVE_SECONDS_MAX
    while not asked():
        assert time.monotonic() < end, f"not within {EFFECTIVE_SECONDS_MAX:g} s: {what}"


def _apply(plane: ControlPlane, kind: str, name: str, spec: object) -> None:
    body = {"apiVersion": "lessor.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    plane.kubectl("apply", "-f", "-", input=json.dumps(body))
