"""What all tests share: a control plane of their own, and the promise to leave every other cluster alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.control_plane import CommandError, ControlPlane, kubectl_program

NAMED = "KUBECONFIG_FOR_TESTS"  # by `make test KUBECONFIG=…`
ALLOWED = "LESSOR_TEST_ALLOW_CLUSTER"


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get(NAMED) and os.environ.get(ALLOWED) != "1":
        pytest.exit(
            f"the tests would create and delete pools and leases in the cluster of {os.environ[NAMED]}, "
            f"which they did not start: set {ALLOWED}=1 if they may, or leave KUBECONFIG away",
            returncode=2,
        )
    # Neither an exported KUBECONFIG nor ~/.kube/config: a test that forgets to name its cluster reaches none.
    os.environ["KUBECONFIG"] = os.devnull


@pytest.hookimpl(tryfirst=True)  # before -m selects by the marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "control_plane" in getattr(item, "fixturenames", ()):
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with our CRDs, for all tests of this process (under xdist: one for each worker)."""
    yield from serving(tmp_path_factory.mktemp("control-plane"))


def serving(folder: Path) -> Iterator[ControlPlane]:
    """A control plane of its own in `folder`, or the cluster that make's command line names."""
    try:
        kubectl_program()
    except CommandError:
        pytest.exit("the control plane for the tests is not built yet: run `make up` (about 5 minutes, once)", 2)
    named = os.environ.get(NAMED)
    plane = ControlPlane.of(Path(named), folder) if named else ControlPlane.start(folder)
    try:
        plane.apply_crds()
        yield plane
    finally:
        plane.down()
