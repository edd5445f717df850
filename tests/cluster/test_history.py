"""The checker itself: a good history passes, and each way of being wrong is found. No cluster is needed for that."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.history import Event, History, Json, at_rest

ENDINGS = {"Released", "Refused", "Expired"}


class Story:
    """A history told write by write. Names are uids too; every Lease asks for one of pool `p`."""

    def __init__(self, **pool: Any) -> None:
        self.version = 0
        self.events: list[Event] = []
        self.world: dict[tuple[str, str], Json] = {}
        self.write("Pool", "p", {"resources": {"names": ["r"]}, "lease": pool}, {})

    def write(self, kind: str, name: str, spec: Json | None = None, status: Json | None = None, **meta: Any) -> None:
        self.version += 1
        change = "MODIFIED" if (kind, name) in self.world else "ADDED"
        body = copy.deepcopy(self.world.get((kind, name), {"metadata": {"name": name, "uid": name}, "status": {}}))
        body["metadata"] |= {"resourceVersion": str(self.version), "namespace": "n" if kind == "Lease" else ""} | meta
        if spec is not None:
            body["spec"] = spec
        body["status"] |= status or {}
        self.world[kind, name] = body
        self.events.append(Event(self.version, kind, change, body))

    def remove(self, kind: str, name: str) -> None:
        self.version += 1
        self.events.append(Event(self.version, kind, "DELETED", self.world.pop((kind, name))))

    # -- the operator's writes, right or wrong

    def idle(self, name: str = "r", state: str = "free") -> None:
        self.write("Resource", name, {"pool": "p"}, {"state": state, "epoch": 0})

    def waiting(self, lease: str, **spec: Any) -> None:
        status = {"state": "Waiting", "requests": [{"name": "main", "pool": "p", "count": 1}]}
        self.write("Lease", lease, {"requests": [{"pool": "p"}]} | spec, status | conditions("Waiting"))

    def claim(self, lease: str, name: str = "r", was: str = "free", **also: Any) -> None:
        holder = {"namespace": "n", "name": lease, "uid": lease, "attempt": 0, "from": was, "releaseState": "free"}
        self.write("Resource", name, None, {"state": "leased", "holder": holder, "epoch": self.epoch(name) + 1} | also)

    def bind(self, lease: str, *names: str) -> None:
        entries = [{"name": n, "request": "main", "pool": "p", "epoch": self.epoch(n)} for n in names or ("r",)]
        self.write("Lease", lease, None, {"state": "Bound", "resources": entries} | conditions("Bound"))

    def finish(self, lease: str, state: str = "Released", **also: Any) -> None:
        self.write("Lease", lease, None, {"state": state, "resources": []} | conditions(state) | also)

    def free(self, name: str = "r", state: str = "free", ended: str = "Released", **also: Any) -> None:
        past = {"uid": self.world["Resource", name]["status"]["holder"]["uid"], "ended": ended}
        epoch = self.epoch(name) + 1
        status = {"state": state, "holder": None, "epoch": epoch, "lastHolders": [past]}
        self.write("Resource", name, None, status | also)

    def granted(self, lease: str, name: str = "r") -> None:
        self.waiting(lease)
        self.claim(lease, name)
        self.bind(lease, name)

    def epoch(self, name: str) -> int:
        epoch: int = self.world["Resource", name]["status"].get("epoch", 0)
        return epoch

    def history(self) -> History:
        return History((), 0, tuple(self.events))

    def violations(self, **more: Any) -> list[str]:
        return self.history().violations(**more)


def conditions(state: str) -> Json:
    bound, finished = str(state == "Bound"), str(state in ENDINGS)
    return {"conditions": [{"type": "Bound", "status": bound}, {"type": "Finished", "status": finished}]}


def test_a_lease_that_is_granted_released_and_granted_to_the_next_is_in_order() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    story.finish("a")
    story.free()
    story.granted("b")
    story.remove("Lease", "b")
    story.free(ended="Deleted")
    assert story.violations() == []
    assert story.history().holders("r") == [None, "a", None, "b", None]


def test_a_hand_over_in_one_write_is_in_order() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    story.waiting("b")
    story.remove("Lease", "a")
    story.claim("b", lastHolders=[{"uid": "a", "ended": "Deleted"}])
    story.bind("b")
    assert story.violations() == []
    assert story.history().holders("r") == [None, "a", "b"]


def two_bound(story: Story) -> None:
    story.granted("a")
    story.waiting("b")
    story.bind("b")


def freed_while_listed(story: Story) -> None:
    story.granted("a")
    story.free()


def handed_over_while_listed(story: Story) -> None:
    story.granted("a")
    story.waiting("b")
    story.claim("b", lastHolders=[{"uid": "a", "ended": "Lost"}])


def bound_to_nothing_held(story: Story) -> None:
    story.waiting("a")
    story.bind("a")


def bound_after_it_was_freed(story: Story) -> None:
    story.waiting("a")
    story.claim("a")
    story.free(ended="NeverBound")
    story.bind("a")


def bound_at_another_attempt(story: Story) -> None:
    story.waiting("a")
    story.claim("a")
    story.write("Lease", "a", None, {"attempt": 1})
    story.bind("a")


def bound_to_too_few(story: Story) -> None:
    story.waiting("a")
    story.write("Lease", "a", None, {"requests": [{"name": "main", "pool": "p", "count": 2}]})
    story.claim("a")
    story.bind("a")


def epoch_kept(story: Story) -> None:
    story.waiting("a")
    story.claim("a", epoch=0)


def epoch_fell(story: Story) -> None:
    story.write("Resource", "r", None, {"epoch": 7})
    story.write("Resource", "r", None, {"epoch": 6})


def reopened(story: Story) -> None:
    story.waiting("a")
    story.finish("a", "Refused")
    story.waiting("a")


def ended_otherwise_later(story: Story) -> None:
    story.waiting("a")
    story.finish("a", "Refused")
    story.finish("a", "Released")


def waits_after_it_was_bound(story: Story) -> None:
    story.granted("a")
    story.waiting("a")


def lists_after_its_end(story: Story) -> None:
    story.granted("a")
    story.finish("a", resources=[{"name": "r", "request": "main", "pool": "p", "epoch": 1}])


def grew_after_the_bind(story: Story) -> None:
    story.granted("a")
    story.idle("s")
    story.claim("a", "s")
    story.bind("a", "r", "s")


def conditions_lie(story: Story) -> None:
    story.granted("a")
    story.finish("a", **conditions("Bound"))


def attempt_fell(story: Story) -> None:
    story.waiting("a")
    story.write("Lease", "a", None, {"attempt": 2})
    story.write("Lease", "a", None, {"attempt": 1})


def left_in_another_state(story: Story) -> None:
    story.granted("a")
    story.finish("a")
    story.free(state="dirty")


def wish_forgotten(story: Story) -> None:
    story.granted("a")
    story.write("Lease", "a", {"requests": [{"pool": "p"}], "release": [{"name": "*", "state": "dirty"}]})
    story.finish("a")
    story.free()


def forbidden_wish_granted(story: Story) -> None:
    story.granted("a")
    story.write("Lease", "a", {"requests": [{"pool": "p"}], "release": [{"name": "r", "state": "odd"}]})
    story.finish("a")
    story.free(state="odd")


def loss_left_free(story: Story) -> None:
    story.write("Pool", "p", {"resources": {}, "lease": {"onLoss": "dirty"}})
    story.granted("a")
    story.remove("Lease", "a")
    story.free(ended="Lost")


def unused_claim_left_released(story: Story) -> None:
    story.write("Resource", "r", None, {"state": "odd"})
    story.waiting("a")
    story.claim("a", was="odd")
    story.remove("Lease", "a")
    story.free(ended="NeverBound")


def handed_over_from_another_state(story: Story) -> None:
    story.granted("a")
    story.waiting("b")
    story.remove("Lease", "a")
    story.claim("b", was="dirty", lastHolders=[{"uid": "a", "ended": "Deleted"}])


def forgot_its_holder(story: Story) -> None:
    story.granted("a")
    story.finish("a")
    story.free(lastHolders=[])


def claimed_without_a_state(story: Story) -> None:
    story.write("Resource", "s", {"pool": "p"}, {})
    story.waiting("a")
    story.claim("a", "s")


def claimed_from_another_state(story: Story) -> None:
    story.waiting("a")
    story.claim("a", was="dirty")


def claimed_while_cordoned(story: Story) -> None:
    story.write("Resource", "r", {"pool": "p", "cordoned": {"reason": "broken"}})
    story.waiting("a")
    story.claim("a")


def claimed_while_deleted(story: Story) -> None:
    story.write("Resource", "r", deletionTimestamp="2026-01-01T00:00:00Z")
    story.waiting("a")
    story.claim("a")


def removed_while_held(story: Story) -> None:
    story.waiting("a")
    story.claim("a")
    story.remove("Resource", "r")


def removed_while_listed(story: Story) -> None:
    story.granted("a")
    story.remove("Resource", "r")


def created_held(story: Story) -> None:
    story.write("Resource", "s", {"pool": "p"}, {"state": "leased", "epoch": 1, "holder": {"uid": "a"}})


WRONG: dict[Callable[[Story], None], str] = {
    two_bound: "n/a and n/b are Bound and both list r",
    freed_while_listed: "n/a is Bound and lists r, but nobody holds it",
    handed_over_while_listed: "n/a is Bound and lists r, but n/b holds it",
    bound_to_nothing_held: "n/a is Bound and lists r, but nobody holds it",
    bound_after_it_was_freed: "n/a is Bound and lists r, but nobody holds it",
    bound_at_another_attempt: "lease n/a is bound at attempt 1; its claim on r is of 0",
    bound_to_too_few: "lease n/a is Bound with 1 resources; it asks for 2",
    epoch_kept: "the holder of r changed, its epoch stayed 0",
    epoch_fell: "the epoch of r fell from 7 to 6",
    reopened: "lease n/a was Refused and is Waiting again",
    ended_otherwise_later: "lease n/a was Refused and is Released again",
    waits_after_it_was_bound: "lease n/a was Bound and waits again",
    lists_after_its_end: "lease n/a is Released and still lists ['r']",
    grew_after_the_bind: "lease n/a is Bound and got s, epoch 1, later",
    conditions_lie: "lease n/a is Released, but its condition Finished is False",
    attempt_fell: "the attempt of lease n/a fell from 2 to 1",
    left_in_another_state: "r of n/a was left dirty; free was wished",
    wish_forgotten: "r of n/a was left free; dirty was wished",
    forbidden_wish_granted: "r of n/a was left odd; free was wished",
    loss_left_free: "r of n/a was left free; dirty was wished",
    unused_claim_left_released: "r of n/a was left free; odd was wished",
    handed_over_from_another_state: "r of n/a was left dirty; free was wished",
    forgot_its_holder: "r of n/a was freed and does not remember it in lastHolders",
    claimed_without_a_state: "n/a got s, which had no state and which it never listed",
    claimed_from_another_state: "n/a got r as one that is dirty; it was free",
    claimed_while_cordoned: "n/a got r, which is cordoned",
    claimed_while_deleted: "n/a got r, which is being deleted",
    removed_while_held: "r is gone while n/a holds it",
    removed_while_listed: "n/a is Bound and lists r, which is not there",
    created_held: "s was created with a holder",
}


@pytest.mark.parametrize("told", WRONG, ids=lambda told: told.__name__)
def test_what_is_wrong_is_said(told: Callable[[Story], None]) -> None:
    story = Story(releaseStates=["free", "dirty"])
    story.idle()
    told(story)
    assert WRONG[told] in [violation.partition(": ")[2] for violation in story.violations()]


def test_what_a_test_takes_away_by_force_is_not_the_operators_doing() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    story.remove("Resource", "r")
    story.write("Resource", "r", {"pool": "p"}, {}, uid="r2")
    holder = {"namespace": "n", "name": "a", "uid": "a", "attempt": 0, "from": "free", "releaseState": "free"}
    story.write("Resource", "r", None, {"state": "leased", "holder": holder, "epoch": 2})
    assert story.violations(by_force=["r"]) == []
    assert len(story.violations()) == 3  # gone while held, and listed while it is gone and while it is blank


def test_what_comes_back_to_a_lease_that_has_just_ended_is_freed_again() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    story.remove("Resource", "r")
    story.write("Resource", "r", {"pool": "p"}, {}, uid="r2")
    story.remove("Lease", "a")
    story.claim("a", epoch=2)
    story.free(ended="Deleted")
    assert story.violations(by_force=["r"]) == []


def test_what_a_test_takes_from_its_holder_by_hand_is_not_the_operators_doing() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    story.free(lastHolders=[], state="odd")
    assert story.violations(by_force=["r"]) == []
    assert len(story.violations()) == 3  # it does not remember, is left odd, and a lease lists it that nobody holds


def test_what_a_test_takes_away_by_force_may_still_not_go_to_another() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    story.waiting("b")
    story.remove("Resource", "r")
    story.idle()
    story.claim("b")
    assert any("n/a is Bound and lists r, but n/b holds it" in v for v in story.violations(by_force=["r"]))


def test_what_was_there_before_is_known_and_not_judged() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    start = tuple((event.kind, event.body) for event in story.events if event.body in story.world.values())
    story.events.clear()
    settled = story.version
    story.free()
    found = History(start, settled, tuple(story.events)).violations()
    assert "n/a is Bound and lists r, but nobody holds it" in found[0]
    assert History(start, story.version, tuple(story.events)).violations() == []


def test_writes_are_read_in_the_order_of_their_revisions_and_not_of_their_arrival() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    assert History((), 0, tuple(reversed(story.events))).violations() == []


def test_at_rest_nothing_is_held_by_who_does_not_exist_or_does_not_list_it() -> None:
    story = Story()
    for name in ("r", "s", "t"):
        story.idle(name)
    story.granted("a", "r")
    story.waiting("b")
    story.claim("b", "s")
    story.waiting("c")
    story.claim("c", "t")
    story.remove("Lease", "c")
    world = {(kind, "", name): body for (kind, name), body in story.world.items()}
    assert at_rest(world) == ["s is held by n/b, which does not list it", "t is held by n/c, which does not exist"]


def test_a_loss_ends_as_it_was_agreed_at_the_bind_whatever_the_pool_says_since() -> None:
    story = Story()
    story.idle()
    story.granted("a")
    story.finish("a", "Expired", terms={"onLoss": "lost"})
    story.write("Pool", "p", {"resources": {}, "lease": {"onLoss": "other"}})
    story.free(state="lost", ended="Lost")
    assert story.violations() == []
