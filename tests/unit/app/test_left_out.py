"""Files that there is not enough memory for hold up no others, and what they said before stays in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.pipeline import Build
from egxds.files.documents.document import FileTree
from egxds.model.api.gateway import GATEWAY as GATEWAY_KIND
from egxds.model.store.store import ObjectStore
from tests.unit.app.files import GATEWAY, Files

LARGE = "large"
"""What makes a document too large here."""


@pytest.fixture(autouse=True)
def _little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have memory for all but documents that say that they are large."""
    update = ObjectStore.update

    def limited(store: ObjectStore, tree: FileTree, now_s: float = 0.0) -> object:
        if any(LARGE in document.text for document in tree.documents):
            raise MemoryError
        return update(store, tree, now_s)

    monkeypatch.setattr(ObjectStore, "update", limited)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """One Gateway that is in force."""
    files = Files(tmp_path)
    files.write_gateway("web", 8000)
    files.build()
    return files


def write_large(files: Files, name: str, port: int) -> None:
    """Write a Gateway that there is no memory for."""
    files.write(
        f"{name}.yaml", GATEWAY.format(name=name, port=port) + f"  infrastructure: {{labels: {{a: {LARGE}}}}}\n"
    )


def ports(build: Build) -> dict[str, int]:
    """Return the ports that are in force, by Gateway."""
    return {key.name: gateway.content.listeners[0].port for key, gateway in build.state.of(GATEWAY_KIND).items()}


def problems(build: Build) -> list[str]:
    """Return the files of which something is wrong."""
    return [problem.location.file for problem in build.state.unreadable]


def test_the_others_are_taken_in(files: Files) -> None:
    """A file is too large: what it said stays in force, what was saved with it and after it counts."""
    files.write_gateway("other", 8001)
    write_large(files, "web", 9000)
    build = files.build()
    assert (ports(build), problems(build)) == ({"web": 8000, "other": 8001}, ["web.yaml"])
    files.write_gateway("other", 8002)
    build = files.build()
    assert (ports(build), problems(build)) == ({"web": 8000, "other": 8002}, ["web.yaml"])


def test_a_file_that_is_smaller_is_taken_in(files: Files) -> None:
    """As soon as it changes; one that is gone is gone."""
    write_large(files, "web", 9000)
    write_large(files, "other", 9001)
    assert problems(files.build()) == ["other.yaml", "web.yaml"]
    files.write_gateway("web", 8003)
    build = files.build()
    assert (ports(build), problems(build)) == ({"web": 8003}, ["other.yaml"])
    files.delete("other.yaml")
    assert problems(files.build()) == []


def test_the_first_load_is_whole_or_none(tmp_path: Path) -> None:
    """A part of it would take away from Envoys what they have."""
    files = Files(tmp_path)
    files.write_gateway("other", 8001)
    write_large(files, "web", 9000)
    with pytest.raises(LoadTooLargeError):
        files.build()
    files.write_gateway("web", 8000)
    assert ports(files.build()) == {"web": 8000, "other": 8001}


def test_many_files_that_are_too_large(files: Files) -> None:
    """A pass does not try for ever; the next ones go on as before."""
    for at in range(20):
        write_large(files, f"g{at}", 9000 + at)
    with pytest.raises(LoadTooLargeError):
        files.build()
    for at in range(20):
        files.delete(f"g{at}.yaml")
    assert ports(files.build()) == {"web": 8000}
