"""The directory that a user edits."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent


class Workspace:
    """A watched directory, and a root around it for everything else.

    Attributes:
        root: not watched.
        routes: watched.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.routes = root / "routes"
        self.routes.mkdir(parents=True)

    def write(self, name: str, content: str | bytes) -> Path:
        """Put a file below `routes` in one step, as an editor's rename does.

        Args:
            name: path below `routes`; directories are made.
            content: text is dedented.
        """
        path = self.routes / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.root / "draft"
        draft.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        draft.replace(path)
        return path

    def delete(self, name: str) -> None:
        """Remove a file below `routes`."""
        (self.routes / name).unlink()
