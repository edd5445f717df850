"""The client against a real API server: what it answers, and what is left of the world after it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lessor.kube import credentials, paths
from lessor.kube.client import Client
from lessor.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from tests.kube.wire import Wire, eventually, fails_with, service_account, through, write_kubeconfig
from tests.local.control_plane import ControlPlane

THINGS = paths.Kind("tests.lessor.dev", "v1", "things", True)
THING_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.tests.lessor.dev"},
    "spec": {
        "group": THINGS.group,
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
                            "status": {"type": "object", "properties": {"word": {"type": "string"}}},
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client(credentials.load(str(control_plane.kubeconfig))) as made:
        yield made


@pytest.fixture
async def namespace(client: Client) -> str:
    """A namespace of this test's own, with the kind Thing served."""
    name = f"client-{uuid.uuid4().hex[:8]}"
    await client.create(paths.collection(paths.NAMESPACES), {"metadata": {"name": name}})
    if await fails_with(client.list(paths.collection(THINGS, name)), NotFound):
        await client.create(paths.collection(paths.CRDS), THING_CRD)

        async def served() -> bool:
            return not await fails_with(client.list(paths.collection(THINGS, name)), NotFound)

        await eventually("the kind Thing is served", served)
    return name


@pytest.fixture
async def thing(client: Client, namespace: str) -> dict[str, Any]:
    return await client.create(paths.collection(THINGS, namespace), a_thing("a"))


