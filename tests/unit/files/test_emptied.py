"""Where nothing is left at all, nothing is believed to be gone: a volume that is not mounted looks like that."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from egxds.files.documents.document import FileTree
from egxds.files.reading.content import Scan, Scope
from egxds.files.reading.reader import TreeReader

TEXT = "kind: A\n"


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    """A directory with two files."""
    path = tmp_path / "routes"
    path.mkdir()
    for name in ("a.yaml", "b.yaml"):
        (path / name).write_text(TEXT)
    return path


@pytest.fixture
def reader(routes: Path) -> TreeReader:
    """One that has read them."""
    reader = TreeReader((routes,), routes.parent)
    reader.read()
    return reader


def delete_all(routes: Path) -> None:
    """Delete the files, and leave the directory."""
    for path in routes.iterdir():
        path.unlink()


def truncate_all(routes: Path) -> None:
    """Leave files without content, as a loss of power does."""
    for path in routes.iterdir():
        path.write_text("")


def blank_all(routes: Path) -> None:
    """Leave line breaks, and one file fewer."""
    (routes / "a.yaml").unlink()
    (routes / "b.yaml").write_text("\n \n")


def mount_another(routes: Path) -> None:
    """Have another directory in its place, in which a file system keeps what it has found."""
    shutil.rmtree(routes)
    (routes / "lost+found").mkdir(parents=True)


def rename(routes: Path) -> None:
    """Take the directory away."""
    routes.rename(routes.with_name("away"))


def summary(tree: FileTree) -> tuple[list[str], list[str], list[str]]:
    """Return what can be read, what cannot, and the files that errors are about."""
    problems = [problem.location.file for problem in tree.problems if problem.severity.value == "error"]
    return sorted(tree.files), sorted(tree.unread), problems


@pytest.mark.parametrize("scope", [Scan.CHANGED, Scan.ALL, None], ids=["look", "poll", "told"])
@pytest.mark.parametrize("empty", [delete_all, truncate_all, blank_all, mount_another, rename])
def test_nothing_left_is_unread(
    routes: Path, reader: TreeReader, empty: Callable[[Path], None], scope: Scope | None
) -> None:
    """However it is found, and for as long as it is so; a file that comes back ends it, and what is missing is gone."""
    told = frozenset({str(routes / "a.yaml"), str(routes / "b.yaml")})
    empty(routes)
    for _ in range(3):
        files, unread, problems = summary(reader.read(scope or told))
        assert (files, problems) == ([], ["routes"])
        assert {"routes/a.yaml", "routes/b.yaml"} <= set(unread)
    routes.mkdir(exist_ok=True)
    (routes / "a.yaml").write_text(TEXT)
    (routes / "b.yaml").unlink(missing_ok=True)
    assert summary(reader.read(scope or told)) == (["routes/a.yaml"], [], [])


@pytest.mark.parametrize("text", ["# nothing is served on purpose\n", "---\n", "kind: B\n", "- x\n"])
def test_a_file_with_anything_in_it_says_that_the_others_are_gone(routes: Path, reader: TreeReader, text: str) -> None:
    """Be it a comment."""
    delete_all(routes)
    reader.read()
    (routes / "none.yaml").write_text(text)
    assert summary(reader.read()) == (["routes/none.yaml"], [], [])


def test_what_could_not_be_read_before_is_unread_still(routes: Path, reader: TreeReader) -> None:
    """It is not forgotten meanwhile what was there."""
    for name in ("a.yaml", "b.yaml"):
        (routes / name).write_bytes(b"\xff\xfe")
    assert summary(reader.read())[1] == ["routes/a.yaml", "routes/b.yaml"]
    delete_all(routes)
    assert {"routes/a.yaml", "routes/b.yaml"} <= set(summary(reader.read())[1])


def test_a_file_that_is_no_file_any_more_is_not_forgotten(routes: Path, reader: TreeReader) -> None:
    """A directory has taken its place, and then everything is gone."""
    delete_all(routes)
    for name in ("a.yaml", "b.yaml"):
        (routes / name).symlink_to("nowhere")
    assert summary(reader.read())[1] == ["routes/a.yaml", "routes/b.yaml"]
    delete_all(routes)
    assert {"routes/a.yaml", "routes/b.yaml"} <= set(summary(reader.read())[1])


def test_one_of_several_files_may_go(routes: Path, reader: TreeReader) -> None:
    """Somebody has deleted it."""
    (routes / "a.yaml").unlink()
    assert summary(reader.read(frozenset({str(routes / "a.yaml")}))) == (["routes/b.yaml"], [], [])


def test_nothing_was_there_before(tmp_path: Path) -> None:
    """Then nothing is unread, and a remark says that there is nothing."""
    tree = TreeReader((tmp_path,), tmp_path).read()
    assert (summary(tree), len(tree.problems)) == (([], [], []), 1)


def test_each_path_counts_for_itself(routes: Path, tmp_path: Path) -> None:
    """One volume of two is not mounted; what is gone elsewhere is gone."""
    other = tmp_path / "other"
    other.mkdir()
    for name in ("c.yaml", "d.yaml"):
        (other / name).write_text(TEXT)
    reader = TreeReader((other, routes), tmp_path)
    reader.read()
    delete_all(routes)
    (other / "d.yaml").unlink()
    told = frozenset(map(str, (routes / "a.yaml", routes / "b.yaml", other / "d.yaml")))
    expected = (["other/c.yaml"], ["routes", "routes/a.yaml", "routes/b.yaml"], ["routes"])
    for scope in (told, Scan.CHANGED, Scan.ALL):
        assert summary(reader.read(scope)) == expected
    (routes / "none.yaml").write_text("# nothing\n")
    assert summary(reader.read()) == (["other/c.yaml", "routes/none.yaml"], [], [])


def test_paths_that_are_watched_no_longer(routes: Path, tmp_path: Path) -> None:
    """What was below them is gone where the new ones say something, and unread where they do not."""
    known = TreeReader((routes,), tmp_path).read()
    new = tmp_path / "new"
    new.mkdir()
    for text, unread in (("", ["new", "routes/a.yaml", "routes/b.yaml"]), (TEXT, [])):
        (new / "n.yaml").write_text(text)
        reader = TreeReader((new,), tmp_path)
        reader.resume(known.files, known)
        assert summary(reader.read())[1] == unread
