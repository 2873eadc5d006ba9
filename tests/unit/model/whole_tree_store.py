"""A store that looks at everything each time: slow, short, and what the real one must agree with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from egxds.files.documents.document import FileTree
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.parse import parse_document
from egxds.object_key import ObjectKey
from egxds.problems import Location
from tests.unit.model.worlds import KINDS

Item = ApiObject[ApiModel]


@dataclass(frozen=True)
class Found:
    """One definition of an object, or what is in force of it."""

    location: Location
    item: Item | None


@dataclass
class WholeTreeStore:
    """Objects in force, with the place of the definition that counted last."""

    in_force: dict[ObjectKey, tuple[Item, str]] = field(default_factory=dict)

    def update(self, tree: FileTree) -> dict[ObjectKey, tuple[object, int]]:
        """Return what is said by, and the generation of, everything in force after a look at the files."""
        definitions, unclear = _read(tree)
        before, self.in_force = self.in_force, {}
        for key in definitions.keys() | before.keys():
            found = self._settle(definitions[key], before.get(key), unclear | tree.unread)
            if found is not None:
                self.in_force[key] = found
        return {key: (item.says, item.generation) for key, (item, _) in self.in_force.items()}

    def _settle(
        self, found: list[Found], before: tuple[Item, str] | None, kept_files: frozenset[str]
    ) -> tuple[Item, str] | None:
        if not found:
            return before if before is not None and before[1] in kept_files else None
        chosen = min(found, key=lambda each: each.location)
        if chosen.item is None:
            return before
        return _newest(chosen.item, before[0] if before else None), chosen.location.file


def _read(tree: FileTree) -> tuple[dict[ObjectKey, list[Found]], frozenset[str]]:
    definitions: dict[ObjectKey, list[Found]] = defaultdict(list)
    unclear: set[str] = set()
    for document in tree.documents:
        parsed, start = parse_document(document, KINDS), tree.locate(document)
        for each in parsed.objects:
            definitions[each.item.key].append(Found(replace(start, line=start.line + each.line), each.item))
        for entry in parsed.refused:
            if entry.key is None:
                unclear.add(document.file)
            else:
                definitions[entry.key].append(Found(replace(start, line=start.line + entry.line), None))
    return definitions, frozenset(unclear)


def _newest(item: Item, before: Item | None) -> Item:
    if before is None:
        return item
    return replace(item, generation=before.generation + (item.content != before.content))
