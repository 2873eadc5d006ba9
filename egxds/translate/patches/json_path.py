"""Where a jsonPath leads in a document, as JSON pointers. Pure.

A jsonPath is written by whoever may write a policy, and must not keep everything else waiting. So what could take more
than a walk over the document, or a few, is refused: regular expressions, in filters anything that looks at more than
one value, and steps that choose the same again and again. How many walks a policy may take is counted by `operations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from math import prod
from typing import Any

from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError
from jsonpath.filter import BaseExpression, FilterQuery, FunctionExtension, RegexLiteral
from jsonpath.segments import JSONPathRecursiveDescentSegment, JSONPathSegment
from jsonpath.selectors import Filter, IndexSelector, JSONPathSelector, NameSelector

from egxds.translate.patches.failure import NothingThereError, PatchError

MOST_PLACES = 20_000
"""To which one jsonPath may lead in a resource."""
_MOST_DESCENTS = 2
_MOST_FILTERS = 8
_MOST_CHOICES = 8
_REMEMBERED = 256
_REGULAR = frozenset({"match", "search"})

_ENVIRONMENT = JSONPathEnvironment()


def pointers(text: str, document: object) -> list[str]:
    """Return a JSON pointer to each place that a jsonPath leads to, in the order of the document.

    Args:
        text: the jsonPath.
        document: as JSON has it.

    Raises:
        PatchError: it is none, or one that is not taken, or it leads to too many places.
        NothingThereError: it leads nowhere.
    """
    query = _compiled(text)
    try:
        found = [str(match.pointer()) for match in islice(query.finditer(document), MOST_PLACES + 1)]  # type: ignore[arg-type]
    except JSONPathError as err:
        raise PatchError(f"jsonPath {text!r}: {_first_line(err)}") from err
    if not found:
        raise NothingThereError(f"jsonPath {text!r} leads to nothing; what is not there yet is added by path")
    if len(found) > MOST_PLACES:
        raise PatchError(f"jsonPath {text!r} leads to more than {MOST_PLACES} places")
    if "" in found:
        raise PatchError(f"jsonPath {text!r} leads to the resource as a whole; say what of it is meant")
    return found


@lru_cache(maxsize=_REMEMBERED)
def _compiled(text: str) -> JSONPath:
    try:
        query = _ENVIRONMENT.compile(text)
    except (JSONPathError, RecursionError) as err:
        raise PatchError(f"jsonPath {text!r} is none: {_first_line(err)}") from err
    if not isinstance(query, JSONPath):
        raise PatchError(f"jsonPath {text!r}: is made of several; write a patch for each")
    fault = next(_faults(query), None)
    if fault is not None:
        raise PatchError(f"jsonPath {text!r}: {fault}")
    return query


def _first_line(err: Exception) -> str:
    """Return what went wrong, without the drawing of the place."""
    return str(err).partition("\n")[0]


def _faults(query: JSONPath) -> Iterator[str]:
    """Say why a query could take too long."""
    descents = sum(isinstance(segment, JSONPathRecursiveDescentSegment) for segment in query.segments)
    if descents > _MOST_DESCENTS:
        yield f"at most {_MOST_DESCENTS} of its steps may be `..`"
    if prod(len(_selectors(segment)) for segment in query.segments) > _MOST_CHOICES:
        yield f"its steps choose among more than {_MOST_CHOICES} ways; write a patch for each"
    filters = [each for segment in query.segments for each in _selectors(segment) if isinstance(each, Filter)]
    if len(filters) > _MOST_FILTERS:
        yield f"has more than {_MOST_FILTERS} filters"
    for each in filters:
        yield from _filter_faults(each.expression)


def _filter_faults(expression: BaseExpression) -> Iterator[str]:
    if isinstance(expression, RegexLiteral) or (
        isinstance(expression, FunctionExtension) and expression.name in _REGULAR
    ):
        yield "regular expressions are not taken; compare with =="
    if isinstance(expression, FilterQuery) and not all(map(_is_single, expression.path.segments)):
        yield "a filter may look at single values only, such as @.name"
        return
    for child in expression.children():
        yield from _filter_faults(child)


def _is_single(segment: JSONPathSegment) -> bool:
    """Tell whether a step leads to one value at most."""
    is_descent = isinstance(segment, JSONPathRecursiveDescentSegment)
    return not is_descent and all(isinstance(each, NameSelector | IndexSelector) for each in _selectors(segment))


def _selectors(segment: Any) -> tuple[JSONPathSelector, ...]:
    return tuple(segment.selectors)
