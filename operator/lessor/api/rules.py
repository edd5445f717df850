"""Rules that a plain schema can't say, written once for both judges: CEL for the API server, a predicate for pydantic.

A broken rule answers with its sentence in both places, so files, HTTP bodies and `kubectl apply` are refused alike.
Patterns of the schema itself are avoided where people type: the API server prints the pattern, not what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

VALIDATIONS = "x-kubernetes-validations"
JsonSchema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: usable in `Annotated[...]` on a value, or in `Record.rules` on a whole object.

    Attributes:
        cel: the expression that holds when all is well (`self`, and `oldSelf` in a transition rule).
        message: the sentence for who breaks it: what to do, no full stop, since the server puts the field before it.
        holds: the same as a predicate on the Python value. None for a transition rule: the server has the old object.
        field: fieldPath below the object, such as `.epoch`, so that the error names it.
        forbidden: the error says "Forbidden" and doesn't print the value, as fits a field that may not change.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] | None = None
    field: str = ""
    forbidden: bool = False

    def check(self, value: Any) -> Any:
        """Returns `value`; raises ValueError with the sentence if the rule is broken."""
        if self.holds is not None and not self.holds(value):
            raise ValueError(self.message)
        return value

    def as_schema(self) -> JsonSchema:
        """This rule as one entry of x-kubernetes-validations."""
        entry = {"rule": self.cel, "message": self.message}
        if self.field:
            entry["fieldPath"] = self.field
        if self.forbidden:
            entry["reason"] = "FieldValueForbidden"
        return entry

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        schema = handler(core)
        schema[VALIDATIONS] = [*schema.get(VALIDATIONS, []), self.as_schema()]
        return schema


@dataclass(frozen=True, slots=True)
class Listed:
    """How the API server merges a list: `map` by `key` and `set` refuse duplicates, `atomic` is replaced as a whole."""

    type: str
    key: str = ""

    def check(self, values: list[Any]) -> list[Any]:
        seen = set()
        for value in values if self.type != "atomic" else ():
            identity = getattr(value, self.key) if self.key else value
            if identity in seen:
                raise ValueError(f"{identity!r} is there twice")
            seen.add(identity)
        return values

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        schema = handler(core)
        schema["x-kubernetes-list-type"] = self.type
        if self.key:
            schema["x-kubernetes-list-map-keys"] = [self.key]
        return schema


ATOMIC = Listed("atomic")
SET = Listed("set")
MAP_BY_NAME = Listed("map", "name")


class Record(BaseModel):
    """An object of the API: camelCase in JSON, closed to unknown fields, described by the text below each field."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        strict=True,  # the API server turns no "1" into 1 either
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()
    atomic: ClassVar[bool] = False  # replaced as a whole by server-side apply, as a LabelSelector is

    @model_validator(mode="after")
    def _keeps_its_rules(self) -> Record:
        for rule in self.rules:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        reference = handler(core)
        schema = handler.resolve_ref_schema(reference)
        if cls.rules:
            schema[VALIDATIONS] = [rule.as_schema() for rule in cls.rules]
        if cls.atomic:
            schema["x-kubernetes-map-type"] = "atomic"
        return reference
