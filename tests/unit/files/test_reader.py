"""Reading the watched paths into documents."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from egxds.files.reading.content import ReadLimits, Scan
from egxds.files.reading.listing import WalkLimits
from egxds.files.reading.reader import TreeReader
from tests.unit.files.trees import messages, read, texts


def test_directory_is_read_with_all_below_it(tmp_path: Path) -> None:
    """YAML and JSON files are read at any depth, in the order of their names; other files are not."""
    (tmp_path / "b" / "deep").mkdir(parents=True)
    (tmp_path / "b" / "deep" / "x.yml").write_text("x: 1\n")
    (tmp_path / "b" / "y.json").write_text('{"y": 1}')
    (tmp_path / "a.yaml").write_text("a: 1\n---\na: 2\n")
    (tmp_path / "UPPER.YAML").write_text("u: 1\n")
    (tmp_path / "README.md").write_text("# no")
    tree = read(tmp_path, base=tmp_path)
    assert list(texts(tree)) == ["UPPER.YAML:1", "a.yaml:1", "a.yaml:3", "b/deep/x.yml:1", "b/y.json:1"]
    assert not tree.problems
    assert not tree.unread


@pytest.mark.parametrize("name", ["x.yaml~", ".x.yaml", ".x.yaml.swp", "#x.yaml#", ".#x.yaml", ".git/x.yaml"])
def test_leftovers_of_editors_are_not_read(tmp_path: Path, name: str) -> None:
    """Hidden files and directories, backups and swap files of editors are no input, and nothing is said of them."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a: 1\n")
    (tmp_path / "a.yaml").write_text("a: 1\n")
    tree = read(tmp_path, base=tmp_path)
    assert list(texts(tree)) == ["a.yaml:1"]
    assert not tree.problems


def test_files_with_other_suffixes_are_said_once(tmp_path: Path) -> None:
    """Whoever meant them to be read learns why they are not; what is for people is not spoken of."""
    for name in ("README.md", "a.yaml", "routes.yaml.txt", "sub/x.yaml.bak", "sub/notes"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: 1\n")
    tree = read(tmp_path, base=tmp_path)
    assert list(texts(tree)) == ["a.yaml:1"]
    (message,) = messages(tree)
    assert message.startswith("routes.yaml.txt: warning: is not read, since its name does not end in .yaml, .yml or")
    assert message.endswith("; and so for 2 other files")
    assert not tree.unread


def test_a_directory_without_files_is_said(tmp_path: Path) -> None:
    """Until it has one; of those below it nobody expects that each has."""
    (tmp_path / "routes" / "sub").mkdir(parents=True)
    reader = TreeReader((tmp_path / "routes",), tmp_path)
    assert list(map(str, reader.read().problems)) == [
        "routes: warning: holds no file that is read: their names end in .yaml, .yml or .json"
    ]
    (tmp_path / "routes" / "a.yaml").write_text("a: 1\n")
    assert not reader.read(frozenset({str(tmp_path / "routes" / "a.yaml")})).problems


def test_a_file_that_is_mounted_by_itself_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be seen when such a file is replaced outside (traefik/traefik issue 10409)."""
    name = "with a blank.yaml"
    for each in (name, "b.yaml"):
        (tmp_path / each).write_text("a: 1\n")
    mounts = tmp_path / "mountinfo"
    mounted = str(tmp_path / name).replace(" ", "\\040")
    mounts.write_text(f"22 1 0:1 / / rw - ext4 /dev/x rw\n23 22 0:1 /h.yaml {mounted} rw - ext4 /dev/x rw\n")
    monkeypatch.setattr("egxds.files.reading.remarks._MOUNTS", mounts)
    tree = read(tmp_path / "b.yaml", tmp_path / name, base=tmp_path)
    (message,) = messages(tree)
    assert message.startswith(f"{name}: warning: is mounted as a single file")
    assert not tree.unread
    assert len(tree.documents) == 2


def test_given_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    """A path that is given itself needs no suffix."""
    (tmp_path / ".routes").write_text("a: 1\n")
    assert texts(read(tmp_path / ".routes", base=tmp_path)) == {".routes:1": "a: 1\n"}


def test_file_outside_the_base_is_named_as_given(tmp_path: Path) -> None:
    """Files are named relative to the base only where they are below it."""
    (tmp_path / "base").mkdir()
    (tmp_path / "x.yaml").write_text("a: 1\n")
    assert list(texts(read(tmp_path / "x.yaml", base=tmp_path / "base"))) == [f"{tmp_path}/x.yaml:1"]


def test_relative_paths_are_named_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path stays as the user wrote it."""
    monkeypatch.chdir(tmp_path)
    Path("routes").mkdir()
    Path("routes/x.yaml").write_text("a: 1\n")
    assert list(texts(read(Path("routes"), base=Path()))) == ["routes/x.yaml:1"]


def test_empty_files_are_no_problem(tmp_path: Path) -> None:
    """A file without content holds no documents and is no mistake."""
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "comment.yaml").write_text("# later\n---\n")
    tree = read(tmp_path, base=tmp_path)
    assert (tree.documents, tree.problems, tree.unread) == ((), (), frozenset())


