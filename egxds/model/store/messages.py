"""What pydantic found wrong, in the words of someone who writes YAML. Pure.

No message holds a value that was read: it could be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from egxds.model.api.scalars import PATTERN_WORDS
from egxds.model.api.validation import FIELD_ERRORS, FieldError, Path

_Details = Mapping[str, Any]

_QUOTED = re.compile(r"'([^']*)'")
_IS_EMPTY = "is empty"


def field_errors_of(error: ValidationError) -> Iterator[FieldError]:
    """Turn a validation error of pydantic into field errors, all of them, each with the path of its field."""
    for details in error.errors(include_url=False):
        if details["type"] == FIELD_ERRORS:
            yield from (error.below(details["loc"]) for error in details["ctx"][FIELD_ERRORS])
        elif not _is_echo(details):
            yield FieldError(_path(details), _words(details))


def _is_echo(details: ErrorDetails) -> bool:
    """Tell whether a list only seems too short because its items were refused, which is reported by itself."""
    read = details["input"]
    return details["type"] == "too_short" and isinstance(read, list) and len(read) >= details["ctx"]["min_length"]


def _path(details: ErrorDetails) -> Path:
    loc = details["loc"]
    return loc[:-1] if details["type"] == "missing" else loc


def _words(details: ErrorDetails) -> str:
    type_ = details["type"]
    if type_ == "missing":
        return f"{details['loc'][-1]} is missing"
    if type_ in _FIXED:
        return _FIXED[type_]
    if type_ in _MADE:
        return _MADE[type_](details.get("ctx", {}), details["input"])
    return f"is not what it should be ({type_.replace('_', ' ')})"


def _literal(context: _Details, read: object) -> str:
    expected = str(context["expected"])
    near = difflib.get_close_matches(str(read), _QUOTED.findall(expected), n=1) if isinstance(read, str) else []
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"must be {expected.replace(chr(39), '')}{hint}"


def _pattern(context: _Details, _read: object) -> str:
    return PATTERN_WORDS[context["pattern"]]


def _text_too_long(context: _Details, read: object) -> str:
    return f"has {len(str(read))} characters; at most {context['max_length']} are allowed"


def _too_long(context: _Details, _read: object) -> str:
    return f"has {context['actual_length']} entries; at most {context['max_length']} are allowed"


def _too_short(context: _Details, _read: object) -> str:
    return f"{_IS_EMPTY}; at least {context['min_length']} is needed"


def _string(_context: _Details, read: object) -> str:
    return "must be text; put it in quotes" if isinstance(read, int | float) else "must be text"


_FIXED = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of names to values",
    "int_type": "must be a whole number, without quotes",
    "model_attributes_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
    "string_too_short": _IS_EMPTY,
    "tuple_type": "must be a list",
}

_MADE: Mapping[str, Callable[[_Details, object], str]] = {
    "greater_than_equal": lambda context, _: f"must be at least {context['ge']}",
    "less_than_equal": lambda context, _: f"must be at most {context['le']}",
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "string_too_long": _text_too_long,
    "string_type": _string,
    "too_long": _too_long,
    "too_short": _too_short,
    "value_error": lambda context, _: str(context["error"]),
}
