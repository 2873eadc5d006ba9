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
from types import MappingProxyType
from typing import cast

from egxds.files.documents.document import FileDocuments, FileTree, SourceDocument
from egxds.incremental.changes import ChangeSet
from egxds.incremental.revision import remembered
from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import KindTable
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.store.definitions import Definition, Definitions, InForce, choose, definitions_in
from egxds.model.store.documents import ParsedDocument
from egxds.model.store.parse import parse_document
from egxds.model.store.parsed_texts import ParsedTexts
from egxds.model.store.removals import Removals
from egxds.model.store.state import GatewayState, Objects
from egxds.object_key import GroupKind, ObjectKey
from egxds.problems import Location

_NOTHING: Objects[ApiModel] = MappingProxyType({})
_NO_DOCUMENTS = FileDocuments()
_Group = GroupKind | type[ApiModel]
"""A built-in kind; or all kinds of extensions whose content is of one class."""


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
        edit = _Edit(self._state, now_s)
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
        edit.dirty.update(self._removals.due(now_s))
        self._unread = tree.unread
        for key in edit.dirty:
            self._settle(key, edit)
        self._texts.forget_unused(now_s)
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

    def _add(self, document: SourceDocument, fresh: Mapping[str, ParsedDocument], edit: _Edit) -> None:
        parsed = self._texts.take(document.digest, fresh)
        for key, definition in definitions_in(document, parsed):
            self._definitions[key] = (*self._definitions.get(key, ()), definition)
            edit.dirty.add(key)
            edit.defined.add(key)
        if parsed.says_something:
            edit.reports[document] = parsed
        self._unclear[document.file] += parsed.is_unclear

    def _forget_texts(self, edit: _Edit) -> None:
        """Have no text define anything any more: what the same texts say by other kinds may be something else."""
        for file in self._files.values():
            for document in file.documents:
                self._drop(document, edit)
        self._texts.forget_all()

    def _drop(self, document: SourceDocument, edit: _Edit) -> None:
        parsed = self._texts.drop(document.digest, edit.now_s)
        for key, _ in definitions_in(document, parsed):
            self._definitions[key] = tuple(each for each in self._definitions[key] if each.document is not document)
            edit.dirty.add(key)
        edit.silent.add(document)
        self._unclear[document.file] -= parsed.is_unclear

    def _settle(self, key: ObjectKey, edit: _Edit) -> None:
        """Decide what of an object is in force, from its definitions and from what was in force before."""
        before = self._in_force(key)
        definitions = self._definitions.get(key, ())
        if before is not None:
            self._release(key, before.file)
        if not definitions:
            self._definitions.pop(key, None)
        if len(definitions) > 1:
            for definition in definitions:
                self._contested[definition.document.file].add(key)
        chosen = choose(definitions, self._locate) if definitions else None
        edit.contest(key, definitions, chosen)
        if before is not None and self._is_hidden(key, before, chosen, edit):
            self._removals.forget(key)
            self._hold(key, before, edit)
            return
        if before is not None and self._is_leaving(key, before, chosen, edit):
            self._keep(before, edit)
            return
        self._removals.forget(key)
        if chosen is not None and chosen.item is not None:
            self._put(key, chosen, chosen.item, edit)
        elif before is not None and chosen is not None:
            self._hold(key, before, edit)
        elif before is not None:
            edit.remove(key, before.item)

    def _release(self, key: ObjectKey, file: str) -> None:
        held = self._held.get(file)
        if held is not None:
            held.discard(key)
            if not held:
                del self._held[file]

    def _is_hidden(self, key: ObjectKey, before: InForce, chosen: Definition | None, edit: _Edit) -> bool:
        """Tell whether an object may stand where it stood, in what cannot be read, and is defined nowhere anew."""
        if before.file not in self._unread and not self._unclear[before.file]:
            return False
        return chosen is None or not (key in edit.defined or _goes_on(chosen, before))

    def _is_leaving(self, key: ObjectKey, before: InForce, chosen: Definition | None, edit: _Edit) -> bool:
        """Tell whether an object has disappeared and its time is still to come."""
        if key in edit.defined or (chosen is not None and _goes_on(chosen, before)):
            return False
        return self._removals.wait(key, edit.now_s)

    def _in_force(self, key: ObjectKey) -> InForce | None:
        """Return what was in force before this edit."""
        item = self._state.find(key)
        return InForce(item, self._state.places[key].document.file) if item is not None else None

    def _put(self, key: ObjectKey, chosen: Definition, found: ApiObject[ApiModel], edit: _Edit) -> None:
        before = self._state.find(key)
        edit.put(key, before, _newest(found, before))
        edit.places[key] = chosen

    def _hold(self, key: ObjectKey, before: InForce, edit: _Edit) -> None:
        """Keep the last accepted version until its file can be read and says that it is gone."""
        self._held[before.file].add(key)
        self._keep(before, edit)

    def _keep(self, before: InForce, edit: _Edit) -> None:
        """Keep an object in force; its lines are from now on those of the time when it was accepted."""
        key = before.item.key
        place = edit.places[key]
        if not place.is_held:
            start = self._files_before[before.file].line_of(place.document)
            edit.places[key] = replace(place, last_start=start)

    def _locate(self, definition: Definition) -> Location:
        document = definition.document
        return Location(document.file, self._files[document.file].line_of(document) + definition.line)


class _Edit:
    """What changes from one state to the next; mappings of the state before are copied when first written to."""

    def __init__(self, before: GatewayState, now_s: float) -> None:
        self.now_s = now_s
        self.dirty: set[ObjectKey] = set()
        self.reports: dict[SourceDocument, ParsedDocument] = {}
        self.silent: set[SourceDocument] = set()
        self.defined: set[ObjectKey] = set()
        self.places = dict(before.places)
        self._contested: dict[ObjectKey, Definitions] = {}
        self._settled: set[ObjectKey] = set()
        self._before = before
        self._groups: dict[_Group, dict[ObjectKey, ApiObject[ApiModel]]] = {}
        self._added: set[ObjectKey] = set()
        self._changed: set[ObjectKey] = set()
        self._removed: set[ObjectKey] = set()

    def put(self, key: ObjectKey, before: ApiObject[ApiModel] | None, item: ApiObject[ApiModel]) -> None:
        """Put an object in force."""
        if before is item:
            return
        self._group(item)[key] = item
        (self._added if before is None else self._changed).add(key)

    def remove(self, key: ObjectKey, before: ApiObject[ApiModel]) -> None:
        """Take an object away."""
        del self._group(before)[key], self.places[key]
        self._removed.add(key)

    def contest(self, key: ObjectKey, definitions: Definitions, chosen: Definition | None) -> None:
        """Note which of several definitions counts."""
        if chosen is not None and len(definitions) > 1:
            self._contested[key] = (chosen, *(each for each in definitions if each is not chosen))
        else:
            self._settled.add(key)

    def publish(self, tree: FileTree, held: frozenset[str]) -> GatewayState:
        """Return the state after all of it.

        Args:
            tree: all documents there are.
            held: files of objects that are in force without their text.
        """
        groups = {group: MappingProxyType(items) for group, items in self._groups.items()}
        by_kind = {group: items for group, items in groups.items() if isinstance(group, tuple)}
        before = self._before
        changes = ChangeSet(frozenset(self._added), frozenset(self._changed), frozenset(self._removed))
        return replace(
            before,
            by_kind={**before.by_kind, **by_kind},
            extensions=cast("Objects[ExtensionBody]", groups.get(ExtensionBody, before.extensions)),
            policies=cast("Objects[PolicyBody]", groups.get(PolicyBody, before.policies)),
            changes=changes,
            mark=object(),
            steps=remembered((*before.steps, (before.mark, frozenset(changes))), len(self.places)),
            files=tree.files,
            places=self.places,
            reports=before.reports.edited(self.reports, self.silent),
            contested=before.contested.edited(self._contested, self._settled),
            held=held,
            unreadable=tree.problems,
        )

    def _group(self, item: ApiObject[ApiModel]) -> dict[ObjectKey, ApiObject[ApiModel]]:
        group = type(item.content) if isinstance(item.content, ExtensionBody) else item.key.group_kind
        if group not in self._groups:
            # Not `dict(…)`, which would ask every key for its hash.
            self._groups[group] = self._items_before(group) | {}
        return self._groups[group]

    def _items_before(self, group: _Group) -> Objects[ApiModel]:
        if isinstance(group, tuple):
            return self._before.by_kind.get(group, _NOTHING)
        return self._before.policies if group is PolicyBody else self._before.extensions


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


def _newest(found: ApiObject[ApiModel], before: ApiObject[ApiModel] | None) -> ApiObject[ApiModel]:
    """Return the object in force for one that was found: the one before, as far as it still says the same."""
    if before is None:
        return found
    written = found.meta.generation
    if before.says == found.says and written in (None, before.generation):
        return before
    if before.content == found.content:
        return replace(found, content=before.content, generation=written or before.generation)
    return replace(found, generation=written or before.generation + 1)
