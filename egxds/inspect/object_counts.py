"""How many objects there are, by kind and state, counted up and down as they come and go. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from egxds.files.documents.document import SourceDocument
from egxds.model.store.state import GatewayState

ACCEPTED, REFUSED = "accepted", "refused"
UNKNOWN_KIND = "unknown"

_Kind = tuple[str, str]
"""Kind and state."""


class ObjectCounts:
    """Counts objects: `accepted` ones are in force, `refused` ones not used as they stand.

    A document of which not even the kind can be told counts as of kind `unknown`.
    """

    def __init__(self) -> None:
        """Count nothing yet."""
        self._counts: Counter[_Kind] = Counter()
        self._last = GatewayState()

    def update(self, state: GatewayState) -> Mapping[_Kind, int]:
        """Count what changed since the last state, and return how many there are now.

        Args:
            state: the objects in force, and what the files say beside them.
        """
        last, self._last = self._last, state
        changes = state.changes_since(last)
        self._counts.update((key.kind, ACCEPTED) for key in changes.added)
        self._counts.subtract((key.kind, ACCEPTED) for key in changes.removed)
        documents = state.reports.changed_since(last.reports)
        self._counts.update(kind for document in documents for kind in _refused(document, state))
        self._counts.subtract(kind for document in documents for kind in _refused(document, last))
        return {kind: count for kind, count in self._counts.items() if count}


def _refused(document: SourceDocument, state: GatewayState) -> Iterator[_Kind]:
    parsed = state.reports.get(document)
    for entry in parsed.refused if parsed is not None else ():
        yield entry.key.kind if entry.key else UNKNOWN_KIND, REFUSED
