"""How a Pool goes: after its holders, after its Resources."""

from __future__ import annotations

from lessor.core import actions as a
from tests.core.build import bound, held, hours, lease, pool, resource, words
from tests.core.world import World


def names_of(world: World, of: str = "aws") -> list[str]:
    return sorted(r.name for r in world.things(a.RESOURCE) if r.pool == of)


def test_a_pool_that_is_deleted_waits_for_its_holders_and_says_for_what() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(names=2), held("aws-1", of), resource("aws-2", state="busy"), of, lease("u2", accepted=True))
    world.run()
    world.delete(world.pool("aws"))
    world.run()
    world.later(10)
    world.run()
    assert names_of(world) == ["aws-1"]
    said = world.pool("aws").conditions
    assert (said["Ready"].status, said["Ready"].reason) == ("False", "Deleting")
    assert "aws-1 by lease ci/u1: wait, or kubectl delete rl -n ci u1" in said["Ready"].message
    assert (said["Drained"].status, said["Drained"].reason) == ("False", "InUse")
    assert world.reason("u2") == "PoolPaused"


def test_a_pool_that_is_deleted_goes_after_its_last_resource() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(names=2), held("aws-1", of), resource("aws-2"), of)
    world.delete(world.pool("aws"))
    world.run()
    world.delete(of)
    done = world.run()
    assert done[-1] == "UnprotectPool aws"
    assert world.things(a.POOL) == []
    assert world.things(a.RESOURCE) == []


def test_a_pool_without_resources_goes_at_once() -> None:
    world = World(pool(names=0))
    world.delete(world.pool("aws"))
    assert world.run()[-1] == "UnprotectPool aws"


def test_a_pool_that_is_deleted_waits_for_the_resources_that_are_being_made() -> None:
    world = World(pool())
    (make,) = world.decide()
    world.delete(world.pool("aws"))
    assert "UnprotectPool aws" not in [words(x) for x in world.decide()]
    world.answer(make)
    world.run()
    assert world.things(a.RESOURCE) == []
    assert world.things(a.POOL) == []


def test_a_pool_that_is_deleted_does_not_wait_for_what_is_made_for_another() -> None:
    world = World(pool("gcp"), pool("aws", names=0))
    assert "Create gcp-1 of gcp" in [words(x) for x in world.decide()]
    world.delete(world.pool("aws"))
    assert "UnprotectPool aws" in [words(x) for x in world.decide()]


def test_a_pool_whose_finalizer_somebody_else_shares_leaves_only_ours() -> None:
    world = World(pool(names=0, other_finalizers=("x.io/y",)))
    world.delete(world.pool("aws"))
    assert world.run().count("UnprotectPool aws") == 1
    assert not world.pool("aws").protected


def test_a_pool_that_this_version_does_not_understand_makes_and_changes_nothing() -> None:
    world = World(pool(names=2, unsupported=("spec.needs",)), resource("aws-1"), resource("aws-9"))
    assert [w for w in world.run() if w.startswith(("Create", "Delete", "Update"))] == []


def test_a_pool_that_this_version_does_not_understand_can_be_deleted() -> None:
    world = World(pool(unsupported=("spec.needs",)), resource("aws-1"))
    world.delete(world.pool("aws"))
    world.run()
    assert world.things(a.POOL) == []


def test_a_pool_removed_by_force_and_made_again_takes_its_resources_over() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(names=2), held("aws-1", of), resource("aws-2"), of)
    world.remove(world.pool("aws"))
    world.run()
    assert world.resource("aws-2").conditions["Ready"].reason == "PoolNotFound"
    world.create(pool(names=2, uid="again", created=0.0))
    world.create(lease("u2"))
    world.run()
    assert world.holder_of("aws-1") == "u1"
    assert world.has("u2") == ["aws-2"]


def test_an_unreadable_pool_changes_nothing_of_its_resources() -> None:
    world = World(pool(names=1), resource("aws-1"), resource("aws-9"))
    world.spoil(world.pool("aws"))
    assert [w for w in world.run() if "aws-9" in w] == []


def test_an_hour_of_nothing_is_an_hour_of_no_writes() -> None:
    world = World(pool(count=2), resource("aws-0"), resource("aws-1"), lease("u1"))
    world.run()
    world.later(60)
    world.run()
    world.delete(world.lease("u1"))  # a state that nobody is in any more
    world.run()
    world.later(60)
    world.run()
    world.later(hours(1))
    assert world.run() == []
