"""Where the parts of an object stand, as far as problems found later point at them. Pure.

The lines are not in the objects: an object that only moved, or got a comment, is still the same object to everything
that remembers its work by identity. Nor are they kept, since hardly anybody asks: who does has the text read once more,
and the texts that were looked at last are remembered, since it is one after the other that asks for the objects of a
list. Lines count from the start of the object, and only the parts are noted that a later room can find fault with:
references, rules with their matches and filters, listeners, endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from egxds.model.api.validation import Path
from egxds.yaml_input.builder import LocatedMapping, LocatedSequence
from egxds.yaml_input.load import load

LineMap = Mapping[Path, int]
"""Path of an entry of a list → lines from the start of its object to it."""

_REMEMBERED_TEXTS = 16
_TRACED = frozenset(
    {
        "accessLog",
        "add",
        "addresses",
        "backendRefs",
        "bootstrap",
        "caCertificateRefs",
        "certificateRefs",
        "clientCertificateRef",
        "default",
        "endpoints",
        "extraArgs",
        "filterOrder",
        "filters",
        "frontend",
        "frontendValidation",
        "headers",
        "hostnames",
        "insecureSkipVerify",
        "host",
        "jsonPatches",
        "kinds",
        "kubernetes",
        "listeners",
        "matches",
        "options",
        "parametersRef",
        "parentRefs",
        "perPort",
        "queryParams",
        "remove",
        "rules",
        "set",
        "settings",
        "sinks",
        "targetRef",
        "targetRefs",
        "targetSelectors",
        "tracing",
    }
)
_LEADING = frozenset(
    {
        "allowedRoutes",
        "backend",
        "infrastructure",
        "provider",
        "requestHeaderModifier",
        "responseHeaderModifier",
        "spec",
        "telemetry",
        "tls",
        "validation",
    }
)
"""What stands between an object and those parts; all else is passed over, which keeps the map small."""

_WITH_ANY_KEYS = frozenset({"options"})
"""Mappings whose keys are not known; each may be at fault."""


def line_map_at(text: str, path: Path) -> LineMap:
    """Return where the references, rules and listeners of an object stand.

    Args:
        text: a document that was read before.
        path: where in its value the object stands.
    """
    value = _value_of(text)
    for step in path:
        value = value[step]
    return {below: line - value.line for below, line in _walk(value, ())}


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def _value_of(text: str) -> Any:
    return load(text)


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
            yield from _keys(below, inside) if name in _WITH_ANY_KEYS else _walk(below, inside)
        elif isinstance(below, LocatedSequence):
            yield from _items(below, inside)


def _keys(value: LocatedMapping, path: Path) -> Iterator[tuple[Path, int]]:
    return (((*path, name), line) for name, line in value.lines.items())


def _items(value: LocatedSequence, path: Path) -> Iterator[tuple[Path, int]]:
    for index, item in enumerate(value):
        yield (*path, index), value.lines[index]
        if isinstance(item, LocatedMapping):
            yield from _walk(item, (*path, index))
