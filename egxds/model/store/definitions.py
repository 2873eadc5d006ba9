"""Which definition of an object counts, where several documents define it. Pure.

Files have no server that would refuse a second object of one name. So the rule is this store's: what is served is
never displaced by what was written later elsewhere. In this order, the first that there is counts:

1. in the file whose definition counted before: one that says what is in force, then any, be it refused (the object
   then keeps its last accepted version, as it would have without the other definition);
2. elsewhere: one that says what is in force (the object moved to another file);
3. the first accepted one by file and line; where none is accepted, the first.

All others are errors that say where the one stands that counts. That is an error and no warning, since a copy that was
forgotten is otherwise found on the day when the original is deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.documents import ParsedDocument, RefusedObject, UnknownKind
from egxds.model.store.line_map import LineMap
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem, error, warning

InForce = Mapping[ObjectKey, ApiObject[ApiModel]]


@dataclass(frozen=True, slots=True)
class Definition:
    """One place that defines an object; without the object where it was not accepted."""

    location: Location
    item: ApiObject[ApiModel] | None
    line_map: LineMap


@dataclass(slots=True)
class Definitions:
    """What one look at the files says.

    Attributes:
        found: the accepted objects that count.
        line_maps: for each of them, where its parts stand.
        refused: what was not accepted.
        refused_keys: objects whose definition that counts was not accepted.
        duplicates: an error for every definition that does not count.
    """

    found: dict[ObjectKey, ApiObject[ApiModel]] = field(default_factory=dict)
    line_maps: dict[ObjectKey, LineMap] = field(default_factory=dict)
    refused: list[RefusedObject] = field(default_factory=list)
    refused_keys: set[ObjectKey] = field(default_factory=set)
    duplicates: list[Problem] = field(default_factory=list)

    def settle(self, key: ObjectKey, definitions: Sequence[Definition], before: ApiObject[ApiModel] | None) -> None:
        """Decide about an object that is defined more than once, or was not accepted somewhere."""
        chosen = _chosen(definitions, before)
        self.duplicates.extend(_duplicate(key, other, chosen) for other in definitions if other is not chosen)
        if chosen.item is not None:
            self.found[key], self.line_maps[key] = chosen.item, chosen.line_map
        else:
            self.refused_keys.add(key)
            self.found.pop(key, None)
            self.line_maps.pop(key, None)


def settle_definitions(documents: Sequence[ParsedDocument], in_force: InForce) -> Definitions:
    """Decide for each object which of its definitions counts.

    Args:
        documents: sorted by file and line.
        in_force: objects that are in force now.
    """
    settled = Definitions()
    # Nearly every object has one definition that is accepted, and is settled by this one pass; only the others are
    # gathered.
    contested: set[ObjectKey] = set()
    for document in documents:
        settled.refused.extend(document.refused)
        contested.update(entry.key for entry in document.refused if entry.key is not None)
        for item, line_map in zip(document.objects, document.line_maps, strict=True):
            if item.key in settled.found:
                contested.add(item.key)
            settled.found[item.key], settled.line_maps[item.key] = item, line_map
    for key, definitions in _definitions_of(contested, documents).items():
        settled.settle(key, definitions, in_force.get(key))
    return settled


def _chosen(definitions: Sequence[Definition], before: ApiObject[ApiModel] | None) -> Definition:
    """Return the definition that counts, by the order that the module opens with.

    Args:
        definitions: at least one, sorted by file and line.
        before: the object in force now.
    """
    accepted = [each for each in definitions if each.item is not None]
    # A file and not a line: within a file objects are pushed about all the time.
    at_home = [each for each in definitions if before and each.location.file == before.location.file]
    alike = [each for each in accepted if before and each.item and each.item.digest == before.digest]
    alike_at_home = [each for each in alike if each in at_home]
    return next(chain(alike_at_home, at_home, alike, accepted, definitions))


def _definitions_of(
    contested: set[ObjectKey], documents: Sequence[ParsedDocument]
) -> dict[ObjectKey, list[Definition]]:
    """Return every definition of some objects, the first by file and line first."""
    found: dict[ObjectKey, list[Definition]] = {key: [] for key in contested}
    for document in documents if contested else ():
        for item, line_map in zip(document.objects, document.line_maps, strict=True):
            if item.key in contested:
                found[item.key].append(Definition(item.location, item, line_map))
        for entry in document.refused:
            if entry.key is not None:
                found[entry.key].append(Definition(entry.location, None, {}))
    return {key: sorted(defined, key=lambda each: each.location) for key, defined in found.items()}


def _duplicate(key: ObjectKey, definition: Definition, chosen: Definition) -> Problem:
    message = f"is also defined at {chosen.location}, and that one counts; delete one of the two"
    return error(definition.location, message, str(key))


def unknown_kind_problems(unknown: Iterable[UnknownKind]) -> list[Problem]:
    """Report each kind that is not read once, at its first place."""
    by_kind: dict[tuple[str, str], list[UnknownKind]] = defaultdict(list)
    for entry in unknown:
        by_kind[entry.api_version, entry.kind].append(entry)
    return [_unknown_kind(min(found, key=lambda entry: entry.location), len(found)) for found in by_kind.values()]


def _unknown_kind(first: UnknownKind, count: int) -> Problem:
    others = f", and {count - 1} more" if count > 1 else ""
    hint = f"; did you mean {first.suggestion}?" if first.suggestion else ""
    return warning(first.location, f"kind {first.kind} of {first.api_version} is not read: passed over{others}{hint}")
