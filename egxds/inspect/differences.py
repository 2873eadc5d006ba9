"""Two versions of a resource as a difference for people: a line for each value, with secrets hidden. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import yaml

_HEADER_LINES = 2
"""Of a difference: the names of the two files."""

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PARTS = ("virtual_hosts", "filter_chains")
"""Lists of named parts, of which there may be thousands: each part is compared with the one of its name."""

Body = Mapping[str, Any]


def lines_of(body: Body) -> list[str]:
    """Return a body, as Envoy's JSON, in lines."""
    return yaml.dump(body, Dumper=_DUMPER, width=120).splitlines()


def difference(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Yield what is other in some lines; nothing where they are the same."""
    return islice(difflib.unified_diff(before, after, lineterm="", n=1), _HEADER_LINES, None)


def body_difference(before: Body, after: Body) -> Iterator[str]:
    """Yield what is other in a body, in parts that have names each by itself."""
    plain = [{name: value for name, value in body.items() if name not in _PARTS} for body in (before, after)]
    yield from _changed(*plain)
    for name in _PARTS:
        was, is_ = ({part.get("name", ""): part for part in body.get(name, ())} for body in (before, after))
        for key in sorted(was.keys() | is_.keys()):
            if was.get(key) != is_.get(key):
                fate = " (removed)" if key not in is_ else "" if key in was else " (added)"
                yield f"{name} {key}{fate}:"
                yield from _changed(was.get(key, {}), is_.get(key, {}))


def _changed(before: Body, after: Body) -> Iterator[str]:
    return difference(*(lines_of(body) if body else [] for body in (before, after)))
