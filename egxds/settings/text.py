"""The text of a settings file to settings, or to every fault at once with its line. Cellar, pure."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from egxds.errors import SettingsError, YamlRefused
from egxds.problems import Location, Problem, error
from egxds.settings.daemon import Settings
from egxds.settings.quantities import SettingsModel
from egxds.yaml_input.load import line_at, load

_SHOWN_CHARACTERS = 60

_Path = tuple[int | str, ...]


def parse_settings(text: str, file: str) -> Settings:
    """Read a settings file.

    Args:
        text: all of it, YAML.
        file: its path as the user would write it, for messages.

    Raises:
        SettingsError: the text is no YAML, or holds faults: all of them, in the order of their lines.
    """
    try:
        value = load(text)
    except YamlRefused as err:
        raise SettingsError((error(Location(file, err.line), err.message),)) from err
    if value is None:
        raise SettingsError((error(Location(file, 0), "is empty: give at least sources.files.paths"),))
    try:
        return Settings.model_validate(value)
    except ValidationError as err:
        faults = [details for details in err.errors(include_url=False) if not _is_echo(details)]
        problems = [_problem(details, value, file) for details in faults]
        raise SettingsError(tuple(sorted(problems, key=lambda problem: problem.location))) from err


def _is_echo(details: ErrorDetails) -> bool:
    """Whether a list only counts as too short because its items were refused, each of which has a fault of its own."""
    read = details["input"]
    return details["type"] == "too_short" and isinstance(read, list) and len(read) >= details["ctx"]["min_length"]


def _problem(details: ErrorDetails, value: object, file: str) -> Problem:
    path = details["loc"]
    kind = details["type"]
    if kind == "extra_forbidden":
        message = _unknown_key(path)
    elif kind in _WORDS:
        message = _WORDS[kind](details.get("ctx", {}), details["input"])
    else:
        message = details["msg"]
    where = _dotted(path)
    return error(Location(file, line_at(value, path)), f"{where}: {message}" if where else message)


def _dotted(path: _Path) -> str:
    """Write a path as people do, such as `extensionManagers[0].service.fqdn.port`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in path).removeprefix(".")


def _unknown_key(path: _Path) -> str:
    """Name the key that may be meant, or else all keys there are."""
    known = _known_keys(path[:-1])
    by_letters = {_letters(key): key for key in known}
    near = difflib.get_close_matches(_letters(str(path[-1])), by_letters, n=1)
    return f"unknown key; did you mean {by_letters[near[0]]}?" if near else f"unknown key; there are {', '.join(known)}"


def _letters(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _known_keys(path: _Path) -> tuple[str, ...]:
    """Return the keys of the mapping at a path."""
    model: type[SettingsModel] = Settings
    for part in path:
        field = next((field for field in model.model_fields.values() if field.alias == part), None)
        model = (_model_in(field.annotation) if field else None) or model
    return tuple(field.alias or "" for field in model.model_fields.values())


def _model_in(annotation: object) -> type[SettingsModel] | None:
    """Find the model within an annotation such as `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, SettingsModel):
        return annotation
    return next((model for part in typing.get_args(annotation) if (model := _model_in(part))), None)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _must_be(what: str) -> Callable[[Mapping[str, Any], object], str]:
    def say(_context: Mapping[str, Any], read: object) -> str:
        return f"must be {what}, but is {_written(read)}"

    return say


def _written(value: object) -> str:
    """Describe a value as its author wrote it; a long one is cut, as it may be something pasted by mistake."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"the string {_cut(value)!r}" if isinstance(value, str) else f"the number {value}"


def _text(_context: Mapping[str, Any], read: object) -> str:
    advice = ": put it in quotes" if isinstance(read, bool | int | float) else ""
    return f"must be a string, but is {_written(read)}{advice}"


def _choice(context: Mapping[str, Any], read: object) -> str:
    expected = str(context["expected"]).replace("'", "")
    return f"must be {expected}, but is {_written(read)}"


def _reason(context: Mapping[str, Any], read: object) -> str:
    message = str(context["error"])
    return message.replace(read, _cut(read)) if isinstance(read, str) else message


_WORDS: Mapping[str, Callable[[Mapping[str, Any], object], str]] = {
    "bool_type": _must_be("true or false"),
    "enum": _choice,
    "greater_than_equal": lambda context, read: f"must be at least {context['ge']}, but is {_written(read)}",
    "int_from_float": _must_be("a whole number"),
    "int_type": _must_be("a whole number"),
    "less_than_equal": lambda context, read: f"must be at most {context['le']}, but is {_written(read)}",
    "literal_error": _choice,
    "missing": lambda _context, _read: "is missing",
    "model_type": _must_be("a mapping (key: value)"),
    "string_type": _text,
    "too_short": lambda context, _read: f"must have at least {context['min_length']} entry",
    "tuple_type": _must_be("a list (- item)"),
    "value_error": _reason,
}
