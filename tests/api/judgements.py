"""Objects that must be refused, with what the API server says about them, and objects that must not.

Both judges read these lists: the API server (test_admission) and the pydantic models (test_models). What a rule refuses
gets the same sentence from both; what the plain schema refuses gets each one's own words.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.api.objects import Json

_DURATION = "write a duration such as 90s, 30m or 6h30m; its units are h, m, s and ms"
DURATION = f"{_DURATION}, longer than 0s and 99999h at most"
DURATION_OR_ZERO = f"{_DURATION}, 99999h at most"
NAME = "write a name of lower case letters, digits, '-' and '.', that begins and ends with a letter or a digit"
SHORT_NAME = "write a name of lower case letters, digits and '-', that begins and ends with a letter or a digit"
STATE = "write a state as one word without blanks, such as free or dirty"
NAME_LENGTH = "may not be more than 253 bytes"

DURATION_FIELDS = (
    "renewWithin",
    "waiterRenewWithin",
    "collectWithin",
    "renewSlack",
    "maxDuration",
    "waitTimeout",
    "ttlAfterFinished",
)
ZERO_ALLOWED = ("renewSlack", "ttlAfterFinished")


@dataclass(frozen=True)
class Refused:
    """`at`, `says`: the field and words of the API server. `schema`: no rule of ours, so pydantic has its own words."""

    claim: str
    object: Json
    at: str
    says: str
    schema: bool = False

    def __str__(self) -> str:
        return self.claim


@dataclass(frozen=True)
class Accepted:
    claim: str
    object: Json

    def __str__(self) -> str:
        return self.claim