def test_file_that_is_reached_twice_is_read_once(tmp_path: Path) -> None:
    """Overlapping paths and links give no document twice."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.yaml").write_text("a: 1\n")
    (tmp_path / "a" / "y.yaml").symlink_to("x.yaml")
    (tmp_path / "z").symlink_to("a")
    tree = read(tmp_path, tmp_path / "a", tmp_path / "a" / "x.yaml", base=tmp_path)
    assert list(texts(tree)) == ["a/x.yaml:1"]
    assert not tree.problems
    assert not read(tmp_path, tmp_path / "a", base=tmp_path, limits=ReadLimits(walk=WalkLimits(directories=2))).problems


def test_links_lead_outside(tmp_path: Path) -> None:
    """Links to files and directories elsewhere are followed, under their visible name."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.yaml").write_text("x: 1\n")
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "dir").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "routes" / "file.yaml").symlink_to("../other")
    (tmp_path / "other").write_text("o: 1\n")
    assert list(texts(read(tmp_path / "routes", base=tmp_path))) == ["routes/dir/x.yaml:1", "routes/file.yaml:1"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A link to a directory above is followed no second time, one to itself is a problem."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "self.yaml").symlink_to("self.yaml")
    (tmp_path / "a" / "self").symlink_to("self")
    (tmp_path / "a" / "x.yaml").write_text("a: 1\n")
    tree = read(tmp_path, base=tmp_path)
    assert list(texts(tree)) == ["a/x.yaml:1"]
    assert messages(tree) == [
        f"a/{name}: error: is a symbolic link that leads back to itself: correct it" for name in ("self", "self.yaml")
    ]
    assert tree.unread == {"a/self", "a/self.yaml"}


def test_a_link_that_leads_up_is_not_followed(tmp_path: Path) -> None:
    """To `/`, at the worst: it would bring a whole disk. Nor is one that leads to what the system makes up."""
    (tmp_path / "routes").mkdir()
    (tmp_path / "other.yaml").write_text("a: 1\n")
    (tmp_path / "routes" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "routes" / "root").symlink_to("/")
    (tmp_path / "routes" / "up").symlink_to("..")
    (tmp_path / "routes" / "self").symlink_to("/proc/self")
    tree = read(tmp_path / "routes", base=tmp_path)
    assert list(texts(tree)) == ["routes/a.yaml:1"]
    reasons = [message.split(": ")[-2:] for message in messages(tree)]
    leads_up, of_the_system = "is a link to a directory that holds it", "leads to what is of the system and no files"
    assert [reason for reason, _ in reasons] == [leads_up, of_the_system, leads_up]


@pytest.mark.parametrize("name", ["current", "current.yaml"])
def test_a_link_that_leads_nowhere_for_a_while_deletes_nothing(tmp_path: Path, name: str) -> None:
    """Whatever it led to, and whatever it is called (kubernetes/git-sync issue 856)."""
    (tmp_path / "routes").mkdir()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.yaml").write_text("a: 1\n")
    link = tmp_path / "routes" / name
    link.symlink_to("../tree")
    reader = TreeReader((tmp_path / "routes",), tmp_path)
    before = reader.read()
    assert list(texts(before)) == [f"routes/{name}/a.yaml:1"]
    (tmp_path / "tree").rename(tmp_path / "aside")
    for _ in range(2):
        tree = reader.read()
        assert tree.unread == {f"routes/{name}", f"routes/{name}/a.yaml"}
        assert messages(tree) == [f"routes/{name}: error: does not exist: create it, or correct the path"]
    (tmp_path / "aside").rename(tmp_path / "tree")
    assert reader.read() == before


def test_what_is_near_is_read_before_what_is_far(tmp_path: Path) -> None:
    """A link to half of a disk costs what it leads to, and not the directories beside it."""
    for name in ("a/b/c/x", "z/x"):
        (tmp_path / "routes" / name).parent.mkdir(parents=True)
        (tmp_path / "routes" / f"{name}.yaml").write_text("a: 1\n")
    limits = ReadLimits(walk=WalkLimits(directories=3))
    reader = TreeReader((tmp_path / "routes",), tmp_path)
    assert len(reader.read().documents) == 2
    tree = read(tmp_path / "routes", base=tmp_path, limits=limits)
    assert list(texts(tree)) == ["routes/z/x.yaml:1"]
    (message,) = messages(tree)
    assert message.startswith("routes/a/b: error: this and 0 more are not read, as there are more than 3 directories")
    assert tree.unread == {"routes/a/b"}


def test_what_cannot_be_read_leaves_the_rest_alone(tmp_path: Path) -> None:
    """Each file that cannot be read is a problem of its own, and all others are read."""
    (tmp_path / "good.yaml").write_text("a: 1\n")
    (tmp_path / "latin.yaml").write_bytes("a: 1\nb: caf\xe9\n".encode("latin-1"))
    (tmp_path / "nul.yaml").write_bytes(b"a: \0\n")
    (tmp_path / "large.yaml").write_text("a: " + "x" * 1000)
    (tmp_path / "many.yaml").write_text("---\na: 1\n" * 4)
    (tmp_path / "gone.yaml").symlink_to("nowhere.yaml")
    (tmp_path / "broken.yaml").symlink_to("/proc/self/mem")
    tree = read(tmp_path, base=tmp_path, limits=ReadLimits(file_bytes=1000, documents=3))
    assert texts(tree) == {"good.yaml:1": "a: 1\n"}
    assert messages(tree) == [
        "broken.yaml: error: cannot be read: Input/output error",
        "gone.yaml: error: does not exist: create it, or correct the path",
        "large.yaml: error: is larger than 1000 bytes: split it",
        "latin.yaml:2: error: not UTF-8: save the file as UTF-8",
        "many.yaml:8: error: more than 3 documents in one file: split it",
        "nul.yaml:1: error: a NUL byte: this is not a text file; remove it or move it away",
    ]
    assert tree.unread == {f"{name}.yaml" for name in ("broken", "gone", "large", "latin", "many", "nul")}


def test_special_files_are_refused_unopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipes, sockets and devices are never opened: that could wait for ever."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.yaml")
    Path("device.yaml").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.yaml")
        tree = read(tmp_path, base=tmp_path)
    assert messages(tree) == [
        "device.yaml: error: is a device, not a regular file: remove it",
        "pipe.yaml: error: is a named pipe, not a regular file: remove it",
        "socket.yaml: error: is a socket, not a regular file: remove it",
    ]
    assert tree.unread == {"device.yaml", "pipe.yaml", "socket.yaml"}


