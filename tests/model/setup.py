"""One run of the search: which model, what may happen in it, what is planted, and how far it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

UNLIMITED = 1_000_000  # actions of people: not counted, and so no part of a state


class Word(NamedTuple):
    models: str  # in which models it means something
    text: str


FEATURES = {
    "human": Word("two any", "a person deletes a Resource in order: its finalizer keeps it until it is unheld"),
    "force": Word("two any janitor", "a person removes a Resource by force; it is made again without a state"),
    "reap": Word("two any", "a Bound Lease may End at any time, unasked"),
    "reapw": Word("two any", "a waiting Lease may End at any time, unasked"),
    "handover": Word("two any", "Free and Claim in one write"),
    "renew": Word("two", "holders renew"),
    "unknown": Word("two", "the answer to a write may be lost"),
    "raiseall": Word("any", "Leases younger than the Resource are raised too before it is initialised"),
    "nosym": Word("any", "Resources are not interchangeable (more states, the same answer)"),
}
FAULTS = {
    "noattempt": Word("two any", "claims carry no attempt: a waiting Lease's claim is just taken back"),
    "noraise": Word("two any", "a waiting Lease's claim is given back without a Raise before it"),
    "endlate": Word("two any", "a Resource is freed before the End of its Lease is written"),
    "bindnorv": Word("two any", "Bind is not guarded by the resourceVersion"),
    "endnorv": Word("two", "End is not guarded by the resourceVersion"),
    "noconfirm": Word("two any", "a Resource whose Lease is missing in the cache is freed without a confirming read"),
    "assumed": Word("two", "decisions follow from own writes that are not answered yet"),
    "noadopt": Word("two any", "Initialise does not look for a Bound Lease that lists the Resource"),
    "noraisefirst": Word("two any", "Initialise without the Raise of waiting Leases before it"),
    "touchonly": Word("any", "before Initialise waiting Leases are written to, but their attempt stays"),
    "oldraise": Word("any", "before Initialise any earlier Raise counts, also one from before the Resource was lost"),
    "listfirst": Word("any", "the list that Initialise follows from is taken before the last Raise"),
    "leak": Word("two any", "a claim that the Bound Lease does not list is never given back"),
    "stubborn": Word("two any", "of unfinished grants that block each other none gives way"),
    "greedy": Word("two any", "a Lease claims what is free though that does not complete it"),
    "initfree": Word("janitor", "a Resource removed by force comes back free, its holdUntil forgotten"),
    "delvol": Word("janitor", "a cleaning Lease that somebody else deletes is a release, without holdUntil"),
    "oldext": Word("janitor", "an answer that shows the Lease ended still moves the janitor's deadline"),
    "byname": Word("janitor", "the janitor renews by name, without the uid"),
    "nohold": Word("janitor", "no holdUntil after a cleaning Lease was lost"),
    "nocheck": Word("janitor", "the janitor calls without looking at its deadline"),
}
# What these break is not seen in a state, only where everything comes to rest.
AT_REST = frozenset({"leak", "stubborn", "greedy"})


class Mistake(ValueError):
    """A word or a number on the command line that means nothing here; the message is for a person."""


@dataclass(frozen=True)
class Setup:
    model: str
    words: frozenset[str] = frozenset()
    leases: tuple[int, ...] = (2, 1)  # how many Resources each Lease asks for; written 21
    res: int = 2  # Resources, all of one pool
    maxu: int = 2  # uids of a Lease's name: how often it can be created
    maxa: int = 2  # highest attempt
    maxr: int = 2  # uids of a Resource's name
    pend: int = 1  # writes in flight of an operator
    env: int = UNLIMITED  # actions of people
    fair: int = -1  # 1: from each content reached, does everything come to rest well? -1: unless a fault is planted
    inv: int = 2  # how many of the two invariants of every state are checked
    term: int = 4  # of a cleaning Lease; this and the following in ticks
    margin: int = 2  # by which the janitor's deadline comes before its term
    call: int = 1  # the longest time a destructive call takes
    gap: int = -1  # the longest freeze between check and call; -1: `margin`, 99: any
    hold: int = -1  # holdUntil after a loss; -1: one term and one call
    secs: int = 3600  # where the search is cut, CPU seconds
    max: int = 20_000_000  # and states

    def has(self, word: str) -> bool:
        return word in self.words

    @property
    def objects(self) -> int:
        return len(self.leases) + self.res

    @property
    def checks_rest(self) -> bool:
        if self.model == "janitor":
            return False
        faults = self.words & FAULTS.keys()
        return not faults or bool(faults & AT_REST) if self.fair < 0 else bool(self.fair)


MODELS = ("two", "any", "janitor")
NUMBERS = {field.name for field in fields(Setup)} - {"model", "words", "leases"}


def parse(text: str | Iterable[str]) -> Setup:
    """A run as it is written on the command line: `any force,human env=4`. Raises Mistake with a sentence."""
    model, *rest = text.split() if isinstance(text, str) else list(text)
    if model not in MODELS:
        raise Mistake(f"there is no model {model!r}: choose one of {', '.join(MODELS)}")
    setup = Setup(model)
    for part in rest:
        key, is_number, value = part.partition("=")
        if not is_number:
            words = part.split(",")
            for word in words:
                known = FEATURES.get(word) or FAULTS.get(word)
                if known is None or model not in known.models.split():
                    allowed = [w for w, about in (FEATURES | FAULTS).items() if model in about.models.split()]
                    raise Mistake(f"model {model} knows no word {word!r}: it knows {', '.join(allowed)}")
            setup = replace(setup, words=setup.words | set(words))
        elif key == "leases" and value.isdecimal() and "0" not in value:
            setup = replace(setup, leases=tuple(int(digit) for digit in value))
        elif key in NUMBERS and value.isdecimal():
            number: dict[str, Any] = {key: int(value)}
            setup = replace(setup, **number)
        else:
            raise Mistake(f"{part!r} sets nothing: numbers are {', '.join(sorted(NUMBERS))} and leases=21")
    return setup
