"""The objects, reduced to what the protocol sees of them; what people do to them; what must never be.

Leases and Resources are known by their place in the world (L0, L1; R0, R1): that is the name, which stays when the
object is deleted and made again. Then the uid is one higher. So it is when a person takes a Resource's state away by
hand: the core tells such a one apart by uid and epoch. Sets of Resources are bit masks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from tests.model.setup import Setup

WAITING, BOUND, ENDED, ABSENT = range(4)  # Lease.state; ABSENT: there is no object of that name
BLANK, IDLE, HELD = range(3)  # Resource.phase, as in lessor.core.states
NOBODY = -1


class Lease(NamedTuple):
    uid: int
    state: int
    attempt: int
    resources: int  # mask: status.resources
    release: int  # mask: spec.release

    def lists(self, r: int) -> bool:
        return self.state == BOUND and bool(self.resources >> r & 1)

    @property
    def live(self) -> bool:
        return self.state < ENDED


class Resource(NamedTuple):
    uid: int
    phase: int
    holder: int  # place of the Lease that holds it
    holder_uid: int
    attempt: int  # of that Lease, when it claimed
    deleting: int

    def held_by(self, place: int, lease: Lease) -> bool:
        return self.holder == place and self.holder_uid == lease.uid


class World(NamedTuple):
    """All objects, as they are or as somebody believes they are."""

    leases: tuple[Lease, ...]
    resources: tuple[Resource, ...]

    def lease_is(self, place: int, lease: Lease) -> World:
        return World((*self.leases[:place], lease, *self.leases[place + 1 :]), self.resources)

    def resource_is(self, r: int, resource: Resource) -> World:
        return World(self.leases, (*self.resources[:r], resource, *self.resources[r + 1 :]))


Object = Lease | Resource
T = TypeVar("T")
K = TypeVar("K")


class Numbers(Generic[T]):
    """Contents <-> small integers: states made of integers are cheap to compare and to keep."""

    def __init__(self) -> None:
        self.content: list[T] = []
        self._number: dict[T, int] = {}

    def of(self, content: T) -> int:
        number = self._number.get(content)
        if number is None:
            number = self._number[content] = len(self.content)
            self.content.append(content)
        return number


class Memo(dict[K, T]):
    """A function that is computed once for each argument."""

    def __init__(self, function: Callable[[K], T]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, key: K) -> T:
        value = self[key] = self._function(key)
        return value


def created(uid: int) -> Lease:
    return Lease(uid, WAITING, 0, 0, 0)


def gone(lease: Lease) -> Lease:
    return Lease(lease.uid, ABSENT, 0, 0, 0)


def idle(resource: Resource) -> Resource:
    return Resource(resource.uid, IDLE, NOBODY, 0, 0, resource.deleting)


def held(resource: Resource, place: int, uid: int, attempt: int) -> Resource:
    return Resource(resource.uid, HELD, place, uid, attempt, resource.deleting)


def made_again(resource: Resource) -> Resource:
    return Resource(resource.uid + 1, BLANK, NOBODY, 0, 0, 0)


def first_world(setup: Setup) -> World:
    return World((created(1),) * len(setup.leases), (Resource(1, IDLE, NOBODY, 0, 0, 0),) * setup.res)


def bits(mask: int) -> list[int]:
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


class Deed(NamedTuple):
    """What a person does to one object, at any time."""

    place: int
    after: Object
    label: str


def deeds_on_leases(setup: Setup, world: World) -> Iterator[Deed]:
    for place, lease in enumerate(world.leases):
        if lease.state == ABSENT:
            if lease.uid < setup.maxu:
                yield Deed(place, created(lease.uid + 1), f"a user creates L{place}.{lease.uid + 1}")
            continue
        name = f"L{place}.{lease.uid}"
        yield Deed(place, gone(lease), f"a user deletes {name}")
        if lease.state == BOUND:
            kept = lease.resources & ~lease.release
            for r in bits(kept):
                yield Deed(place, lease._replace(release=lease.release | 1 << r), f"a user releases R{r} of {name}")
            if kept.bit_count() > 1:
                yield Deed(place, lease._replace(release=lease.release | lease.resources), f"a user releases {name}")


def deeds_on_resource(setup: Setup, r: int, resource: Resource) -> Iterator[Deed]:
    if setup.has("human") and not resource.deleting:
        yield Deed(r, resource._replace(deleting=1), f"a person deletes R{r}")
    if setup.has("force") and resource.uid < setup.maxr:
        yield Deed(r, made_again(resource), f"a person removes R{r} by force; it is made again, blank")


def wrong(world: World, invariants: int = 2) -> str:
    """The invariants of every state: what is broken, or an empty string."""
    listed = 0
    for lease in world.leases:
        if lease.state == BOUND:
            if listed & lease.resources:
                return "two Bound Leases list the same Resource"
            listed |= lease.resources
    if invariants < 2:
        return ""
    for place, lease in enumerate(world.leases):
        for r, resource in enumerate(world.resources):
            if lease.lists(r) and resource.phase != BLANK and not resource.held_by(place, lease):
                return "a Resource is free or another's while a Bound Lease lists it"
    return ""
