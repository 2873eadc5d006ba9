"""A mounted ConfigMap, written the way the kubelet does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path


class Volume:
    """A directory whose files are links through `..data` into the directory of one generation."""

    def __init__(self, path: Path, files: Mapping[str, str]) -> None:
        path.mkdir()
        self.path = path
        self._generation = 0
        self.swap(files)

    def swap(self, files: Mapping[str, str]) -> None:
        """Write a new generation, swap the link, then add and remove visible names and the old generation."""
        data = self.path / "..data"
        old = data.readlink() if data.is_symlink() else None
        self._generation += 1
        new = self.path / f"..2026_01_01_{self._generation}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
        (self.path / "..data_tmp").symlink_to(new.name)
        (self.path / "..data_tmp").rename(data)
        self._show(files)
        if old:
            shutil.rmtree(self.path / old)

    def _show(self, files: Mapping[str, str]) -> None:
        visible = {entry.name for entry in self.path.iterdir() if not entry.name.startswith("..")}
        for name in files.keys() - visible:
            (self.path / name).symlink_to(Path("..data", name))
        for name in visible - files.keys():
            (self.path / name).unlink()
