"""Conditions of a status: where they stand in it, and which of them somebody should look at. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

ROLLED_BACK_CONDITION = "egxds.io/RolledBack"
"""Condition of an object of which another content is in force than its text says."""

_BAD_WHEN_TRUE = frozenset({"Conflicted", "OverlappingTLSConfig", "PartiallyInvalid", ROLLED_BACK_CONDITION})
"""Conditions that Gateway API has for trouble, and one of ours; all others say that something is as it should be."""


def is_trouble(condition: Json) -> bool:
    """Tell whether a condition says that something is not as it should be."""
    return bool(condition["status"] == ("True" if condition["type"] in _BAD_WHEN_TRUE else "False"))


def conditions(status: Any, where: str = "") -> Iterator[tuple[str, Json]]:
    """Yield all conditions of a status, each with the part of it that it is about: empty for the whole.

    Args:
        status: of an object, as the admin API shows it, or a part of it.
        where: which part.
    """
    if isinstance(status, Mapping):
        for name, inner in status.items():
            if name == "conditions":
                yield from ((where, condition) for condition in inner)
            else:
                yield from conditions(inner, where)
    elif isinstance(status, list | tuple):
        for inner in status:
            yield from conditions(inner, _named(inner) or where)


def _named(part: Any) -> str:
    """Name a listener, or a parent or an ancestor, of which a status tells."""
    if not isinstance(part, Mapping):
        return ""
    for kind in ("parentRef", "ancestorRef"):
        if kind in part:
            ref = part[kind]
            name = "/".join(filter(None, (ref.get("namespace"), ref["name"], ref.get("sectionName"))))
            return f"{ref.get('kind', 'Gateway')} {name}"
    return f"listener {part['name']}" if "name" in part else ""
