"""Files to translations, in one pass."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from egxds.files.reading.content import Scan
from egxds.files.reading.reader import TreeReader
from tests.unit.app.files import Files


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Generations of the garbage collections that are made."""
    made: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            made.append(info["generation"])

    gc.callbacks.append(note)
    yield made
    gc.callbacks.remove(note)


def test_the_first_load_is_walked_by_the_garbage_collector_once_at_most(tmp_path: Path, collections: list[int]) -> None:
    """All of it lives on. The collector is on again at the end, and may then look at what is new, as it ever does."""
    files = Files(tmp_path)
    for number in range(100):
        files.write_gateway(f"g{number}", 8000 + number)
    gc.collect()
    collections.clear()
    assert len(files.build().translations) == 100
    assert collections in ([], [0])
    assert gc.isenabled()


def test_what_the_first_load_made_is_frozen_before_the_collector_is_on_again(tmp_path: Path) -> None:
    """It would walk all of it at once, and nothing else would run meanwhile; of an empty load there is nothing."""
    # What a test before this one has left frozen comes to its end by and by.
    gc.unfreeze()
    files = Files(tmp_path)
    files.build()
    assert gc.get_freeze_count() == 0
    files.write_gateway("web", 8000)
    files.build()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_a_load_that_fails_leaves_the_garbage_collector_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, memory does not grow for ever."""

    def fail(_reader: TreeReader, _scope: Scan) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(TreeReader, "read", fail)
    with pytest.raises(RuntimeError):
        Files(tmp_path).build()
    assert gc.isenabled()
