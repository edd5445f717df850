"""Whatever the API server takes ends granted, waiting with a reason, or finished with one; and it goes away again.

In `make test` the scenes are few and always the same. For a long search of new ones:

    LESSOR_FUZZ_EXAMPLES=500 .venv/bin/python -m pytest tests/cluster/test_fuzz.py --timeout=0 -n 0

A failure names what is wrong and prints the objects as YAML; nothing is shortened, since a scene takes seconds.
"""

from __future__ import annotations

import contextlib
import json
import os

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import ValidationError

from lessor.api.models import MODELS
from lessor.api.names import API_VERSION
from lessor.kube import paths
from lessor.kube.errors import Invalid, NotFound
from tests.cluster.drawn import HOLDERS, Asked, Scene, named, scenes
from tests.cluster.history import Json, status_of
from tests.cluster.judged import looked_at, over_limit, settled, unjust
from tests.cluster.operators import OperatorProcess
from tests.cluster.pods import becomes, pod
from tests.cluster.world import World

CONFIG_MAPS = paths.Kind("", "v1", "configmaps", True)
MODEL = {model.__name__: model for model in MODELS}
EXAMPLES = int(os.environ.get("LESSOR_FUZZ_EXAMPLES", "0"))


@pytest.fixture
async def holders(world: World) -> None:
    """What the Leases of the scenes may name as their holder."""
    for name in HOLDERS[:2]:
        await pod(world, name)
        await world.client.create(paths.collection(CONFIG_MAPS, world.name), {"metadata": {"name": name}})
    await becomes(world, "Succeeded", HOLDERS[1])


@pytest.mark.usefixtures("holders")
@given(scene=scenes())
@settings(
    max_examples=EXAMPLES or 8,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
async def test_whatever_is_taken_is_granted_or_told_why_not_and_goes_away(
    world: World, operator: OperatorProcess, scene: Scene
) -> None:
    said_before = len(operator.text)
    objects: list[Json] = []
    try:
        await _live(world, scene, objects)
        _was_calm(operator.text[said_before:])
    except BaseException as e:
        e.add_note("What was sent:\n" + yaml.safe_dump_all(objects, sort_keys=False))
        raise


async def _live(world: World, scene: Scene, sent: list[Json]) -> None:
    pools: list[str] = []
    for name, spec in scene.pools.items():
        if await _taken(world, _object(world, "Pool", {"metadata": {"name": name}, "spec": spec}), sent):
            pools.append(named(name, world.name, world.name))
    leases: dict[str, Asked] = {}
    for number, asked in enumerate(scene.leases):
        name = f"l{number}"
        body = {**asked.body, "metadata": {**asked.body["metadata"], "name": name}}
        if await _taken(world, _object(world, "Lease", body), sent):
            leases[name] = asked
    await _settle(world, pools, leases)
    seen = {name: world.seen_pool(name) for name in pools}
    resources = {key[2]: body for key, body in world.recorder.objects.items() if key[0] == "Resource"}
    wrong = [
        sentence
        for name in leases
        if status_of(lease := world.seen_lease(name)).get("state") == "Bound"
        for sentence in unjust(lease, seen, resources)
    ]
    assert wrong + list(over_limit((world.seen_lease(name) for name in leases), seen)) == []
    await _go_on(world, scene, pools, leases, sent)
    await _settle(world, pools, [name for name, asked in leases.items() if asked.later is not None])
    await _end(world, scene, pools, list(leases))
    await world.pool("plain", count=1)
    await world.lease("plain", world.named("plain"))
    await world.ready("plain", seconds=5)
    await _end(world, scene, [world.named("plain")], ["plain"])


def _object(world: World, kind: str, body: Json) -> Json:
    return named({"apiVersion": API_VERSION, "kind": kind, **body}, world.name, world.name)


async def _taken(world: World, body: Json, sent: list[Json]) -> bool:
    """Creates it. Refused, it is in a sentence; and the models judge as the API server does."""
    sent.append(body)
    kind = paths.POOLS if body["kind"] == "Pool" else paths.LEASES
    try:
        await world.client.create(paths.collection(kind, world.name if kind.namespaced else ""), body)
        refused = ""
    except Invalid as e:
        refused = e.message
        assert refused
    if "null" not in json.dumps(body):  # which the API server drops, and a file has none
        said = _models_say(body)
        assert bool(said) == bool(refused), f"{body}\nAPI server: {refused or 'taken'}\nmodels: {said or 'taken'}"
    return not refused


def _models_say(body: Json) -> str:
    try:
        MODEL[body["kind"]].model_validate(body)
    except ValidationError as e:
        return str(e)
    return ""


async def _settle(world: World, pools: list[str], leases: dict[str, Asked] | list[str]) -> None:
    for name in pools:
        await world.recorder.until(f"pool {name} was looked at", lambda name=name: looked_at(world.seen_pool(name)))  # type: ignore[misc]
    for name in leases:
        await world.recorder.until(
            f"lease {name} is granted, waits for a reason, or is finished or gone for one",
            lambda name=name: (
                ("Lease", world.name, name) not in world.recorder.objects  # type: ignore[misc]
                or settled(world.seen_lease(name))
            ),
        )


async def _go_on(world: World, scene: Scene, pools: list[str], leases: dict[str, Asked], sent: list[Json]) -> None:
    """Pools are edited; Leases are renewed, released or deleted."""
    for name, spec in named(scene.edits, world.name, world.name).items():
        if name in pools:
            path = paths.one(paths.POOLS, name)
            now = await world.client.get(path)
            await _put(
                world, path, {"apiVersion": API_VERSION, "kind": "Pool", "metadata": now["metadata"]}, spec, sent
            )
    for name, asked in leases.items():
        path = paths.one(paths.LEASES, name, world.name)
        with contextlib.suppress(NotFound, Invalid):  # it may be gone; what was released stays so
            if asked.later is None:
                await world.client.delete(path)
            elif asked.later:
                await world.client.merge_patch(path, {"spec": named(asked.later, world.name, world.name)})


async def _put(world: World, path: str, head: Json, spec: Json, sent: list[Json]) -> None:
    """Replaces a spec as a whole, if the API server takes it."""
    sent.append({"kind": head["kind"], "metadata": {"name": head["metadata"]["name"]}, "spec": spec})
    fields = (await world.client.get(path))["spec"]
    with contextlib.suppress(Invalid):
        await world.client.merge_patch(path, {"spec": {**dict.fromkeys(fields), **_replaced(fields, spec)}})


def _replaced(old: Json, new: Json) -> Json:
    """A merge patch that makes `new` of `old`."""
    out: Json = {key: None for key in old if key not in new}
    for key, value in new.items():
        known = old.get(key)
        out[key] = _replaced(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return out


async def _end(world: World, scene: Scene, pools: list[str], leases: list[str]) -> None:
    """Everything is deleted, and goes."""
    doomed = [paths.one(paths.POOLS, name) for name in pools]
    ours = [paths.one(paths.LEASES, name, world.name) for name in leases]
    for path in doomed + ours if scene.pools_go_first else ours + doomed:
        with contextlib.suppress(NotFound):
            await world.client.delete(path)
    for name in leases:
        await world.gone("Lease", name)
    for name in pools:
        await world.stocked(name, 0)
        await world.gone("Pool", name)


def _was_calm(log: str) -> None:
    """No traceback, and no error but that the API server refuses a Resource that a Pool asks for: the Pool says so."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    bad = [line for line in lines if line["level"] in ("error", "critical") or "error" in line]
    assert [line["msg"] for line in bad if not line["msg"].startswith("CreateResource was refused")] == []
