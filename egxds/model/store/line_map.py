"""Where the parts of an object stand, as far as problems found later point at them. Pure.

The lines are kept beside the objects rather than in them: an object that only moved, or got a comment, is still the
same object to everything that remembers its work by identity. They count from the start of the object, for the same
reason, and only the parts are noted that a later room can find fault with: references, rules, listeners.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from egxds.model.api.validation import Path
from egxds.yaml_input.builder import LocatedMapping, LocatedSequence

LineMap = Mapping[Path, int]
"""Path of an entry of a list → lines from the start of its object to it."""

_TRACED = frozenset(
    {
        "addresses",
        "backendRefs",
        "certificateRefs",
        "filters",
        "kinds",
        "listeners",
        "parametersRef",
        "parentRefs",
        "rules",
        "targetRef",
        "targetRefs",
        "targetSelectors",
    }
)
_LEADING = frozenset({"allowedRoutes", "infrastructure", "spec", "tls"})
"""What stands between an object and those parts; all else is passed over, which keeps the map small."""


def line_map_of(raw: LocatedMapping) -> LineMap:
    """Note where the references, rules and listeners of an object stand."""
    return {path: line - raw.line for path, line in _walk(raw, ())}


def offset_of(line_map: LineMap, path: Path) -> int:
    """Return the lines from the start of an object to the nearest noted place on a path."""
    for length in range(len(path), 0, -1):
        offset = line_map.get(path[:length])
        if offset is not None:
            return offset
    return 0


def _walk(value: LocatedMapping, path: Path) -> Iterator[tuple[Path, int]]:
    for name, below in value.items():
        if name not in _TRACED and name not in _LEADING:
            continue
        inside = (*path, name)
        if name in _TRACED:
            yield inside, value.lines[name]
        if isinstance(below, LocatedMapping):
            yield from _walk(below, inside)
        elif isinstance(below, LocatedSequence):
            yield from _items(below, inside)


def _items(value: LocatedSequence, path: Path) -> Iterator[tuple[Path, int]]:
    for index, item in enumerate(value):
        yield (*path, index), value.lines[index]
        if isinstance(item, LocatedMapping):
            yield from _walk(item, (*path, index))
