"""Since when each condition of each object has its status: what the pure rooms cannot know. Pure but for its memory."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.object_key import ObjectKey

_Path = tuple[object, ...]


class ConditionTimes:
    """Dates conditions; one `round` dates every object, and what it does not date is forgotten."""

    def __init__(self) -> None:
        self._before: dict[_Path, tuple[object, str]] = {}
        self._now: dict[_Path, tuple[object, str]] = {}
        self._time = ""

    def begin_round(self, time: str) -> None:
        """Start to date all objects anew.

        Args:
            time: for conditions whose status is new; RFC 3339.
        """
        self._before, self._now, self._time = self._now, {}, time

    def date(self, key: ObjectKey, status: Mapping[str, object]) -> object:
        """Return a status with `lastTransitionTime` in each of its conditions."""
        return self._copy(status, (key,))

    def _copy(self, value: object, path: _Path) -> object:
        if isinstance(value, Mapping):
            copied = {name: self._copy(inner, (*path, name)) for name, inner in value.items()}
            is_condition = len(path) > 1 and path[-2] == "conditions"
            return {**copied, "lastTransitionTime": self._since(copied, path)} if is_condition else copied
        if isinstance(value, list | tuple):
            return [self._copy(inner, (*path, _identity(inner, position))) for position, inner in enumerate(value)]
        return value

    def _since(self, condition: Mapping[str, object], path: _Path) -> str:
        status = condition.get("status")
        before = self._before.get(path)
        time = before[1] if before is not None and before[0] == status else self._time
        self._now[path] = (status, time)
        return time


def _identity(inner: object, position: int) -> object:
    """Tell the entries of a list apart by what names them, so that a new neighbour changes no time."""
    if isinstance(inner, Mapping):
        for naming in ("type", "name", "parentRef", "ancestorRef"):
            if naming in inner:
                return str(inner[naming])
    return position