def test_path_that_does_not_exist_is_a_problem(tmp_path: Path) -> None:
    """A path that is given has to be there."""
    tree = read(tmp_path / "routes", tmp_path / "x.yaml", base=tmp_path)
    assert [problem.location.file for problem in tree.problems] == ["routes", "x.yaml"]
    assert all("does not exist" in problem.message for problem in tree.problems)
    assert tree.unread == {"routes", "x.yaml"}


def test_what_a_lost_directory_held_is_unread_until_it_is_back(tmp_path: Path) -> None:
    """A given directory that vanishes, such as a lost mount, does not mean that its files were deleted."""
    routes = tmp_path / "routes"
    routes.mkdir()
    (routes / "x.yaml").write_text("a: 1\n")
    reader = TreeReader((routes,), tmp_path)
    before = reader.read()
    routes.rename(tmp_path / "aside")
    for _ in range(2):
        assert reader.read().unread == {"routes", "routes/x.yaml"}
    (tmp_path / "aside").rename(routes)
    assert reader.read() == before


def test_directory_that_is_deleted_below_a_given_one_is_gone(tmp_path: Path) -> None:
    """What the user deletes is gone without a word."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.yaml").write_text("a: 1\n")
    (tmp_path / "y.yaml").write_text("b: 1\n")
    reader = TreeReader((tmp_path,), tmp_path)
    assert reader.read().documents
    (tmp_path / "a" / "x.yaml").unlink()
    (tmp_path / "a").rmdir()
    tree = reader.read()
    assert (sorted(tree.files), sorted(tree.unread)) == (["y.yaml"], [])


def test_directories_too_deep_are_a_problem(tmp_path: Path) -> None:
    """Looking ends at a depth, and says where."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x.yaml").write_text("a: 1\n")
    (tmp_path / "a" / "b" / "y.yaml").write_text("a: 1\n")
    tree = read(tmp_path, base=tmp_path, limits=ReadLimits(walk=WalkLimits(depth=2)))
    assert list(texts(tree)) == ["a/x.yaml:1"]
    assert messages(tree) == ["a/b: error: stands deeper than 2 directories: move it up"]


