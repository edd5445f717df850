"""Operators that die, freeze and come back, one and two at a time: slower, never wrong."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from lessor.controller.main import DRAIN_S
from lessor.kube import paths
from lessor.kube.election import Timing
from tests.cluster import history
from tests.cluster.churn import Churn
from tests.cluster.history import condition_of, status_of
from tests.cluster.operators import SHORT, OperatorProcess, Operators
from tests.cluster.world import World
from tests.kube.wire import Wire, through

SLOW = Timing(duration=30.0, deadline=20.0, retry=0.3)  # so that a lease which ran out can't be why another leads


async def leading(*operators: OperatorProcess) -> None:
    """Waits until each of them leads, off the event loop: clients go on meanwhile."""
    for operator in operators:
        await asyncio.to_thread(operator.wait_leading)


async def standing_by(operator: OperatorProcess) -> None:
    await asyncio.to_thread(operator.wait_ready)
    assert not await asyncio.to_thread(lambda: operator.leads)


async def at_rest(world: World, *pools: str) -> None:
    """Nothing is held and nobody waits."""
    for pool in pools:
        await world.stocked(pool, len(world.resources_of(pool)))
    await world.recorder.history()  # each kind's watch is at the same moment after that
    assert history.at_rest(world.recorder.objects) == []
    assert not [key for key in world.recorder.objects if key[:2] == ("Lease", world.name)]


async def test_an_operator_that_is_killed_while_clients_churn_goes_on_where_it_was(
    world: World, operators: Operators
) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    operator = operators.start()
    few, many = await world.pool("few", count=2), await world.pool("many", count=5)
    await leading(operator)
    async with Churn(world, [few, many], seed=seed, clients=20, count_max=2).running() as churn:
        for _ in range(3):
            await churn.grants(chance.randint(1, 20))
            await asyncio.sleep(chance.uniform(0, 0.05))  # anywhere between two writes
            operator.kill()
            operator = operators.start()
        await churn.grants(10)
    await at_rest(world, few, many)


async def test_a_standby_is_ready_and_leads_when_the_leader_is_killed(world: World, operators: Operators) -> None:
    first = operators.start()
    await leading(first)
    second = operators.start()
    await standing_by(second)
    pool = await world.pool("p", count=1)
    await world.lease("a", pool)
    await world.ready("a")
    first.kill()
    killed_at = time.monotonic()
    await world.lease("b", pool, priority=1)
    await world.delete_lease("a")
    await world.ready("b")
    assert time.monotonic() - killed_at < SHORT.duration + 10  # the rest is for a busy machine
    assert second.leads


async def test_a_leader_that_is_terminated_hands_over_at_once(world: World, operators: Operators) -> None:
    first = operators.start(timing=SLOW)
    await leading(first)
    second = operators.start(timing=SLOW)
    await standing_by(second)
    pool = await world.pool("p", count=2)
    async with Churn(world, [pool], seed=1, clients=4).running() as churn:
        await churn.grants(10)
        assert await asyncio.to_thread(first.terminate) == 0
        ended_at = time.monotonic()
        await churn.grants(10)
        assert time.monotonic() - ended_at < SLOW.duration / 2
    assert second.leads
    await at_rest(world, pool)


async def test_a_lonely_operator_that_is_terminated_gives_its_leadership_back(
    world: World, operators: Operators
) -> None:
    operator = operators.start()
    await leading(operator)
    assert await asyncio.to_thread(operator.terminate) == 0
    election = await world.client.get(paths.one(paths.ELECTIONS, "lessor-operator", "lessor-system"))
    assert not election["spec"].get("holderIdentity")


async def test_a_leader_that_was_frozen_writes_nothing_wrong_when_it_wakes(world: World, operators: Operators) -> None:
    first = operators.start()
    await leading(first)
    second = operators.start()
    await standing_by(second)
    few, many = await world.pool("few", count=2), await world.pool("many", count=4)
    async with Churn(world, [few, many], seed=2, clients=12).running() as churn:
        await churn.grants(15)
        first.freeze()
        frozen_at = time.monotonic()
        await leading(second)
        await churn.grants(15)
        await asyncio.sleep(max(0.0, 5 * SHORT.duration - (time.monotonic() - frozen_at)))  # far behind what is
        first.thaw()
        await churn.grants(30)
        assert await asyncio.to_thread(lambda: second.leads)
        assert not await asyncio.to_thread(lambda: first.leads)
    await at_rest(world, few, many)
    second.kill()
    await leading(first)  # and it is of use again
    await world.lease("last", few)
    await world.ready("last")


async def test_operators_that_freeze_and_wake_in_turns_lend_nothing_twice(world: World, operators: Operators) -> None:
    """Each wakes with a ledger of the past and whatever it had on its way."""
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    pair = [operators.start(), operators.start()]
    pool = await world.pool("p", count=3)
    await asyncio.to_thread(pair[0].wait_ready)
    await asyncio.to_thread(pair[1].wait_ready)
    async with Churn(world, [pool], seed=seed, clients=10, count_max=2).running() as churn:
        for turn in range(3):
            await churn.grants(8)
            frozen = pair[turn % 2]
            frozen.freeze()
            await churn.grants(8)  # by the other, at once or when the leadership ran out
            frozen.thaw()
            await asyncio.sleep(chance.uniform(0, 0.3))
    await at_rest(world, pool)


async def test_two_operators_that_both_lead_lend_nothing_twice(world: World, operators: Operators) -> None:
    """Exclusive by compare-and-set, not by leadership: here each leads, in an election of its own."""
    pair = operators.start(), operators.start("--namespace", world.name)
    few, many = await world.pool("few", count=2), await world.pool("many", count=4)
    await leading(*pair)
    async with Churn(world, [few, many], seed=5, clients=12, count_max=2).running() as churn:
        await churn.grants(60)
    await at_rest(world, few, many)
    wrote = [
        await asyncio.to_thread(operator.metric, 'lessor_writes_total{action="Bind",result="ok"}') for operator in pair
    ]
    assert min(wrote) > 0


async def test_an_operator_that_gets_no_answers_for_a_while_loses_its_leadership_and_forgets_nothing(
    world: World, operators: Operators, tmp_path: Path
) -> None:
    """What it had on its way is given up with the leadership; it must not stay out of every decision after that."""
    wire = Wire(world.plane.server)
    async with wire.open() as server:
        kubeconfig = through(world.plane, server, tmp_path / "kubeconfig")
        operator = operators.start("--kubeconfig", str(kubeconfig))
        await leading(operator)
        pool = await world.pool("p", count=3)
        async with Churn(world, [pool], seed=4, clients=8, count_max=2).running() as churn:
            for _ in range(20):  # until it is caught in the middle of a write
                await churn.grants(1)
                wire.mute = True
                if await asyncio.to_thread(operator.metric, "lessor_writes_in_flight"):
                    break
                wire.mute = False
            await asyncio.to_thread(operator.wait_not_leading)
            await asyncio.sleep(DRAIN_S + 0.5)
            wire.mute = False
            await churn.grants(20)
        await at_rest(world, pool)


async def test_what_happens_while_no_operator_runs_is_made_up_for_at_the_next_start(
    world: World, operators: Operators
) -> None:
    operator = operators.start()
    await leading(operator)
    pool = await world.pool("p", count=4, lease={"releaseStates": ["free"], "onLoss": "lost"})
    await world.stocked(pool, 4)
    for lease in ("kept", "deleted", "released"):
        await world.lease(lease, pool)
    kept, deleted, released = [(await world.ready(lease))[0] for lease in ("kept", "deleted", "released")]
    operator.kill()
    await world.delete_lease("deleted")
    await world.patch_lease("released", {"spec": {"release": [{"name": "*"}]}})
    await world.lease("new", pool, count=2)
    operators.start()
    await world.is_in_state(deleted, "lost")  # its wish went with it: nobody saw it
    assert released in await world.ready("new")
    assert condition_of(await world.read_lease("kept"), "Ready") == "True"
    assert status_of(await world.read_resource(kept))["holder"]["name"] == "kept"
    ended = status_of(await world.read_resource(deleted))["lastHolders"][0]
    assert (ended["name"], ended["ended"]) == ("deleted", "Lost")


async def test_the_api_server_restarted_under_load_is_a_pause_and_nothing_else(
    world: World, operators: Operators
) -> None:
    if not world.plane.started_here:
        pytest.skip("the API server is not ours to restart")
    operator = operators.start(timing=Timing())
    await leading(operator)
    few, many = await world.pool("few", count=2), await world.pool("many", count=4)
    async with Churn(world, [few, many], seed=3, clients=10, count_max=2).running() as churn:
        await churn.grants(15)
        await asyncio.to_thread(world.plane.restart_apiserver)
        await churn.grants(30)
    await at_rest(world, few, many)
    assert await asyncio.to_thread(lambda: operator.leads)
