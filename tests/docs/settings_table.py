"""The reference of the settings file, drawn from the models that read it, a row for each key."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from egxds.settings import quantities
from egxds.settings.daemon import Settings
from egxds.settings.effects import EFFECTS, row_of
from egxds.settings.schema import attributes, purpose_of
from tests.docs.drawing import table

_DURATION, _SIZE = "duration", "size"
_WITH_UNITS = {quantities._duration: f"{_DURATION}, as `10s`", quantities._size: f"{_SIZE}, as `32Mi`"}
_FORMS = {bool: "`true` or `false`", int: "integer", str: "text", float: "number"}


@dataclass(frozen=True)
class Row:
    """One key.

    Attributes:
        key: with those around it; `[]` stands behind a list.
        form: what is written there.
        default: what holds without it, as it would be written; empty where it is required.
        purpose: what it is for, of the docstring; empty where that does not say.
        is_block: whether it has keys of its own.
    """

    key: str
    form: str
    default: str
    purpose: str
    is_block: bool


def settings_rows(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[Row]:
    """Yield the keys of a block and, behind each that is one itself, its own."""
    told = attributes(model)
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner, is_list = _model_of(field.annotation)
        purpose = told.get(name, "") or (_first_sentence(inner) if inner else "")
        purpose = purpose[:1].upper() + purpose[1:]
        if inner is None:
            yield Row(key, _form(field.annotation, field.metadata), _default(field), purpose, is_block=False)
            continue
        form = "list of blocks" if is_list else "block"
        yield Row(key, form, "required" if field.is_required() else "", purpose, is_block=True)
        yield from settings_rows(inner, f"{key}[]." if is_list else f"{key}.")


def settings_reference() -> str:
    """Draw all keys, a table for each block of the file."""
    return "\n".join(_sections(list(settings_rows())))


def _sections(rows: list[Row]) -> Iterator[str]:
    tops = [row.key for row in rows if "." not in row.key]
    yield _table(row for row in rows if "." not in row.key)
    for top in tops:
        below = [row for row in rows if row.key.startswith((f"{top}.", f"{top}[]."))]
        if below and top != "extensionManager":
            yield f"## {top}\n\n{_table(below)}"


def _table(rows: Iterable[Row]) -> str:
    lines = ["| key | what is written | without it | what it is for | takes effect |", "|---|---|---|---|---|"]
    lines += [f"| `{row.key}` | {row.form} | {row.default} | {row.purpose} | {_effect(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _effect(row: Row) -> str:
    """Return when a change takes effect; of a block only where that goes for all of it."""
    try:
        return row_of(row.key).effect.value
    except KeyError:
        if not row.is_block:
            raise
        return ""


def restarts() -> str:
    """Draw what does not take effect at once, with the reason."""
    rows = ((f"`{key}`", row.effect.value, row.reason) for key, row in EFFECTS.items() if row.reason)
    return table(("key", "takes effect", "since"), rows)


def _first_sentence(model: type[BaseModel]) -> str:
    return purpose_of(model).partition(". ")[0]


def _model_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the block that stands there, if there is one, and whether several may."""
    for part in _alternatives(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel) and part is not quantities.SettingsModel:
            return part, False
        if get_origin(part) is tuple:
            inner, _ = _model_of(get_args(part)[0])
            return inner, True
    return None, False


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return what may stand there, beside nothing."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(each for each in get_args(annotation) if each is not type(None))
    return (annotation,)


def _form(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    return " or ".join(_one_form(each, metadata) for each in _alternatives(annotation))


def _one_form(part: Any, metadata: Iterable[Any]) -> str:
    if get_origin(part) is Annotated:
        inner, *more = get_args(part)
        return _form(inner, [*metadata, *more])
    if get_origin(part) is tuple:
        return f"list of {_form(get_args(part)[0])}"
    readers = {getattr(each, "func", None) for each in metadata}
    with_unit = next((form for reader, form in _WITH_UNITS.items() if reader in readers), "")
    return with_unit or _choice(_values(part)) or _FORMS[part]


def _values(part: Any) -> tuple[str, ...]:
    """Return what may be written, where that is a matter of choice."""
    if isinstance(part, type) and issubclass(part, Enum):
        return tuple(each.value for each in part)
    return get_args(part) if get_origin(part) is Literal else ()


def _choice(values: Iterable[str]) -> str:
    shown = [f"`{value}`" if value else "empty" for value in values]
    return " or ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if value in (None, (), ""):
        return ""
    form = _form(field.annotation, field.metadata)
    return f"`{_written(value, form)}`"


def _written(value: Any, form: str) -> str:
    """Write a value as the file would have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_written(each, form.removeprefix('list of ')) for each in value)}]"
    if form.startswith(_DURATION):
        return quantities.duration_text(value)
    if form.startswith(_SIZE):
        return quantities.size_text(value)
    return f"{value}"
