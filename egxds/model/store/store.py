"""Documents in, objects in force out; remembers what was accepted before. Pure.

What is in force follows an API server, with files in the place of requests: an object that can no longer be accepted
keeps its last accepted version, one that was deleted from a file that can be read is gone, and where an object stands
makes no difference to it. For one object:

    ABSENT ---- an accepted definition -------------------------------> IN FORCE, generation 1, if it has none itself
    IN FORCE -- the same text, here or elsewhere ----------------------> IN FORCE: the same object, but for its place
    IN FORCE -- another text that says the same -----------------------> IN FORCE: the same content and generation
    IN FORCE -- another content ---------------------------------------> IN FORCE, generation + 1, or that of the file
    IN FORCE -- its definition is refused -----------------------------> IN FORCE as before, and an error
    IN FORCE -- no definition that is new, but its file cannot be read, or
                holds a document that could be anything -----------------> IN FORCE as before
    IN FORCE -- no definition, and its file could be read ---------------> LEAVING: in force as before, for a while
    LEAVING --- a definition that is new, wherever it stands -------------> IN FORCE, as if it had never been away
    LEAVING --- its time is over -----------------------------------------> ABSENT; back later, it is a new object
    IN FORCE -- an Envoy refuses what it says now ------------------------> ROLLED BACK, as `rolled_back` has it

To be gone must be said by a file that can be read. Everything else would be a mistake with consequences: a quote that
is not closed, a permission that is lost, would take a whole file's routes out of service. And it must be said for a
while (`removals`), since a file that is being replaced says nothing for a moment. What is new or changed is believed at
once; that holds for a second definition elsewhere only if it is new too, or says what is in force: one that did not
count before would otherwise take over while the first one's file is written, or holds a mistake. Which of several
counts depends on the files alone, as far as they can be read (`definitions`).

A look at the files costs what changed. Of a file that was touched, the documents that are new and those that are gone
are taken; what they define is settled anew, and nothing else is looked at. A text is parsed once, wherever it stands.
What did not change is the same object, and a kind in which nothing changed the same mapping, because all rooms behind
this one tell by identity whether to work. An index of what could be gone but for its file (`_held`) is what lets an
object go when its file can be read again, and one of what a file defines beside others (`_contested`) what lets the
first of several count when they change places.
Neither the order of files nor how objects are split over them makes a difference; a property test holds that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace

from egxds.files.documents.document import FileDocuments, FileTree, SourceDocument
from egxds.model.api.kinds import KindTable
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.definitions import Definition, Definitions, InForce, choose, definitions_in
from egxds.model.store.documents import ParsedDocument
from egxds.model.store.edit import Edit
from egxds.model.store.guards import is_policy
from egxds.model.store.parse import parse_document
from egxds.model.store.parsed_texts import ParsedTexts
from egxds.model.store.removals import Removals
from egxds.model.store.rolled_back import Bar, Bars, RolledBack
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location

_NO_DOCUMENTS = FileDocuments()


class ObjectStore:
    """Turns each look at the files into the objects in force.

    Attributes:
        documents_parsed: how many documents were parsed since the start; one that did not change is not again.
    """

    def __init__(self, kinds: KindTable, removal_delay_s: float = 0.0) -> None:
        """Start with nothing in force.

        Args:
            kinds: what is read.
            removal_delay_s: seconds for which an object stays in force after its last definition disappeared.
        """
        self.documents_parsed = 0
        self._kinds = kinds
        self._is_stale = False
        self._texts = ParsedTexts(removal_delay_s)
        self._files: Mapping[str, FileDocuments] = {}
        self._files_before: Mapping[str, FileDocuments] = {}
        self._unread: frozenset[str] = frozenset()
        self._has_missed_one = False
        self._unclear: Counter[str] = Counter()
        self._definitions: dict[ObjectKey, Definitions] = {}
        self._held: defaultdict[str, set[ObjectKey]] = defaultdict(set)
        self._contested: defaultdict[str, set[ObjectKey]] = defaultdict(set)
        self._removals = Removals(removal_delay_s)
        self._bars = Bars()
        self._state = GatewayState()

    @property
    def next_removal_s(self) -> float:
        """When the next object is gone that has disappeared, if it stays away; infinity where there is none."""
        return self._removals.next_s

    def go_by(self, kinds: KindTable) -> None:
        """Read other kinds from the next update on, which parses every text anew.

        What is in force stays so where its text is refused then; of a kind that is not read any more nothing does.

        Args:
            kinds: what is read; nothing happens where that is the same.
        """
        self._is_stale = self._is_stale or kinds != self._kinds
        self._kinds = kinds

    def have_wait(self, removal_delay_s: float) -> None:
        """Have objects stay in force for another while after their last definition disappeared."""
        self._removals.have_wait(removal_delay_s)
        self._texts.keep_for(removal_delay_s)

    def roll_back(self, bars: Mapping[ObjectKey, Bar]) -> None:
        """Have something else in force than some objects say, from the next update on, as long as they say it."""
        self._bars.put(bars)

    def lift(self, keys: Iterable[ObjectKey]) -> None:
        """Have some objects in force as they are written, from the next update on."""
        self._bars.lift(keys)

    def copy(self) -> ObjectStore:
        """Return another store that knows the same, for an update that may have to be taken back.

        It copies a few dicts, and goes over the files that hold objects without their text, or some that others define.
        """
        other = copy(self)
        vars(other).update(
            _texts=self._texts.copy(),
            _unclear=self._unclear.copy(),
            _definitions=self._definitions.copy(),
            _held=defaultdict(set, {file: set(keys) for file, keys in self._held.items()}),
            _contested=defaultdict(set, {file: set(keys) for file, keys in self._contested.items()}),
            _removals=self._removals.copy(),
            _bars=self._bars.copy(),
        )
        return other

    def update(self, tree: FileTree, now_s: float = 0.0) -> GatewayState:
        """Return the objects in force after a look at the files.

        Args:
            tree: all documents there are; of its files only those that were touched are looked at.
            now_s: seconds of a clock that never goes back.
        """
        touched = tree.touched if not (self._has_missed_one or self._is_stale) else None
        if touched is None:
            touched = frozenset(self._files.keys() | tree.files.keys())
        self._has_missed_one = True
        self._removals.go_at_once(is_at_once=tree.is_whole)
        new, gone = _differences({} if self._is_stale else self._files, tree.files, touched)
        # Before anything is taken: where that fails, the next look finds all as it was before this one.
        fresh = self._parse(new)
        edit = Edit(self._state, now_s)
        if self._is_stale:
            self._forget_texts(edit)
        self._files_before, self._files = self._files, tree.files
        for document in new:
            self._add(document, fresh, edit)
        # Last, so that a text that moved to another place is known there.
        for document in gone:
            self._drop(document, edit)
        if any(key in self._removals or self._state.find(key) is None for key in edit.defined):
            self._removals.put_off(now_s)
        # Also where no document is new or gone: of several in one file another may be the first now.
        edit.dirty.update(key for file in touched if file in self._contested for key in self._contested.pop(file))
        released = {file for file in touched | self._unread if file in self._held and not self._is_kept(file, tree)}
        edit.dirty.update(key for file in released for key in self._held.pop(file))
        edit.dirty.update(self._removals.due(now_s), self._bars.changed)
        self._unread = tree.unread
        # Policies first: what is rolled back is not to be without those that it was under.
        policies = {key for key in edit.dirty if (before := self._state.find(key)) is not None and is_policy(before)}
        for key in policies:
            self._settle(key, edit)
        for key in edit.dirty - policies | self._bars.unguarded(edit.guarding_less(policies)):
            self._settle(key, edit)
        self._texts.forget_unused(now_s)
        self._bars.looked_at()
        self._state = edit.publish(tree, frozenset(self._held))
        self._has_missed_one = self._is_stale = False
        return self._state

    def _is_kept(self, file: str, tree: FileTree) -> bool:
        """Tell whether what a file said before is not known to be gone."""
        return file in tree.unread or self._unclear[file] > 0

    def _parse(self, documents: Iterable[SourceDocument]) -> Mapping[str, ParsedDocument]:
        """Parse the texts that stand nowhere yet, each once; by digest."""
        fresh: dict[str, ParsedDocument] = {}
        for document in documents:
            if document.digest not in fresh and (self._is_stale or document.digest not in self._texts):
                self.documents_parsed += 1
                fresh[document.digest] = parse_document(document, self._kinds)
        return fresh

    def _add(self, document: SourceDocument, fresh: Mapping[str, ParsedDocument], edit: Edit) -> None:
        parsed = self._texts.take(document.digest, fresh)
        for key, definition in definitions_in(document, parsed):
            self._definitions[key] = (*self._definitions.get(key, ()), definition)
            edit.dirty.add(key)
            edit.defined.add(key)
        if parsed.says_something:
            edit.reports[document] = parsed
        self._unclear[document.file] += parsed.is_unclear

    def _forget_texts(self, edit: Edit) -> None:
        """Have no text define anything any more: what the same texts say by other kinds may be something else."""
        for file in self._files.values():
            for document in file.documents:
                self._drop(document, edit)
        self._texts.forget_all()

    def _drop(self, document: SourceDocument, edit: Edit) -> None:
        parsed = self._texts.drop(document.digest, edit.now_s)
        for key, _ in definitions_in(document, parsed):
            self._definitions[key] = tuple(each for each in self._definitions[key] if each.document is not document)
            edit.dirty.add(key)
        edit.silent.add(document)
        self._unclear[document.file] -= parsed.is_unclear

    def _settle(self, key: ObjectKey, edit: Edit) -> None:
        """Decide what of an object is in force, from its definitions and from what was in force before."""
        before, chosen = self._in_force(key), self._choose(key, edit)
        if before is not None:
            self._release(key, before.file)
        if before is not None and self._is_hidden(key, before, chosen, edit):
            self._removals.forget(key)
            self._hold(key, before, edit)
            return
        if before is not None and self._is_leaving(key, before, chosen, edit):
            self._keep(before, edit)
            return
        if before is None and chosen is None and self._may_be_back(key, edit):
            edit.mark(key, None, None)
            return
        self._removals.forget(key)
        if chosen is not None and chosen.item is not None:
            self._put(key, chosen, chosen.item, edit)
            return
        edit.mark(key, None, None)
        if chosen is None:
            self._remove(key, before, edit)
        elif before is not None:
            self._hold(key, before, edit)

    def _choose(self, key: ObjectKey, edit: Edit) -> Definition | None:
        """Return which definition of an object counts; None where there is none."""
        definitions = self._definitions.get(key, ())
        if not definitions:
            self._definitions.pop(key, None)
        if len(definitions) > 1:
            for definition in definitions:
                self._contested[definition.document.file].add(key)
        chosen = choose(definitions, self._locate) if definitions else None
        edit.contest(key, definitions, chosen)
        return chosen

    def _release(self, key: ObjectKey, file: str) -> None:
        held = self._held.get(file)
        if held is not None:
            held.discard(key)
            if not held:
                del self._held[file]

    def _is_hidden(self, key: ObjectKey, before: InForce, chosen: Definition | None, edit: Edit) -> bool:
        """Tell whether an object may stand where it stood, in what cannot be read, and is defined nowhere anew."""
        if before.file not in self._unread and not self._unclear[before.file]:
            return False
        return chosen is None or not (key in edit.defined or _goes_on(chosen, before))

    def _may_be_back(self, key: ObjectKey, edit: Edit) -> bool:
        """Tell whether an object of which nothing is in force, since that is barred, may stand where it stood."""
        file = self._bars.file_of(key)
        if file is None:
            return False
        if file in self._unread or self._unclear[file]:
            self._held[file].add(key)
            return True
        return self._removals.wait(key, edit.now_s)

    def _is_leaving(self, key: ObjectKey, before: InForce, chosen: Definition | None, edit: Edit) -> bool:
        """Tell whether an object has disappeared and its time is still to come."""
        if key in edit.defined or (chosen is not None and _goes_on(chosen, before)):
            return False
        return self._removals.wait(key, edit.now_s)

    def _in_force(self, key: ObjectKey) -> InForce | None:
        """Return what was in force before this edit."""
        item = self._state.find(key)
        return InForce(item, self._state.places[key].document.file) if item is not None else None

    def _put(self, key: ObjectKey, chosen: Definition, found: ApiObject[ApiModel], edit: Edit) -> None:
        before, bar = self._state.find(key), self._bars.on(found)
        edit.mark(key, bar, chosen)
        item = _newest(found, before, self._state.rolled_back.get(key)) if bar is None else bar.instead
        if item is not None:
            edit.put(key, before, item)
            edit.places[key] = chosen
        elif before is not None:
            edit.remove(key, before)

    def _remove(self, key: ObjectKey, before: InForce | None, edit: Edit) -> None:
        self._bars.forget(key)
        if before is not None:
            edit.remove(key, before.item)

    def _hold(self, key: ObjectKey, before: InForce, edit: Edit) -> None:
        """Keep the last accepted version until its file can be read and says that it is gone."""
        self._held[before.file].add(key)
        self._keep(before, edit)

    def _keep(self, before: InForce, edit: Edit) -> None:
        """Keep an object in force; its lines are from now on those of the time when it was accepted."""
        key = before.item.key
        place = edit.places[key]
        if not place.is_held:
            start = self._files_before[before.file].line_of(place.document)
            edit.places[key] = replace(place, last_start=start)

    def _locate(self, definition: Definition) -> Location:
        document = definition.document
        return Location(document.file, self._files[document.file].line_of(document) + definition.line)


def _differences(
    before: Mapping[str, FileDocuments], now: Mapping[str, FileDocuments], files: Iterable[str]
) -> tuple[set[SourceDocument], set[SourceDocument]]:
    """Return the documents that are new in some files, and those that are gone."""
    new: set[SourceDocument] = set()
    gone: set[SourceDocument] = set()
    for file in files:
        documents_before = before.get(file, _NO_DOCUMENTS).documents
        documents_now = now.get(file, _NO_DOCUMENTS).documents
        if documents_before is not documents_now:
            new.update(set(documents_now).difference(documents_before))
            gone.update(set(documents_before).difference(documents_now))
    return new, gone


def _goes_on(definition: Definition, before: InForce) -> bool:
    """Tell whether a definition stands where the one before stood, or says the same."""
    if definition.document.file == before.file:
        return True
    return definition.item is not None and definition.item.says == before.item.says


def _newest(
    found: ApiObject[ApiModel], before: ApiObject[ApiModel] | None, rolled_back: RolledBack | None
) -> ApiObject[ApiModel]:
    """Return the object in force for one that was found: the one before, as far as it still says the same."""
    if before is None:
        return found
    written = found.meta.generation
    if before.says == found.says and written in (None, before.generation):
        return before
    if before.content == found.content:
        return replace(found, content=before.content, generation=written or before.generation)
    return replace(found, generation=written or _last_generation(before, found, rolled_back) + 1)


def _last_generation(before: ApiObject[ApiModel], found: ApiObject[ApiModel], rolled_back: RolledBack | None) -> int:
    """Return the generation that an object comes after: what was barred counts, too, and keeps its own."""
    barred = rolled_back.bar.barred.item if rolled_back is not None else before
    if rolled_back is not None and barred.content == found.content:
        return barred.generation - 1
    return max(before.generation, barred.generation)
