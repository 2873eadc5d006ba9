"""Reading the watched paths once more: what did not change, and volumes that are swapped meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from egxds.files.reading.content import Scan
from egxds.files.reading.reader import TreeReader
from tests.unit.files.trees import messages, read, texts
from tests.unit.files.volume import Volume


def test_unchanged_file_gives_the_same_documents(tmp_path: Path) -> None:
    """What did not change is the same object, however closely it is looked at."""
    (tmp_path / "x.yaml").write_text("a: 1\n---\nb: 2\n")
    reader = TreeReader((tmp_path,), tmp_path)
    first = reader.read()
    for scan in Scan:
        again = reader.read(scan)
        assert all(new is old for new, old in zip(again.documents, first.documents, strict=True))


def test_rewrite_within_one_tick_is_seen(tmp_path: Path) -> None:
    """A young file is read again: a second write of the same size may have left its times as they were."""
    path = tmp_path / "x.yaml"
    reader = TreeReader((tmp_path,), tmp_path)
    for number in range(100):
        path.write_text(f"a: {number:03}\n")
        assert texts(reader.read()) == {"x.yaml:1": f"a: {number:03}\n"}


def test_replaced_file_is_read_again(tmp_path: Path) -> None:
    """A file that is renamed over another counts by what it holds, whatever its times."""
    path = tmp_path / "x.yaml"
    reader = TreeReader((tmp_path,), tmp_path)
    for number in range(3):
        (tmp_path / "new").write_text(f"a: {number}\n")
        os.utime(tmp_path / "new", (1, 1))
        (tmp_path / "new").rename(path)
        assert texts(reader.read()) == {"x.yaml:1": f"a: {number}\n"}


def test_configmap_is_read_through_its_visible_names(tmp_path: Path) -> None:
    """The generations of a Kubernetes volume stay out of sight."""
    volume = Volume(tmp_path / "cm", {"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"})
    reader = TreeReader((volume.path,), tmp_path)
    assert texts(reader.read()) == {"cm/a.yaml:1": "a: 1\n", "cm/b.yaml:1": "b: 1\n"}
    volume.swap({"b.yaml": "b: 2\n", "c.yaml": "c: 2\n"})
    tree = reader.read()
    assert texts(tree) == {"cm/b.yaml:1": "b: 2\n", "cm/c.yaml:1": "c: 2\n"}
    assert not tree.problems


def test_link_to_a_key_that_is_gone_is_no_problem(tmp_path: Path) -> None:
    """The kubelet removes the visible name of a removed key after the swap; until then it leads nowhere."""
    volume = Volume(tmp_path / "cm", {"a.yaml": "a: 1\n"})
    (volume.path / "old.yaml").symlink_to("..data/old.yaml")
    tree = read(volume.path, base=tmp_path)
    assert texts(tree) == {"cm/a.yaml:1": "a: 1\n"}
    assert not tree.problems


def test_a_swap_in_two_steps_deletes_nothing(tmp_path: Path) -> None:
    """While `..data` is missing, nobody knows what is in the volume."""
    volume = Volume(tmp_path / "cm", {"a.yaml": "a: 1\n"})
    reader = TreeReader((volume.path,), tmp_path)
    before = reader.read()
    target = (volume.path / "..data").readlink()
    (volume.path / "..data").unlink()
    assert reader.read().unread == {"cm/a.yaml"}
    (volume.path / "..data").symlink_to(target)
    assert reader.read() == before


@pytest.mark.parametrize("paths", [("cm",), ("cm/0.yaml", "cm/1.yaml", "cm/2.yaml")])
def test_generations_of_a_configmap_never_mix(tmp_path: Path, paths: tuple[str, ...]) -> None:
    """A read during swaps gives one generation as a whole, or holds all of it back as unread."""
    names = [f"{number}.yaml" for number in range(3)]
    volume = Volume(tmp_path / "cm", dict.fromkeys(names, "g: 0\n"))
    reader = TreeReader(tuple(tmp_path / path for path in paths), tmp_path)
    done = threading.Event()

    def swap_on_and_on() -> None:
        generation = 0
        while not done.is_set():
            generation += 1
            volume.swap(dict.fromkeys(names, f"g: {generation}\n"))

    swapper = threading.Thread(target=swap_on_and_on)
    swapper.start()
    try:
        for _ in range(50):
            tree = reader.read()
            assert len(set(texts(tree).values())) <= 1
            assert len(tree.documents) == 3 or tree.unread
    finally:
        done.set()
        swapper.join()
    assert len(reader.read().documents) == 3


SWAP_WITHOUT_END = """
import itertools, os
for target in itertools.cycle(sorted(name for name in os.listdir(".") if name.startswith("..2026"))):
    os.symlink(target, "..data_tmp")
    os.rename("..data_tmp", "..data")
"""


def test_configmap_that_never_rests_is_unread(tmp_path: Path) -> None:
    """Where no try finds one generation, the volume's last state stays: its files are unread, not gone."""
    path = tmp_path / "cm"
    path.mkdir()
    for generation in range(100):
        (path / f"..2026_{generation}").mkdir()
        (path / f"..2026_{generation}" / "x.yaml").write_text(f"g: {generation}\n")
    (path / "..data").symlink_to("..2026_0")
    (path / "x.yaml").symlink_to("..data/x.yaml")
    reader = TreeReader((path,), tmp_path)
    assert reader.read().documents
    with subprocess.Popen([sys.executable, "-c", SWAP_WITHOUT_END], cwd=path) as swapper:
        try:
            tree = reader.read()
            while not tree.unread:
                tree = reader.read()
        finally:
            swapper.kill()
    assert not tree.documents
    assert tree.unread == {"cm", "cm/x.yaml"}
    assert messages(tree) == ["cm: error: was replaced again and again while it was read: its last state stays"]
    assert reader.read().documents
