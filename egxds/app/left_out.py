"""Files that a pass goes without, as there is not enough memory for what they come to. Pure.

What a file says that is left out is unread, not gone: what it said before stays in force, and an error names it. So one
file that is too large holds up none of the others. It is taken in again with its next change, or when there may be room
for it.

At the first load nothing is left out. A part of the configuration would take away from Envoys what they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.problems import Location, error


class LeftOut:
    """Remembers them from pass to pass."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Say whether anything is left out."""
        return bool(self._reasons)

    def readmit(self, tree: FileTree) -> None:
        """Take files in again that have changed, or are gone."""
        for name in tuple(self._reasons):
            if tree.touched is None or name in tree.touched:
                del self._reasons[name]

    def leave_out_largest(self, tree: FileTree, before: Mapping[str, FileDocuments], reason: str) -> bool:
        """Leave out one more: the one with most text of those that are others than before.

        Args:
            tree: what was read.
            before: what was taken in last.
            reason: for people.

        Returns:
            Whether there was one.
        """
        others = (name for name, documents in tree.files.items() if before.get(name) is not documents)
        largest = max(
            (name for name in others if name not in self._reasons),
            key=lambda name: _new_characters(tree.files[name], before.get(name)),
            default=None,
        )
        if largest is not None:
            self._reasons[largest] = reason
        return largest is not None

    def without(self, tree: FileTree) -> FileTree:
        """Return a tree without them."""
        if not self._reasons:
            return tree
        problems = [
            error(Location(name, 0), f"is not taken in, what it said before stays in force: {reason}")
            for name, reason in self._reasons.items()
        ]
        # A copy by the interpreter: every edit comes here while something is left out.
        files = dict(tree.files)
        for name in self._reasons:
            files.pop(name, None)
        return replace(
            tree,
            files=files,
            problems=tuple(sorted((*tree.problems, *problems), key=lambda problem: problem.location)),
            unread=tree.unread | self._reasons.keys(),
        )


def _new_characters(now: FileDocuments, before: FileDocuments | None) -> int:
    new = set(now.documents).difference(before.documents if before is not None else ())
    return sum(len(document.text) for document in new)
