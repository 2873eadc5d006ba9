"""What a YAML scalar means: the core schema of YAML 1.2 (section 10.3.2), where `no` is a string. Cellar, pure."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST_INTEGER = 1000

_WORDS: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
STRING_STARTS = frozenset(string.ascii_letters + "/_") - frozenset(word[:1] for word in _WORDS)
"""Characters that no scalar starts with that is anything but a string; others may start strings too."""
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def plain_value(text: str) -> object:
    """Return what a scalar without quotes and tag means: None, bool, int, float or the text itself.

    Raises:
        ValueError: an integer of too many digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _NUMBER_STARTS else text


def is_scalar_tag(tag: str) -> bool:
    """Tell whether a tag is one of the core schema's scalars; `!` alone means a string."""
    return tag in _TEXT_TAGS or (tag.startswith(CORE_TAG) and tag.removeprefix(CORE_TAG) in _TAGGED)


def tagged_value(text: str, tag: str) -> object:
    """Return what a scalar means under a tag.

    Args:
        text: the scalar, quoted or not.
        tag: a scalar's, as it resolves, such as `tag:yaml.org,2002:int`.

    Raises:
        ValueError: the text is not of that kind.
    """
    if tag in _TEXT_TAGS:
        return text
    kind = tag.removeprefix(CORE_TAG)
    value = plain_value(text)
    if not _TAGGED[kind](value):
        raise ValueError(f"the value is not what its tag !!{kind} says: correct it or remove the tag")
    return float(value) if kind == "float" and isinstance(value, int) else value


def _number(text: str) -> object:
    if _DECIMAL.fullmatch(text):
        if len(text) > _LONGEST_INTEGER:
            raise ValueError(f"an integer of {len(text)} digits: put it in quotes")
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return float(text) if _FLOAT.fullmatch(text) else text


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


CORE_TAG = "tag:yaml.org,2002:"
"""What the tags of the core schema start with."""

_TEXT_TAGS = frozenset({"!", CORE_TAG + "str"})
_TAGGED: Mapping[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "bool": lambda value: isinstance(value, bool),
    "int": _is_integer,
    "float": lambda value: isinstance(value, float) or _is_integer(value),
}
