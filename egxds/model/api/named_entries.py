"""Lists whose entries are told apart by their names: headers, query parameters. Pure.

Of several entries with one name the first counts, and the others must be ignored (Gateway API, HTTPHeaderMatch.name,
HTTPQueryParamMatch.name, HTTPHeader.name). They stay in the object as it was written, so that people are told of them;
whoever goes by such a list takes `counted_headers` or `counted_parameters` of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_NamedT = TypeVar("_NamedT", bound=_Named)


def counted_headers(entries: tuple[_NamedT, ...]) -> tuple[_NamedT, ...]:
    """Return the first entry for each header name; header names compare without case."""
    return _first_of_each(entries, str.lower)


def counted_parameters(entries: tuple[_NamedT, ...]) -> tuple[_NamedT, ...]:
    """Return the first entry for each query parameter name."""
    return _first_of_each(entries, str)


def repeated_headers(names: Iterable[str]) -> tuple[int, ...]:
    """Return the positions of header names that stand before, too."""
    return _repeated(names, str.lower)


def repeated_parameters(names: Iterable[str]) -> tuple[int, ...]:
    """Return the positions of names of query parameters that stand before, too."""
    return _repeated(names, str)


def _first_of_each(entries: tuple[_NamedT, ...], fold: Callable[[str], str]) -> tuple[_NamedT, ...]:
    if len(entries) < 2:
        return entries
    first: dict[str, _NamedT] = {}
    for entry in entries:
        first.setdefault(fold(entry.name), entry)
    return tuple(first.values())


def _repeated(names: Iterable[str], fold: Callable[[str], str]) -> tuple[int, ...]:
    seen: set[str] = set()
    repeated = []
    for position, name in enumerate(names):
        if fold(name) in seen:
            repeated.append(position)
        seen.add(fold(name))
    return tuple(repeated)
