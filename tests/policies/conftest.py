"""A control plane of their own, with the policies: they are cluster-wide, so other tests would feel them."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lessor.kube import credentials, paths
from lessor.kube.client import Client
from lessor.kube.errors import NotFound, Unavailable
from tests.cluster.operators import Operators
from tests.cluster.recorder import Recorder
from tests.cluster.world import World
from tests.kube.wire import eventually
from tests.local.control_plane import ROOT, ControlPlane
from tests.policies.people import STATUSES_RULE, SYSTEM, People, Person, is_forbidden

POLICIES = ROOT / "deploy" / "policies"
RIGHTS = ROOT / "deploy" / "rbac"


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """With deploy/rbac and deploy/policies, each of them in effect.

    Never a cluster that somebody names: policies and roles would be left there, and felt by what runs there.
    """
    plane = ControlPlane.start(tmp_path_factory.mktemp("plane-with-policies"))
    try:
        plane.apply_crds()
        plane.kubectl("apply", "-f", str(RIGHTS))
        plane.kubectl("apply", "-f", str(POLICIES))
        asyncio.run(_until_in_effect(plane, tmp_path_factory.mktemp("probes")))
        yield plane
    finally:
        plane.down()


async def _until_in_effect(plane: ControlPlane, folder: Path) -> None:
    """A policy judges about a second after it was written. Each is asked until it does."""
    async with (
        Client(credentials.load(str(plane.kubeconfig))) as admin,
        People.meet(plane, admin, "probes", folder) as people,
    ):
        home = await people.namespace()
        first, second = await people.pod(home, "first"), await people.pod(home, "second")
        forger = await people.plain(home, "forger")
        await people.give(forger, await people.role("forger", STATUSES_RULE | {"verbs": ["patch"]}))
        await forger.until_may("patch", "leases", home, "status")

        async def becomes_holder() -> bool:
            await _forget(admin, home)
            with suppress(Unavailable):  # for up to 5 s a mutating policy does not know kinds that are new
                return "holder" in (await first.lease(home, "probe"))["spec"]
            return False

        await eventually("lessor-holder-pod", becomes_holder)
        # Another time at each try: what changes nothing is nobody's business.
        renewals = (second.patch(home, "probe", renewTime=f"2026-11-24T12:00:00.{n:06}Z") for n in itertools.count())
        await eventually("lessor-lease-holder", lambda: is_forbidden(next(renewals)))
        await eventually("lessor-status", lambda: is_forbidden(forger.status(home, "probe", state="Waiting")))

        async def may_not_create() -> bool:
            await _forget(admin, home)
            return await is_forbidden(first.lease(home, "probe", renewSlack="1s"))

        await eventually("lessor-lease-creation", may_not_create)


async def _forget(admin: Client, namespace: str) -> None:
    try:
        await admin.delete(paths.one(paths.LEASES, "probe", namespace))
    except NotFound:
        return


@pytest.fixture
async def admin(control_plane: ControlPlane) -> AsyncIterator[Client]:
    """cluster-admin."""
    async with Client(credentials.load(str(control_plane.kubeconfig))) as made:
        yield made


@pytest.fixture
async def people(control_plane: ControlPlane, admin: Client, tmp_path: Path) -> AsyncIterator[People]:
    async with People.meet(control_plane, admin, f"t{uuid.uuid4().hex[:5]}", tmp_path) as made:
        yield made


@pytest.fixture
async def home(people: People) -> str:
    """A namespace for jobs."""
    return await people.namespace()


@pytest.fixture
async def first(people: People, home: str) -> Person:
    """A pod's token. `second` is another pod's of the same account."""
    return await people.pod(home, "first")


@pytest.fixture
async def second(people: People, home: str) -> Person:
    return await people.pod(home, "second")


@pytest.fixture
async def operator_account(people: People) -> AsyncIterator[Person]:
    """lessor-operator as deploy/rbac makes it, at the token of a pod."""
    async for person in _of_system(people, "lessor-operator"):
        yield person


@pytest.fixture
async def server_account(people: People) -> AsyncIterator[Person]:
    async for person in _of_system(people, "lessor-server"):
        yield person


async def _of_system(people: People, account: str) -> AsyncIterator[Person]:
    pod = f"{people.name}-{account}"
    yield await people.pod(SYSTEM, pod, account)
    try:
        await people.admin.delete(paths.one(paths.PODS, pod, SYSTEM))
    except NotFound:
        return


@pytest.fixture
async def administrator(people: People, home: str) -> Person:
    """Someone who may administer leases in that namespace, and nothing more there than every account."""
    person = await people.plain(home, "administrator")
    role = await people.role(
        "administers", {"apiGroups": ["lessor.dev"], "resources": ["leases"], "verbs": ["administer"]}
    )
    await people.give(person, role, home)
    await person.until_may("administer", "leases", home)
    return person


@pytest.fixture
def operators(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Operators]:
    made = Operators(control_plane, tmp_path)
    yield made
    for ended in made.end_own():
        ended.assert_well()


@pytest.fixture
async def world(control_plane: ControlPlane, admin: Client, people: People, home: str) -> AsyncIterator[World]:
    """The test's part of the cluster, with its leases in `home`. Every write of the test is judged at its end."""
    async with Recorder(control_plane, admin).running() as recorder:
        made = World(home, control_plane, admin, recorder)
        yield made
        history = await recorder.history()
    violations = history.violations(())
    assert not violations, "\n".join(violations[:50])
