"""Which requests a match takes, in one form, so that two that take the same are equal. Pure.

What a user can write in several ways is one here: `/a` and `/a/` as prefixes, header names in any case, entries in any
order, those that do not count (`named_entries`), a regular expression in which nothing but itself is meant. Two forms
that differ may take the same requests all the same; equal ones always do, and nothing else is concluded from them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from egxds.model.api.matches import HeaderMatch, ValueMatch
from egxds.model.api.named_entries import counted_headers, counted_parameters
from egxds.model.resolve.match_order import Rank

NO_MATCHES = -1
"""Stands for the position of a match where a rule has none, and takes everything."""

_LITERAL = re.compile(r"(?:[-A-Za-z0-9/_~@%&=:;,!<>'\" `]|\\[-./+*?()\[\]{}|^$~@%&=:;,!])*")
_ANYTHING = ".*"
_T = TypeVar("_T")


class PathForm(enum.IntEnum):
    """How a path is looked at; a number, which the interpreter hashes without a step of ours."""

    IS = 0
    STARTS_WITH = 1
    IS_OR_IS_BELOW = 2
    FITS = 3


class WantedValue(NamedTuple):
    """What a header or query parameter must be.

    Attributes:
        name: of a header in lower case.
        is_pattern: whether the value is a regular expression.
        value: in full.
    """

    name: str
    is_pattern: bool
    value: str


class Requests(NamedTuple):
    """The requests that a match takes.

    Attributes:
        form: how the path is looked at.
        path: what it is compared with.
        method: None for all.
        headers: sorted.
        parameters: query parameters, sorted.
        are_grpc: whether they are gRPC requests alone.
    """

    form: PathForm
    path: str
    method: str | None = None
    headers: tuple[WantedValue, ...] = ()
    parameters: tuple[WantedValue, ...] = ()
    are_grpc: bool = False


class RankedMatch(NamedTuple):
    """A match of a rule.

    Attributes:
        position: in the rule, `NO_MATCHES` where the rule has none.
        rank: its precedence.
        requests: those that it takes.
    """

    position: int
    rank: Rank
    requests: Requests


def numbered(matches: tuple[_T, ...], covered: tuple[_T | None, ...], everything: _T) -> Iterator[tuple[int, _T, _T]]:
    """Yield the matches of a rule with their numbers; for a rule without any, the one that takes everything.

    Args:
        matches: of the rule.
        covered: for each what is served in its place, None for nothing; empty where they are served as they are.
        everything: what takes every request.

    Returns:
        Number, the match that says which requests it takes before others, and the one that is served.
    """
    if not matches:
        yield NO_MATCHES, everything, everything
    for index, (match, served) in enumerate(zip(matches, covered or matches, strict=True)):
        if served is not None:
            yield index, match, served


def wanted_headers(entries: tuple[HeaderMatch, ...]) -> tuple[WantedValue, ...]:
    """Return what the headers of a match must be."""
    return tuple(sorted(_wanted(entry.name.lower(), entry) for entry in counted_headers(entries)))


def wanted_parameters(entries: tuple[ValueMatch, ...]) -> tuple[WantedValue, ...]:
    """Return what the query parameters of a match must be."""
    return tuple(sorted(_wanted(entry.name, entry) for entry in counted_parameters(entries)))


def literal(pattern: str) -> str | None:
    """Return the one text that a regular expression fits, None where it is not certain that there is just one."""
    bare = _unanchored(pattern)
    return re.sub(r"\\(.)", r"\1", bare) if _LITERAL.fullmatch(bare) else None


def literal_start(pattern: str) -> str | None:
    """Return what all texts start with that a regular expression fits, where it fits all that do; else None."""
    bare = _unanchored(pattern)
    return literal(bare.removesuffix(_ANYTHING)) if bare.endswith(_ANYTHING) else None


def _unanchored(pattern: str) -> str:
    """Leave out what marks the ends, which is where a regular expression must end in any case."""
    return pattern.removeprefix("^").removesuffix("" if pattern.endswith(r"\$") else "$")


def _wanted(name: str, entry: ValueMatch) -> WantedValue:
    only = entry.value if entry.type == "Exact" else literal(entry.value)
    return WantedValue(name, only is None, entry.value if only is None else only)


def said_values(word: str, entries: Iterable[ValueMatch]) -> Iterator[str]:
    """Name what must have a value, for people; the value may be a secret."""
    return (f"{word} {entry.name}" for entry in entries)
