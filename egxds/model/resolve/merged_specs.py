"""The spec of a policy, merged over that of the policy in force above it. Pure.

Source: Envoy Gateway v1.9, MergeType. Both ways merge mappings field by field, the one below counting more, and
`null` takes a field out (RFC 7396). They differ in lists: JSONMerge replaces each, StrategicMerge has those of
`keyed_lists` merged entry by entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

_Json = dict[str, object]
_OF_EACH = frozenset({"targetRef", "targetRefs", "targetSelectors", "mergeType"})
"""Fields that are a policy's own."""


def merged_spec(below: Mapping[str, object], above: Mapping[str, object], keyed_lists: Mapping[str, str]) -> _Json:
    """Return what two specs come to together, but for what they are for.

    Args:
        below: of the more specific policy.
        above: of the other.
        keyed_lists: name of a field → field that tells the entries of its list apart; none where lists are replaced.
    """
    kept = {name: value for name, value in above.items() if name not in _OF_EACH}
    asked = {name: value for name, value in below.items() if name not in _OF_EACH}
    return _merged(asked, kept, keyed_lists)


def _merged(below: Mapping[str, object], above: Mapping[str, object], keyed_lists: Mapping[str, str]) -> _Json:
    merged = dict(above)
    for name, value in below.items():
        before = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _merged(value, before if isinstance(before, Mapping) else {}, keyed_lists)
        elif name in keyed_lists and isinstance(value, list) and isinstance(before, list):
            merged[name] = _merged_list(value, before, keyed_lists[name], keyed_lists)
        else:
            merged[name] = value
    return merged


def _merged_list(below: list[object], above: list[object], key: str, keyed_lists: Mapping[str, str]) -> list[object]:
    """Merge entries that have the same key; others of the one above stay, and those that are new come after them."""
    entries = {_key(entry, key, at): entry for at, entry in enumerate(above)}
    for at, entry in enumerate(below):
        name = _key(entry, key, len(above) + at)
        before = entries.get(name)
        both = isinstance(entry, Mapping) and isinstance(before, Mapping)
        entries[name] = _merged(cast("_Json", entry), cast("_Json", before), keyed_lists) if both else entry
    return list(entries.values())


def _key(entry: object, key: str, position: int) -> object:
    named = entry.get(key) if isinstance(entry, Mapping) else None
    return named if isinstance(named, str) else position
