"""Being told when the watched paths may have changed."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.files.reading.content import Scan
from egxds.files.watching import inotify
from egxds.files.watching.watcher import changes
from tests.unit.files.volume import Volume

pytestmark = pytest.mark.anyio

NEVER_S = 3600.0
DEADLINE_S = 20.0

Facts = Callable[[], object]


@pytest.fixture(autouse=True, params=["inotify", "polled"])
def events(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux's own events, and those of the library that other systems have."""
    monkeypatch.setattr(inotify, "IS_AVAILABLE", request.param == "inotify")
    return str(request.param)


class Witness:
    """Looks at the facts each time it is told to, and remembers what it saw."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._told = anyio.Event()
        self.seen: list[object] = []

    async def watch(self, paths: tuple[Path, ...]) -> None:
        """Follow the changes until cancelled."""
        async with aclosing(changes(paths, NEVER_S)) as looks:
            async for look in looks:
                assert look is not Scan.ALL
                self.seen.append(self._facts())
                self._told.set()
                self._told = anyio.Event()

    async def sees(self, fact: object) -> None:
        """Wait until the last look showed this."""
        with anyio.fail_after(DEADLINE_S):
            while not self.seen or self.seen[-1] != fact:
                await self._told.wait()

    async def looks(self, number: int) -> None:
        """Wait until this many looks have been made."""
        with anyio.fail_after(DEADLINE_S):
            while len(self.seen) < number:
                await self._told.wait()


@asynccontextmanager
async def witness(facts: Facts, *paths: Path) -> AsyncIterator[Witness]:
    """Watch paths; the first look has been made."""
    watching = Witness(facts)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watching.watch, paths)
        await watching.sees(facts())
        yield watching
        tasks.cancel_scope.cancel()


def content(path: Path) -> Callable[[], str]:
    """Return what tells the text of a file, empty where there is none."""
    return lambda: path.read_text() if path.exists() else ""


def replace(path: Path, text: str) -> None:
    """Change a file in one step."""
    hidden = path.with_name(".new")
    hidden.write_text(text)
    hidden.rename(path)


def count(path: Path) -> Callable[[], int]:
    """Return what tells how many files a directory holds, at any depth."""
    return lambda: sum(len(files) for _, _, files in os.walk(path))


async def test_first_look_is_at_once(tmp_path: Path) -> None:
    """The watches stand before the first look, so that nothing falls between the two."""
    async with witness(count(tmp_path), tmp_path) as watching:
        assert watching.seen == [0]


async def test_file_is_written_replaced_and_removed(tmp_path: Path) -> None:
    """Writing in place, an editor's rename and a removal are seen, in a directory and for a single file."""
    path = tmp_path / "x.yaml"
    for watched in (tmp_path, path):
        async with witness(content(path), watched) as watching:
            path.write_text("one")
            await watching.sees("one")
            path.write_text("two")
            await watching.sees("two")
            (tmp_path / "new").write_text("three")
            (tmp_path / "new").rename(path)
            await watching.sees("three")
            path.write_text("four")
            await watching.sees("four")
            path.unlink()
            await watching.sees("")


