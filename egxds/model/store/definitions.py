"""Which definition of an object counts, where several documents define it. Pure.

Files have no server that would refuse a second object of one name. So the rule is this store's: what is served is
never displaced by what was written later elsewhere. In this order, the first that there is counts:

1. in the file whose definition counted before: one that says what is in force, then any, be it refused (the object
   then keeps its last accepted version, as it would have without the other definition);
2. elsewhere: one that says what is in force (the object moved to another file);
3. the first accepted one by file and line; where none is accepted, the first.

All others are errors that say where the one stands that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from egxds.files.documents.document import SourceDocument
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.validation import Path
from egxds.model.store.documents import ParsedDocument
from egxds.object_key import ObjectKey
from egxds.problems import Location


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """One place that defines an object.

    Attributes:
        document: the document, or where its text is gone the one that it was.
        line: where in it the object starts, 0 for its first line.
        item: the object; None where it was not accepted.
        path: where in the value of the document it stands.
        last_start: where the document last started in its file; None unless its text is gone, or is not accepted any
            more, and its last accepted version stays in force.
    """

    document: SourceDocument
    line: int
    item: ApiObject[ApiModel] | None = None
    path: Path = ()
    last_start: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether the object stays in force without this text."""
        return self.last_start is not None


@dataclass(frozen=True, slots=True)
class InForce:
    """An object in force.

    Attributes:
        item: the object.
        file: of the definition that counted last.
    """

    item: ApiObject[ApiModel]
    file: str


Definitions = tuple[Definition, ...]


def definitions_in(document: SourceDocument, parsed: ParsedDocument) -> list[tuple[ObjectKey, Definition]]:
    """Return every definition of a document with the object that it defines."""
    accepted = [(each.item.key, Definition(document, each.line, each.item, each.path)) for each in parsed.objects]
    refused = [(entry.key, Definition(document, entry.line)) for entry in parsed.refused if entry.key is not None]
    return [*accepted, *refused]


def choose(
    definitions: Sequence[Definition], before: InForce | None, locate: Callable[[Definition], Location]
) -> Definition:
    """Return the definition that counts, by the order that the module opens with.

    Args:
        definitions: at least one, in any order.
        before: the object in force now.
        locate: says where a definition stands; asked only where there are several.
    """
    if len(definitions) == 1:
        return definitions[0]
    ordered = sorted(definitions, key=locate)
    accepted = [each for each in ordered if each.item is not None]
    at_home = [each for each in ordered if before and each.document.file == before.file]
    alike = [each for each in accepted if before and each.item and each.item.says == before.item.says]
    alike_at_home = [each for each in alike if each in at_home]
    return next(chain(alike_at_home, at_home, alike, accepted, ordered))