@pytest.mark.parametrize("limits", [ReadLimits(files=2), ReadLimits(total_bytes=10)])
def test_more_than_is_read_in_all_is_one_problem(tmp_path: Path, limits: ReadLimits) -> None:
    """Files beyond the limits are left unread, all of them named, and reported once."""
    for name in "abcd":
        (tmp_path / f"{name}.yaml").write_text("a: 1\n")
    tree = read(tmp_path, base=tmp_path, limits=limits)
    assert list(texts(tree)) == ["a.yaml:1", "b.yaml:1"]
    (message,) = messages(tree)
    assert message.startswith("c.yaml: error: this and 1 more are not read, as there are more than")
    assert tree.unread == {"c.yaml", "d.yaml"}


def test_one_directory_with_too_many_files_costs_its_own(tmp_path: Path) -> None:
    """Those that stand elsewhere are read, whatever the order of names."""
    for name in ("a/1", "a/2", "a/3", "b/4", "c/5"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text("a: 1\n")
    tree = read(tmp_path, base=tmp_path, limits=ReadLimits(files=3))
    assert list(texts(tree)) == ["a/1.yaml:1", "b/4.yaml:1", "c/5.yaml:1"]


def test_one_file_that_is_too_large_for_all_costs_itself(tmp_path: Path) -> None:
    """Smaller ones behind it are read."""
    for name, size in (("a", 5), ("b", 50), ("c", 5)):
        (tmp_path / f"{name}.yaml").write_text("a" * size)
    assert list(texts(read(tmp_path, base=tmp_path, limits=ReadLimits(total_bytes=20)))) == ["a.yaml:1", "c.yaml:1"]


def test_names_that_are_no_text_can_be_shown(tmp_path: Path) -> None:
    """Whatever bytes are in a name: as escapes that move no cursor, and no two files under one name."""
    names = (b"\xff", b"\xfe", b"\n", b"\x1b[31m", b"\\n", b"\xe2\x80\xae", "ä".encode())
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b".yaml")).write_text("a: 1\n")
    shown = [r"\xff", r"\xfe", r"\n", r"\x1b[31m", r"\\n", r"\u202e", "ä"]
    assert sorted(texts(read(tmp_path, base=tmp_path))) == sorted(f"{name}.yaml:1" for name in shown)


@pytest.mark.parametrize("scope", ["edited", Scan.CHANGED, Scan.ALL])
def test_what_is_being_written_is_not_read(tmp_path: Path, scope: Scan | str) -> None:
    """It holds what it held, and is no deletion; a new one is not there yet."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("a: 1\n")
    written: set[str] = set()
    reader = TreeReader((tmp_path,), tmp_path, is_being_written=written.__contains__)
    before = reader.read()
    written |= {str(old), str(new)}
    old.write_text("a: 1")
    new.write_text("b: ")
    looked = frozenset(written) if scope == "edited" else Scan(scope)
    assert reader.read(looked) == before
    old.write_text("a: 12\n")
    new.write_text("b: 1\n")
    written.clear()
    assert texts(reader.read(looked)) == {"new.yaml:1": "b: 1\n", "old.yaml:1": "a: 12\n"}
