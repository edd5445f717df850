"""Holders that an operator's watch is behind of."""

from __future__ import annotations

from .invariants import is_bound
from .people import lease_of
from .sim_operator import Operator
from .tracing import ONE, rest_and_check, trace
from .world import World

BY_NAME = {**ONE, "holder": {"pod": {"name": "p0"}}}
BY_UID = {**ONE, "holder": {"pod": {"name": "p0", "uid": ""}}}  # that of the pod as it is then


def a_pod_made_anew(world: World) -> tuple[Operator, list[str]]:
    """An operator watches pods; p0 is stopped and started again, and it has heard nothing of that."""
    world.timed = True
    world.people.make_pool("a", {"resources": {"count": 3}})
    op = world.operator("A")
    world.people.start_pod("p0")
    world.people.start_pod("p1")
    world.people.hold("other", {**ONE, "holder": {"pod": {"name": "p1"}}})
    world.rest()
    world.people.forget_pod("p0")
    world.people.start_pod("p0")
    return op, ["Lease", "Resource", "Pool"]


def work_without_pods(world: World, op: Operator, kinds: list[str]) -> None:
    for _ in range(6):
        for key in [key for key in op.waiting_events() if key[0] in kinds]:
            world.see(op, key)
        op.answer_all()
        world.decide(op)
    op.answer_all()


@trace
def a_pod_of_which_the_watch_has_not_heard_yet_is_not_gone(world: World) -> None:
    op, kinds = a_pod_made_anew(world)
    world.people.hold("l0", BY_UID)
    work_without_pods(world, op, kinds)
    world.see(op, ("Pod", "ci", "p0"))  # the finalizer is taken off
    world.see(op, ("Pod", "ci", "p0"))  # the old one is deleted
    work_without_pods(world, op, kinds)
    rest_and_check(world)
    assert is_bound(lease_of(world.server, "l0"))


@trace
def the_pod_of_before_that_the_watch_still_shows_is_not_taken_for_the_holder(world: World) -> None:
    op, kinds = a_pod_made_anew(world)
    world.people.hold("l0", BY_NAME)
    work_without_pods(world, op, kinds)
    rest_and_check(world)
    lease = lease_of(world.server, "l0")
    assert is_bound(lease)
    assert lease["status"]["holderUID"] == world.server.objects["Pod", "ci", "p0"]["metadata"]["uid"]
