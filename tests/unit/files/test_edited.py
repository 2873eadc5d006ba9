"""Reading only what an edit touched, where its paths tell."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from egxds.files.documents.document import FileTree
from egxds.files.reading.content import ReadLimits, Scan, joined_scope
from egxds.files.reading.listing import Listing, WalkLimits, list_files
from egxds.files.reading.reader import TreeReader


def seen(tree: FileTree) -> tuple[dict[str, str], list[str], frozenset[str]]:
    """Return what a tree says: texts by place, problems and what is unread."""
    texts = {str(tree.locate(document)): document.text for document in tree.documents}
    return texts, [str(problem) for problem in tree.problems], tree.unread


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[Listing]:
    """Every listing that is made."""
    made: list[Listing] = []

    def noted(paths: tuple[Path, ...], limits: WalkLimits) -> Listing:
        made.append(list_files(paths, limits))
        return made[-1]

    monkeypatch.setattr("egxds.files.reading.reader.list_files", noted)
    return made


def paths(*changed: Path) -> frozenset[str]:
    """Return paths as a watcher says them."""
    return frozenset(map(str, changed))


def test_an_edit_looks_at_its_file_alone(tmp_path: Path, listings: list[Listing]) -> None:
    """Written, replaced, added, broken, mended and deleted: nothing is listed, and nothing but the file is touched."""
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text(f"{name}: 1\n")
    reader = TreeReader((tmp_path,), tmp_path)
    reader.read()
    edits: list[tuple[str, Callable[[Path], object]]] = [
        ("a.yaml", lambda path: path.write_text("a: 2\n")),
        ("b.yaml", lambda path: (path.with_name(".b").write_text("b: 2\n"), path.with_name(".b").rename(path))),
        ("new.yaml", lambda path: path.write_text("new: 1\n")),
        ("c.yaml", lambda path: path.write_bytes(b"\0")),
        ("c.yaml", lambda path: path.write_text("c: 3\n")),
        ("a.yaml", lambda path: path.unlink()),
        ("a.yaml", lambda path: path.write_text("a: 4\n")),
    ]
    for name, edit in edits:
        edit(tmp_path / name)
        tree = reader.read(paths(tmp_path / name))
        assert seen(tree) == seen(TreeReader((tmp_path,), tmp_path).read())
        assert tree.touched == frozenset({name})
    assert len(listings) == 1 + len(edits)  # those of the readers that start anew


def test_a_touch_without_change_touches_nothing(tmp_path: Path, listings: list[Listing]) -> None:
    """The file is read, and found to be what it was."""
    (tmp_path / "a.yaml").write_text("a: 1\n")
    reader = TreeReader((tmp_path,), tmp_path)
    before = reader.read()
    os.utime(tmp_path / "a.yaml")
    tree = reader.read(paths(tmp_path / "a.yaml", tmp_path / "README.md", tmp_path / ".a.yaml.swp"))
    assert (tree, tree.touched, len(listings)) == (before, frozenset(), 1)


def _link(directory: Path) -> Path:
    (directory / "link.yaml").symlink_to("a.yaml")
    return directory / "link.yaml"


def _directory(directory: Path) -> Path:
    (directory / "more").mkdir()
    (directory / "more" / "x.yaml").write_text("x: 1\n")
    return directory / "more"


def _elsewhere(directory: Path) -> Path:
    (directory / "a.yaml").write_text("a: 2\n")
    return Path("/somewhere/else.yaml")


def _no_text(directory: Path) -> Path:
    Path(os.fsdecode(os.fsencode(directory) + b"/\xff.yaml")).write_text("a: 2\n")
    return directory / "\ufffd.yaml"


def _other_suffix(directory: Path) -> Path:
    (directory / "b.yaml.txt").write_text("b: 1\n")
    return directory / "b.yaml.txt"


@pytest.mark.parametrize("edit", [_link, _directory, _elsewhere, _no_text, _other_suffix])
def test_what_may_lead_further_has_all_listed(
    tmp_path: Path, listings: list[Listing], edit: Callable[[Path], Path]
) -> None:
    """Links, directories, and paths of which nobody knows what they lead to, or what they are called."""
    (tmp_path / "a.yaml").write_text("a: 1\n")
    reader = TreeReader((tmp_path,), tmp_path)
    reader.read()
    changed = edit(tmp_path)
    assert seen(reader.read(paths(changed))) == seen(TreeReader((tmp_path,), tmp_path).read())
    assert len(listings) == 3


def test_a_file_that_was_given_is_missed(tmp_path: Path) -> None:
    """A path that the user gave, and that is gone, is a problem: it is not taken for a deletion."""
    path = tmp_path / "routes.yaml"
    path.write_text("a: 1\n")
    reader = TreeReader((path, tmp_path), tmp_path)
    reader.read()
    path.unlink()
    assert reader.read(paths(path)).unread == {"routes.yaml"}


@pytest.mark.parametrize("limits", [ReadLimits(files=2), ReadLimits(total_bytes=10), ReadLimits(file_bytes=10)])
def test_limits_hold_for_edits(tmp_path: Path, limits: ReadLimits) -> None:
    """One file too many, or one that grows too large, is left unread as it would be at a start."""
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("a: 1\n")
    reader = TreeReader((tmp_path,), tmp_path, limits)
    reader.read()
    (tmp_path / "c.yaml").write_text("c: 1000000\n")
    tree = reader.read(paths(tmp_path / "c.yaml"))
    assert tree.unread == {"c.yaml"}
    (tmp_path / "c.yaml").unlink()
    assert not reader.read(paths(tmp_path / "c.yaml")).unread


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("write", "write twice", "break", "delete", "link", "mkdir", "rmtree", "rename")),
        st.sampled_from(("a.yaml", "b.yaml", "d/a.yaml", "d/b.yaml", "e/a.yaml", ".hidden", "notes.txt")),
    ),
    max_size=12,
)


def perform(base: Path, action: str, name: str, number: int) -> frozenset[str]:
    """Do something to a file; return the paths a watcher would say."""
    path = base / name
    changed = {path}
    if action == "rmtree":
        changed |= {path.parent, *path.parent.glob("*")} if path.parent != base else set()
        shutil.rmtree(path.parent, ignore_errors=True) if path.parent != base else None
    elif action == "mkdir":
        path.parent.mkdir(exist_ok=True)
        changed |= {path.parent, *path.parent.glob("*")}
    elif not path.parent.is_dir():
        return frozenset()
    elif action == "delete":
        path.unlink(missing_ok=True)
    elif action == "link" and not path.is_symlink():
        path.unlink(missing_ok=True)
        path.symlink_to("../a.yaml" if path.parent != base else "b.yaml")
    elif action == "rename" and path.exists() and not path.is_symlink():
        path.rename(base / "b.yaml")
        changed.add(base / "b.yaml")
    elif not path.is_symlink():
        contents = {"write": f"a: {number}\n", "write twice": f"a: {number}\n---\nb: 2\n", "break": "a: \0"}
        path.write_text(contents.get(action, ""))
    return paths(*changed)


@example(steps=[("rename", "a.yaml"), ("delete", "a.yaml")])
@given(steps=STEPS)
def test_an_edit_comes_to_what_a_look_at_everything_comes_to(steps: list[tuple[str, str]]) -> None:
    """Whatever is done, by somebody who says the paths, and to whatever else is there."""
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory).resolve()
        (base / "d").mkdir()
        knowing, looking = TreeReader((base,), base), TreeReader((base,), base)
        knowing.read()
        looking.read()
        for number, (action, name) in enumerate(steps):
            changed = perform(base, action, name, number)
            assert seen(knowing.read(changed)) == seen(looking.read(Scan.ALL))


def test_scopes_are_joined() -> None:
    """The closer one counts, and paths alone only where there is nothing else."""
    one, other = frozenset({"a"}), frozenset({"b"})
    assert joined_scope(one, other) == frozenset({"a", "b"})
    assert joined_scope(one, Scan.CHANGED) is Scan.CHANGED
    assert joined_scope(Scan.CHANGED, Scan.ALL) is joined_scope(Scan.ALL, one) is Scan.ALL
