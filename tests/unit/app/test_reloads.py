"""SIGHUPs that come one upon the other: each is done, none twice, and it is known when all are over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from egxds.app.live_settings import SettingsRead
from egxds.app.reload import Reload
from egxds.app.reloads import Reloads
from egxds.settings.effects import Change

pytestmark = pytest.mark.anyio


class Daemon:
    """What does reloads, one at a time, each of which finds another setting changed.

    Attributes:
        done: numbers of those that were done.
        goes_on: unset while one is not to come to its end.
        reads: how often all files were to be read.
    """

    def __init__(self) -> None:
        self.done: list[int] = []
        self.goes_on = anyio.Event()
        self.goes_on.set()
        self.reads = 0
        self.reloads = Reloads(self._do, self._read_all)

    async def _do(self, number: int) -> Reload:
        await self.goes_on.wait()
        self.done.append(number)
        changed = (Change(f"setting{number}", "a", "b"),)
        return Reload(number, SettingsRead(changed), "", ())

    def _read_all(self) -> None:
        self.reads += 1


@asynccontextmanager
async def daemon_at_work() -> AsyncIterator[Daemon]:
    """Have one that does what is wanted."""
    daemon = Daemon()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(daemon.reloads.work)
        await wait_all_tasks_blocked()
        yield daemon
        tasks.cancel_scope.cancel()


async def test_two_at_once_are_one() -> None:
    """The files are read once for both."""
    async with daemon_at_work() as daemon:
        daemon.reloads.want()
        daemon.reloads.want()
        await wait_all_tasks_blocked()
        assert (daemon.done, daemon.reads) == ([2], 1)
        reload = daemon.reloads.take()
        assert not daemon.reloads.are_over
        daemon.reloads.ended(reload)
        assert daemon.reloads.are_over
        assert daemon.reloads.take() is None


async def test_one_during_the_first_load_is_of_the_next_look() -> None:
    """The look that is under way has begun without it: when that has come to something, it is not over."""
    async with daemon_at_work() as daemon:
        first = daemon.reloads.take()
        daemon.reloads.want()
        await wait_all_tasks_blocked()
        daemon.reloads.ended(first)
        assert not daemon.reloads.are_over
        daemon.reloads.ended(daemon.reloads.take())
        assert daemon.reloads.are_over


async def test_one_while_another_is_done_is_done_behind_it() -> None:
    """What changed by the first is said with the second, where no look at the files came in between."""
    async with daemon_at_work() as daemon:
        daemon.goes_on = anyio.Event()
        daemon.reloads.want()
        await wait_all_tasks_blocked()
        daemon.reloads.want()
        daemon.goes_on.set()
        await wait_all_tasks_blocked()
        assert (daemon.done, daemon.reads) == ([1, 2], 2)
        reload = daemon.reloads.take()
        assert reload is not None
        assert [change.key for change in reload.settings.changed] == ["setting1", "setting2"]
        daemon.reloads.ended(reload)
        assert daemon.reloads.are_over


async def test_one_while_the_files_are_read_for_another_is_not_over_with_that() -> None:
    """It has a look of its own."""
    async with daemon_at_work() as daemon:
        daemon.reloads.want()
        await wait_all_tasks_blocked()
        first = daemon.reloads.take()
        daemon.reloads.want()
        await wait_all_tasks_blocked()
        daemon.reloads.ended(first)
        assert not daemon.reloads.are_over
        second = daemon.reloads.take()
        assert second is not None
        assert [change.key for change in second.settings.changed] == ["setting2"]
        daemon.reloads.ended(second)
        assert daemon.reloads.are_over
