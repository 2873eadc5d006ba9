"""Objects whose text is refused: which documents refuse them, kept up to date by the documents that change. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from egxds.files.documents.document import SourceDocument
from egxds.inspect.rolled_back_status import rollback_refusal
from egxds.model.store.problems import Refusal, is_held, refusals_in
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey


class RefusedObjects:
    """Finds the refusal of an object whose text is not the one in force."""

    def __init__(self) -> None:
        """Know of none."""
        self._documents: defaultdict[ObjectKey, dict[SourceDocument, None]] = defaultdict(dict)
        self._without: set[ObjectKey] = set()
        self._last = GatewayState()

    def update(self, state: GatewayState) -> set[ObjectKey]:
        """Take note of documents that came or went, and of objects that went in or out of force.

        Args:
            state: the objects in force, and what the files say beside them.

        Returns:
            Objects of which the refusal may be another one than before.
        """
        last, self._last = self._last, state
        documents = state.reports.changed_since(last.reports)
        touched = {key for document in documents for key in _refused(document, last) | _refused(document, state)}
        for document in documents:
            for key in _refused(document, last):
                self._drop(key, document)
            for key in _refused(document, state):
                self._documents[key][document] = None
        rolled_back = state.rolled_back.changed_since(last.rolled_back)
        self._without -= rolled_back
        self._without |= {key for key in rolled_back if rollback_refusal(key, state) is not None}
        return touched | rolled_back | {key for key in state.changes_since(last) if key in self._documents}

    def find(self, key: ObjectKey, state: GatewayState) -> Refusal | None:
        """Return why the text of an object is refused; nothing where it is the one in force.

        Args:
            key: the object.
            state: that of the last `update`.
        """
        if key in self._without:
            return rollback_refusal(key, state)
        if key not in self._documents or not (state.find(key) is None or is_held(state, key)):
            return None
        found = (refusal for document in self._documents[key] for refusal in refusals_in(document, state))
        return min((refusal for refusal in found if refusal.key == key), key=lambda refusal: refusal.location)

    def never_accepted(self, state: GatewayState) -> Iterator[ObjectKey]:
        """Iterate over the objects of which no version is in force, those that are rolled back to nothing among them.

        Args:
            state: that of the last `update`.
        """
        return (key for key in self._documents.keys() | self._without if state.find(key) is None)

    def _drop(self, key: ObjectKey, document: SourceDocument) -> None:
        documents = self._documents[key]
        documents.pop(document, None)
        if not documents:
            del self._documents[key]


def _refused(document: SourceDocument, state: GatewayState) -> set[ObjectKey]:
    parsed = state.reports.get(document)
    return {entry.key for entry in parsed.refused if entry.key is not None} if parsed is not None else set()
