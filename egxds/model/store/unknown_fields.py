"""Fields that an object has but its class does not, and fields that are known but not served. Pure.

It reads the raw values rather than the validated ones, so that a misspelt field is named even where the object is
refused for lacking it.

    a field                                        becomes
    that nobody knows                              a warning, with the field that may have been meant
    of those, one that would have narrowed down    an error: without it more would be let through than was written
    that the API has and is not served             a warning: it has no effect
    of those, one that must not go without effect  an error: a check of clients that is not made leaves a door open
    that means nothing here                        nothing
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egxds.model.api.object import ApiModel
from egxds.model.api.validation import FieldError, Path
from egxds.problems import Severity

OBJECT_FIELDS = frozenset({"apiVersion", "kind", "metadata", "status"})
"""Fields beside the content of every object."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What stands below a field: objects of a class, one, a list of them or a mapping, or nothing to look into."""

    content: type[ApiModel] | None
    is_list: bool
    is_mapping: bool = False


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a class knows.

    Attributes:
        by_name: its fields, as a file spells them.
        passed_over: those, and what is passed over.
        deep: those that have something to look into, each with what that is.
    """

    by_name: Mapping[str, _Field]
    passed_over: frozenset[str]
    deep: tuple[tuple[str, type[ApiModel], bool], ...]


_FIELDS: dict[type[ApiModel], _Fields] = {}


def unknown_field_errors(
    value: object, content: type[ApiModel], also: frozenset[str] = frozenset()
) -> Iterable[FieldError]:
    """Name what a value has and its class does not know, at every depth.

    Args:
        value: as it was read.
        content: the class it is meant for.
        also: further names that may stand at the top.
    """
    # Nearly always there is nothing, which takes a comparison of names for each mapping.
    return () if _knows_all(content, value, also) else _unknown(value, content, also)


def _knows_all(content: type[ApiModel], value: object, also: frozenset[str] = frozenset()) -> bool:
    if isinstance(value, list):
        return all(_knows_all(content, item) for item in value)
    if not isinstance(value, dict):
        return True
    fields = _fields_of(content)
    if not value.keys() <= (fields.passed_over | also if also else fields.passed_over):
        return False
    for name, below, is_mapping in fields.deep:
        if name in value and not _knows_all(below, _entries(value[name]) if is_mapping else value[name]):
            return False
    return True


def _entries(value: object) -> object:
    """Return what stands in a mapping, whatever its keys are."""
    return list(value.values()) if isinstance(value, dict) else value


def _unknown(value: object, content: type[ApiModel], also: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    if not isinstance(value, Mapping):
        return
    fields = _fields_of(content).by_name
    for name, below in value.items():
        field = fields.get(name)
        if field is not None:
            yield from _below(below, field, (name,))
        elif name not in also and name not in content.silent_fields:
            yield from _other_field(name, below, content)


def _below(value: object, field: _Field, path: Path) -> Iterator[FieldError]:
    if field.content is None:
        return
    if field.is_mapping:
        for name, item in value.items() if isinstance(value, Mapping) else ():
            yield from (error.below((*path, name)) for error in _unknown(item, field.content))
    elif not field.is_list:
        yield from (error.below(path) for error in _unknown(value, field.content))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from (error.below((*path, index)) for error in _unknown(item, field.content))


def _other_field(name: str, value: object, content: type[ApiModel]) -> Iterator[FieldError]:
    if name in content.refused_fields:
        if value or (content.is_narrowing and value is not None):
            yield FieldError((name,), "is not served here, and must not go without effect; delete it")
    elif name in content.unserved_fields:
        yield FieldError((name,), "is not served here and has no effect", Severity.WARNING)
    else:
        near = difflib.get_close_matches(name, _fields_of(content).by_name, n=1)
        narrows = content.is_narrowing or content.narrowing_fields.issuperset(near or (name,))
        effect = "; without it more would be let through than is written" if narrows else ""
        hint = f"; did you mean {near[0]}?" if near else "" if narrows else "; it has no effect"
        severity = Severity.ERROR if narrows else Severity.WARNING
        yield FieldError((name,), f"is not a field known here{effect}{hint}", severity)


def _fields_of(content: type[ApiModel]) -> _Fields:
    """Return what a class knows, worked out once."""
    if content not in _FIELDS:
        _FIELDS[content] = _read_fields(content)
    return _FIELDS[content]


def _read_fields(content: type[Any]) -> _Fields:
    by_name = {
        info.alias or name: _Field(
            _model_in(info.annotation), _is_of(tuple, info.annotation), _is_of(dict, info.annotation)
        )
        for name, info in content.__pydantic_fields__.items()
    }
    found = ((name, field.content, field.is_mapping) for name, field in by_name.items())
    deep = tuple((name, content, is_mapping) for name, content, is_mapping in found if content is not None)
    return _Fields(by_name, content.silent_fields | by_name.keys(), deep)


def _model_in(annotation: object) -> type[ApiModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _model_in(part)) is not None), None)


def _is_of(kind: type, annotation: object) -> bool:
    return typing.get_origin(annotation) is kind or any(_is_of(kind, part) for part in typing.get_args(annotation))
