"""An edit costs what it changes: lines of Python that run, counted room by room, are as many at any size."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import egxds
from egxds.files.reading.reader import TreeReader
from egxds.model.api.kinds import KindTable
from egxds.model.store.store import ObjectStore

SMALL, LARGE = 30, 300
_HOUSE = str(Path(egxds.__file__).parent)

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
    """Many files, and the rooms that read them."""

    def __init__(self, directory: Path, size: int) -> None:
        self._directory = directory
        directory.mkdir()
        for number in range(size):
            text = ROUTE.format(number=number, host=f"h{number}") + "---\n"
            (directory / f"{number}.yaml").write_text(text + SLICE.format(number=number, address="10.0.0.1"))
        self._reader = TreeReader((directory,), directory)
        self._store = ObjectStore(KindTable.of(()))
        self._store.update(self._reader.read())

    def lines(self, edit: Edit) -> Counter[str]:
        """Count the lines that run in each room for an edit of one file."""
        path = self._directory / "7.yaml"
        edit(path)
        with lines_of_rooms() as counted:
            self._store.update(self._reader.read(frozenset({str(path)})))
        return counted


@contextmanager
def lines_of_rooms() -> Iterator[Counter[str]]:
    """Count lines of Python that run, by room."""
    counted: Counter[str] = Counter()

    def enter(frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        file = frame.f_code.co_filename
        if not file.startswith(_HOUSE):
            return None
        room = file.removeprefix(f"{_HOUSE}/").partition("/")[0]

        def line(_frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
            counted[room] += event == "line"
            return line

        return line

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield counted
    finally:
        sys.settrace(before)


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
    small = Reading(tmp_path / "small", SMALL).lines(edit)
    large = Reading(tmp_path / "large", LARGE).lines(edit)
    assert small["files"] > 0
    assert large == small
