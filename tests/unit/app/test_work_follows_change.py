"""An edit costs what it changes: lines of Python that run, counted room by room, are as many at any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from egxds.files.reading.reader import TreeReader
from egxds.model.api.kinds import KindTable
from egxds.model.store.store import ObjectStore
from tests.lines_of_rooms import lines_of_rooms

SMALL, LARGE, HUGE = 30, 300, 3000

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r{number}}}
spec: {{parentRefs: [{{name: web}}], hostnames: [{host}.test]}}
"""
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: s{number}, labels: {{kubernetes.io/service-name: s}}}}
addressType: IPv4
endpoints: [{{addresses: [{address}]}}]
ports: [{{port: 80}}]
"""

Edit = Callable[[Path], object]


class Reading:
    """Files, and the rooms that read them."""

    def __init__(self, directory: Path, files: Mapping[str, str]) -> None:
        self._directory = directory
        directory.mkdir()
        for name, text in files.items():
            (directory / name).write_text(text)
        self._reader = TreeReader((directory,), directory)
        self._store = ObjectStore(KindTable.of(()), removal_delay_s=1.0)
        self._store.update(self._reader.read())

    def lines(self, name: str, edit: Edit) -> Counter[str]:
        """Count the lines that run in each room for an edit of one file, and later for what is gone by it."""
        path = self._directory / name
        edit(path)
        with lines_of_rooms() as counted:
            self._store.update(self._reader.read(frozenset({str(path)})), 1.0)
            self._store.update(self._reader.read(frozenset()), 2.0)
        return counted


def many_files(directory: Path, size: int) -> Reading:
    """One file for each route, with its endpoints."""
    texts = (_object(number) + "---\n" + SLICE.format(number=number, address="10.0.0.1") for number in range(size))
    return Reading(directory, {f"{number}.yaml": text for number, text in enumerate(texts)})


def one_file(directory: Path, size: int) -> Reading:
    """All routes in one file."""
    return Reading(directory, {"all.yaml": "---\n".join(map(_object, range(size)))})


def _object(number: int) -> str:
    return ROUTE.format(number=number, host=f"h{number}")


def _written(host: str, address: str) -> Edit:
    text = ROUTE.format(number=7, host=host) + "---\n" + SLICE.format(number=7, address=address)
    return lambda path: path.write_text(text)


EDITS: dict[str, Edit] = {
    "a route": _written("other", "10.0.0.1"),
    "an endpoint": _written("h7", "10.0.0.2"),
    "a touch": lambda path: path.touch(),
    "a comment at the top": lambda path: path.write_text("# new\n" + path.read_text()),
    "a broken document": lambda path: path.write_text("a: ["),
    "a deletion": lambda path: path.unlink(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_reading_an_edit_costs_the_same_at_any_size(tmp_path: Path, edit: Edit) -> None:
    """From the files to the objects in force; what C does over all of them is a copy of each mapping."""
    small = many_files(tmp_path / "small", SMALL).lines("7.yaml", edit)
    large = many_files(tmp_path / "large", LARGE).lines("7.yaml", edit)
    assert small["files"] > 0
    assert large == small


def _changed(change: Callable[[list[str]], object]) -> Edit:
    """Change the documents of a file, as a list."""

    def edit(path: Path) -> None:
        documents = path.read_text().split("---\n")
        change(documents)
        path.write_text("---\n".join(documents))

    return edit


EDITS_OF_ONE_FILE: dict[str, Edit] = {
    "in the middle": _changed(lambda documents: documents.__setitem__(len(documents) // 2, _object(-1))),
    "a comment at the top": lambda path: path.write_text("# new\n" + path.read_text()),
    "a comment in the middle": _changed(lambda documents: documents.insert(len(documents) // 2, "# new\n")),
    "a document more": _changed(lambda documents: documents.append(_object(-1))),
    "a document less": _changed(lambda documents: documents.pop(len(documents) // 2)),
    "a broken document": _changed(lambda documents: documents.__setitem__(len(documents) // 2, "a: [\n")),
    "a touch": lambda path: path.touch(),
}


@pytest.mark.parametrize("edit", EDITS_OF_ONE_FILE.values(), ids=EDITS_OF_ONE_FILE)
def test_an_edit_of_one_large_file_costs_the_same_at_any_size(tmp_path: Path, edit: Edit) -> None:
    """C reads, joins and compares the whole text, and copies the tuples; Python sees what changed."""
    counted = [one_file(tmp_path / str(size), size).lines("all.yaml", edit) for size in (SMALL, LARGE, HUGE)]
    assert counted[0]["files"] > 0
    assert counted == [counted[0]] * 3
