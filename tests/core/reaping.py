"""`Reaped`: a World in which time is known. Its API server is heard each second, unless `connected` is False; holders
are watched, and looked at, in its truth. Time passes from one wake-up of the operator to the next, so a deadline that
nobody set is never met."""

from __future__ import annotations

import math
from typing import Any

from lessor.core import actions as a
from lessor.core.ledger import Ledger
from lessor.core.model import HolderFacts, HolderGroup, HolderKey, Lease, LeaseState, Namespace, Terms, Tracked
from tests.core.build import Thing, bound, held, hours, lease, pool, resource
from tests.core.world import World

HEARD_EVERY_S = 1.0
PODS = HolderGroup("v1", "Pod", "ci")
JOBS = HolderGroup("batch/v1", "Job", "ci")
TERM = 1800.0
LOSSY = {"on_loss": "lost", "release_states": ("free",)}
DAY = hours(24)


def key(name: str, group: HolderGroup = PODS) -> HolderKey:
    return HolderKey(*group, name)


def by_pod(name: str = "p", uid: str | None = None) -> tuple[Tracked, ...]:
    """`spec.holder.pod` of a Lease."""
    return (Tracked(key(name), uid),)


def by_job(name: str = "j", uid: str | None = None) -> tuple[Tracked, ...]:
    return (Tracked(key(name, JOBS), uid),)


class Reaped(World):
    def __init__(self, *things: Thing, server_clock: bool = True) -> None:
        self.connected = True
        self.server_clock = server_clock
        self.server_ahead = 0.0  # seconds, the API server's clock before the operator's
        self.holders: dict[HolderKey, HolderFacts] = {}
        self._renewals = 0
        super().__init__(*things)
        self.hear()
        self.run()

    # what is outside

    def hear(self) -> None:
        if self.connected:
            self.ledger.observe_contact(self.mono)
            if self.server_clock:
                self.ledger.observe_server_clock(self.wall + self.server_ahead, self.mono)

    def holder(self, name: str, uid: str = "h1", *, of: HolderGroup = PODS, seen: bool = True, **facts: Any) -> None:
        """A pod (or an object of another group) as it is now."""
        self.holders[key(name, of)] = found = HolderFacts(uid, **facts)
        if seen:
            self.ledger.holders.seen(key(name, of), found)

    def remove_holder(self, name: str, *, of: HolderGroup = PODS, seen: bool = True) -> None:
        del self.holders[key(name, of)]
        if seen:
            self.ledger.holders.seen(key(name, of), None)

    def watch(self, group: HolderGroup = PODS) -> None:
        """The watch's LIST of a group comes, and all that follows from it."""
        self.ledger.holders.listed(group, {k.name: facts for k, facts in self.holders.items() if k.group == group})
        self.run()

    def going(self, name: str = "ci", going: bool = True) -> None:
        self.ledger.observe_namespace(Namespace(name, f"{name}-uid", {}, going))

    # what holders do

    def renew(self, uid: str, *, seen: bool = True, value: str | None = None, fields: bool = True) -> Lease:
        """`fields`: the API server has managedFields of it."""
        now = self.lease(uid)
        self._renewals += 1
        at = math.floor(self.wall + self.server_ahead) if fields else None
        text = value if value is not None else f"renewal {self._renewals}"
        new: Lease = self.change(now, seen=seen, renewal=text, renewed_at=at, generation=now.generation + 1)
        return new

    # what the operator does

    def later(self, seconds: float) -> None:
        """Time passes; the operator is woken when it asked for it."""
        end = self.mono + seconds
        while True:
            wake = self.wake_at if self.wake_at is not None else math.inf
            while self.mono < min(wake, end):
                step = min(HEARD_EVERY_S, min(wake, end) - self.mono)
                super().later(step)
                self.hear()
            if wake <= self.mono:
                self.run()
                assert self.wake_at is None or self.wake_at > self.mono, "it wakes itself for nothing"
            elif self.mono >= end:
                return

    def restart(self) -> None:
        """Another process on another machine: an empty ledger, and a monotonic clock of its own."""
        self.ledger = Ledger()
        self.mono += 54321.0
        self.hear()
        self.list_all()
        self.ledger.touch_everything()
        self.run()

    def stall(self, seconds: float) -> None:
        """Neither it nor anything else of its machine runs."""
        super().later(seconds)

    def _answer(self, action: a.Action) -> None:
        match action:
            case a.LookAtHolder(about, tick):
                self.ledger.holders.looked(about, self.holders.get(about), tick)
                self.ledger.settled(action)
            case a.DeleteLease(of):
                now = self.truth.get(action.key)
                if now is not None and now.version == of.version:
                    self.remove(now)
                else:
                    self._observe_or_miss(action.key)
                self.ledger.settled(action)
            case _:
                super()._answer(action)


def holding(*, names: int = 1, pool_: dict[str, Any] | None = None, **facts: Any) -> Reaped:
    """The Lease u1 is created, and bound to aws-1."""
    world = Reaped(pool(names=names, **{**LOSSY, **(pool_ or {})}), *(resource(f"aws-{n + 1}") for n in range(names)))
    world.create(lease("u1", waited=0.0, **facts))
    world.run()
    assert world.has("u1")
    return world


def waiting(**facts: Any) -> Reaped:
    """The Lease u1 waits for what another has, which ends never."""
    other = bound("other", "aws-1", terms=Terms(9e9, None, "free", "lost", 0))
    world = Reaped(pool(**LOSSY), held("aws-1", other), other)
    world.create(lease("u1", waited=0.0, **facts))
    world.run()
    assert world.lease("u1").waiting
    return world


def state(world: Reaped, uid: str = "u1") -> LeaseState:
    return world.lease(uid).state


def alive(world: Reaped, uid: str = "u1") -> tuple[str, str]:
    said = world.lease(uid).conditions["HolderAlive"]
    return str(said.status), said.reason


def expired(world: Reaped, reason: str, uid: str = "u1") -> None:
    """It has ended for that reason, as a loss."""
    assert state(world, uid) is LeaseState.EXPIRED
    assert world.reason(uid, "Finished") == world.reason(uid, "Bound") == reason
    assert world.lease(uid).conditions["Ready"].status == "False"


def reads(world: Reaped) -> list[str]:
    return [action.about.name for action in world.done if isinstance(action, a.LookAtHolder)]


def with_pod(uid: str | None = "h1", **facts: Any) -> Reaped:
    """u1 is held by the pod p, which runs."""
    world = Reaped(pool(**LOSSY), resource("aws-1"))
    world.holder("p", "h1", seen=False)
    world.create(lease("u1", tracked=by_pod("p", uid), waited=0.0, **facts))
    world.run()
    world.watch()
    assert world.has("u1") == ["aws-1"]
    assert alive(world) == ("True", "PodRunning")
    return world
