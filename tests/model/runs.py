"""The runs that must end as they do, with the number of states each has; all of them deterministic.

Where the same run was searched before the protocol was built, the number is the same (`env=99` counts what people do
even where that limits nothing).
"""

from __future__ import annotations

from typing import NamedTuple

from tests.model.any_operators import AnyOperators
from tests.model.janitor import Janitors
from tests.model.search import HOLDS, VIOLATION, Model, Result, search
from tests.model.setup import Setup
from tests.model.two import Two


def model_of(setup: Setup) -> Model:
    match setup.model:
        case "two":
            return Two(setup)
        case "any":
            return AnyOperators(setup)
        case _:
            return Janitors(setup)


def searched(setup: Setup) -> Result:
    return search(model_of(setup), seconds_max=setup.secs, states_max=setup.max)


class Run(NamedTuple):
    text: str
    states: int
    found: str = ""  # a part of what is found; nothing: it holds, and every state was looked at

    @property
    def verdict(self) -> str:
        return f"found: {self.found}" if self.found else HOLDS

    def surprise_in(self, result: Result) -> str:
        """What is not as it should be, or an empty string."""
        if result.verdict != (VIOLATION if self.found else HOLDS):
            return f"SURPRISE: {result.verdict} {result.why}".rstrip()
        if self.found not in result.why:
            return f"SURPRISE: found {result.why!r} instead of {self.found!r}"
        return f"SURPRISE: {self.states:,} states were expected" if result.states != self.states else ""


UNHELD = "a Resource is free or another's while a Bound Lease lists it"
RENEWED = "a Lease ends though it was renewed after that was decided"
UNDER_ANOTHER = "destroys under another cleaning Lease"

# As designed it holds, and each guard that is left out is missed: in seconds, for every change (`make check`).
SMALL: tuple[Run, ...] = (
    Run("any env=2", 2_753),
    Run("any force env=1", 1_531),
    Run("any force,human,reap env=1", 8_446),
    Run("any force,reapw,handover env=1", 3_995),
    Run("two leases=11 res=1 reap,handover env=1", 4_594),
    Run("two leases=11 res=1 force,renew,unknown env=1", 27_756),
    Run("any noattempt", 34, UNHELD),
    Run("any noraise", 42, UNHELD),
    Run("any bindnorv", 114, UNHELD),
    Run("any noconfirm", 42, UNHELD),
    Run("any endlate,reap", 36, UNHELD),
    Run("any force,noadopt", 505, UNHELD),
    Run("any force,noraisefirst", 292, UNHELD),
    Run("any force,touchonly", 1_861, UNHELD),
    Run("any force,oldraise", 2_818, UNHELD),
    Run("any force,listfirst", 637, UNHELD),
    Run("any leak env=2", 4, "is lost"),
    Run("any stubborn env=2", 6, "is lost"),
    Run("any greedy env=2", 3, "no rest"),
    Run("two assumed pend=2", 98, UNHELD),
    Run("two noconfirm leases=11 res=1", 9_829, UNHELD),
    Run("two renew,reap,endnorv leases=11 res=1", 1_960, RENEWED),
    Run("janitor initfree,force", 1_520, "destroys under the tenant"),
    Run("janitor delvol", 1_012, UNDER_ANOTHER),
    Run("janitor byname", 764, UNDER_ANOTHER),
    Run("janitor nohold", 868, UNDER_ANOTHER),
    Run("janitor nocheck", 476, UNDER_ANOTHER),
)

# Larger bounds, for a change of the protocol (`make model`): minutes.
LARGE: tuple[Run, ...] = (
    *SMALL,
    Run("any", 16_304),
    Run("any human,reap,handover env=4", 237_752),
    Run("any human,reap,handover env=2", 32_827),
    Run("two leases=11 res=1 env=1", 516),
    Run("janitor env=2", 140_938),
    Run("janitor force env=2", 143_258),
    Run("two bindnorv leases=11 res=1", 26_873, UNHELD),
    Run("janitor oldext", 16_943, UNDER_ANOTHER),
)


TWO_BOUND = "two Bound Leases list the same Resource"
NOT_HELD = "a Resource is free or another's while a Bound Lease lists it"
UNDER_ANOTHER = "destroys under another cleaning Lease"
UNDER_TENANT = "destroys under the tenant"

# What may be planted, each at bounds at which it is found in a moment.
PLANTED: tuple[Run, ...] = (
    Run("any noattempt", 34, NOT_HELD),
    Run("any noraise", 42, NOT_HELD),
    Run("any endlate", 35, NOT_HELD),
    Run("any bindnorv", 114, NOT_HELD),
    Run("any noconfirm", 42, NOT_HELD),
    Run("any force,noadopt", 505, NOT_HELD),
    Run("any force,noraisefirst", 292, NOT_HELD),
    Run("any force,touchonly", 1861, NOT_HELD),
    Run("any force,oldraise", 2818, NOT_HELD),
    Run("any force,listfirst", 637, NOT_HELD),
    Run("any leak", 4, "is lost"),
    Run("any stubborn leases=22", 8, "is lost"),
    Run("any greedy leases=22", 57, "no rest"),
    Run("two noattempt env=1", 8714, NOT_HELD),
    Run("two noraise env=1", 18236, NOT_HELD),
    Run("two endlate,reap env=1", 716, NOT_HELD),
    Run("two bindnorv env=1", 5422, NOT_HELD),
    Run("two noconfirm leases=11 res=1 env=2", 1311, NOT_HELD),
    Run("two assumed pend=2", 98, NOT_HELD),
    Run("two endnorv,renew,reap env=1", 1955, "though it was renewed"),
    Run("two force,noadopt env=1", 10440, NOT_HELD),
    Run("two force,noraisefirst env=1", 2823, NOT_HELD),
    Run("two leak", 6, "is lost"),
    Run("two stubborn leases=22", 156, "is lost"),
    Run("two greedy leases=22", 3584, "no rest"),
    Run("janitor delvol", 1012, UNDER_ANOTHER),
    Run("janitor oldext term=3 margin=1", 0, UNDER_ANOTHER),
    Run("janitor byname", 0, UNDER_ANOTHER),
    Run("janitor nohold", 0, UNDER_ANOTHER),
    Run("janitor nocheck", 0, UNDER_ANOTHER),
    Run("janitor force,initfree", 0, UNDER_TENANT),
    Run("janitor term=3 margin=1 gap=2", 6762, UNDER_ANOTHER),
)
SMALL: tuple[Run, ...] = (
    Run("any", 16304),
    Run("any force env=2", 6763),
    Run("any force,human,reap,reapw,handover leases=11 res=1", 20502),
    Run("any force,human,reap,reapw,handover env=1", 11059),
    Run("any leases=22 env=1", 653),
    Run("any force,reap leases=211 env=1", 0),
    Run("any force leases=22 res=3 env=1", 0),
    Run("two env=0", 4796),
    Run("two pend=2 env=0", 5377),
    Run("two handover leases=11 env=0", 711),
    Run("two force leases=2 env=1", 16653),
    Run("two force,human,reap,reapw,handover,renew,unknown leases=1 res=1 env=2", 27905),
    Run("two force,human,reap,reapw,handover,renew,unknown leases=1 res=1 env=1 pend=2", 5766),
    Run("janitor force term=2 margin=1", 13750),
    *PLANTED,
)
LARGE: tuple[Run, ...] = (*PLANTED,)
