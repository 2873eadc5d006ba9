"""What was in force of files is kept, and can be gone back to until a file changes."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.app.history import local_history
from egxds.app.history.history_file import FILE_NAME, HistoryFile, at_once
from egxds.app.history.local_generations import LAYOUT, LocalGenerations
from egxds.app.source import RollBack
from egxds.etcd.operations import Delete
from egxds.files.reading.content import Scan
from egxds.published.errors import PublishedContentError
from egxds.settings.history import HistorySettings
from tests.unit.app.files import GATEWAY
from tests.unit.app.history.installation import Installation
from tests.unit.app.test_last_good import service

WEB = GATEWAY.format(name="web", port=8080)


@pytest.fixture
def shop(tmp_path: Path) -> Installation:
    """Two files that were read once."""
    shop = Installation(tmp_path)
    shop.write("web.yaml", WEB)
    shop.write("shop.yaml", service("shop", 1))
    shop.serve()
    return shop


@contextmanager
def unmounted(directory: Path) -> Iterator[None]:
    """Leave an empty directory for a while."""
    aside = directory.rename(directory.with_name("mounted"))
    directory.mkdir()
    yield
    directory.rmdir()
    aside.rename(directory)


def edit(shop: Installation, port: int) -> None:
    """Have one file say something else, and that in force and kept."""
    shop.write("shop.yaml", service("shop", port))
    shop.serve()


def test_each_change_is_a_generation(shop: Installation) -> None:
    """Which says what it has otherwise; what is read again and is the same is none."""
    edit(shop, 2)
    shop.serve()
    shop.write("new.yaml", "# nothing\n")
    (shop.routes / "shop.yaml").unlink()
    shop.serve()
    assert [(each.generation, each.message) for each in shop.records()] == [
        (3, "new: routes/new.yaml; gone: routes/shop.yaml"),
        (2, "changed: routes/shop.yaml"),
        (1, "new: routes/shop.yaml, routes/web.yaml"),
    ]
    assert shop.texts(1) == {"routes/web.yaml": WEB, "routes/shop.yaml": service("shop", 1)}


def test_mistakes_are_kept_as_they_were_read(shop: Installation) -> None:
    """Though what was accepted before is in force: what there is to see is what somebody wrote."""
    shop.write("shop.yaml", "kind: [\n")
    shop.serve()
    assert shop.texts(2)["routes/shop.yaml"] == "kind: [\n"


def test_a_file_that_cannot_be_read_is_kept_as_it_was(shop: Installation) -> None:
    """Another may change meanwhile, and egxds be started again."""
    (shop.routes / "shop.yaml").unlink()
    (shop.routes / "shop.yaml").symlink_to(shop.routes / "shop.yaml")
    shop.write("web.yaml", GATEWAY.format(name="web", port=8081))
    shop.serve()
    assert shop.texts(2)["routes/shop.yaml"] == service("shop", 1)
    shop.start()
    shop.write("web.yaml", WEB)
    shop.serve()
    assert shop.texts(3) == shop.texts(1)


def test_rollback(shop: Installation) -> None:
    """The files stay as they are, and what they were is in force as a new generation."""
    edit(shop, 2)
    with capture_logs() as logs:
        assert shop.roll_back(1, message="no stock") == {
            "reason": "",
            "generation": 3,
            "rolledBackTo": 1,
            "insteadOf": 2,
        }
    assert shop.in_force() == shop.texts(1)
    newest = shop.records()[0]
    assert (newest.author, newest.message, newest.rolled_back_to, newest.instead_of) == ("kim@desk", "no stock", 1, 2)
    assert [line["event"] for line in logs] == ["source.rolled_back"]
    (note,) = shop.history.report.notes()
    assert note.startswith("the files are not in force: generation 1 is again, since ")
    assert note.endswith(", by kim@desk: no stock; it holds until a file changes")
    assert shop.metrics.registry.get_sample_value("egxds_source_rolled_back", {"source": "files"}) == 1


def test_it_is_in_force_as_a_whole(tmp_path: Path) -> None:
    """What is not in it is gone at once; when the files count again, what they have no more stays for its time."""
    shop = Installation(tmp_path, "1h")
    shop.write("web.yaml", WEB)
    shop.serve()
    shop.write("new.yaml", service("new"))
    shop.serve()
    shop.roll_back(1)
    assert [item.key.name for item in shop.build.state.objects()] == ["web"]
    assert shop.pipeline.removal_in_s() == math.inf
    shop.write("other.yaml", service("other"))
    (shop.routes / "web.yaml").unlink()
    shop.serve()
    assert {item.key.name for item in shop.build.state.objects()} == {"web", "new", "other"}


def test_it_holds_over_looks_and_restarts(shop: Installation) -> None:
    """Also where a file is written anew with what it held, or cannot be read for a while."""
    edit(shop, 2)
    shop.roll_back(back=1)
    os.utime(shop.routes / "shop.yaml")
    shop.write("web.yaml", WEB)
    shop.serve()
    assert shop.in_force() == shop.texts(1)
    shop.start()
    shop.serve()
    assert shop.in_force() == shop.texts(1)
    with unmounted(shop.routes):
        shop.start()
        shop.serve()
        assert shop.in_force() == shop.texts(1)
    shop.serve()
    assert shop.in_force() == shop.texts(1)
    assert [each.generation for each in shop.records()] == [3, 2, 1]
    assert shop.history.report.notes()


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("change", ["edited", "new", "gone"])
def test_it_is_over_once_a_file_changes(shop: Installation, change: str, is_restarted: bool) -> None:
    """What the files say is in force then, as another generation, and stays so after a restart."""
    edit(shop, 2)
    shop.roll_back(1)
    shop.serve()
    if change == "edited":
        shop.write("shop.yaml", service("shop", 3))
    elif change == "new":
        shop.write("new.yaml", "# nothing\n")
    else:
        (shop.routes / "shop.yaml").unlink()
    if is_restarted:
        shop.start()
    with capture_logs() as logs:
        shop.serve()
    files = {f"routes/{path.name}": path.read_text() for path in shop.routes.iterdir()}
    assert shop.in_force() == files == shop.texts(4)
    assert shop.history.report.notes() == ()
    assert is_restarted or "source.rollback_over" in [line["event"] for line in logs]
    shop.start()
    shop.serve()
    assert shop.in_force() == files
    assert shop.records()[0].generation == 4


def test_what_the_files_are_edited_to_may_be_what_is_in_force(shop: Installation) -> None:
    """They are in force then, and are so still when they are edited back."""
    edit(shop, 2)
    shop.roll_back(1)
    edit(shop, 1)
    assert shop.records()[0].instead_of is None
    assert shop.history.report.notes() == ()
    edit(shop, 2)
    assert shop.in_force() == shop.texts(2)


def test_back_to_what_stands_in_the_files(shop: Installation) -> None:
    """They count again."""
    edit(shop, 2)
    shop.roll_back(1)
    assert shop.roll_back(2) == {"reason": "", "generation": 4, "rolledBackTo": 2, "insteadOf": None}
    assert shop.in_force() == shop.texts(2)
    assert shop.history.report.notes() == ()


def test_one_rollback_after_the_other(shop: Installation) -> None:
    """Each holds until the files are others than they are."""
    edit(shop, 2)
    edit(shop, 3)
    shop.roll_back(2)
    assert shop.roll_back(1) == {"reason": "", "generation": 5, "rolledBackTo": 1, "insteadOf": 3}
    assert shop.in_force() == shop.texts(1)
    assert shop.roll_back(1)["generation"] == 5
    edit(shop, 4)
    assert shop.in_force()["routes/shop.yaml"] == service("shop", 4)


def test_what_was_edited_a_moment_ago_is_what_it_goes_back_from(shop: Installation) -> None:
    """Though it was not kept yet."""
    shop.write("shop.yaml", service("shop", 2))
    shop.look()
    assert shop.roll_back(back=1)["rolledBackTo"] == 1
    assert shop.texts(2)["routes/shop.yaml"] == service("shop", 2)


def test_a_file_that_changes_at_the_same_time_wins(shop: Installation) -> None:
    """It was not there when somebody looked."""
    edit(shop, 2)
    shop.write("shop.yaml", service("shop", 3))
    assert shop.roll_back(1)["reason"] == "a file has changed meanwhile, and the files are in force"
    assert shop.in_force()["routes/shop.yaml"] == service("shop", 3)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_file_that_is_read_while_it_is_gone_back_wins(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """It is of no generation yet, whatever was in force before; and is of the next one."""
    edit(shop, 2)
    edit(shop, 3)
    if before:
        shop.roll_back(before)
    find, edited = shop.history._generations.find, GATEWAY.format(name="web", port=8081)

    def overtaken(number: int) -> object:
        shop.write("web.yaml", edited)
        shop.pipeline.run(Scan.ALL)
        return find(number)

    with monkeypatch.context() as patched:
        patched.setattr(shop.history._generations, "find", overtaken)
        assert shop.roll_back(1)["reason"] == "a file has changed meanwhile, and the files are in force"
    assert shop.in_force() == {"routes/web.yaml": edited, "routes/shop.yaml": service("shop", 3)}
    shop.keep()
    assert shop.texts(shop.records()[0].generation) == shop.in_force()


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1), (3, 1)])
def test_one_rollback_before_the_other_is_handed_on(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, first: int, second: int
) -> None:
    """What is in force is one generation, and no mixture of those."""
    edit(shop, 2)
    shop.write("web.yaml", GATEWAY.format(name="web", port=8081))
    shop.serve()
    if first == 3:
        shop.roll_back(2)
    monkeypatch.setattr(local_history, "_ANSWER_S", 0.0)
    anyio.run(shop.history.roll_back, RollBack(first, 0, "kim@desk", ""), lambda: None)
    assert shop.roll_back(second)["reason"] == ""
    assert shop.in_force() == shop.texts(second)


def test_a_generation_that_is_not_kept(shop: Installation) -> None:
    """It is said, and nothing happens."""
    assert "generation 7 is not kept" in str(shop.roll_back(7)["reason"])
    assert [each.generation for each in shop.records()] == [1]


def test_nothing_was_read_yet(tmp_path: Path) -> None:
    """What stands in the files is not known, and is not nothing."""
    shop = Installation(tmp_path)
    assert shop.roll_back(1) == {"reason": "the files have not been read yet: try again"}
    assert shop.records() == ()


def test_so_many_are_kept(tmp_path: Path) -> None:
    """And what stands in the files while another one is in force."""
    shop = Installation(tmp_path, keep=2)
    for port in range(1, 5):
        edit(shop, port)
    assert [each.generation for each in shop.records()] == [4, 3]
    shop.roll_back(3)
    edit(shop, 5)
    edit(shop, 6)
    shop.roll_back(back=1)
    assert [(each.generation, each.instead_of) for each in shop.records()][:2] == [(8, 7), (7, None)]
    edit(shop, 6)
    edit(shop, 6)
    shop.start()
    shop.serve()
    assert shop.in_force()["routes/shop.yaml"] == service("shop", 5)


def test_what_is_asked_for_is_not_swept_for_what_stands(tmp_path: Path) -> None:
    """Though that is one more than are kept; which are let go of with the next that is written."""
    shop = Installation(tmp_path, keep=2)
    edit(shop, 1)
    edit(shop, 2)
    shop.write("shop.yaml", service("shop", 3))
    shop.look()
    assert shop.roll_back(1)["reason"] == ""
    assert shop.in_force() == {"routes/shop.yaml": service("shop", 1)}
    edit(shop, 4)
    assert [each.generation for each in shop.records()] == [5, 4]


def test_what_stands_is_written_and_what_is_asked_for_is_not_kept(tmp_path: Path) -> None:
    """The oldest go nevertheless, once something is written behind."""
    shop = Installation(tmp_path, keep=2)
    edit(shop, 1)
    edit(shop, 2)
    shop.write("shop.yaml", service("shop", 3))
    shop.look()
    assert "generation 7 is not kept" in str(shop.roll_back(7)["reason"])
    shop.keep()
    assert [each.generation for each in shop.records()] == [3, 2]


def test_how_many_are_kept_may_change(shop: Installation) -> None:
    """From the next one on."""
    for port in range(2, 5):
        edit(shop, port)
    shop.history.follow(HistorySettings(keep=1))
    edit(shop, 5)
    assert [each.generation for each in shop.records()] == [5]


def test_the_directory_is_of_somebody_else(shop: Installation) -> None:
    """Nothing is kept there, which is said, and serving goes on."""
    shop.state.chmod(0o777)
    with capture_logs() as logs:
        edit(shop, 2)
    assert "chmod it to 700" in next(line["error"] for line in logs if line["event"] == "history.not_written")
    assert shop.in_force()["routes/shop.yaml"] == service("shop", 2)
    assert "chmod it to 700" in str(shop.roll_back(1)["reason"])
    shop.state.chmod(0o700)
    with capture_logs() as logs:
        shop.serve()
    assert "history.written" in [line["event"] for line in logs]
    assert [each.generation for each in shop.records()] == [2, 1]


def test_what_stands_in_the_files_is_kept_for_as_long_as_it_counts(tmp_path: Path) -> None:
    """However few are kept: it is what they are compared with."""
    shop = Installation(tmp_path, keep=3)
    for port in range(1, 4):
        edit(shop, port)
    shop.roll_back(1)
    shop.roll_back(2)
    shop.roll_back(4)
    shop.roll_back(5)
    assert [(each.generation, each.instead_of) for each in shop.records()][:5] == [
        (7, 3),
        (6, 3),
        (5, 3),
        (4, 3),
        (3, None),
    ]
    shop.start()
    shop.serve()
    assert shop.in_force()["routes/shop.yaml"] == service("shop", 2)


def test_so_large_it_may_be(tmp_path: Path) -> None:
    """The oldest go; and what is larger by itself is not kept, which is said."""
    shop = Installation(tmp_path, size="80Ki")
    for letter in "abc":
        shop.write("large.yaml", f"# {letter}\n" + f"# {letter}{'.' * 100}\n" * 300)
        shop.serve()
    kept = shop.records()
    assert [each.generation for each in kept] == [3, 2]
    shop.write("larger.yaml", f"# {'.' * 100}\n" * 1000)
    with capture_logs() as logs:
        shop.serve()
    assert shop.records() == kept
    size_bytes = sum(path.stat().st_size for path in shop.routes.iterdir())
    assert [line["error"] for line in logs if line["event"] == "history.not_written"] == [
        f"the files have {size_bytes} bytes, more than history.size: raise it"
    ]
    (problem,) = shop.history.report.problems()
    assert "no generation can be kept" in problem.message


def test_what_cannot_be_read_is_set_aside(shop: Installation) -> None:
    """The files are in force, and the history begins anew."""
    (shop.state / FILE_NAME).write_bytes(b"something else")
    with capture_logs() as logs:
        shop.start()
        shop.serve()
    assert [line["event"] for line in logs if "history" in line["event"]] == ["history.ignored", "history.kept"]
    assert shop.in_force() == shop.texts(1)
    assert (shop.state / f"{FILE_NAME}.unusable").read_bytes() == b"something else"


def test_what_it_was_gone_back_from_is_not_there(shop: Installation) -> None:
    """So that nobody can tell when a file changes: it is said that the files are in force."""
    edit(shop, 2)
    shop.roll_back(1)
    shop.keep()
    file = HistoryFile(shop.state / FILE_NAME)
    at_once(file.transact((), (Delete(LAYOUT.generation(2)),)))
    with capture_logs() as logs:
        shop.start()
        shop.serve()
    (error,) = [line["error"] for line in logs if line["event"] == "history.ignored"]
    assert "generations/0000000002 of generation 2: is not there" in error
    assert shop.in_force()["routes/shop.yaml"] == service("shop", 2)


def test_it_holds_where_the_history_cannot_be_read_for_a_while(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the last good input, which is said; until a file changes, as ever."""
    edit(shop, 2)
    shop.roll_back(1)
    shop.keep()

    def unreadable(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(LocalGenerations, "head", unreadable)
        shop.start()
        shop.serve()
        shop.serve()
    assert [line["error"] for line in logs if line["event"] == "history.ignored"] == ["Input/output error"]
    assert shop.in_force() == shop.texts(1)
    assert shop.history.report.notes()
    edit(shop, 3)
    assert shop.in_force()["routes/shop.yaml"] == service("shop", 3)
    assert shop.texts(4) == shop.in_force()


@pytest.mark.parametrize("damage", [lambda content: content[:-5], lambda content: content[:-300] + bytes(300)])
def test_what_is_torn_off_is_left_out(shop: Installation, damage: Callable[[bytes], bytes]) -> None:
    """It is said, what is in force is kept again, and what stands before is there."""
    edit(shop, 2)
    path = shop.state / FILE_NAME
    path.write_bytes(damage(path.read_bytes()))
    with capture_logs() as logs:
        shop.start()
        shop.serve()
    assert [line["event"] for line in logs if "history" in line["event"]] == ["history.cut", "history.kept"]
    assert [each.generation for each in shop.records()] == [2, 1]
    assert shop.in_force() == shop.texts(2)


def test_what_cannot_be_read_is_not_gone_back_to(shop: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and nothing is otherwise, nor after a restart."""
    edit(shop, 2)

    def unreadable(*_: object) -> None:
        raise PublishedContentError("blobs/x", "is not what its name says", 1)

    with monkeypatch.context() as patched:
        patched.setattr(shop.history._generations, "documents", unreadable)
        assert shop.roll_back(1) == {"reason": "blobs/x of generation 1: is not what its name says"}
    shop.start()
    shop.serve()
    assert [each.generation for each in shop.records()] == [2, 1]
    assert shop.in_force() == shop.texts(2)


def test_an_edit_writes_what_it_changes(tmp_path: Path) -> None:
    """And not all that there is."""
    shop = Installation(tmp_path)
    for number in range(300):
        shop.write(f"{number}.yaml", service(f"s{number}"))
    shop.serve()
    before = (shop.state / FILE_NAME).stat().st_size
    edit(shop, 1)
    assert (shop.state / FILE_NAME).stat().st_size - before < 20_000


def test_it_is_for_its_owner_alone(shop: Installation) -> None:
    """Secrets stand in it."""
    assert (shop.state / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert shop.state.stat().st_mode & 0o777 == 0o700
