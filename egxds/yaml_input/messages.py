"""What pydantic found wrong, in the words of someone who writes YAML. Cellar, pure.

The settings and the objects are checked by the same library and told about in the same words. No message here repeats
a value that was read: it could be a secret. Who knows that it is none may say it beside (`says_what_it_must_be`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

_Details = Mapping[str, Any]

_QUOTED = re.compile(r"'([^']*)'")
_IS_EMPTY = "is empty"
_MUST_BE = "must be"


def is_echo(details: ErrorDetails) -> bool:
    """Tell whether a list only seems too short because its items were refused, which is reported by itself."""
    read = details["input"]
    return details["type"] == "too_short" and isinstance(read, list) and len(read) >= details["ctx"]["min_length"]


def message_of(details: ErrorDetails, patterns: Mapping[str, str]) -> str:
    """Say what is wrong with a value.

    Args:
        details: as pydantic reports it.
        patterns: regular expression → what to tell someone whose text does not match it.
    """
    type_ = details["type"]
    context: _Details = details.get("ctx", {})
    if type_ == "string_pattern_mismatch":
        return patterns[context["pattern"]]
    if type_ in _FIXED:
        return _FIXED[type_]
    if type_ in _MADE:
        return _MADE[type_](context, details["input"])
    return f"is not what it should be ({type_.replace('_', ' ')})"


def says_what_it_must_be(message: str) -> bool:
    """Tell whether a message leaves room for what the value is instead."""
    return message.startswith(_MUST_BE)


def _choice(context: _Details, read: object) -> str:
    expected = str(context["expected"])
    near = difflib.get_close_matches(str(read), _QUOTED.findall(expected), n=1) if isinstance(read, str) else []
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{_MUST_BE} {expected.replace(chr(39), '')}{hint}"


def _text_too_long(context: _Details, read: object) -> str:
    return f"has {len(str(read))} characters; at most {context['max_length']} are allowed"


def _text(_context: _Details, read: object) -> str:
    return f"{_MUST_BE} text; put it in quotes" if isinstance(read, int | float) else f"{_MUST_BE} text"


def _too_long(context: _Details, _read: object) -> str:
    if not context["max_length"]:
        return "cannot be done by an object of this kind; delete it"
    return f"has {context['actual_length']} entries; at most {context['max_length']} are allowed"


def _whole_number(_context: _Details, read: object) -> str:
    advice = "; write it without quotes" if isinstance(read, str) else ""
    return f"{_MUST_BE} a whole number{advice}"


_MAPPING = f"{_MUST_BE} a mapping of names to values"
_FIXED = {
    "bool_type": f"{_MUST_BE} true or false",
    "dataclass_type": _MAPPING,
    "dict_type": _MAPPING,
    "finite_number": f"{_MUST_BE} a finite number",
    "missing": "is missing",
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "string_too_short": _IS_EMPTY,
    "tuple_type": f"{_MUST_BE} a list",
}

_MADE: Mapping[str, Callable[[_Details, object], str]] = {
    "enum": _choice,
    "int_from_float": _whole_number,
    "int_type": _whole_number,
    "greater_than_equal": lambda context, _: f"{_MUST_BE} at least {context['ge']}",
    "less_than_equal": lambda context, _: f"{_MUST_BE} at most {context['le']}",
    "literal_error": _choice,
    "string_too_long": _text_too_long,
    "string_type": _text,
    "too_long": _too_long,
    "too_short": lambda context, _: f"{_IS_EMPTY}; at least {context['min_length']} is needed",
    "value_error": lambda context, _: str(context["error"]),
}
