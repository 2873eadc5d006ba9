"""Documents that were read elsewhere, as what a pipeline reads once."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import Scope
from egxds.settings.daemon import Settings


class GivenTree:
    """A tree that is handed over."""

    removal_delay_s = 0.0

    def __init__(self, tree: FileTree) -> None:
        """Take it."""
        self._tree = tree

    def read(self, _scope: Scope) -> FileTree:
        """Return it."""
        return self._tree

    def go_by(self, settings: Settings) -> None:
        """Go on: what is handed over is read by no settings."""

    def resume(self, _known: Mapping[str, FileDocuments], last: FileTree) -> None:
        """Have another one in its place."""
        self._tree = last
