"""The words that several kinds share: names, states, durations, times, selectors, conditions."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from lessor.api import durations
from lessor.api.names import API_VERSION, IDENTITY_CHARS_MAX, NAME_CHARS_MAX, STATE_CHARS_MAX
from lessor.api.rules import ATOMIC, Listed, Record, Rule

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"


def cel_text(text: str) -> str:
    """A CEL string literal of `text`."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def is_name(text: str) -> bool:
    return re.fullmatch(_SUBDOMAIN, text) is not None


def is_word(text: str) -> bool:
    """One word: no blanks, no control characters (Unicode's categories Z and C)."""
    return bool(text) and not any(unicodedata.category(letter)[0] in "CZ" for letter in text)


# Names ----------------------------------------------------------------------------------------------------------------

NAME_RULE = Rule(
    cel=f"self.matches({cel_text(f'^{_SUBDOMAIN}$')})",
    message="write a name of lower case letters, digits, '-' and '.', that begins and ends with a letter or a digit",
    holds=is_name,
)
Name = Annotated[str, Field(max_length=NAME_CHARS_MAX), NAME_RULE]

ObservedName = Annotated[
    str, Field(min_length=1, max_length=NAME_CHARS_MAX)
]  # in a status: judged when it was written in a spec

ShortName = Annotated[
    str,
    Field(max_length=63),
    Rule(
        cel=f"self.matches({cel_text(f'^{_LABEL}$')})",
        message="write a name of lower case letters, digits and '-', that begins and ends with a letter or a digit",
        holds=lambda text: re.fullmatch(_LABEL, text) is not None,
    ),
]

NameOrAll = Annotated[
    str,
    Field(max_length=NAME_CHARS_MAX),
    Rule(
        cel=f"self == '*' || {NAME_RULE.cel}",
        message="write the name of a resource of this Lease, or '*' for all of them",
        holds=lambda text: text == "*" or is_name(text),
    ),
]

# States ---------------------------------------------------------------------------------------------------------------
# Open words, as in Boskos. "*" is no state: in a pool's releaseStates it stands for all.

_WORD_CEL = r"self.matches('^[^\\pC\\pZ]+$')"
StateWord = Annotated[
    str,
    Field(max_length=STATE_CHARS_MAX),
    Rule(
        cel=f"{_WORD_CEL} && self != '*'",
        message="write a state as one word without blanks, such as free or dirty",
        holds=lambda text: is_word(text) and text != "*",
    ),
]
StateWordOrAny = Annotated[
    str,
    Field(max_length=STATE_CHARS_MAX),
    Rule(
        cel=_WORD_CEL,
        message="write a state as one word without blanks, such as free or dirty, or '*' for any",
        holds=is_word,
    ),
]
# What was once admitted must stay writable in a status, so there it is only bounded.
ObservedState = Annotated[str, Field(min_length=1, max_length=STATE_CHARS_MAX)]

# Durations ------------------------------------------------------------------------------------------------------------
# One rule each, not one for each mistake: the API server pays for every rule at every write of the object.

DurationOrZero = Annotated[
    str,
    Field(max_length=durations.CHARS_MAX),
    Rule(
        cel=f"self.matches({cel_text(durations.LIMITED_FORMAT)})",
        message=f"{durations.FORMAT_MESSAGE}, {durations.LIMIT}",
        holds=durations.is_duration,
    ),
]
Duration = Annotated[
    str,
    Field(max_length=durations.CHARS_MAX),
    Rule(
        cel=f"self.matches({cel_text(durations.LIMITED_FORMAT)}) && duration(self) > duration('0s')",
        message=f"{durations.FORMAT_MESSAGE}, longer than 0s and {durations.LIMIT}",
        holds=lambda text: durations.is_duration(text) and durations.parse(text) > timedelta(0),
    ),
]
ObservedDuration = Annotated[str, Field(max_length=durations.CHARS_MAX)]


# Times, numbers, texts, maps ------------------------------------------------------------------------------------------


