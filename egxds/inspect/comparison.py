"""Two states of what Envoys are served, and what the way from one to the other does to them. Pure.

Resources are compared by their versions, which are hashes of their bytes, and shown as Envoy's JSON with secrets
hidden: so a change of what is secret is a change, of which nothing is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egxds.inspect.differences import body_difference
from egxds.inspect.drains import drain_of
from egxds.names import LISTENER, PUSH_ORDER, SHORT_NAMES

Json = Mapping[str, Any]
"""A resource as `config_dump` has it."""

_Key = tuple[str, str, str]
"""Gateway, type and name."""

_ORDER = {SHORT_NAMES[type_url]: position for position, type_url in enumerate(PUSH_ORDER)}
_LISTENER = SHORT_NAMES[LISTENER]


@dataclass(frozen=True, slots=True)
class Change:
    """A resource that is another one than before.

    Attributes:
        before: as it was; None where it is new.
        after: as it becomes; None where it goes.
    """

    before: Json | None
    after: Json | None

    def describe(self) -> dict[str, object]:
        """Return it as data: what changed, in lines, and which connections drain for it."""
        shown = self.after or self.before or {}
        before, after = (each["body"] if each is not None else None for each in (self.before, self.after))
        lines = list(body_difference(before, after)) if before is not None and after is not None else []
        described: dict[str, object] = {
            "gateway": shown["gateway"],
            "type": shown["type"],
            "name": shown["name"],
            "change": self.fate,
            "sources": shown["sources"],
            "difference": lines,
            "onlyInSecrets": self.fate == "changed" and not lines,
        }
        drain = drain_of(before, after, is_told=before != after) if shown["type"] == _LISTENER else None
        if drain is not None:
            chains = list(drain.chains)
            described["drains"] = {"all": drain.is_whole, "filterChains": chains, "reason": drain.reason}
        return described

    @property
    def fate(self) -> str:
        """What happens to it."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def compare(before: Iterable[Json], after: Iterable[Json]) -> dict[str, object]:
    """Compare two states.

    Args:
        before: resources as `config_dump` has them.
        after: those of the other state.

    Returns:
        How many resources were added, removed and changed, each of those, and which listeners drain.
    """
    changes = [change.describe() for change in _changes(before, after)]
    counts = Counter(str(change["change"]) for change in changes)
    return {
        "same": not changes,
        "counts": {fate: counts[fate] for fate in ("added", "removed", "changed")},
        "changes": changes,
        "drains": [f"{change['gateway']}: {change['name']}" for change in changes if "drains" in change],
    }


def _changes(before: Iterable[Json], after: Iterable[Json]) -> Iterator[Change]:
    was, is_ = ({_key(each): each for each in resources} for resources in (before, after))
    for key in sorted(was.keys() | is_.keys(), key=_shown_order):
        old, new = was.get(key), is_.get(key)
        if old is None or new is None or old["version"] != new["version"]:
            yield Change(old, new)


def _key(resource: Json) -> _Key:
    return resource["gateway"], resource["type"], resource["name"]


def _shown_order(key: _Key) -> tuple[str, int, str]:
    gateway, type_name, name = key
    return gateway, _ORDER.get(type_name, len(_ORDER)), name
