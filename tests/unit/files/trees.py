"""Reads paths as the daemon does, and shows what was read."""

from __future__ import annotations

from pathlib import Path

from egxds.files.documents.document import FileTree
from egxds.files.reading.content import ReadLimits
from egxds.files.reading.reader import TreeReader


def read(*paths: Path, base: Path, limits: ReadLimits | None = None) -> FileTree:
    """Read paths once."""
    return TreeReader(paths, base, limits or ReadLimits()).read()


def texts(tree: FileTree) -> dict[str, str]:
    """Return the text of each document by its place."""
    return {str(tree.locate(document)): document.text for document in tree.documents}


def messages(tree: FileTree) -> list[str]:
    """Return the problems as a user sees them."""
    return [str(problem) for problem in tree.problems]
