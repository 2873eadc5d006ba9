"""What a watchdog goes by: a daemon that gets on, and one that does not."""

from __future__ import annotations

import threading
import time

import anyio
import pytest

from egxds.app import vitals
from egxds.app.vitals import Vitals
from egxds.busy_threads import BusyThreads

pytestmark = pytest.mark.anyio


async def until(vital: Vitals, fault: str) -> None:
    """Look again and again, as the watchdog does, until a fault that begins so is found, or none."""
    with anyio.fail_after(20):
        while bool(found := vital.fault()) is not bool(fault) or not found.startswith(fault):  # noqa: ASYNC110 no event
            await anyio.sleep(0.01)


async def test_a_thread_that_sleeps_in_the_middle_of_its_work_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits for what does not come is found, named, and well again when it goes on."""
    monkeypatch.setattr(vitals, "LONGEST_SLEEP_S", 0.05)
    threads, release = BusyThreads(), threading.Event()
    vital = Vitals(threads)

    async def read() -> None:
        await threads.run("reading files", release.wait, None)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await until(vital, "reading files: ")
        release.set()
        await until(vital, "")


async def test_a_thread_that_works_is_not_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load of a great many routes uses its processor for as long as it takes, and that is progress."""
    monkeypatch.setattr(vitals, "LONGEST_SLEEP_S", 0.3)
    threads = BusyThreads()
    vital, over, seen = Vitals(threads), anyio.Event(), set[str]()

    def work() -> None:
        until_s = time.thread_time() + 1.0
        while time.thread_time() < until_s:
            sum(range(1000))

    async def look() -> None:
        while not over.is_set():
            seen.add(vital.fault())
            await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await threads.run("reading files", work)
        over.set()
    assert seen == {""}


async def test_a_task_that_has_ended_is_missed() -> None:
    """A task that has ended is a fault; one that runs, or is cancelled with all others, is none."""
    vital, end = Vitals(), anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(vital.watch, "reconcile", end.wait)
        tasks.start_soon(vital.watch, "watch files", anyio.sleep_forever)
        await anyio.lowlevel.checkpoint()
        assert vital.fault() == ""
        end.set()
        await until(vital, "the task 'reconcile' has ended")
        tasks.cancel_scope.cancel()
    assert "watch files" not in vital.fault()


async def test_work_that_fails_is_over() -> None:
    """An exception of the work is the caller's, and nothing is at work then."""
    threads = BusyThreads()
    with pytest.raises(ZeroDivisionError):
        await threads.run("dividing", divmod, 1, 0)
    assert threads.what == ""
