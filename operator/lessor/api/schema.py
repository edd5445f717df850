"""pydantic models -> the structural schema that a CustomResourceDefinition wants.

The API server refuses JSON Schema as pydantic writes it: $ref, anyOf with types inside, const. This module resolves
them, and raises NotStructuralError for what has no structural form, so that a model which can't be a CRD fails in
`make generate`, with its path, and not in a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from .rules import VALIDATIONS

Schema = dict[str, Any]

# As they stand in the generated files: first what a reader looks for.
_KEPT = (
    "description", "type", "format", "enum", "default",
    "minimum", "maximum", "minLength", "maxLength", "pattern",
    "minItems", "maxItems", "maxProperties",
    "items", "additionalProperties", "required", "properties",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields", VALIDATIONS,
)  # fmt: skip
_DROPPED = frozenset({"title"})


class NotStructuralError(TypeError):
    """A model has something that a structural schema can't say."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path or 'the model'}: {what}")


class _WithObjectDefaults(GenerateJsonSchema):
    """Shows the default of an object that a factory makes: without `default: {}` those inside are never filled in."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        shown = super().default_schema(schema)
        factory = schema.get("default_factory")
        if isinstance(factory, type) and issubclass(factory, BaseModel):
            shown["default"] = {}
        return shown


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model. Raises NotStructuralError for recursion, unions and what else has none."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_WithObjectDefaults)
    definitions = schema.pop("$defs", {})
    return _convert(schema, definitions, "", ())


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Schema], path: str, inside: tuple[str, ...]) -> Schema:
    """One node; `inside` are the definitions that it stands in, since none may contain itself."""
    flat, inside = _without_references(node, definitions, path, inside)
    schema: Schema = {}
    for keyword, value in flat.items():
        match keyword:
            case "properties":
                schema[keyword] = {
                    name: _convert(field, definitions, f"{path}.{name}", inside) for name, field in value.items()
                }
            case "items" | "additionalProperties" if isinstance(value, Mapping):
                schema[keyword] = _convert(value, definitions, f"{path}[]", inside)
            case "additionalProperties":
                # False is a closed object: the API server refuses or prunes unknown fields by itself.
                schema |= {"x-kubernetes-preserve-unknown-fields": True} if value else {}
            case "const":
                schema["enum"] = [value]
            case "default" if value is None:
                pass  # absent, not null
            case "description":
                schema[keyword] = " ".join(value.split())
            case _ if keyword in _KEPT:
                schema[keyword] = value
            case _ if keyword not in _DROPPED:
                raise NotStructuralError(path, f"{keyword} has no structural form")
    if "type" not in schema:
        raise NotStructuralError(path, "a type is needed")
    return {keyword: schema[keyword] for keyword in _KEPT if keyword in schema}


def _without_references(
    node: Mapping[str, Any], definitions: Mapping[str, Schema], path: str, inside: tuple[str, ...]
) -> tuple[Schema, tuple[str, ...]]:
    """The node with `$ref` and `X | None` replaced by what they stand for, outer keywords winning over inner ones."""
    flat = dict(node)
    while "$ref" in flat or "anyOf" in flat:
        if "$ref" in flat:
            name = flat.pop("$ref").rsplit("/", 1)[-1]
            if name in inside:
                raise NotStructuralError(path, f"{name} contains itself")
            inside = (*inside, name)
            inner = definitions[name]
        else:
            variants = [variant for variant in flat.pop("anyOf") if variant.get("type") != "null"]
            if len(variants) != 1:
                raise NotStructuralError(path, "a union of types has no structural form")
            inner = variants[0]
        rules = [*inner.get(VALIDATIONS, ()), *flat.get(VALIDATIONS, ())]
        flat = {**inner, **flat, **({VALIDATIONS: rules} if rules else {})}
    return flat, inside
