"""The converter: what of a pydantic model a structural schema can say, and what is refused before a cluster sees it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field

from lessor.api.rules import MAP_BY_NAME, Record, Rule
from lessor.api.schema import NotStructuralError, Schema, structural


class Child(Record):
    """A child
    of two lines."""

    name: str = "main"
    """Its name."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule("self.name != ''", "give a name", lambda self: self.name != ""),)


def field(annotation: Any, **options: Any) -> Schema:
    """The schema of a field `it` of this type."""
    model = type("Model", (BaseModel,), {"__annotations__": {"it": annotation}, "it": Field(**options)})
    properties: dict[str, Schema] = structural(model)["properties"]
    return properties["it"]


def test_names_are_camel_case() -> None:
    class Model(Record):
        renew_within: str

    assert list(structural(Model)["properties"]) == ["renewWithin"]
    assert structural(Model)["required"] == ["renewWithin"]


def test_a_child_stands_where_it_is_used() -> None:
    schema = field(Child)
    assert schema["properties"]["name"] == {"description": "Its name.", "type": "string", "default": "main"}
    assert schema["x-kubernetes-validations"] == [{"rule": "self.name != ''", "message": "give a name"}]
    assert "title" not in schema
    assert "additionalProperties" not in schema


def test_a_description_is_one_line_and_the_fields_own_wins() -> None:
    assert field(Child)["description"] == "A child of two lines."
    assert field(Child, description="The eldest.")["description"] == "The eldest."


def test_what_may_be_absent_is_neither_nullable_nor_defaulted() -> None:
    assert field(str | None, default=None) == {"type": "string"}


def test_one_allowed_word_is_an_enum_of_one() -> None:
    assert field(Literal["a"]) == {"type": "string", "enum": ["a"]}
    assert field(Literal["a", "b"]) == {"type": "string", "enum": ["a", "b"]}


def test_a_free_object_keeps_what_it_is_given() -> None:
    assert field(dict[str, Any]) == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_a_map_is_typed() -> None:
    assert field(dict[str, Annotated[str, Field(max_length=3)]]) == {
        "type": "object",
        "additionalProperties": {"type": "string", "maxLength": 3},
    }


def test_an_object_that_a_factory_makes_defaults_to_empty_so_that_its_own_defaults_are_filled_in() -> None:
    assert field(Child, default_factory=Child)["default"] == {}


def test_a_list_says_how_it_is_merged() -> None:
    schema = field(Annotated[list[Child], MAP_BY_NAME])
    assert schema["x-kubernetes-list-type"] == "map"
    assert schema["x-kubernetes-list-map-keys"] == ["name"]


def test_rules_of_a_type_come_before_those_of_its_use() -> None:
    first, second = Rule("self != 'a'", "first"), Rule("self != 'b'", "second", field=".x", forbidden=True)
    schema = field(Annotated[Annotated[str, first], second])
    assert [rule["message"] for rule in schema["x-kubernetes-validations"]] == ["first", "second"]
    assert schema["x-kubernetes-validations"][1] == {
        "rule": "self != 'b'",
        "message": "second",
        "fieldPath": ".x",
        "reason": "FieldValueForbidden",
    }


class Endless(Record):
    child: Endless | None = None


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        (Endless, r"\.it\.child: Endless contains itself"),
        (int | str, r"\.it: a union of types has no structural form"),
        (tuple[int, str], r"\.it: prefixItems has no structural form"),
        (Annotated[int, Field(gt=1)], r"\.it: exclusiveMinimum has no structural form"),
        (Any, r"\.it: a type is needed"),
        (list[Any], r"\.it\[\]: a type is needed"),
    ],
    ids=["recursion", "union", "tuple", "exclusive limit", "anything", "list of anything"],
)
def test_what_has_no_structural_form_is_refused_by_its_path(annotation: Any, what: str) -> None:
    with pytest.raises(NotStructuralError, match=what):
        field(annotation)
