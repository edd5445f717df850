"""A Pool's Resources: made, changed and deleted as its spec says, held ones never taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessor.core import actions as a
from lessor.core.model import Item, Pool
from tests.core.build import blank, bound, held, lease, pool, resource
from tests.core.world import World


def names_of(world: World, of: str = "aws") -> list[str]:
    return sorted(r.name for r in world.things(a.RESOURCE) if r.pool == of)


def resize(world: World, of: Pool, *names: str) -> None:
    world.change(of, items={n: Item(n) for n in names})


# -- making


def test_a_pools_resources_are_made_as_its_spec_says() -> None:
    item = Item("aws-1", labels={"zone": "a"}, attributes={"region": "x"}, credentials_secret="s")
    world = World(pool(items={"aws-1": item}))
    world.run()
    made = world.resource("aws-1")
    assert (made.pool, made.labels, made.attributes, made.credentials_secret) == (
        "aws",
        {"zone": "a"},
        {"region": "x"},
        "s",
    )
    assert made.protected
    assert made.state == "free"


def test_the_pool_is_protected_before_its_first_resource_is_made() -> None:
    world = World(pool(protected=False))
    done = world.run()
    assert done[0] == "ProtectPool aws"
    assert done.index("ProtectPool aws") < done.index("Create aws-1 of aws")


def test_ordinals_are_reserved_before_they_are_made() -> None:
    world = World(pool(count=3, next_ordinal=0))
    done = world.run()
    assert done[0] == "ReserveOrdinals aws"
    assert world.pool("aws").next_ordinal == 3
    assert names_of(world) == ["aws-0", "aws-1", "aws-2"]


def test_a_reservation_that_met_a_conflict_makes_nothing() -> None:
    world = World(pool(count=2, next_ordinal=0))
    (reserve,) = world.decide()
    world.change(world.pool("aws"), seen=False, next_ordinal=2, generation=1)  # another operator was first
    world.answer(reserve)
    made = [x for x in world.decide() if isinstance(x, a.CreateResource)]
    assert [x.fresh for x in made] == [False, False]


def test_a_pool_grows() -> None:
    world = World(pool(count=1), resource("aws-0"))
    resize(world, world.pool("aws"), "aws-0", "aws-1", "aws-2")
    world.run()
    assert names_of(world) == ["aws-0", "aws-1", "aws-2"]
    assert world.pool("aws").next_ordinal == 3


def test_a_pool_that_shrank_and_grew_again_reserves_nothing_twice() -> None:
    world = World(pool(count=2), resource("aws-0"), resource("aws-1"))
    resize(world, world.pool("aws"), "aws-0")
    world.run()
    resize(world, world.pool("aws"), "aws-0", "aws-1")
    world.run()
    assert names_of(world) == ["aws-0", "aws-1"]
    assert "ReserveOrdinals aws" not in world.writes()


def test_a_resource_that_was_deleted_is_made_again_when_it_is_gone() -> None:
    world = World(pool(), resource("aws-1"))
    world.delete(world.resource("aws-1"))
    done = world.run()
    assert done.index("DropFinalizer aws-1") < done.index("Create aws-1 of aws")


def test_a_name_that_somebody_else_made_first_is_taken_as_it_is() -> None:
    world = World(pool())
    (make,) = world.decide()
    mine = replace(blank("aws-1", uid="made by another operator"), version=world.version + 1)
    world.version += 1
    world.truth[a.resource_key("aws-1")] = mine
    world.answer(make)
    world.run()
    assert world.resource("aws-1").uid == "made by another operator"
    assert world.resource("aws-1").state == "free"


# -- changing


@pytest.mark.parametrize(
    "item",
    [
        Item("aws-1", attributes={"region": "y"}),
        Item("aws-1", labels={"zone": "b"}),
        Item("aws-1", credentials_secret="other"),
    ],
)
def test_what_the_pool_says_now_is_written_to_its_resources(item: Item) -> None:
    world = World(pool(), resource("aws-1", labels={"mine": "stays"}))
    world.change(world.pool("aws"), items={"aws-1": item})
    assert "UpdateResource aws-1" in world.run()
    now = world.resource("aws-1")
    assert (now.attributes, now.credentials_secret) == (item.attributes, item.credentials_secret)
    assert now.labels == {"mine": "stays", **item.labels}


def test_a_held_resource_is_changed_and_stays_held() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.change(world.pool("aws"), items={"aws-1": Item("aws-1", attributes={"region": "y"})})
    world.run()
    assert world.resource("aws-1").attributes == {"region": "y"}
    assert world.holder_of("aws-1") == "u1"


def test_what_a_person_edits_goes_back_to_what_the_pool_says() -> None:
    world = World(pool(), resource("aws-1"))
    world.run()
    world.change(world.resource("aws-1"), attributes={"edited": "by hand"})
    world.run()
    assert world.resource("aws-1").attributes == {}


def test_a_change_that_is_no_change_is_not_written() -> None:
    world = World(pool(), resource("aws-1"))
    world.run()
    world.later(60)
    world.change(world.pool("aws"))
    assert not [w for w in world.run() if "aws-1" in w]


# -- deleting


def test_a_pool_shrinks_by_what_nobody_holds() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2"))
    resize(world, world.pool("aws"), "aws-1")
    world.run()
    assert names_of(world) == ["aws-1"]


def test_a_held_resource_goes_when_its_holder_has_ended() -> None:
    of = bound("u1", "aws-2")
    world = World(pool(names=2), resource("aws-1"), held("aws-2", of), of)
    resize(world, world.pool("aws"), "aws-1")
    world.run()
    assert world.holder_of("aws-2") == "u1"
    assert world.resource("aws-2").deleting
    world.delete(of)
    world.run()
    assert names_of(world) == ["aws-1"]


def test_a_resource_that_was_being_written_while_its_pool_shrank_goes_too() -> None:
    world = World(pool(names=2), resource("aws-1", state="busy"), resource("aws-2"), lease("u1"))
    (claim,) = (x for x in world.decide() if isinstance(x, a.Claim))
    resize(world, world.pool("aws"), "aws-1")
    world.answer(*world.decide())
    world.answer(claim)
    world.run()
    assert world.resource("aws-2").deleting


def test_a_resource_that_was_being_freed_while_its_pool_changed_is_changed_too() -> None:
    of = bound("u1", "aws-1", release={"*": None})
    world = World(pool(), held("aws-1", of), of)
    world.answer(*world.decide())
    (free,) = (x for x in world.decide() if isinstance(x, a.Free))
    world.change(world.pool("aws"), items={"aws-1": Item("aws-1", attributes={"region": "y"})})
    world.answer(*world.decide())
    world.answer(free)
    world.run()
    assert world.resource("aws-1").attributes == {"region": "y"}


def test_an_unreadable_resource_of_a_pool_that_shrank_goes_when_it_is_readable() -> None:
    world = World(pool(names=2), resource("aws-1"), resource("aws-2"))
    world.run()
    world.spoil(world.resource("aws-2"))
    resize(world, world.pool("aws"), "aws-1")
    world.run()
    assert world.there("aws-2")
    world.change(world.resource("aws-2"))
    world.run()
    assert not world.there("aws-2")


# -- made by hand


def test_a_resource_made_by_hand_under_a_name_of_the_pool_is_protected_and_initialised() -> None:
    world = World(pool(), blank("aws-1", protected=False))
    done = world.run()
    assert done.index("UpdateResource aws-1") < done.index("Initialise aws-1 as free")
    assert world.resource("aws-1").protected


def test_a_resource_made_by_hand_that_the_pool_does_not_have_is_deleted() -> None:
    world = World(pool(), resource("aws-1"), blank("aws-9", protected=False))
    world.run()
    assert names_of(world) == ["aws-1"]


def test_a_finalizer_taken_off_by_hand_is_put_back() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), of)
    world.run()
    world.change(world.resource("aws-1"), protected=False)
    world.run()
    assert world.resource("aws-1").protected


def test_a_resource_without_a_pool_is_left_alone_and_says_so() -> None:
    world = World(resource("aws-1"), lease("u1", accepted=True))
    world.run()
    said = world.resource("aws-1").conditions["Ready"]
    assert (said.status, said.reason) == ("False", "PoolNotFound")
    assert "create the pool, or delete this resource" in said.message
    assert world.holder_of("aws-1") is None


def test_a_resource_says_so_no_more_once_its_pool_is_there() -> None:
    world = World(resource("aws-1"))
    world.run()
    world.create(pool())
    world.run()
    assert world.resource("aws-1").conditions == {}


# -- names that two pools claim


def test_a_name_that_two_pools_claim_belongs_to_the_older() -> None:
    world = World(pool("old", names=["x"], created=1.0), pool("new", names=["x", "y"], created=2.0))
    world.run()
    world.later(6)
    world.run()
    assert (names_of(world, "old"), names_of(world, "new")) == (["x"], ["y"])
    said = world.pool("new").conditions["Ready"]
    assert (said.status, said.reason) == ("False", "DuplicateName")
    assert said.message == "x belongs to the older pool old: take them out of one of the pools"
    assert world.pool("old").conditions["Ready"].status == "True"


def test_of_two_pools_of_the_same_second_the_uid_tells_which_is_older() -> None:
    world = World(pool("a", names=["x"], uid="2"), pool("b", names=["x"], uid="1"))
    world.run()
    assert world.resource("x").pool == "b"


def test_the_younger_pool_gets_the_name_when_the_older_gives_it_up() -> None:
    world = World(pool("old", names=["x"], created=1.0), pool("new", names=["x"], created=2.0))
    world.run()
    resize(world, world.pool("old"))
    world.later(60)
    world.run()
    assert world.resource("x").pool == "new"
    assert world.pool("new").conditions["Ready"].status == "True"


def test_a_name_moves_to_an_older_pool_that_claims_it_when_its_holder_has_ended() -> None:
    of = bound("u1", "x", asks={"new": 1})
    of = replace(of, resources=tuple(replace(e, pool="new") for e in of.resources))
    world = World(
        pool("old", names=[], created=1.0), pool("new", names=["x"], created=2.0), held("x", of, of="new"), of
    )
    resize(world, world.pool("old"), "x")
    world.run()
    assert world.holder_of("x") == "u1"
    world.delete(of)
    world.run()
    assert world.resource("x").pool == "old"


def test_a_name_is_free_for_the_younger_pool_when_the_older_is_gone() -> None:
    world = World(pool("old", names=["x"], created=1.0), pool("new", names=["x"], created=2.0))
    world.run()
    world.delete(world.pool("old"))
    world.run()
    assert world.resource("x").pool == "new"


def test_a_pool_made_again_without_the_name_has_no_duplicate() -> None:
    world = World(pool("old", names=["x"], created=1.0), pool("new", names=["x"], created=2.0))
    world.remove(world.pool("new"))
    world.create(pool("new", names=["y"], uid="again", created=3.0))
    world.run()
    world.later(6)
    world.run()
    assert world.pool("new").conditions["Ready"].status == "True"
