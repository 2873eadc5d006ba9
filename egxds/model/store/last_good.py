"""The input as it was read and accepted last, for a start that cannot read all of it. Pure.

What is in force comes of the files and of what was in force before (`egxds.model.store.store`). After a restart there
is nothing before: a file that cannot be read defines nothing then, and a document that is refused has no version that
was accepted. So what is kept is what the store would have to be told to come to the same again:

    files   what the files held that could be read
    held    the documents that objects in force were accepted from and that stand in none of those, by their files

A store that is told those comes to the same in three steps. First the held ones alone, which are in force then. Then
what stands beside them in other files, so that it is no news any more when they disappear: a copy that did not count
does not take over. At last what their own files hold now, or that these cannot be read. What can be read at the start
is a look like any other after that, by the same rules: what is there is believed, what is missing goes after a while,
what cannot be read stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.files.documents.document import FileDocuments, FileTree, SourceDocument
from egxds.model.store.state import GatewayState


@dataclass(frozen=True, slots=True)
class LastGood:
    """What a start goes on from.

    Attributes:
        files: file → what it held; those that could be read.
        held: file → what is in force of what it held before.
        touched: files of the first sort that may differ from those that were kept before; None where all may.
        origin: what their source tells by which files these are; empty where there is nothing to tell.
    """

    files: Mapping[str, FileDocuments] = field(default_factory=dict)
    held: Mapping[str, FileDocuments] = field(default_factory=dict)
    touched: frozenset[str] | None = field(default=None, compare=False)
    origin: str = ""

    def trees(self) -> tuple[FileTree, ...]:
        """Return what to tell a store, one after the other, that knows of nothing."""
        unread = frozenset(self.held.keys() - self.files.keys())
        now = FileTree(self.files, unread=unread, origin=self.origin)
        return (FileTree(self.held), FileTree({**self.files, **self.held}), now) if self.held else (now,)


def last_good(state: GatewayState, touched: frozenset[str] | None, origin: str = "") -> LastGood:
    """Return what a start would go on from.

    While anything is held all objects are gone over, for somebody else than an Envoy.

    Args:
        state: the objects in force.
        touched: files that may differ from those that were kept before; None where all may.
        origin: what their source tells by which files these are.
    """
    places = state.places.values() if state.held else ()
    found = {(place.document, place.last_start) for place in places if place.is_held}
    by_file: defaultdict[str, list[tuple[int, SourceDocument]]] = defaultdict(list)
    for document, start in found:
        by_file[document.file].append((start or 1, document))
    held = {file: _as_file(documents) for file, documents in by_file.items()}
    return LastGood(state.files, held, touched, origin)


def _as_file(documents: list[tuple[int, SourceDocument]]) -> FileDocuments:
    """Return documents as a file, each on its line, as far as there is room in front of it."""
    documents.sort(key=lambda each: (each[0], each[1].text))
    gaps: list[str] = []
    line = 1
    for start, document in documents:
        gaps.append("\n" * (start - line))
        line += len(gaps[-1]) + document.text.count("\n")
    return FileDocuments(tuple(document for _, document in documents), (*gaps, ""))
