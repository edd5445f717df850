"""What people get wrong: a sentence from the API server or on the object, and the operator lends on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
import yaml

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.errors import KubeError
from tests.cluster.history import condition_of, status_of
from tests.cluster.operators import Operators
from tests.cluster.world import World
from tests.kube.wire import eventually
from tests.local.control_plane import CRDS

Json = dict[str, Any]


def lease(**spec: Any) -> Json:
    return {"kind": "Lease", "spec": {"requests": [{"pool": "some"}]} | spec}


def pool(**resources: Any) -> Json:
    return {"kind": "Pool", "spec": {"resources": resources}}


# What is sent, and a part of what kubectl prints.
REFUSED: dict[str, tuple[Json, str]] = {
    "count-0": (lease(requests=[{"pool": "some", "count": 0}]), "should be greater than or equal to 1"),
    "count-negative": (lease(requests=[{"pool": "some", "count": -1}]), "should be greater than or equal to 1"),
    "seventeen": (lease(requests=[{"name": f"r{n}", "pool": "some"} for n in range(17)]), "must have at most 16 items"),
    "one-name-twice": (lease(requests=[{"pool": "some"}, {"pool": "other"}]), "Duplicate value"),
    "pool-of-254": (lease(requests=[{"pool": "p" * 254}]), "may not be more than 253"),
    "duration-20": (lease(renewWithin="20"), "spec.renewWithin"),
    "duration-1d": (lease(maxDuration="1d"), "spec.maxDuration"),
    "duration-woooo": (lease(waitTimeout="woooo"), "spec.waitTimeout"),
    "unknown-field": (lease(colour="red"), 'unknown field "spec.colour"'),
    "unknown-field-within": (lease(holder={"nmae": "me"}), 'unknown field "spec.holder.nmae"'),
    "no-requests": (lease(requests=[]), "at least 1 items"),
    "pool-unknown-field": (pool(count=1) | {"spce": {}}, 'unknown field "spce"'),
    "pool-two-sources": (pool(count=1, names=["a"]), "exactly one of"),
    "pool-no-source": (pool(), "exactly one of"),
    "pool-names-twice": (pool(names=["a", "a"]), "Duplicate value"),
    "pool-items-twice": (pool(items=[{"name": "a"}, {"name": "a"}]), "Duplicate value"),
    "pool-name-of-254": (pool(names=["n" * 254]), "may not be more than 253"),
    "pool-count-negative": (pool(count=-1), "should be greater than or equal to 0"),
}


@pytest.mark.usefixtures("operator")
async def test_what_the_api_server_refuses_is_refused_in_a_sentence_and_the_operator_lends_on(world: World) -> None:
    """All by one kubectl: it says something about each, in turn."""
    wrong = []
    for name, (body, _) in REFUSED.items():
        meta = {"name": name, "namespace": world.name} if body["kind"] == "Lease" else {"name": world.named(name)}
        wrong.append({"apiVersion": "lessor.dev/v1alpha1", "metadata": meta} | body)
    done = world.plane.kubectl("create", "-f", "-", input=yaml.safe_dump_all(wrong), check=False)
    said = [text for text in done.stderr.replace("\nError", "\0Error").split("\0") if text]
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(said) == len(REFUSED)
    for text, (what, (_, sentence)) in zip(said, REFUSED.items(), strict=True):
        assert sentence in text, f"{what}: {text}"
    await world.pool("p", count=1)
    await world.lease("good", world.named("p"))
    await world.ready("good")


@pytest.mark.usefixtures("operator")
async def test_a_lease_for_a_pool_that_was_misspelt_says_which_pool_it_misses(world: World) -> None:
    await world.pool("aws", count=1)
    await world.lease("a", world.named("asw"))
    message = await world.says("Lease", "a", "Bound", "PoolNotFound")
    assert world.named("asw") in message


# -- objects that got past an older schema


@contextlib.asynccontextmanager
async def anything_goes(client: Client, plural: str) -> AsyncIterator[None]:
    """Meanwhile the API server takes any object of a kind, as if an older version of the CRD had let it in."""
    strict = yaml.safe_load((CRDS / f"lessor.dev_{plural}.yaml").read_text())
    version = strict["spec"]["versions"][0]
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    relaxed = strict["spec"] | {"versions": [version | {"schema": {"openAPIV3Schema": loose}}]}
    path = paths.one(paths.CRDS, strict["metadata"]["name"])
    await client.merge_patch(path, {"spec": relaxed})
    try:
        yield
    finally:
        await client.merge_patch(path, {"spec": strict["spec"]})


LEASE_NONSENSE: dict[str, Any] = {
    "no-spec": {},
    "no-requests": {"spec": {"requests": None}},
    "requests-word": {"spec": {"requests": "three of them"}},
    "requests-numbers": {"spec": {"requests": [1, 2]}},
    "priority-word": {"spec": {"requests": [{"pool": "POOL"}], "priority": "high"}},
    "count-word": {"spec": {"requests": [{"pool": "POOL", "count": "two"}]}},
    "pool-number": {"spec": {"requests": [{"pool": 7}]}},
    "holder-word": {"spec": {"requests": [{"pool": "POOL"}], "holder": "me"}},
    "release-word": {"spec": {"requests": [{"pool": "POOL"}], "release": "all"}},
    "duration": {"spec": {"requests": [{"pool": "POOL"}], "ttlAfterFinished": "woooo"}},
    "status-at-creation": {"spec": {"requests": [{"pool": "POOL"}]}, "status": {"state": "Odd"}},
}


@pytest.mark.usefixtures("operator")
async def test_a_lease_that_cannot_be_read_says_so_itself_and_harms_no_other(world: World) -> None:
    p = await world.pool("p", count=3)
    await world.stocked(p, 3)
    await world.lease("before", p)
    await world.ready("before")
    where = paths.collection(paths.LEASES, world.name)
    bodies = json.loads(json.dumps(LEASE_NONSENSE).replace("POOL", p))
    head = {"apiVersion": "lessor.dev/v1alpha1", "kind": "Lease"}
    async with anything_goes(world.client, "leases"):
        for name, body in bodies.items():
            await created(world.client, where, head | {"metadata": {"name": name}} | body)
    wrong = head | {"metadata": {"name": "again", "namespace": world.name}} | bodies["priority-word"]
    await eventually("the CRD is as strict as before", lambda: refused(world, wrong))
    await world.lease("after", p)
    await world.ready("after")
    for name in bodies:
        if name != "status-at-creation":
            message = await world.says("Lease", name, "Accepted", "Unreadable")
            assert message.startswith("this version of lessor can't read it: ")
    await world.ready("status-at-creation")  # the API server drops that status, and the rest is a good lease
    assert condition_of(await world.read_lease("before"), "Ready") == "True"
    for name in bodies:
        await world.delete_lease(name)
        await world.gone("Lease", name)


async def test_leases_of_which_the_api_server_takes_no_status_are_told_of_by_events_and_hold_up_nobody(
    world: World, operators: Operators
) -> None:
    """They were there before the operator: the strict schema judges again when it speaks up, and judges them whole."""
    p = await world.pool("p", count=1)
    where = paths.collection(paths.LEASES, world.name)
    wrong: Json = {"apiVersion": "lessor.dev/v1alpha1", "kind": "Lease"}
    wrong["spec"] = {"requests": [{"pool": p, "count": "two"}]}
    async with anything_goes(world.client, "leases"):
        for number in range(8):
            await created(world.client, where, wrong | {"metadata": {"name": f"wrong-{number}"}})
    again = wrong | {"metadata": {"name": "again", "namespace": world.name}}
    await eventually("the CRD is as strict as before", lambda: refused(world, again))
    operators.start("--writes-in-flight", "1")
    await world.lease("good", p)
    await world.ready("good")

    async def told() -> bool:
        events, _ = await world.client.list(paths.collection(paths.EVENTS, world.name))
        return {event["involvedObject"]["name"] for event in events} == {f"wrong-{number}" for number in range(8)}

    await eventually("each has an event", told)
    described = world.plane.kubectl("describe", "rl", "-n", world.name, "wrong-3").stdout
    assert "Unreadable" in described
    assert 'spec.requests[0].count is "two", not a whole number' in described


@pytest.mark.usefixtures("operator")
async def test_a_resource_that_cannot_be_read_says_so_itself_and_is_not_lent(world: World) -> None:
    p = await world.pool("p", names=["x", "y"])
    x, y = world.named("x"), world.named("y")
    await world.stocked(p, 2)
    where = paths.one(paths.RESOURCES, x)
    async with anything_goes(world.client, "resources"):
        nonsense = {"status": {"since": "yesterday"}}
        await eventually("x is spoilt", lambda: taken(world.client.merge_patch(where, nonsense, subresource="status")))
        await world.lease("a", p)
        await world.lease("b", p)
        await world.recorder.until("one has y", lambda: status_of(world.seen_resource(y)).get("holder"))
        message = await world.says("Resource", x, "Ready", "Unreadable")
        assert message.startswith("this version of lessor can't read it: ")
        assert "holder" not in status_of(await world.read_resource(x))
        mended = {"status": {"since": "2026-01-01T00:00:00Z"}}
        await world.client.merge_patch(where, mended, subresource="status")
        await world.ready("a", "b")


# A changed CRD is served a moment after it was changed.


async def created(client: Client, where: str, body: Json) -> None:
    await eventually(f"{body['metadata']['name']} is taken", lambda: taken(client.create(where, body, strict=False)))


async def refused(world: World, body: Json) -> bool:
    create = ("create", "--dry-run=server", "--validate=false", "-f", "-")
    return world.plane.kubectl(*create, input=json.dumps(body), check=False).returncode == 1


async def taken(call: Awaitable[Json]) -> bool:
    """Whether the API server takes what it is sent."""
    try:
        await call
    except KubeError:
        return False
    return True


@pytest.mark.usefixtures("operator")
async def test_a_pool_whose_resources_the_api_server_refuses_says_which_and_why_until_it_is_mended(
    world: World,
) -> None:
    # $(NAME) makes a label value of it that is too long; the Pool alone can't be judged for that.
    long = "n" * 60
    name = await world.pool("p", resources={"names": [long]}, template={"labels": {"of": "account-$(NAME)"}})

    def says(reason: str) -> str:
        """Its message, if its Ready has this reason."""
        told = status_of(world.seen_pool(name)).get("conditions", ())
        return next((c["message"] for c in told if c["type"] == "Ready" and c["reason"] == reason), "")

    message = await world.recorder.until("the pool says it", lambda: says("ResourceRefused"))
    assert long in message
    assert "63" in message
    await world.patch_pool(name, template={"labels": {"of": "account"}})
    await world.recorder.until("it is mended", lambda: says("Ready"))
    await world.stocked(name, 1)
