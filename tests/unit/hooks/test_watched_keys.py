"""Who waits for a key is told of its changes, each of them once."""

from __future__ import annotations

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from egxds.etcd.operations import KeyValue, WatchNews
from egxds.hooks.shared.stored import CLAIM
from egxds.hooks.shared.watched import WatchedKeys

pytestmark = pytest.mark.anyio


async def test_a_change_is_told_once() -> None:
    """Also where the key was removed and claimed again before the last change that is told with that."""
    keys = WatchedKeys()
    with keys.watched("/a") as changes:
        keys.hear(WatchNews(20, (KeyValue("/a", CLAIM, 15),), ("/a",)))
        with anyio.fail_after(5):
            await changes.after(15)
        again = anyio.Event()

        async def wait_again() -> None:
            await changes.after(15)
            again.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_again)
            await wait_all_tasks_blocked()
            assert not again.is_set()
            keys.hear(WatchNews(21, (), ("/a",)))


async def test_a_change_that_was_seen_is_not_waited_for_again() -> None:
    """A look may find what is told behind it."""
    keys = WatchedKeys()
    with keys.watched("/a") as changes:
        keys.hear(WatchNews(20, (KeyValue("/a", CLAIM, 20),)))
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(changes.after, 20)
                await wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught
