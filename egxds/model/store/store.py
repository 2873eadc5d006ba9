"""Documents in, objects in force out; remembers what was accepted before. Pure.

What is in force follows an API server, with files in the place of requests: an object that can no longer be accepted
keeps its last accepted version, one that was deleted from a file that can be read is gone, and where an object stands
makes no difference to it. For one object:

    ABSENT ---- an accepted definition -------------------------------> IN FORCE, generation 1
    IN FORCE -- the same text, here or elsewhere ----------------------> IN FORCE: the same object, but for its place
    IN FORCE -- another text that says the same -----------------------> IN FORCE: the same content and generation
    IN FORCE -- another content ---------------------------------------> IN FORCE, generation + 1
    IN FORCE -- its definition is refused -----------------------------> IN FORCE as before, and an error
    IN FORCE -- no definition, but its file cannot be read, or holds
                a document that could be anything -----------------------> IN FORCE as before
    IN FORCE -- no definition, and its file could be read ---------------> ABSENT; when it comes back it is a new object

To be gone must be said by a file that can be read. Everything else would be a mistake with consequences: a quote that
is not closed, a permission that is lost, would take a whole file's routes out of service.

Three memories make a look at the files cost what changed: documents by digest (a text is parsed once, wherever and
however often it stands), documents by digest and place, and objects. What did not change is the same object, and a
kind in which nothing changed the same mapping, because all rooms behind this one tell by identity whether to work.
Neither the order of files nor how objects are split over them makes a difference; a property test holds that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar, cast

from egxds.files.documents.document import FileTree, SourceDocument
from egxds.incremental.identity import have_same_values
from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import KindTable
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.store.definitions import Definitions, settle_definitions, unknown_kind_problems
from egxds.model.store.documents import ParsedDocument, RefusedObject
from egxds.model.store.parse import parse_document
from egxds.model.store.state import GatewayState, Objects
from egxds.object_key import GroupKind, ObjectKey
from egxds.problems import Location, Problem, Severity

_T = TypeVar("_T", bound=ApiModel)
_NOTHING: Objects[ApiModel] = MappingProxyType({})
_Group = GroupKind | type[ApiModel]
"""A built-in kind; or all kinds of extensions whose content is of one class."""


class ObjectStore:
    """Turns each look at the files into the objects in force.

    Attributes:
        documents_parsed: how many documents were parsed since the start; one that did not change is not again.
    """

    def __init__(self, kinds: KindTable) -> None:
        """Start with nothing in force.

        Args:
            kinds: what is read.
        """
        self.documents_parsed = 0
        self._kinds = kinds
        self._parsed: dict[str, ParsedDocument] = {}
        self._placed: dict[tuple[str, Location], ParsedDocument] = {}
        self._objects: dict[ObjectKey, ApiObject[ApiModel]] = {}
        self._groups: dict[_Group, Objects[ApiModel]] = {}
        self._state = GatewayState()

    def update(self, tree: FileTree) -> GatewayState:
        """Return the objects in force after a look at the files.

        Args:
            tree: all documents there are, each with its digest.
        """
        documents = self._parse(tree.documents)
        defined = settle_definitions(documents, self._objects)
        objects = {key: self._settle(found) for key, found in defined.found.items()}
        retained = self._retained(defined, tree.unread)
        self._objects = {**objects, **retained}
        self._group()
        refused = tuple(_explain(entry, retained) for entry in defined.refused)
        self._state = self._publish(documents, defined, refused, tree.problems)
        return self._state

    def _parse(self, documents: Iterable[SourceDocument]) -> list[ParsedDocument]:
        placed: dict[tuple[str, Location], ParsedDocument] = {}
        for document in sorted(documents, key=lambda document: (document.location.file, document.location.line)):
            # By place too: equal documents at two places are one parse and two definitions.
            place = (document.digest, document.location)
            known = self._placed.get(place)
            placed[place] = known if known is not None else self._parse_one(document).at(document.location)
        self._placed = placed
        # Only what there is now: nothing is remembered of texts that have gone.
        self._parsed = {document.digest: document for document in placed.values()}
        return list(placed.values())

    def _parse_one(self, document: SourceDocument) -> ParsedDocument:
        known = self._parsed.get(document.digest)
        if known is None:
            self.documents_parsed += 1
            known = self._parsed[document.digest] = parse_document(document, self._kinds)
        return known

    def _settle(self, found: ApiObject[ApiModel]) -> ApiObject[ApiModel]:
        """Return the object in force for one that was found: the one before, as far as it still says the same."""
        before = self._objects.get(found.key)
        if before is None:
            return found
        # Its place is replaced rather than kept up to date: what is published is never changed afterwards.
        if before.digest == found.digest:
            return before if before.location == found.location else replace(before, location=found.location)
        # A comment, another layout, or a default written out: whoever remembers work by the content has nothing to do.
        if before.content == found.content:
            return replace(found, content=before.content, generation=before.generation)
        return replace(found, generation=before.generation + 1)

    def _retained(self, defined: Definitions, unread: frozenset[str]) -> dict[ObjectKey, ApiObject[ApiModel]]:
        """Return what was accepted before and cannot be told to be gone."""
        # A refused document without a key may have been any of the objects that its file held.
        broken = unread | {refused.location.file for refused in defined.refused if refused.key is None}
        return {
            key: before
            for key, before in self._objects.items()
            if key not in defined.found and (key in defined.refused_keys or before.location.file in broken)
        }

    def _group(self) -> None:
        """Sort the objects by kind; a kind in which nothing changed keeps its mapping."""
        groups: dict[_Group, dict[ObjectKey, ApiObject[ApiModel]]] = defaultdict(dict)
        for key, item in self._objects.items():
            groups[_group_of(item)][key] = item
        # Kinds that have lost their last object too, or their old mapping would stay.
        known = sorted(groups.keys() | self._groups.keys(), key=str)
        self._groups = {group: _keep(self._groups.get(group, _NOTHING), groups[group]) for group in known}

    def _publish(
        self,
        documents: list[ParsedDocument],
        defined: Definitions,
        refused: tuple[RefusedObject, ...],
        unreadable: tuple[Problem, ...],
    ) -> GatewayState:
        problems = {
            *unreadable,
            *defined.duplicates,
            *(problem for document in documents for problem in document.problems),
            *(problem for entry in refused for problem in entry.problems),
            *unknown_kind_problems(unknown for document in documents for unknown in document.unknown_kinds),
        }
        line_maps = {
            # Of what is retained: its text is no more, so its lines are those of the time when it was accepted.
            **{key: self._state.line_maps[key] for key in self._objects.keys() - defined.line_maps},
            **defined.line_maps,
        }
        return GatewayState(
            by_kind={group: items for group, items in self._groups.items() if isinstance(group, tuple)},
            extensions=self._of(ExtensionBody),
            policies=self._of(PolicyBody),
            refused=refused,
            problems=tuple(sorted(problems, key=_problem_order)),
            line_maps=MappingProxyType(line_maps),
        )

    def _of(self, content: type[_T]) -> Objects[_T]:
        return cast("Objects[_T]", self._groups.get(content, _NOTHING))


def _group_of(item: ApiObject[ApiModel]) -> _Group:
    return type(item.content) if isinstance(item.content, ExtensionBody) else item.key.group_kind


def _explain(entry: RefusedObject, retained: Mapping[ObjectKey, ApiObject[ApiModel]]) -> RefusedObject:
    """Say at a refused object, or document, what stays in force in its place."""
    if entry.key is None and any(item.location.file == entry.location.file for item in retained.values()):
        note = "; what was accepted from this file before stays in force"
    elif entry.key in retained:
        note = "; the version accepted before stays in force"
    else:
        return entry
    first, *rest = entry.problems
    return replace(entry, problems=(replace(first, message=first.message + note), *rest))


def _keep(before: Objects[ApiModel], objects: dict[ObjectKey, ApiObject[ApiModel]]) -> Objects[ApiModel]:
    if have_same_values(before, objects):
        return before
    ordered = sorted(objects, key=lambda key: (key.namespace, key.name, key.kind, key.group))
    return MappingProxyType({key: objects[key] for key in ordered})


def _problem_order(problem: Problem) -> tuple[Location, bool, str, str]:
    return problem.location, problem.severity is Severity.WARNING, problem.subject, problem.message