def a_thing(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "tests.lessor.dev/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


def at(thing: dict[str, Any]) -> str:
    return paths.one(THINGS, thing["metadata"]["name"], thing["metadata"]["namespace"])


def guarded(thing: dict[str, Any], **patch: Any) -> dict[str, Any]:
    return {"metadata": {k: thing["metadata"][k] for k in ("uid", "resourceVersion")}} | patch


async def test_what_is_created_can_be_read_listed_and_deleted(client: Client, namespace: str) -> None:
    made = await client.create(paths.collection(THINGS, namespace), a_thing("a", n=3))
    assert await client.get(at(made)) == made
    items, version = await client.list(paths.collection(THINGS, namespace))
    assert items == [made]
    assert version >= int(made["metadata"]["resourceVersion"])
    await client.delete(at(made), uid=made["metadata"]["uid"])
    with pytest.raises(NotFound, match='"a" not found'):
        await client.get(at(made))


async def test_a_list_in_pages_has_all_objects_once(client: Client, namespace: str) -> None:
    made = [await client.create(paths.collection(THINGS, namespace), a_thing(f"t{n}")) for n in range(7)]
    items, version = await client.list(paths.collection(THINGS, namespace), limit=3)
    assert items == made
    assert version >= int(made[-1]["metadata"]["resourceVersion"])


async def test_a_list_can_be_narrowed_by_a_selector(client: Client, namespace: str) -> None:
    for name in ("a", "b"):
        await client.create(paths.collection(THINGS, namespace), a_thing(name))
    items, _ = await client.list(paths.collection(THINGS), selectors={"fieldSelector": "metadata.name=b"})
    assert [i["metadata"]["name"] for i in items if i["metadata"]["namespace"] == namespace] == ["b"]


async def test_a_name_that_is_taken_already_exists(client: Client, thing: dict[str, Any]) -> None:
    with pytest.raises(AlreadyExists, match='"a" already exists'):
        await client.create(paths.collection(THINGS, thing["metadata"]["namespace"]), a_thing("a"))


async def test_a_namespace_that_is_not_there_is_not_found(client: Client, namespace: str) -> None:
    with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
        await client.create(paths.collection(THINGS, "nowhere"), a_thing("a"))


async def test_a_kind_that_is_not_served_is_not_found_and_the_sentence_says_where_it_was_looked_for(
    client: Client,
) -> None:
    with pytest.raises(NotFound, match=r"GET /apis/tests\.lessor\.dev/v9/things was answered with 404"):
        await client.list("/apis/tests.lessor.dev/v9/things")


async def test_a_value_out_of_range_is_invalid_with_the_field_and_the_servers_sentence(
    client: Client, namespace: str
) -> None:
    with pytest.raises(Invalid, match="should be greater than or equal to 1") as refused:
        await client.create(paths.collection(THINGS, namespace), a_thing("a", n=0))
    assert [cause.field for cause in refused.value.causes] == ["spec.n"]


async def test_an_unknown_field_is_invalid_on_create_and_on_patch(client: Client, thing: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r'unknown field "spec\.m"'):
        await client.create(paths.collection(THINGS, thing["metadata"]["namespace"]), a_thing("b", m=1))
    with pytest.raises(Invalid) as refused:
        await client.merge_patch(at(thing), {"spec": {"m": 1}})
    assert str(refused.value) == 'strict decoding error: unknown field "spec.m"'


async def test_an_unknown_field_is_dropped_when_that_is_asked_for(client: Client, namespace: str) -> None:
    made = await client.create(paths.collection(THINGS, namespace), a_thing("a", n=1, m=2), strict=False)
    assert made["spec"] == {"n": 1}
    patched = await client.merge_patch(at(made), {"spec": {"n": 2, "m": 2}}, strict=False)
    assert patched["spec"] == {"n": 2}


@pytest.mark.parametrize("subresource", [None, "status"])
async def test_a_patch_with_the_version_it_was_decided_on_is_written_once(
    client: Client, thing: dict[str, Any], subresource: str | None
) -> None:
    patch = guarded(thing, spec={"n": 2}, status={"word": "x"})
    written = await client.merge_patch(at(thing), patch, subresource=subresource)
    with pytest.raises(Conflict, match="the object has been modified"):
        await client.merge_patch(at(thing), patch, subresource=subresource)
    assert await client.get(at(thing)) == written


async def test_a_patch_of_status_leaves_the_spec_alone(client: Client, thing: dict[str, Any]) -> None:
    written = await client.merge_patch(
        at(thing), guarded(thing, spec={"n": 2}, status={"word": "x"}), subresource="status"
    )
    assert (written["spec"], written["status"]) == ({}, {"word": "x"})


@pytest.mark.parametrize("subresource", [None, "status"])
async def test_a_patch_meant_for_a_deleted_object_does_not_reach_its_successor(
    client: Client, thing: dict[str, Any], subresource: str | None
) -> None:
    await client.delete(at(thing))
    with pytest.raises(NotFound):
        await client.merge_patch(at(thing), guarded(thing, status={"word": "x"}), subresource=subresource)
    successor = await client.create(paths.collection(THINGS, thing["metadata"]["namespace"]), a_thing("a"))
    with pytest.raises(Conflict):
        await client.merge_patch(at(thing), guarded(thing, status={"word": "x"}), subresource=subresource)
    assert await client.get(at(thing)) == successor


@pytest.mark.parametrize("kind", [THINGS, paths.CONFIGMAPS])
async def test_a_patch_with_another_uid_is_a_conflict(client: Client, namespace: str, kind: paths.Kind) -> None:
    body = {"metadata": {"name": "b"}} | (
        {} if kind is paths.CONFIGMAPS else {"apiVersion": "tests.lessor.dev/v1", "kind": "Thing"}
    )
    made = await client.create(paths.collection(kind, namespace), body)
    with pytest.raises(Conflict, match=r"metadata\.uid"):
        await client.merge_patch(paths.one(kind, "b", namespace), {"metadata": {"uid": "0", "labels": {"a": "b"}}})
    assert await client.get(paths.one(kind, "b", namespace)) == made


async def test_on_status_the_api_server_does_not_check_the_uid_so_the_client_tells_that_it_hit_another_object(
    client: Client, thing: dict[str, Any]
) -> None:
    with pytest.raises(Unavailable, match="another object of that name") as told:
        await client.merge_patch(at(thing), {"metadata": {"uid": "0"}, "status": {"word": "x"}}, subresource="status")
    assert told.value.outcome_unknown


async def test_a_patch_that_changes_nothing_keeps_the_version(client: Client, thing: dict[str, Any]) -> None:
    written = await client.merge_patch(at(thing), guarded(thing, status={"word": "x"}), subresource="status")
    again = await client.merge_patch(at(thing), guarded(written, status={"word": "x"}), subresource="status")
    assert again["metadata"]["resourceVersion"] == written["metadata"]["resourceVersion"]


async def test_delete_is_guarded_by_uid_and_by_version(client: Client, thing: dict[str, Any]) -> None:
    with pytest.raises(Conflict, match="UID in the precondition"):
        await client.delete(at(thing), uid="0")
    with pytest.raises(Conflict, match="ResourceVersion in the precondition"):
        await client.delete(at(thing), resource_version=1)
    assert await client.get(at(thing)) == thing
    await client.delete(at(thing), resource_version=thing["metadata"]["resourceVersion"])
    with pytest.raises(NotFound):
        await client.delete(at(thing))


async def test_deleting_what_a_finalizer_holds_answers_the_object(client: Client, namespace: str) -> None:
    body = a_thing("a")
    body["metadata"]["finalizers"] = ["tests.lessor.dev/hold"]
    made = await client.create(paths.collection(THINGS, namespace), body)
    held = await client.delete(at(made), uid=made["metadata"]["uid"], propagation="Foreground")
    assert held["metadata"]["deletionTimestamp"]
    assert "foregroundDeletion" in held["metadata"]["finalizers"], "the propagation that was asked for"
    await client.merge_patch(at(made), {"metadata": {"finalizers": None}})
    with pytest.raises(NotFound):
        await client.get(at(made))


async def test_our_writes_carry_our_name(client: Client, thing: dict[str, Any]) -> None:
    assert {field["manager"] for field in thing["metadata"]["managedFields"]} == {"lessor"}


async def test_a_missing_right_is_forbidden_and_the_sentence_says_which(
    client: Client, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    config = await service_account(client, control_plane, namespace, "nobody", tmp_path / "config")
    async with Client(credentials.load(str(config))) as nobody:
        with pytest.raises(Forbidden, match='cannot list resource "things"'):
            await nobody.list(paths.collection(THINGS, namespace))


async def test_a_throttled_client_is_told_how_long_to_wait(
    client: Client, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    config = await service_account(client, control_plane, namespace, "eager", tmp_path / "config")
    flow, level = await reject_all_requests_of(client, namespace, "eager")
    try:
        async with Client(credentials.load(str(config))) as eager:

            async def rejections() -> list[TooManyRequests]:
                # Several at once: a single request is let through even where there is no seat at all.
                lists = (eager.list(paths.collection(THINGS, namespace)) for _ in range(16))
                answers = await asyncio.gather(*lists, return_exceptions=True)
                return [answer for answer in answers if isinstance(answer, TooManyRequests)]

            told = await eventually("the rule is in force", rejections)
            assert {rejection.retry_after for rejection in told} == {1}
    finally:
        await client.delete(flow)
        await client.delete(level)


async def reject_all_requests_of(client: Client, namespace: str, account: str) -> tuple[str, str]:
    """By the API server's own priority and fairness: a level without a seat. Returns the paths of both objects."""
    flows = paths.Kind("flowcontrol.apiserver.k8s.io", "v1", "flowschemas")
    levels = paths.Kind("flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations")
    await client.create(
        paths.collection(levels),
        {
            "apiVersion": levels.api_version,
            "kind": "PriorityLevelConfiguration",
            "metadata": {"name": namespace},
            "spec": {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 0,
                    "lendablePercent": 0,
                    "borrowingLimitPercent": 0,
                    "limitResponse": {"type": "Reject"},
                },
            },
        },
    )
    subject = {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": account}}
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
    await client.create(
        paths.collection(flows),
        {
            "apiVersion": flows.api_version,
            "kind": "FlowSchema",
            "metadata": {"name": namespace},
            "spec": {
                "priorityLevelConfiguration": {"name": namespace},
                "matchingPrecedence": 100,
                "rules": [{"subjects": [subject], "resourceRules": [everything]}],
            },
        },
    )
    return paths.one(flows, namespace), paths.one(levels, namespace)


async def test_a_write_whose_answer_is_lost_has_an_unknown_outcome_and_may_have_happened(
    client: Client, control_plane: ControlPlane, thing: dict[str, Any], tmp_path: Path
) -> None:
    wire = Wire(control_plane.server)
    async with (
        wire.open() as url,
        Client(credentials.load(str(through(control_plane, url, tmp_path / "c")))) as cut_off,
    ):
        await cut_off.get(at(thing))
        wire.cut = True
        with pytest.raises(Unavailable, match="the connection broke before the answer") as lost:
            await cut_off.merge_patch(at(thing), guarded(thing, status={"word": "x"}), subresource="status")
        assert lost.value.outcome_unknown
        assert (await client.get(at(thing)))["status"] == {"word": "x"}


async def test_a_read_whose_answer_is_lost_has_no_outcome_to_wonder_about(
    control_plane: ControlPlane, thing: dict[str, Any], tmp_path: Path
) -> None:
    wire = Wire(control_plane.server)
    async with (
        wire.open() as url,
        Client(credentials.load(str(through(control_plane, url, tmp_path / "c")))) as cut_off,
    ):
        await cut_off.get(at(thing))
        wire.cut = True
        with pytest.raises(Unavailable) as lost:
            await cut_off.get(at(thing))
        assert not lost.value.outcome_unknown


async def test_a_delete_whose_answer_is_lost_has_an_unknown_outcome_although_it_is_sent_twice(
    client: Client, control_plane: ControlPlane, thing: dict[str, Any], tmp_path: Path
) -> None:
    wire = Wire(control_plane.server)
    async with (
        wire.open() as url,
        Client(credentials.load(str(through(control_plane, url, tmp_path / "c")))) as cut_off,
    ):
        await cut_off.get(at(thing))
        wire.cut = True  # the second try does not even get a connection
        with pytest.raises(Unavailable) as lost:
            await cut_off.delete(at(thing), uid=thing["metadata"]["uid"])
        assert lost.value.outcome_unknown
        with pytest.raises(NotFound):
            await client.get(at(thing))


async def test_a_write_that_is_not_answered_in_time_has_an_unknown_outcome(
    control_plane: ControlPlane, thing: dict[str, Any], tmp_path: Path
) -> None:
    wire = Wire(control_plane.server)
    async with (
        wire.open() as url,
        Client(credentials.load(str(through(control_plane, url, tmp_path / "c"))), write_timeout=0.5) as waiting,
    ):
        await waiting.get(at(thing))
        wire.mute = True
        with pytest.raises(Unavailable, match=r"PATCH /apis/tests.*: no answer within 0\.5 s") as lost:
            await waiting.merge_patch(at(thing), guarded(thing, status={"word": "x"}), subresource="status")
        assert lost.value.outcome_unknown


async def test_a_server_that_is_not_there_was_not_reached_and_the_sentence_says_who_was_meant(tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", {"token": "t"}, server="http://127.0.0.1:1")
    async with Client(credentials.load(str(config))) as client:
        with pytest.raises(Unavailable) as refused:
            await client.create("/api/v1/namespaces", {})
    assert not refused.value.outcome_unknown
    assert str(refused.value) == (
        f"the API server at http://127.0.0.1:1 (kubeconfig {config}, context ctx) can't be reached: connection refused"
    )


async def test_a_host_that_does_not_exist_is_said(tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", {"token": "t"}, server="https://nowhere.invalid")
    async with Client(credentials.load(str(config))) as client:
        with pytest.raises(Unavailable, match=r"nowhere\.invalid .* can't be reached: ") as refused:
            await client.get("/readyz")
    assert not refused.value.outcome_unknown


async def test_a_certificate_that_is_not_trusted_is_said(control_plane: ControlPlane, tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", {"token": control_plane.token}, server=control_plane.server)
    async with Client(credentials.load(str(config))) as client:
        with pytest.raises(Unavailable, match=r"a certificate that is not trusted: .*check certificate-authority"):
            await client.get_raw("/readyz")


async def test_the_certificate_is_not_checked_when_the_kubeconfig_says_so(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    cluster = {"server": control_plane.server, "insecure-skip-tls-verify": True}
    config = write_kubeconfig(tmp_path / "config", {"token": control_plane.token}, **cluster)
    async with Client(credentials.load(str(config))) as client:
        assert await client.get_raw("/readyz") == b"ok"


async def test_a_token_that_is_not_accepted_is_said_with_its_origin(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    ca = {"certificate-authority": str(control_plane.ca)}
    config = write_kubeconfig(tmp_path / "config", {"token": "no"}, server=control_plane.server, **ca)
    async with Client(credentials.load(str(config))) as client:
        with pytest.raises(
            Unauthorized, match=rf"does not accept the credentials \(kubeconfig {config}, context ctx\)"
        ):
            await client.list("/api/v1/pods")


async def test_a_token_that_was_replaced_is_read_again_when_the_server_rejects_the_old_one(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("expired\n")
    ca = {"certificate-authority": str(control_plane.ca)}
    config = write_kubeconfig(tmp_path / "config", {"tokenFile": str(token)}, server=control_plane.server, **ca)
    now = [0.0]
    known = credentials.load(str(config), clock=lambda: now[0])
    now[0] = 30
    token.write_text(control_plane.token + "\n")
    async with Client(known) as client:
        made = await client.create(paths.collection(THINGS, namespace), a_thing("a"))
    assert made["metadata"]["name"] == "a"


async def test_connections_are_kept_alive_and_their_number_is_limited(
    control_plane: ControlPlane, thing: dict[str, Any], tmp_path: Path
) -> None:
    wire = Wire(control_plane.server)
    async with (
        wire.open() as url,
        Client(credentials.load(str(through(control_plane, url, tmp_path / "c"))), connections=3) as client,
    ):
        await asyncio.gather(*(client.get(at(thing)) for _ in range(30)))
        assert wire.connections == 3