def _time(text: str) -> str:
    try:
        aware = datetime.fromisoformat(text).tzinfo is not None and "T" in text
    except ValueError:
        aware = False
    if not aware:
        raise ValueError("write a time as RFC 3339 has it, such as 2026-11-24T15:37:00.123456Z")
    return text


# metav1.Time and metav1.MicroTime are one format to a CRD: fractions of a second are kept as they are written.
Timestamp = Annotated[str, AfterValidator(_time), Field(json_schema_extra={"format": "date-time"})]

Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1, json_schema_extra={"format": "int32"})]
Counter = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]

Uid = Annotated[str, Field(min_length=1, max_length=128)]
Identity = Annotated[str, Field(max_length=IDENTITY_CHARS_MAX)]
Word = Annotated[str, Field(max_length=1024)]
Message = Annotated[str, Field(max_length=32768)]  # as long as metav1.Condition's

_LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
LabelValue = Annotated[str, Field(max_length=63, pattern=_LABEL_VALUE)]
Labels = Annotated[dict[str, LabelValue], Field(max_length=32)]
# $(NAME) is no label value yet, so the operator judges what comes out.
TemplateLabels = Annotated[dict[str, Annotated[str, Field(max_length=253)]], Field(max_length=32)]
Attributes = Annotated[dict[str, Annotated[str, Field(max_length=1024)]], Field(max_length=32)]


# Selectors ------------------------------------------------------------------------------------------------------------


class Requirement(Record):
    """One condition on a label."""

    key: Annotated[str, Field(min_length=1, max_length=317)]
    """The label that the condition is about."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """`In` and `NotIn` compare the label with `values`; `Exists` and `DoesNotExist` ask whether it is there."""
    values: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=64), ATOMIC] | None = None
    """Values to compare with: at least one for `In` and `NotIn`, none for the others."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
            message="In and NotIn need values, Exists and DoesNotExist take none",
            holds=lambda self: (self.operator in ("In", "NotIn")) == bool(self.values),
        ),
    )


class Selector(Record):
    """A label selector; all its conditions must hold. An empty one matches everything."""

    match_labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    """Labels with the values that they must have."""
    match_expressions: Annotated[list[Requirement], Field(max_length=16), ATOMIC] | None = None
    """Conditions on labels, by operator."""

    atomic: ClassVar[bool] = True


class Access(Record):
    """Which namespaces may ask. Exactly one of the two fields is given."""

    namespaces: Annotated[list[ShortName], Field(min_length=1, max_length=1000), Listed("set")] | None = None
    """Names of the namespaces whose Leases may ask."""
    namespace_selector: Selector | None = None
    """Labels of the namespaces whose Leases may ask."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.namespaces) != has(self.namespaceSelector)",
            message="give either namespaces or namespaceSelector; leave access out to let all namespaces ask",
            holds=lambda self: (self.namespaces is None) != (self.namespace_selector is None),
        ),
    )


# Conditions and the object around all ---------------------------------------------------------------------------------


class Condition(Record):
    """One aspect of the present state, with the reason for it (metav1.Condition)."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """What the condition is about, such as Ready."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, as one word for programs."""
    message: Message
    """Why, and what to do about it, as a sentence for people."""
    last_transition_time: Timestamp
    """When `status` last changed."""
    observed_generation: Counter | None = None
    """metadata.generation of the object that this was found for; older than the object's own: not looked at yet."""


Conditions = Annotated[list[Condition], Field(max_length=32), Listed("map", "type")]


class Status(Record):
    """What every status has. The operator alone writes it."""

    conditions: Conditions | None = None
    """Aspects of the present state, each with a reason and a sentence; wait for one with `kubectl wait
    --for=condition=…`."""
    observed_generation: Counter | None = None
    """metadata.generation that this status was written for; older than the object's own: not looked at yet."""


class Metadata(Record):
    """Object metadata: the API server's own business, but for the name."""

    model_config = ConfigDict(extra="allow")

    name: str = ""
    """Unique within its kind, and within its namespace for a Lease."""


class Kubernetes(Record):
    """An object of our group as a file or an HTTP body has it."""

    api_version: Literal["lessor.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    metadata: Metadata
