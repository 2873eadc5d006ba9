"""The directory that egxds watches: documents in one file each, or all in one; saved in one step, as editors do."""

from __future__ import annotations

import os
import time

from tests.bench.parameters import Layout
from tests.envoy.workspace import Workspace

_ALL = "all.yaml"


class WatchedFiles:
    """Documents by name. What saves returns the moment of the rename, of `time.perf_counter`.

    Attributes:
        directory: what is watched.
    """

    def __init__(self, workspace: Workspace, layout: Layout, documents: dict[str, str]) -> None:
        """Write them all.

        Args:
            workspace: whose `routes` is the directory.
            layout: one file each, or one for all.
            documents: name → YAML that begins with `---`.
        """
        self.directory = workspace.routes
        self._draft = workspace.root / "draft"
        self._layout = layout
        self._documents = dict(documents)
        if layout is Layout.ALL:
            self._replace(_ALL, "".join(documents.values()))
        else:
            for name, text in documents.items():
                self._replace(f"{name}.yaml", text)

    def save(self, name: str, text: str) -> float:
        """Save a document, new or not."""
        self._documents[name] = text
        return self._write(name)

    def delete(self, name: str) -> float:
        """Delete a document."""
        del self._documents[name]
        if self._layout is Layout.ALL:
            return self._write(name)
        now = time.perf_counter()
        (self.directory / f"{name}.yaml").unlink()
        return now

    def touch(self, name: str) -> float:
        """Change the time of a document's file and nothing else."""
        now = time.perf_counter()
        os.utime(self.directory / self._file(name))
        return now

    def comment(self, name: str, comment: str) -> float:
        """Insert a line at the top of a document's file, which moves every other line in it."""
        path = self.directory / self._file(name)
        return self._replace(path.name, f"# {comment}\n{path.read_text()}")

    def _file(self, name: str) -> str:
        return _ALL if self._layout is Layout.ALL else f"{name}.yaml"

    def _write(self, name: str) -> float:
        text = "".join(self._documents.values()) if self._layout is Layout.ALL else self._documents[name]
        return self._replace(self._file(name), text)

    def _replace(self, file: str, text: str) -> float:
        self._draft.write_text(text)
        now = time.perf_counter()
        self._draft.replace(self.directory / file)
        return now