async def test_burst_is_one_change(tmp_path: Path) -> None:
    """Fifty files that arrive together are one wake-up, and what comes after is another."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    for number in range(50):
        (outside / f"{number}.yaml").write_text("a: 1\n")
    async with witness(count(inside), inside) as watching:
        for path in outside.iterdir():
            path.rename(inside / path.name)
        await watching.sees(50)
        (inside / "last.yaml").write_text("a: 1\n")
        await watching.sees(51)
        assert watching.seen == [0, 50, 51]


async def test_constant_change_does_not_hold_back_the_news(tmp_path: Path) -> None:
    """While files keep coming there is a look every so often."""
    async with witness(count(tmp_path), tmp_path) as watching, anyio.create_task_group() as tasks:

        async def write_on_and_on() -> None:
            number = 0
            while True:
                number += 1
                (tmp_path / f"{number}.yaml").touch()
                await anyio.sleep(0.005)

        tasks.start_soon(write_on_and_on)
        await watching.looks(4)
        tasks.cancel_scope.cancel()


async def test_what_changes_while_the_caller_is_busy_comes_as_one(tmp_path: Path) -> None:
    """A caller that takes its time finds one change waiting, however many there were."""
    seen = []
    with anyio.fail_after(DEADLINE_S):
        async with aclosing(changes((tmp_path,), NEVER_S)) as looks:
            for files in (0, 5, 6):
                for number in range(files):
                    (tmp_path / f"{number}.yaml").touch()
                await anext(looks)
                seen.append(count(tmp_path)())
    assert seen == [0, 5, 6]


async def test_directories_are_made_later(tmp_path: Path) -> None:
    """A path need not exist yet, nor the directories above it; what is then made below it is watched too."""
    routes = tmp_path / "a" / "b"
    async with witness(count(routes), routes) as watching:
        (routes / "c").mkdir(parents=True)
        (routes / "c" / "x.yaml").write_text("a: 1\n")
        await watching.sees(1)
        (routes / "c" / "y.yaml").write_text("a: 1\n")
        await watching.sees(2)


async def test_directory_is_deleted_and_made_again(tmp_path: Path) -> None:
    """A directory of the same name that is another one is watched like the first."""
    routes = tmp_path / "routes"
    (routes / "deep").mkdir(parents=True)
    async with witness(count(routes), routes) as watching:
        for _ in range(3):
            (routes / "deep" / "x.yaml").write_text("a: 1\n")
            await watching.sees(1)
            shutil.rmtree(routes)
            await watching.sees(0)
            (routes / "deep").mkdir(parents=True)


async def test_directory_is_renamed_over(tmp_path: Path) -> None:
    """A directory that takes the place of another is watched from then on, the other one no more."""
    path = tmp_path / "routes" / "x.yaml"
    path.parent.mkdir()
    path.write_text("old")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x.yaml").write_text("new")
    async with witness(content(path), path.parent) as watching:
        path.parent.rename(tmp_path / "aside")
        (tmp_path / "new").rename(path.parent)
        await watching.sees("new")
        (tmp_path / "aside" / "x.yaml").write_text("nobody looks")
        path.write_text("newer")
        await watching.sees("newer")


async def test_swaps_of_a_configmap_are_seen(tmp_path: Path) -> None:
    """Each swap of a Kubernetes volume is seen, whether the directory or one file of it is watched."""
    volume = Volume(tmp_path / "cm", {"x.yaml": "0"})
    path = volume.path / "x.yaml"
    for watched in (volume.path, path):
        async with witness(content(path), watched) as watching:
            for generation in range(3):
                text = f"{watched.name} {generation}"
                volume.swap({"x.yaml": text})
                await watching.sees(text)


async def test_targets_of_links_are_watched(tmp_path: Path) -> None:
    """What a link leads to may change, and where it leads to may change, outside the watched directory too."""
    routes = tmp_path / "routes"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.yaml").write_text(name)
    (tmp_path / "current").symlink_to("one")
    routes.mkdir()
    (routes / "dir").symlink_to("../current")
    (routes / "file.yaml").symlink_to(tmp_path / "single")
    (tmp_path / "single").write_text("")

    def facts() -> tuple[str, str]:
        return (routes / "dir" / "x.yaml").read_text(), (routes / "file.yaml").read_text()

    async with witness(facts, routes) as watching:
        (tmp_path / "one" / "x.yaml").write_text("changed")
        await watching.sees(("changed", ""))
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(tmp_path / "current")
        await watching.sees(("two", ""))
        (tmp_path / "two" / "x.yaml").write_text("two, changed")
        await watching.sees(("two, changed", ""))
        (tmp_path / "single").write_text("single")
        await watching.sees(("two, changed", "single"))


async def test_what_is_not_read_wakes_nobody(tmp_path: Path) -> None:
    """Editors' leftovers, files beside a watched file, and reading itself cause no look."""
    path = tmp_path / "x.yaml"
    path.write_text("one")
    async with witness(content(path), path) as watching:
        (tmp_path / "y.yaml").write_text("beside")
        path.read_text()
        replace(path, "two")
        await watching.sees("two")
        assert watching.seen == ["one", "two"]
    async with witness(content(path), tmp_path) as watching:
        (tmp_path / ".x.yaml.swp").write_text("swap file")
        (tmp_path / "x.yaml~").write_text("backup")
        replace(path, "three")
        await watching.sees("three")
        assert watching.seen == ["two", "three"]


async def test_poll_asks_for_a_full_look(tmp_path: Path) -> None:
    """Where no event comes, every file is looked at after a while."""
    with anyio.fail_after(DEADLINE_S):
        async with aclosing(changes((tmp_path,), 0.01)) as looks:
            assert [await anext(looks) for _ in range(3)] == [Scan.CHANGED, Scan.ALL, Scan.ALL]


