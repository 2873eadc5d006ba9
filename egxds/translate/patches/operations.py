"""One operation of a patch on a document. Pure.

The operations are those of RFC 6902, but for what Envoy Gateway has otherwise: what is missing on the way to a place
where something is added is made, as far as objects and first entries of lists go.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from jsonpath import JSONPatch, JSONPatchError, JSONPointer, JSONPointerError, JSONPointerResolutionError

from egxds.model.api.envoy_patch_policy import JsonPatchOperation
from egxds.translate.patches.failure import NothingThereError, PatchError
from egxds.translate.patches.json_path import pointers

MOST_STEPS = 20_000_000
"""Of all patches of a policy together: some half a minute of work, and most policies take a hundred."""
_STEPS_OF_VALUE = 20
_STEPS_OF_PLACE = 400
_WALKS = 3
"""That a jsonPath takes over a document at the most, about."""

_AT_NEW_PLACES = frozenset({"add", "move", "copy"})
"""Operations at a place that need not be there, in something that must."""

Document = Any
"""A resource as JSON has it."""


@dataclass(slots=True)
class Budget:
    """What a policy may still do: copies of copies would grow without end, and walks would take for ever."""

    left: int = MOST_STEPS

    def put(self, value: object) -> None:
        """Count a value that is put into a resource; each object, list and scalar in it counts."""
        self._spend(_size(value) * _STEPS_OF_VALUE)

    def walk(self, document: object) -> None:
        """Count a search through a document."""
        self._spend(_size(document) * _WALKS)

    def visit(self) -> None:
        """Count a place at which something is done."""
        self._spend(_STEPS_OF_PLACE)

    def _spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise PatchError("all patches of its policy together are too much work; they search, find or copy too much")


def apply(operation: JsonPatchOperation, document: Document, seen: Document, budget: Budget) -> Document:
    """Return a document with an operation done at each place that it is for; the document itself is changed.

    Args:
        operation: not one for a resource as a whole.
        document: the resource.
        seen: what a jsonPath looks at: the same, perhaps by other names.
        budget: what its policy may still do.

    Raises:
        PatchError: it cannot be done; the document is left half-way.
    """
    places = _places(operation, seen, budget)
    # What is taken out of a list moves what stands behind it.
    for place in reversed(places) if operation.op == "remove" else places:
        document = _at(operation, place, document, budget)
    return document


def _places(operation: JsonPatchOperation, seen: Document, budget: Budget) -> list[str]:
    path = operation.path or ""
    if operation.json_path is None:
        return [path]
    budget.walk(seen)
    path = f"/{path}" if path and not path.startswith("/") else path
    return [found + path for found in pointers(operation.json_path, seen)]


def _at(operation: JsonPatchOperation, place: str, document: Document, budget: Budget) -> Document:
    budget.visit()
    said: dict[str, object] = {"op": operation.op, "path": place}
    if operation.has_value:
        said["value"] = copy.deepcopy(operation.value)
        budget.put(operation.value)
    if operation.from_ is not None:
        said["from"] = operation.from_
    if operation.op == "add":
        _make_way(place, document)
    try:
        if operation.from_ is not None:
            budget.put(_pointer(operation.from_).resolve(document))
        _pointer(place.rpartition("/")[0] if operation.op in _AT_NEW_PLACES else place).resolve(document)
        return JSONPatch([said], unicode_escape=False).apply(document)
    except JSONPointerResolutionError as err:
        raise NothingThereError(f"{operation.op} {place}: there is nothing: {_told(err)}") from err
    except (JSONPatchError, JSONPointerError) as err:
        raise PatchError(f"{operation.op} {place}: {_told(err)}") from err


def _pointer(text: str) -> JSONPointer:
    return JSONPointer(text, unicode_escape=False)


def _told(err: Exception) -> str:
    """Return what went wrong, without the position in a patch of one operation."""
    return str(err).partition(" (")[0]


def _make_way(place: str, document: Document) -> None:
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in place.split("/")[1:]]
    node: Any = document
    for token, following in pairwise(tokens):
        new: Any = [] if following in {"-", "0"} else {}
        if isinstance(node, dict):
            node = node.setdefault(token, new)
        elif isinstance(node, list) and token == str(len(node)):
            node.append(new)
            node = new
        elif isinstance(node, list) and token.isdecimal() and int(token) < len(node):
            node = node[int(token)]
        else:
            return


def _size(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1
