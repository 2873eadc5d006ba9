"""A project for an author of hooks to start from. Reads the template of this package; writes files."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_TEMPLATE = "template"
_RENAMED = {"gitignore": ".gitignore"}
"""Files that would have an effect where they lie here."""

_SKIPPED = frozenset({"__pycache__"})


def write_project(directory: Path) -> tuple[Path, ...]:
    """Write the files of a new project; return them.

    Args:
        directory: made where it is missing.

    Raises:
        FileExistsError: there is something in it.
        OSError: it cannot be written to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty")
    return tuple(_copied(files("egxds.extension").joinpath(_TEMPLATE), directory))


def _copied(source: Traversable, target: Path) -> list[Path]:
    written: list[Path] = []
    for each in sorted(source.iterdir(), key=lambda item: item.name):
        place = target / _RENAMED.get(each.name, each.name)
        if each.name in _SKIPPED:
            continue
        if each.is_dir():
            place.mkdir()
            written += _copied(each, place)
        else:
            place.write_bytes(each.read_bytes())
            written.append(place)
    return written
