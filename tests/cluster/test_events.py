"""Events on Leases and on their holders' pods, and places in the line, on real objects."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.cluster.history import Json, status_of
from tests.cluster.pods import becomes, pod
from tests.cluster.world import World
from tests.kube.wire import eventually

pytestmark = pytest.mark.usefixtures("operator")


def events(world: World, kind: str, name: str) -> list[Json]:
    selector = f"involvedObject.kind={kind},involvedObject.name={name}"
    found = world.plane.kubectl("get", "events", "-n", world.name, "--field-selector", selector, "-o", "json").stdout
    items: list[Json] = json.loads(found)["items"]
    return [event for event in items if event["source"].get("component") == "lessor"]


async def told(world: World, kind: str, name: str, reason: str, seconds: float = 20) -> Json:
    """Waits until an Event about that object has that reason; the Event."""

    async def found() -> bool:
        return any(event["reason"] == reason for event in await asyncio.to_thread(events, world, kind, name))

    await eventually(f"an event {reason} on {kind} {name}", found, seconds)
    return next(event for event in events(world, kind, name) if event["reason"] == reason)


async def test_who_waits_for_more_than_ten_seconds_is_told_by_events_on_the_lease_and_on_its_pod(world: World) -> None:
    """Waits ten seconds: the API server alone sets a creationTimestamp."""
    pool = await world.pool("p", count=1)
    await world.stocked(pool, 1)
    await world.lease("holds", pool)
    await world.ready("holds")
    uid = await pod(world)
    await world.lease("a", pool, holder={"pod": {"name": "p"}})
    await world.waits("a", "WaitingForCapacity")
    event = await told(world, "Lease", "a", "WaitingForCapacity", 30)
    assert event["type"] == "Normal"
    assert event["message"] == f"waits for resources: pool {pool} has too few free resources"
    assert event["involvedObject"]["uid"] == world.seen_lease("a")["metadata"]["uid"]
    event = await told(world, "Pod", "p", "WaitingForCapacity")
    assert event["involvedObject"]["uid"] == uid
    described = world.plane.kubectl("describe", "pod", "-n", world.name, "p").stdout
    assert f"lease a waits for resources: pool {pool} has too few free resources" in described
    await world.delete_lease("holds")
    await world.ready("a")
    event = await told(world, "Pod", "p", "Bound")
    assert f"lease a has {pool}-0 after a wait of" in event["message"]
    assert events(world, "Lease", "holds") == []  # it got at once what it wanted


async def test_a_bad_end_is_a_warning_on_the_lease_and_on_its_pod(world: World) -> None:
    pool = await world.pool("p", count=1)
    await pod(world)
    await world.lease("a", pool, holder={"pod": {"name": "p"}})
    await world.ready("a")
    await world.says("Lease", "a", "HolderAlive", "PodRunning")
    await becomes(world, "Failed")
    for kind, name in (("Lease", "a"), ("Pod", "p")):
        event = await told(world, kind, name, "HolderEnded")
        assert event["type"] == "Warning"
        assert "has failed" in event["message"]


async def test_the_places_in_the_line_stand_in_the_leases(world: World) -> None:
    pool = await world.pool("p", count=1)
    await world.stocked(pool, 1)
    await world.lease("holds", pool)
    await world.ready("holds")

    def place(name: str) -> Json:
        queue: Json = status_of(world.seen_lease(name)).get("queue", {})
        return {key: queue[key] for key in ("position", "of", "blockedBy") if key in queue}

    for name in ("a", "b", "c"):
        await world.lease(name, pool)
    # Of those that came in one second the uid decides.
    made = [(await world.read_lease(name))["metadata"] for name in ("a", "b", "c")]
    line = [meta["name"] for meta in sorted(made, key=lambda meta: (meta["creationTimestamp"], meta["uid"]))]

    def stand(*names: str) -> bool:
        return [place(name).get("position") for name in names] == list(range(1, len(names) + 1))

    await world.recorder.until("all know their places", lambda: stand(*line), 30)
    await world.delete_lease("holds")
    await world.ready(line[0])
    await world.recorder.until("each has moved up", lambda: stand(*line[1:]), 40)
    assert place(line[1]) == {"position": 1, "of": 2, "blockedBy": f"pool {pool}"}
    assert place(line[2]) == {"position": 2, "of": 2, "blockedBy": f"lease {line[1]}"}
