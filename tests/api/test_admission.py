"""What a real API server makes of objects and of changes, by the CRDs alone: no operator runs here."""

import contextlib
import copy
from collections.abc import AsyncIterator, Callable

import pytest

from lessor.api.crds import MODELS
from lessor.api.names import KINDS
from lessor.kube.client import Client
from lessor.kube.credentials import load
from lessor.kube.errors import Invalid, NotFound
from lessor.kube.paths import Kind, collection, one
from tests.api import refused_leases, refused_others, refused_pools
from tests.api.accepted import ACCEPTED
from tests.api.judgements import Accepted, Refused
from tests.api.objects import Json, lease, merged, pool, profile, resource
from tests.api.transitions import CHANGES, Change
from tests.local.control_plane import ControlPlane

REFUSED = (*refused_leases.REFUSED, *refused_pools.REFUSED, *refused_others.REFUSED)
GROUP_VERSION = ("lessor.dev", "v1alpha1")
KIND = {kind.kind: Kind(*GROUP_VERSION, kind.plural, kind.namespaced) for kind in KINDS}
MODEL = {kind.kind: MODELS[kind] for kind in KINDS}


@pytest.fixture
async def api(control_plane: ControlPlane) -> AsyncIterator[Client]:
    # The largest pools take seconds on a busy machine; how fast is no question here.
    async with Client(load(str(control_plane.kubeconfig)), write_timeout=60) as client:
        yield client


def place(object: Json) -> tuple[str, str]:
    """The paths of an object's collection and of itself."""
    kind, metadata = KIND[object["kind"]], object["metadata"]
    namespace = metadata.get("namespace", "")
    return collection(kind, namespace), one(kind, metadata["name"], namespace)


@pytest.fixture
async def made(api: Client) -> AsyncIterator[list[Json]]:
    """What the test made goes with it."""
    objects: list[Json] = []
    yield objects
    for object in objects:
        with contextlib.suppress(NotFound):  # the test deleted it itself
            await api.delete(place(object)[1])


async def create(api: Client, made: list[Json], object: Json) -> Json:
    stored = await api.create(place(object)[0], object)
    made.append(object)
    return stored


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_bad_input_is_refused_with_a_sentence(api: Client, made: list[Json], case: Refused) -> None:
    with pytest.raises(Invalid) as refusal:
        await create(api, made, case.object)
    message = refusal.value.message
    assert case.says in message
    assert f"{case.at}: " in message or not case.at
    assert "rule" not in message.replace("some validation rules were not checked", "")  # no error of CEL itself


@pytest.mark.parametrize("make", [pool, resource, lease, profile])
async def test_a_name_of_254_characters_is_refused(api: Client, made: list[Json], make: Callable[[str], Json]) -> None:
    with pytest.raises(Invalid, match="must be no more than 253 characters"):
        await create(api, made, make("a" * 254))


@pytest.mark.parametrize("make", [pool, resource, lease, profile])
async def test_an_object_without_a_spec_is_refused(api: Client, made: list[Json], make: Callable[[str], Json]) -> None:
    object = {field: value for field, value in make("no-spec").items() if field != "spec"}
    with pytest.raises(Invalid, match="spec: Required value"):
        await create(api, made, object)


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
async def test_the_server_fills_in_the_defaults_of_the_models_and_nothing_else(
    api: Client, made: list[Json], case: Accepted
) -> None:
    stored = await create(api, made, case.object)
    model = MODEL[case.object["kind"]].model_validate(case.object)
    assert stored["spec"] == model.model_dump(exclude_none=True)["spec"]
    assert "status" not in stored


async def test_null_stands_for_a_field_that_is_not_there(api: Client, made: list[Json]) -> None:
    stored = await create(api, made, lease("nulls", maxDuration=None, priority=None, holder=None))
    assert stored["spec"] == (await create(api, made, lease("absents")))["spec"]


async def test_a_status_gets_no_default(api: Client, made: list[Json]) -> None:
    for object in (pool("plain"), resource("plain"), lease("plain"), profile("plain")):
        await create(api, made, object)
        stored = await api.merge_patch(place(object)[1], {"status": {"observedGeneration": 1}}, subresource="status")
        assert stored["status"] == {"observedGeneration": 1}


@pytest.mark.parametrize("change", CHANGES, ids=str)
async def test_a_change_passes_only_if_it_keeps_the_protocols_promises(
    api: Client, made: list[Json], change: Change
) -> None:
    object = copy.deepcopy(change.object)
    object["metadata"]["name"] = "changing"
    path = place(object)[1]
    before = await create(api, made, object)
    if change.before:
        before = await api.merge_patch(path, {"status": change.before}, subresource="status")
    if not change.says:
        after = await api.merge_patch(path, change.patch, subresource=change.subresource)
        wanted = merged(before, change.patch)
        assert [after.get(part) for part in ("spec", "status")] == [wanted.get(part) for part in ("spec", "status")]
        return
    with pytest.raises(Invalid) as refusal:
        await api.merge_patch(path, change.patch, subresource=change.subresource)
    assert f"{change.at}: " in refusal.value.message
    assert change.says in refusal.value.message
    assert await api.get(path) == before
