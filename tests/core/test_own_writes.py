"""Own writes are assumed until the world answers, and nothing follows from an assumed one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lessor.core import actions as a
from lessor.core.model import FREE
from tests.core.build import blank, bound, held, lease, minutes, pool, resource, words
from tests.core.world import World


def test_an_assumed_claim_keeps_its_resource_from_being_given_again() -> None:
    world = World(pool(), resource("aws-1"), lease("u1", waited=9))
    (claim,) = world.decide()
    world.create(lease("u2"))
    assert "Claim aws-1 for u2" not in map(words, world.decide())
    world.answer(claim)
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_an_assumed_claim_is_no_claim_to_bind_on() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    (claim,) = world.decide()
    world.change(world.lease("u1"), identity="something to decide about")
    assert world.decide() == []
    world.answer(claim)
    assert [words(x) for x in world.decide()] == ["Bind u1"]


def test_an_assumed_end_frees_nothing() -> None:
    of = bound("u1", "aws-1")
    world = World(pool(), held("aws-1", of), replace(of, release={"*": None}))
    (end,) = world.decide()
    assert words(end) == "End u1 as Released"
    world.ledger.dirty_resources["aws-1"] = None
    assert world.decide() == []
    world.answer(end)
    assert "Free aws-1 as free: Released" in [words(x) for x in world.decide()]


def test_an_assumed_raise_gives_nothing_back() -> None:
    of = lease("u1", asks={"aws": 2})
    world = World(pool(names=2), held("aws-1", of), resource("aws-2", state="busy"), of)
    (up,) = world.decide()
    assert words(up) == "Raise u1"
    world.ledger.dirty_resources["aws-1"] = None
    assert world.decide() == []
    world.answer(up)
    assert "Free aws-1 as free: NeverBound" in [words(x) for x in world.decide()]


def test_after_a_conflict_the_object_is_decided_on_anew() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    (claim,) = world.decide()
    world.change(world.resource("aws-1"), seen=False, cordoned=True)
    world.answer(claim)
    assert world.ledger.claiming == {}
    assert world.run() == ["ReportPool aws"] or world.reason("u1") == "AllCordoned"
    world.change(world.resource("aws-1"), cordoned=False)
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_a_claim_whose_answer_was_lost_is_found_and_bound() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    (claim,) = world.decide()
    assert isinstance(claim, a.Claim)
    # carried out, but the answer was lost: the object is read again
    world.change(world.resource("aws-1"), seen=False, holder=claim.holder, state="leased", epoch=1)
    world.answer(claim)
    assert world.run()[0] == "Bind u1"


def test_a_claim_that_found_nothing_goes_on_with_what_is_left() -> None:
    world = World(pool(names=2), resource("aws-1", idle=minutes(9)), resource("aws-2"), lease("u1"))
    (claim,) = world.decide()
    world.remove(world.resource("aws-1"), seen=False)
    world.answer(claim)
    assert "Claim aws-2 for u1" in world.run()


def test_a_write_that_was_never_sent_is_decided_again() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    (claim,) = world.decide()
    world.ledger.settled(claim)  # leadership was lost before it was sent
    assert "Claim aws-1 for u1" in [words(x) for x in world.decide()]


def test_one_object_is_written_once_at_a_time() -> None:
    world = World(pool(), resource("aws-1"), lease("u1"))
    (claim,) = world.decide()
    with pytest.raises(AssertionError, match="on its way"):
        world.ledger.assume(claim)


def test_the_event_of_an_own_write_may_come_before_its_answer() -> None:
    world = World(pool(), resource("aws-1", state="busy"), lease("u1"))
    (told,) = (x for x in world.decide() if isinstance(x, a.Report))
    world.change(world.lease("u1"), accepted=True, conditions=told.conditions)  # the event of that write
    world.change(world.resource("aws-1"), state=FREE)
    world.answer(*world.decide())
    world.ledger.settled(told)
    world.run()
    assert world.has("u1") == ["aws-1"]


def test_an_event_before_its_answer_loses_no_step_of_an_uninitialised_resource() -> None:
    world = World(pool(), resource("aws-1", state="busy"), lease("u1", waited=minutes(1)))
    (told,) = (x for x in world.decide() if isinstance(x, a.Report))
    world.remove(world.resource("aws-1"))
    world.create(blank("aws-1", uid="made by force"))
    world.answer(*world.decide())  # u1 must be raised first, but is being written
    world.change(world.lease("u1"), accepted=True, conditions=told.conditions)
    world.answer(*world.decide())
    world.ledger.settled(told)
    world.run()
    assert world.has("u1") == ["aws-1"]
