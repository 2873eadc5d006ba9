"""The text of a settings file to settings, or to every fault at once with its line. Cellar, pure."""

from __future__ import annotations

import contextlib
import difflib
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from egxds.errors import SettingsError, YamlRefused
from egxds.names import ENVOY_GATEWAY_KIND
from egxds.problems import Location, Problem, error
from egxds.settings.daemon import Settings
from egxds.settings.envoy_gateway import EnvoyGateway, settings_of
from egxds.settings.envoy_gateway_keys import passed_keys
from egxds.settings.note import Note
from egxds.settings.quantities import SettingsModel
from egxds.yaml_input.load import line_at, load
from egxds.yaml_input.messages import is_echo, message_of, says_what_it_must_be

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
    if isinstance(value, dict) and value.get("kind") == ENVOY_GATEWAY_KIND:
        return _moved_in(value, file)
    with _faults_told(Settings, value, file):
        return Settings.model_validate(value)


def _moved_in(value: dict[str, Any], file: str) -> Settings:
    """Return the settings of a file of Envoy Gateway, with what is to be said of its keys."""
    with _faults_told(EnvoyGateway, value, file):
        settings = settings_of(EnvoyGateway.model_validate(value))
    passed = tuple(passed_keys(value))
    places = ((key, Location(file, line_at(value, key.path))) for key in passed if key.is_error)
    refused = tuple(error(place, f"{_dotted(key.path)}: {key.says}") for key, place in places)
    if refused:
        raise SettingsError(refused)
    return settings.with_notes(tuple(Note(_dotted(key.path), key.says) for key in passed))


@contextlib.contextmanager
def _faults_told(model: type[SettingsModel], value: object, file: str) -> Iterator[None]:
    """Have what a model finds wrong with a value raised as problems of the file."""
    try:
        yield
    except ValidationError as err:
        faults = [details for details in err.errors(include_url=False) if not is_echo(details)]
        problems = [_problem(details, value, file, model) for details in faults]
        raise SettingsError(tuple(sorted(problems, key=lambda problem: problem.location))) from err


def _problem(details: ErrorDetails, value: object, file: str, model: type[SettingsModel]) -> Problem:
    path = details["loc"]
    message = _unknown_key(path, model) if details["type"] == "extra_forbidden" else _message(details)
    where = _dotted(path)
    return error(Location(file, line_at(value, path)), f"{where}: {message}" if where else message)


def _message(details: ErrorDetails) -> str:
    """Say what is wrong, and what stands there: no setting holds a secret. Long text may be pasted by mistake."""
    message, read = message_of(details, {}), details["input"]
    if says_what_it_must_be(message) and details["type"] != "value_error":
        what, _, advice = message.partition("; ")
        return f"{what}, but is {_written(read)}" + (f"; {advice}" if advice else "")
    return message.replace(read, _cut(read)) if isinstance(read, str) else message


def _dotted(path: _Path) -> str:
    """Write a path as people do, such as `extensionManagers[0].service.fqdn.port`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in path).removeprefix(".")


def _unknown_key(path: _Path, model: type[SettingsModel]) -> str:
    """Name the key that may be meant, or else all keys there are."""
    known = _known_keys(path[:-1], model)
    by_letters = {_letters(key): key for key in known}
    near = difflib.get_close_matches(_letters(str(path[-1])), by_letters, n=1)
    return f"unknown key; did you mean {by_letters[near[0]]}?" if near else f"unknown key; there are {', '.join(known)}"


def _letters(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _known_keys(path: _Path, model: type[SettingsModel]) -> tuple[str, ...]:
    """Return the keys of the mapping at a path."""
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