async def test_a_name_that_is_no_text_is_survived(tmp_path: Path) -> None:
    """Its event cannot be told; all is looked at then, and what comes after is seen as ever."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml"))
    async with witness(count(tmp_path), tmp_path) as watching:
        for number in range(1, 3):
            replace(odd, f"a: {number}\n")
            (tmp_path / f"{number}.yaml").write_text("a: 1\n")
            await watching.sees(1 + number)


def events_kept() -> int:
    """Return how many events the system keeps while nobody takes them."""
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


@pytest.mark.parametrize("events", ["inotify"], indirect=True)
async def test_events_that_are_lost_have_all_looked_at(tmp_path: Path) -> None:
    """More than the system keeps while nobody takes them; the library takes them all the time."""
    kept = events_kept()
    names = [tmp_path / name for name in ("a.yaml", "b.yaml")]
    for path in names:
        path.touch()
    with anyio.fail_after(DEADLINE_S):
        async with aclosing(changes((tmp_path,), NEVER_S)) as looks:
            await anext(looks)
            for number in range(kept + 1):
                os.utime(names[number % 2])
            while await anext(looks) is not Scan.CHANGED:
                pass
            names[0].write_text("a: 1\n")
            assert await anext(looks) == frozenset({str(names[0])})


@contextmanager
def no_more_file_descriptors() -> Iterator[None]:
    """Let every attempt to open something fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_watching_that_fails_is_logged_and_left_to_the_poll(tmp_path: Path) -> None:
    """Where the system gives no watch, the poll goes on alone and the log says so once; later it is tried again."""
    told: list[bool] = []
    with anyio.fail_after(DEADLINE_S), capture_logs() as logs:
        async with aclosing(changes((tmp_path,), 0.1, tell=lambda failure: told.append(bool(failure)))) as looks:
            with no_more_file_descriptors():
                assert [await anext(looks) for _ in range(3)] == [Scan.CHANGED, Scan.ALL, Scan.ALL]
            assert [entry["event"] for entry in logs] == ["files.watch_failed"]
            assert set(told) == {True}
            assert await anext(looks) is Scan.ALL
            (tmp_path / "x.yaml").write_text("a: 1\n")
            while not isinstance(await anext(looks), frozenset):
                pass
            assert [entry["event"] for entry in logs] == ["files.watch_failed", "files.watch_recovered"]
            assert not told[-1]


class FewWatches:
    """The system's functions, where there are no more than some watches."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(LIBC, name)

    def inotify_add_watch(self, *arguments: Any) -> int:
        """Give a watch while there is one."""
        self.left -= 1
        if self.left >= 0:
            return int(LIBC.inotify_add_watch(*arguments))
        ctypes.set_errno(errno.ENOSPC)
        return -1


LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.mark.parametrize("events", ["inotify"], indirect=True)
async def test_few_watches_go_to_what_is_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says that they are used up, and what to do; they are tried again with the poll."""
    system = FewWatches(1)
    monkeypatch.setattr(inotify, "_libc", system)
    near, far = tmp_path / "x.yaml", tmp_path / "a" / "x.yaml"
    far.parent.mkdir()
    with anyio.fail_after(DEADLINE_S), capture_logs() as logs:
        async with aclosing(changes((tmp_path,), 0.5)) as looks:
            assert await anext(looks) is Scan.CHANGED
            near.write_text("a: 1\n")
            assert await anext(looks) == frozenset({str(near)})
            system.left = 100
            while await anext(looks) is not Scan.ALL:
                pass
            far.write_text("a: 1\n")
            assert await anext(looks) == frozenset({str(far)})
    entry, over = logs
    assert over["event"] == "files.watch_recovered"
    assert "fs.inotify.max_user_watches" in entry["error"]


def threads() -> int:
    """Return how many threads the process has, those that are not Python's included."""
    return len(list(Path("/proc/self/task").iterdir()))


async def test_cancelling_ends_it_with_its_threads(tmp_path: Path) -> None:
    """No thread goes on watching after the end, and the end does not wait for a change."""
    async with witness(count(tmp_path), tmp_path):
        pass
    before = threads()
    with anyio.fail_after(DEADLINE_S):
        for _ in range(3):
            async with witness(count(tmp_path), tmp_path):
                pass
        while threads() > before:  # noqa: ASYNC110 a thread that ends tells nobody
            await anyio.sleep(0.01)
