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


TWO_BOUND = "two Bound Leases list the same Resource"
UNHELD = "a Resource is free or another's while a Bound Lease lists it"
RENEWED = "a Lease ends though it was renewed after that was decided"
UNDER_ANOTHER = "destroys under another cleaning Lease"
UNDER_TENANT = "destroys under the tenant"

# Every fault, where each is found in a moment.
PLANTED: tuple[Run, ...] = (
    Run("any noattempt", 34, UNHELD),
    Run("any noraise", 42, UNHELD),
    Run("any endlate", 35, UNHELD),
    Run("any bindnorv", 114, UNHELD),
    Run("any noconfirm", 42, UNHELD),
    Run("any force,noadopt", 505, UNHELD),
    Run("any force,noraisefirst", 292, UNHELD),
    Run("any force,touchonly", 1_861, UNHELD),
    Run("any force,oldraise", 2_818, UNHELD),
    Run("any force,listfirst", 637, UNHELD),
    Run("any leak", 4, "is lost"),
    Run("any stubborn leases=22", 8, "is lost"),
    Run("any greedy leases=22", 57, "no rest"),
    Run("two noattempt env=1", 8_714, UNHELD),
    Run("two noraise env=1", 18_236, UNHELD),
    Run("two endlate,reap env=1", 716, UNHELD),
    Run("two bindnorv env=1", 5_422, UNHELD),
    Run("two noconfirm leases=11 res=1 env=2", 1_311, UNHELD),
    Run("two assumed pend=2", 98, UNHELD),
    Run("two renew,reap,endnorv env=1", 1_955, RENEWED),
    Run("two force,noadopt env=1", 10_440, UNHELD),
    Run("two force,noraisefirst env=1", 2_815, UNHELD),
    Run("two leak", 6, "is lost"),
    Run("two stubborn leases=22", 156, "is lost"),
    Run("two greedy leases=22", 3_584, "no rest"),
    Run("janitor delvol", 1_012, UNDER_ANOTHER),
    Run("janitor oldext term=3 margin=1", 9_273, UNDER_ANOTHER),
    Run("janitor byname", 764, UNDER_ANOTHER),
    Run("janitor nohold", 868, UNDER_ANOTHER),
    Run("janitor nocheck", 476, UNDER_ANOTHER),
    Run("janitor force,initfree", 1_520, UNDER_TENANT),
    Run("janitor term=3 margin=1 gap=2", 6_762, UNDER_ANOTHER),
)

# As designed it holds, and each guard that is left out is missed: in seconds, for every change (`make check`).
SMALL: tuple[Run, ...] = (
    Run("any force env=1", 1_531),
    Run("any force,human,reap,reapw,handover leases=11 res=1 env=2", 3_745),
    Run("any leases=211 env=0", 1_215),
    Run("any leases=22 res=3 env=0", 441),
    Run("two env=0", 4_796),
    Run("two pend=2 env=0", 5_377),
    Run("two force leases=2 env=1", 16_653),
    Run("two handover,reap leases=11 res=1 env=2", 22_630),
    Run("two force,human,reap,handover,renew,unknown leases=1 res=1 env=2 pend=2", 17_401),
    Run("janitor force term=2 margin=1", 13_750),
    *PLANTED,
)

# Larger bounds, for a change of the protocol (`make model`): minutes.
LARGE: tuple[Run, ...] = (
    Run("any", 16_304),
    Run("any env=99", 52_043),
    Run("any force", 163_367),
    Run("any force,raiseall env=99 fair=0", 544_170),
    Run("any force,human,reap,handover fair=0", 1_570_804),
    Run("any force,human,reap,reapw,handover env=2", 56_632),
    Run("any human,reap,handover,raiseall env=4 noraisefirst", 247_823),  # only a removal by force needs the raise
    Run("any force leases=211 env=3 fair=0", 324_382),
    Run("any force leases=22 res=3 env=3 fair=0", 174_668),
    Run("any force,reap,handover leases=211 env=1", 144_694),
    Run("two env=2", 1_424_238),
    Run("two force env=1", 1_221_148),
    Run("two leases=22 env=1", 1_867_648),
    Run("two human,handover env=1", 1_457_854),
    Run("two pend=2 env=1", 275_164),
    Run("two force,human,reap,reapw,handover,renew,unknown leases=2 env=1", 416_906),
    Run("two force,human,reap,reapw,handover,renew,unknown leases=11 res=1 env=1", 704_131),
    Run("janitor force", 60_702),
    Run("janitor force env=6", 386_066),
    Run("two noattempt inv=1 env=2", 110_189, TWO_BOUND),
    Run("two noraise inv=1 env=2", 299_443, TWO_BOUND),
    Run("two bindnorv inv=1 env=2", 232_023, TWO_BOUND),
    Run("two noconfirm inv=1 env=2", 78_174, TWO_BOUND),
    Run("two endlate,reap inv=1 env=2", 56_150, TWO_BOUND),
    Run("janitor oldext env=6", 23_639, UNDER_ANOTHER),
    Run("janitor gap=3 env=6", 15_225, UNDER_ANOTHER),
    Run("janitor gap=99 env=6", 12_192, UNDER_ANOTHER),
    *PLANTED,
)
