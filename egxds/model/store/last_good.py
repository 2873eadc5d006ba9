"""The input as it was read and accepted last, for a start that cannot read all of it. Pure.

What is in force comes of the files and of what was in force before (`egxds.model.store.store`). After a restart there
is nothing before: a file that cannot be read defines nothing then, and a document that is refused has no version that
was accepted. So what is kept is what the store would have to be told to come to the same again:

    files   what the files held that could be read
    held    the documents that objects in force were accepted from and that stand in none of those, by their files
    barred  what objects must not say for now, since an Envoy refuses it, and what was in force before (`rolled_back`)

A store that is told what is barred, and then the files, comes to the same in three steps. First the held ones alone,
which are in force then. Then what stands beside them in other files, so that it is no news any more when they
disappear: a copy that did not count does not take over. At last what their own files hold now, or that these cannot be
read. What can be read at the start is a look like any other after that, by the same rules: what is there is believed,
what is missing goes after a while, what cannot be read stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.files.documents.document import FileDocuments, FileTree, SourceDocument
from egxds.model.api.kinds import KindTable
from egxds.model.store.parse import parse_document
from egxds.model.store.rolled_back import Bar, WrittenObject
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class KeptBar:
    """What an object must not say for now, as it is written.

    Attributes:
        barred: the document that says it.
        former: the one that was in force before; None where none was.
        why: who refuses what, and what it says.
        versions: of the Envoys that were there, sorted.
    """

    barred: SourceDocument
    former: SourceDocument | None
    why: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastGood:
    """What a start goes on from.

    Attributes:
        files: file → what it held; those that could be read.
        held: file → what is in force of what it held before.
        touched: files of the first sort that may differ from those that were kept before; None where all may.
        origin: what their source tells by which files these are; empty where there is nothing to tell.
        barred: what objects must not say.
    """

    files: Mapping[str, FileDocuments] = field(default_factory=dict)
    held: Mapping[str, FileDocuments] = field(default_factory=dict)
    touched: frozenset[str] | None = field(default=None, compare=False)
    origin: str = ""
    barred: Mapping[ObjectKey, KeptBar] = field(default_factory=dict)

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
    barred = {key: _kept(found.bar) for key, found in state.rolled_back.items()}
    return LastGood(state.files, held, touched, origin, barred)


def revived(kept: KeptBar, key: ObjectKey, kinds: KindTable) -> tuple[WrittenObject, WrittenObject | None] | None:
    """Return what an object must not say, and what was in force before; None where that cannot be read any more.

    Args:
        kept: as it was written.
        key: the object.
        kinds: what is read.
    """
    barred = _read(kept.barred, key, kinds)
    former = _read(kept.former, key, kinds) if kept.former is not None else None
    if barred is None or (kept.former is not None and former is None):
        return None
    return barred, former


def _kept(bar: Bar) -> KeptBar:
    former = bar.former.document if bar.former is not None else None
    return KeptBar(bar.barred.document, former, bar.why, tuple(sorted(bar.versions)))


def _read(document: SourceDocument, key: ObjectKey, kinds: KindTable) -> WrittenObject | None:
    found = (each.item for each in parse_document(document, kinds).objects if each.item.key == key)
    return next((WrittenObject(item, document) for item in found), None)


def _as_file(documents: list[tuple[int, SourceDocument]]) -> FileDocuments:
    """Return documents as a file, each on its line, as far as there is room in front of it."""
    documents.sort(key=lambda each: (each[0], each[1].text))
    gaps: list[str] = []
    line = 1
    for start, document in documents:
        gaps.append("\n" * (start - line))
        line += len(gaps[-1]) + document.text.count("\n")
    return FileDocuments(tuple(document for _, document in documents), (*gaps, ""))
