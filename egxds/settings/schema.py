"""The JSON schema of the settings file, by which an editor completes and checks it. Pure.

It is drawn from the models that read the file: what a type can say about a value is in it, and words about a key are
those of the models' docstrings. Only reading the file finds what no type can say, such as one key that excludes
another, or how long a duration may be.
"""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from egxds.settings.daemon import Settings
from egxds.settings.quantities import NullableModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SOMETHING = 1e-9
_ATTRIBUTE = re.compile(r"(?m)^ {4}(\w+): (.*(?:\n {8}.*)*)")


def settings_schema() -> dict[str, Any]:
    """Return the schema of the whole file."""
    drawn = Settings.model_json_schema(schema_generator=_SettingsSchema)
    return {"$schema": DIALECT, "title": "Settings of egxds", **drawn}


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstring of a model says of its fields, by their names in Python."""
    text = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")[2]
    return {found[1]: " ".join(found[2].split()).rstrip(".") for found in _ATTRIBUTE.finditer(text)}


def purpose_of(model: type[BaseModel]) -> str:
    """Return what a block is for, by the first paragraph of its docstring."""
    return " ".join(inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].split()).rstrip(".")


class _SettingsSchema(GenerateJsonSchema):
    """Draws blocks with their purposes, and has a key without a value where that counts as absent."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 pydantic calls it so
        """Say that no key has a title: it is its own."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Draw a block."""
        drawn, model = super().model_schema(schema), schema["cls"]
        keys, told, defaults = drawn["properties"], attributes(model), _defaults(model)
        for name, field in model.model_fields.items():
            key = field.alias or name
            keys[key] = _bounded(_key(keys[key], told.get(name, ""), defaults.get(key)), _least(field))
            if issubclass(model, NullableModel) and key not in drawn.get("required", ()):
                keys[key] = _or_nothing(keys[key])
        return {word: value for word, value in drawn.items() if word != "title"} | {"description": purpose_of(model)}


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Return what holds of keys that are not written, as a file has it."""
    return model.model_construct().model_dump(mode="json", by_alias=True)


def _key(drawn: JsonSchemaValue, purpose: str, default: Any) -> JsonSchemaValue:
    """Return a key with what it is for and what holds without it; of a block that stands within the block."""
    kept = {word: value for word, value in drawn.items() if word != "default"}
    if purpose:
        kept["description"] = f"{purpose[:1].upper()}{purpose[1:]}"
    return kept if default in (None, "", []) or isinstance(default, dict) else {**kept, "default": default}


def _least(field: FieldInfo) -> float:
    """Return what a quantity is at least; one that has to be more than 0 counts as something."""
    inner = (word for part in get_args(field.annotation) for word in getattr(part, "__metadata__", ()))
    words = [word for each in (*field.metadata, *inner) for word in getattr(each, "metadata", (each,))]
    at_least = [float(word.ge) for word in words if hasattr(word, "ge")]
    return max(at_least or [_SOMETHING for word in words if hasattr(word, "gt")], default=0)


def _bounded(drawn: JsonSchemaValue, least: float) -> JsonSchemaValue:
    """Return a quantity as far as its bound can be said: of a number, which has no unit."""
    if not least or "anyOf" not in drawn:
        return drawn
    kept = [choice for choice in drawn["anyOf"] if choice != {"const": 0}]
    bounded = [choice | {"minimum": math.ceil(least)} if choice.get("type") == "integer" else choice for choice in kept]
    return drawn | {"anyOf": bounded}


def _or_nothing(drawn: JsonSchemaValue) -> JsonSchemaValue:
    around: dict[str, Any] = {word: drawn[word] for word in ("default", "description") if word in drawn}
    value = {word: rest for word, rest in drawn.items() if word not in around}
    choices = value["anyOf"] if value.keys() == {"anyOf"} else [value]
    nothing = {"type": "null"}
    return {"anyOf": [*choices, *([] if nothing in choices else [nothing])], **around}
