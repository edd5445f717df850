"""Model `any`: a decision may rest on any mixture of past versions and land at any later time.

That is any number of operators, each frozen at will. Only the object that is written must be the one that was seen
(compare-and-set). It allows more than `two`, and has fewer states, since of all history only facts are kept: who was
ever seen holding what, at an attempt that is still the present one. Resources are interchangeable.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations, permutations
from operator import getitem, lt
from typing import NamedTuple

from tests.model.fair import Judge
from tests.model.rules import ended, initialised, initialised_label, raised
from tests.model.search import State
from tests.model.setup import UNLIMITED, Setup
from tests.model.world import (
    ABSENT,
    BLANK,
    BOUND,
    ENDED,
    HELD,
    IDLE,
    WAITING,
    Lease,
    Memo,
    Numbers,
    Resource,
    World,
    deeds_on_leases,
    deeds_on_resource,
    first_world,
    held,
    idle,
    made_again,
)

OPERATORS, PEOPLE = 0, 1


class KnownLease(NamedTuple):
    now: Lease
    unlisted: int  # mask of the Resources that some Bound version of it did not list


class KnownResource(NamedTuple):
    now: Resource
    claimed: int  # mask of the waiting Leases that were seen holding it at the attempt that they still have
    may_become: tuple[Resource, ...]  # while it is blank: what Initialise may write, by some list taken since
    cleared: int  # while it is blank: mask of the Leases whose binds in flight can't list it


Leases = tuple[KnownLease, ...]


class LeaseStep(NamedTuple):
    label: str
    leases: int
    facts: tuple[Memo[int, int], ...]  # for each place: Resource before -> Resource after


class Change(NamedTuple):
    """What a write to a Lease means for the facts about the Resources."""

    leases: int
    place: int
    forget: bool  # the Lease's claims so far are past: it was raised, or it is another
    clear: bool  # and it can't be bound to what is blank now


class AnyOperators:
    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._all = (1 << setup.res) - 1
        self._leases: Numbers[Leases] = Numbers()
        self._resources: Numbers[KnownResource] = Numbers()
        self._lease_steps: Memo[tuple[int, ...], list[LeaseStep]] = Memo(self._find_lease_steps)
        self._resource_steps: Memo[tuple[int, int, int, int], list[tuple[str, int]]] = Memo(self._find_resource_steps)
        self._facts: Memo[Change, tuple[Memo[int, int], ...]] = Memo(self._facts_after)
        self._renamed: Memo[tuple[int, int], int] = Memo(self._with_names)
        orders = list(permutations(range(setup.res)))
        self._orders = orders[:1] if setup.has("nosym") else orders
        self._judge = Judge(setup)
        world = first_world(setup)
        leases = self._leases.of(tuple(KnownLease(lease, 0) for lease in world.leases))
        resources = [self._resources.of(KnownResource(x, 0, (), 0)) for x in world.resources]
        self.start: State = (setup.env, leases, *resources)

    @property
    def fair_runs(self) -> int:
        return self._judge.fair_runs

    def judge(self, state: State) -> str:
        leases = tuple(x.now for x in self._leases.content[state[1]])
        return self._judge(World(leases, tuple(self._resources.content[x].now for x in state[2:])))

    def canon(self, state: State) -> State:
        """Of the orders in which the Resources' numbers rise: the one with the least Leases."""
        resources = state[2:]
        if all(map(lt, resources, resources[1:])) or len(self._orders) == 1:
            return state
        env, leases, *_ = state
        rising = sorted(resources)
        orders = [number for number, order in enumerate(self._orders) if [resources[r] for r in order] == rising]
        return (env, min(self._renamed[leases, number] for number in orders), *rising)

    def _with_names(self, key: tuple[int, int]) -> int:
        """The Leases when the Resource in place r of the new order was in place order[r] of the old."""
        leases, number = key
        order = self._orders[number]

        def mask(m: int) -> int:
            return sum(1 << new for new, old in enumerate(order) if m >> old & 1)

        return self._leases.of(
            tuple(
                KnownLease(x._replace(resources=mask(x.resources), release=mask(x.release)), mask(unlisted))
                for x, unlisted in self._leases.content[leases]
            )
        )

    def moves(self, state: State) -> Iterator[tuple[str, State | None]]:
        env, leases, *resources = state
        for who in (OPERATORS, PEOPLE):
            if who == PEOPLE:
                if not env:
                    return
                env -= env < UNLIMITED
            for label, after, facts in self._steps_of_leases(leases, resources, who):
                yield label, (env, after, *map(getitem, facts, resources))
            for r, resource in enumerate(resources):
                before, behind = resources[:r], resources[r + 1 :]
                for label, number in self._resource_steps[leases, resource, r, who]:
                    yield label, (env, leases, *before, number, *behind)

    # -- facts

    def _lease_known(self, lease: Lease, before: KnownLease) -> KnownLease:
        unlisted = before.unlisted if lease.uid == before.now.uid else 0
        return KnownLease(lease, unlisted | self._all & ~lease.resources if lease.state == BOUND else unlisted)

    def _resource_known(self, known: KnownResource, r: int, leases: Leases) -> KnownResource:
        """Facts brought up to date. The attempt of a Lease that vanished does not matter."""
        now, claimed, may_become, cleared = known
        if now.phase == HELD:
            lease = leases[now.holder].now
            if lease.uid != now.holder_uid or lease.state == ABSENT:
                now = now._replace(attempt=0)
            elif now.attempt == lease.attempt or self._setup.has("noattempt"):
                claimed |= 1 << now.holder
        for place, known_lease in enumerate(leases):
            if known_lease.now.state != WAITING:
                claimed &= ~(1 << place)  # only a waiting Lease can still be bound
        if now.phase != BLANK:
            return KnownResource(now, claimed, (), 0)
        became = self._by_list(now, r, leases, cleared)
        if became is not None and became not in may_become:
            may_become = tuple(sorted((*may_become, became)))
        return KnownResource(now, claimed, may_become, cleared)

    def _by_list(self, blank: Resource, r: int, leases: Leases, cleared: int) -> Resource | None:
        """What Initialise would write by a list taken now. Whose raise it was does not matter here."""
        places = range(len(leases))
        known_clear = {place for place in places if cleared >> place & 1 or self._setup.has("listfirst")}
        if self._setup.has("oldraise"):
            known_clear |= {place for place in places if leases[place].now.attempt > 0}
        return initialised(self._setup, blank._replace(deleting=0), r, tuple(x.now for x in leases), known_clear)

    def _facts_after(self, change: Change) -> tuple[Memo[int, int], ...]:
        leases, place, forget, clear = change
        bit = 1 << place

        def after(r: int, resource: int) -> int:
            now, claimed, may_become, cleared = self._resources.content[resource]
            if forget:
                claimed, cleared = claimed & ~bit, cleared & ~bit
            if clear:
                cleared |= bit
            known = KnownResource(now, claimed, may_become, cleared)
            return self._resources.of(self._resource_known(known, r, self._leases.content[leases]))

        return tuple(Memo(partial(after, r)) for r in range(self._setup.res))

    # -- what can happen to the Leases

    def _steps_of_leases(self, leases: int, resources: list[int], who: int) -> list[LeaseStep]:
        if who == PEOPLE:
            return self._lease_steps[PEOPLE, leases]
        known = [self._resources.content[x] for x in resources]
        return self._lease_steps[
            OPERATORS, leases, any(x.now.phase == BLANK for x in known), *[x.claimed for x in known]
        ]

    def _find_lease_steps(self, key: tuple[int, ...]) -> list[LeaseStep]:
        who, leases, *facts = key
        here = self._leases.content[leases]
        return list(
            self._deeds_on_leases(here) if who == PEOPLE else self._lease_writes(here, bool(facts[0]), facts[1:])
        )

    def _lease_step(
        self, leases: Leases, place: int, lease: Lease, label: str, *, forget: bool = False, clear: bool = False
    ) -> LeaseStep:
        after = (*leases[:place], self._lease_known(lease, leases[place]), *leases[place + 1 :])
        number = self._leases.of(after)
        return LeaseStep(label, number, self._facts[Change(number, place, forget, clear)])

    def _lease_writes(self, leases: Leases, any_blank: bool, claimed: list[int]) -> Iterator[LeaseStep]:
        setup = self._setup
        for place, (lease, _) in enumerate(leases):
            name = f"L{place}.{lease.uid}"
            if lease.state == WAITING:
                can = [r for r, x in enumerate(claimed) if x >> place & 1]
                for chosen in combinations(can, setup.leases[place]):
                    bound = lease._replace(state=BOUND, resources=sum(1 << r for r in chosen))
                    names = " ".join(f"R{r}" for r in chosen)
                    yield self._lease_step(leases, place, bound, f"Bind {name} to {names}")
                if (can or any_blank) and lease.attempt < setup.maxa and not setup.has("noattempt"):
                    if setup.has("touchonly"):
                        yield self._lease_step(leases, place, lease, f"touch {name}", clear=True)
                    label, forget = f"Raise {name} to attempt {lease.attempt + 1}", not setup.has("bindnorv")
                    clears = not setup.has("touchonly")
                    yield self._lease_step(leases, place, raised(lease), label, forget=forget, clear=clears)
                if setup.has("reapw"):
                    yield self._lease_step(leases, place, ended(lease), f"End {name} (it waited too long)")
            elif lease.state == BOUND:
                yield from self._end_or_shrink(leases, place, lease, name)

    def _end_or_shrink(self, leases: Leases, place: int, lease: Lease, name: str) -> Iterator[LeaseStep]:
        given_back = lease.release & lease.resources
        if given_back == lease.resources or self._setup.has("reap"):
            yield self._lease_step(leases, place, ended(lease), f"End {name}")
        if given_back and given_back != lease.resources:
            after = lease._replace(resources=lease.resources & ~lease.release)
            yield self._lease_step(leases, place, after, f"Shrink {name}")

    def _deeds_on_leases(self, leases: Leases) -> Iterator[LeaseStep]:
        for deed in deeds_on_leases(self._setup, World(tuple(x.now for x in leases), ())):
            lease = deed.after
            assert isinstance(lease, Lease)
            new = lease.uid != leases[deed.place].now.uid  # younger than what is blank now: it can hold no claim on it
            clear = new and not self._setup.has("raiseall")
            yield self._lease_step(leases, deed.place, lease, deed.label, forget=new, clear=clear)

    # -- what can happen to one Resource

    def _find_resource_steps(self, key: tuple[int, int, int, int]) -> list[tuple[str, int]]:
        leases, resource, r, who = key
        here, known = self._leases.content[leases], self._resources.content[resource]
        kind = self._deeds_on_resource(known, r) if who == PEOPLE else self._resource_writes(here, known, r)
        return [
            (label, self._resources.of(self._resource_known(KnownResource(after, known.claimed, (), 0), r, here)))
            for label, after in kind
        ]

    def _deeds_on_resource(self, known: KnownResource, r: int) -> Iterator[tuple[str, Resource]]:
        for deed in deeds_on_resource(self._setup, r, known.now):
            assert isinstance(deed.after, Resource)
            yield deed.label, deed.after

    def _resource_writes(self, leases: Leases, known: KnownResource, r: int) -> Iterator[tuple[str, Resource]]:
        now = known.now
        if now.phase == IDLE:
            for place, uid, attempt in ever_waiting(leases):
                yield f"Claim R{r} for L{place}.{uid}@{attempt}", held(now, place, uid, attempt)
            if now.deleting and now.uid < self._setup.maxr:
                yield f"DropFinalizer of R{r}; it is made again, blank", made_again(now)
        elif now.phase == BLANK:
            for after in known.may_become:
                if self._setup.has("listfirst") and self._is_to_be_raised(leases, known.cleared):
                    continue
                yield initialised_label(r, after), after._replace(deleting=now.deleting)
        else:
            why = self._reason_to_free(leases, now, r)
            if not why:
                return
            yield f"Free R{r}: {why}", idle(now)
            if self._setup.has("handover"):
                for place, uid, attempt in ever_waiting(leases):
                    if (place, uid) != (now.holder, now.holder_uid):
                        label = f"HandOver R{r} to L{place}.{uid}@{attempt}: {why}"
                        yield label, held(now, place, uid, attempt)

    def _is_to_be_raised(self, leases: Leases, cleared: int) -> bool:
        return any(x.now.state == WAITING and not cleared >> place & 1 for place, x in enumerate(leases))

    def _reason_to_free(self, leases: Leases, now: Resource, r: int) -> str:
        """What is true, or was ever true of this Lease: an operator may have seen just that."""
        setup, (lease, unlisted) = self._setup, leases[now.holder]
        name = f"L{now.holder}.{now.holder_uid}"
        if lease.uid != now.holder_uid or lease.state == ABSENT:
            return f"{name} vanished"
        if lease.state == ENDED:
            return f"{name} ended"
        if now.attempt < lease.attempt and not setup.has("noattempt"):
            return f"attempt {now.attempt} of {name} is past"
        if unlisted >> r & 1:
            return f"Bound {name} does not list it"
        if setup.has("noattempt") or setup.has("noraise"):
            return f"waiting {name} can't be completed"
        if lease.state == BOUND and setup.has("endlate"):
            return f"{name} is overdue"
        return f"{name} is not in the cache" if setup.has("noconfirm") else ""


def ever_waiting(leases: Leases) -> Iterator[tuple[int, int, int]]:
    """Place, uid and attempt of each version of a Lease that somebody may still take for waiting."""
    for place, (lease, _) in enumerate(leases):
        for uid in range(1, lease.uid + 1):
            present = uid == lease.uid and lease.state != ABSENT
            for attempt in range(lease.attempt + 1 if present else 1):
                yield place, uid, attempt
