"""Since when each condition of each object has its status: what the pure rooms cannot know. Pure but for its memory.

Noted is what was decided anew, after publishing and before anything is shown; a time is that of the note. Only times
are kept: a status is made again when somebody looks. Most objects have the same conditions since the same time, as a
load leaves them, and these share what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeGuard

from egxds.object_key import ObjectKey

_Path = tuple[object, ...]
_Time = tuple[_Path, tuple[object, str]]
"""Where in a status a condition stands; its status, and since when it has that."""

Status = Mapping[str, object]

_NO_STATUS: Status = {}
_SHARED = 4096
"""How many different sets of times are known to be shared; beyond that, objects have their own."""


class ConditionTimes:
    """Dates conditions."""

    def __init__(self) -> None:
        self._noted: dict[ObjectKey, tuple[_Time, ...]] = {}

    def note(self, key: ObjectKey, status: Status | None, time: str) -> None:
        """Take note of the status of an object.

        Args:
            key: the object.
            status: None where it has none any more, and its times are to be forgotten.
            time: for conditions whose status is new; RFC 3339.
        """
        known = dict(self._noted.pop(key, ()))
        if status is not None:
            self._noted[key] = _shared(tuple(_times(status, known, time)))

    def dated(self, key: ObjectKey, status: Status | None) -> object:
        """Return a status with `lastTransitionTime` in each of its conditions.

        Args:
            key: the object.
            status: as it was noted last.
        """
        return _dated(status or _NO_STATUS, (), dict(self._noted.get(key, ())))


@lru_cache(_SHARED)
def _shared(times: tuple[_Time, ...]) -> tuple[_Time, ...]:
    """Return the one that was equal to this one first."""
    return times


def _times(value: object, before: Mapping[_Path, tuple[object, str]], time: str, path: _Path = ()) -> Iterator[_Time]:
    """Yield every condition of a status with its status and the time since when it has that."""
    if _is_condition(value, path):
        status = value["status"]
        known = before.get(path)
        yield path, known if known is not None and known[0] == status else (status, time)
    for inner_path, inner in _inside(value, path):
        yield from _times(inner, before, time, inner_path)


def _dated(value: object, path: _Path, times: Mapping[_Path, tuple[object, str]]) -> object:
    inner = [_dated(each, inner_path, times) for inner_path, each in _inside(value, path)]
    if isinstance(value, Mapping):
        copied = dict(zip(value, inner, strict=True))
        return {**copied, "lastTransitionTime": times[path][1]} if path in times else copied
    return inner if isinstance(value, list | tuple) else value


def _is_condition(value: object, path: _Path) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping) and len(path) > 1 and path[-2] == "conditions"


def _inside(value: object, path: _Path) -> Iterator[tuple[_Path, object]]:
    """Yield what a value holds, in its order, with its path."""
    if isinstance(value, Mapping):
        yield from (((*path, name), inner) for name, inner in value.items())
    elif isinstance(value, list | tuple):
        yield from (((*path, _identity(inner, position)), inner) for position, inner in enumerate(value))


def _identity(inner: object, position: int) -> object:
    """Tell the entries of a list apart by what names them, so that a new neighbour changes no time."""
    if isinstance(inner, Mapping):
        for naming in ("type", "name", "parentRef", "ancestorRef"):
            if naming in inner:
                return str(inner[naming])
    return position
