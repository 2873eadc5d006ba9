"""The expressions that Envoy takes as filters: CEL, without what Envoy leaves out. Cellar, pure.

Source: the Common Expression Language Definition. Envoy 1.40 was seen to refuse a whole Listener for one expression
that it cannot read, for macros over lists and maps, messages, and functions that it has not
(`tests/envoy/test_expressions.py`). Rather too little is taken than too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from egxds.re2_syntax import check_regex

_MOST_CHARACTERS = 4096
_DEEPEST = 24
"""Envoy takes 32, counting what stands inside of what, in parentheses or in a chain."""

_LARGEST = 2**63
_LARGEST_UNSIGNED = 2**64

_SCALAR = r"(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
_ESCAPE = rf"\\(?:[abfnrtv\\?\"'`]|[0-3][0-7]{{2}}|[xX][0-9a-fA-F]{{2}}|u{_SCALAR}|U000[0-9a-fA-F]{_SCALAR})"
_TOKEN = re.compile(
    rf"""(?P<space>(?:[ \t\r\n\f]|//[^\n]*)+)
    |(?P<text>[bB]?(?:[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:[^"\\\n]|{_ESCAPE})*"|'(?:[^'\\\n]|{_ESCAPE})*'))
    |(?P<fraction>[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]{{1,3}})?|[0-9]+[eE][+-]?[0-9]{{1,3}})
    |(?P<number>0x[0-9a-fA-F]+[uU]?|[0-9]+[uU]?)
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |(?P<sign>\|\||&&|[=!<>]=|[-+*/%!<>?:.,()\[\]{{}}])""",
    re.VERBOSE,
)
_RESERVED_WORDS = """
    as break const continue else false for function if import in let loop namespace null package return true var void
    while
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_CONSTANTS = frozenset({"true", "false", "null"})
_OPERATORS = (("||",), ("&&",), ("<", "<=", ">=", ">", "==", "!=", "in"), ("+", "-"), ("*", "/", "%"))
"""Those that bind the least first."""

_BALANCED = 2
"""The place of the first that Envoy does not balance."""

_FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(("size", "int", "uint", "double", "bytes", "timestamp", "duration", "type", "dyn"), 1),
    "matches": 2,
}
"""Name → how many values it takes."""

_PARTS_OF_TIME = "FullYear Month DayOfYear DayOfMonth Date DayOfWeek Hours Minutes Seconds Milliseconds"
_METHODS: Mapping[str, tuple[int, ...]] = {
    "size": (0,),
    **dict.fromkeys(("contains", "startsWith", "endsWith", "matches"), (1,)),
    **{f"get{part}": (0, 1) for part in _PARTS_OF_TIME.split()},
}
"""The same of what is asked of a value."""


def check_expression(text: str) -> str:
    """Accept an expression that Envoy accepts.

    Raises:
        ValueError: it is none; the text says why and where.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"is longer than {_MOST_CHARACTERS} characters")
    _Reading(text).whole()
    return text


@dataclass(frozen=True, slots=True)
class _Value:
    """What was read: how deep it is, whether a field is selected, and the text where it is one that is written out."""

    depth: int = 1
    is_field: bool = False
    text: str | None = None


def _around(*values: _Value) -> _Value:
    return _Value(1 + max((each.depth for each in values), default=0))


class _Reading:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._kind, self._word, self._start = "", "", 0
        self._next()

    def whole(self) -> None:
        """Read all of it."""
        self._expression()
        if self._kind:
            self._fail()

    def _next(self) -> str:
        """Go on, and return what was read."""
        before = self._word
        while True:
            self._start = self._at
            if self._at == len(self._text):
                self._kind, self._word = "", ""
                return before
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                self._fail()
            self._at = found.end()
            self._kind, self._word = str(found.lastgroup), found.group()
            if self._kind != "space":
                return before

    def _fail(self, why: str = "") -> NoReturn:
        where = f"at character {self._start + 1}"
        raise ValueError(f"is no expression (CEL) that Envoy takes: {why or 'it cannot be read'} {where}")

    def _takes(self, *signs: str) -> bool:
        """Go on where one of some signs stands."""
        is_there = self._kind in {"sign", "name"} and self._word in signs
        if is_there:
            self._next()
        return is_there

    def _needs(self, sign: str) -> None:
        if not self._takes(sign):
            self._fail(f"{sign} is missing")

    def _expression(self) -> _Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail("it is too deep")
        value = self._operation(0)
        if self._takes("?"):
            yes = self._operation(0)
            self._needs(":")
            value = self._within(value, yes, self._expression())
        self._depth -= 1
        return value

    def _operation(self, level: int) -> _Value:
        if level == len(_OPERATORS):
            return self._signed()
        value, count = self._operation(level + 1), 0
        while self._takes(*_OPERATORS[level]):
            count += 1
            # Envoy balances those that ask whether something is true, and no others.
            is_deeper = level >= _BALANCED or not count & (count - 1)
            other = self._operation(level + 1)
            value = self._within(value, other) if is_deeper else _Value(max(value.depth, other.depth + 1))
        return value

    def _within(self, *values: _Value) -> _Value:
        value = _around(*values)
        if value.depth > _DEEPEST:
            self._fail("it is too deep")
        return value

    def _signed(self) -> _Value:
        for sign in ("!", "-"):
            if self._takes(sign):
                while self._takes(sign):
                    pass
                return self._within(self._member())
        return self._member()

    def _member(self) -> _Value:
        value = self._primary()
        while True:
            if self._takes("."):
                value = self._selected(value)
            elif self._takes("["):
                value = self._within(value, self._expression())
                self._needs("]")
            elif self._word == "{":
                self._fail("messages are not known")
            else:
                return value

    def _selected(self, value: _Value) -> _Value:
        name = self._name()
        if not self._takes("("):
            return replace(self._within(value), is_field=True)
        values = self._values(")", self._expression)
        if len(values) not in _METHODS.get(name, ()):
            self._fail(f"{name} is no function of Envoy's, or takes other values, before what stands")
        if name == "matches":
            self._check_pattern(values[0])
        return self._within(value, *values)

    def _primary(self) -> _Value:
        if self._kind == "text":
            return _Value(text=_written_out(self._next()))
        if self._kind == "number":
            self._check_number()
        if self._kind in {"number", "fraction"} or self._word in _CONSTANTS:
            self._next()
            return _Value()
        for opening, closing, entry in (("[", "]", self._expression), ("{", "}", self._entry)):
            if self._takes(opening):
                return self._within(*self._values(closing, entry))
        if self._takes("("):
            value = self._expression()
            self._needs(")")
            return value
        self._takes(".")
        return self._named()

    def _named(self) -> _Value:
        name = self._name()
        if not self._takes("("):
            return _Value()
        values = self._values(")", self._expression)
        if name == "has":
            if len(values) != 1 or not values[0].is_field:
                self._fail("has(…) asks for a field, such as request.headers.host, before what stands")
        elif len(values) != _FUNCTIONS.get(name):
            self._fail(f"{name} is no function of Envoy's, or takes other values, before what stands")
        if name == "matches":
            self._check_pattern(values[1])
        return self._within(*values)

    def _name(self) -> str:
        if self._kind != "name" or self._word in _RESERVED:
            self._fail("a name is missing")
        return self._next()

    def _values(self, closing: str, entry: Callable[[], _Value]) -> list[_Value]:
        found: list[_Value] = []
        while not self._takes(closing):
            found.append(entry())
            if not self._takes(","):
                self._needs(closing)
                break
        return found

    def _entry(self) -> _Value:
        key = self._expression()
        self._needs(":")
        return self._within(key, self._expression())

    def _check_number(self) -> None:
        is_unsigned = self._word[-1] in "uU"
        digits = self._word[:-1] if is_unsigned else self._word
        if int(digits, 16 if digits.startswith("0x") else 10) >= (_LARGEST_UNSIGNED if is_unsigned else _LARGEST):
            self._fail("a number is too large")

    def _check_pattern(self, value: _Value) -> None:
        if value.text is not None:
            check_regex(value.text)


def _written_out(token: str) -> str:
    """Return what a text says that is written with its quotes and escapes."""
    rest = token.lstrip("bBrR")
    is_raw = "r" in token[: len(token) - len(rest)].lower()
    return rest[1:-1] if is_raw else re.sub(_ESCAPE, _unescaped, rest[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    escape = found.group().replace("X", "x")
    return escape[1] if escape[1] in "?`" else escape.encode().decode("unicode_escape")
