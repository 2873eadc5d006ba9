"""Events of directories by a library, where Linux is not. Its queue is polled, so that they come some 40 ms late."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import anyio
from anyio import to_thread
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from egxds.files.watching.gathering import LONGEST_WAIT_S, QUIET_S, Notice, Noticed
from egxds.telemetry import log


class PolledEvents:
    """The events of some directories. The library waits for quiet itself, so all that comes counts as complete.

    Attributes:
        unwatched: none of those given.
    """

    unwatched: tuple[str, ...] = ()

    def __init__(self, directories: Iterable[str]) -> None:
        """Start to watch. Touches the file system and blocks.

        Args:
            directories: real paths.

        Raises:
            OSError: the system gives no watches, or no more of them.
        """
        try:
            self._notify = RustNotify(list(directories), False, False, 0, False, True)
        except WatchfilesRustInternalError as err:
            raise OSError(str(err)) from err

    async def next_notices(self, timeout_s: float) -> list[Noticed] | None:
        """Wait for events; none come where there were none in time.

        Args:
            timeout_s: seconds.

        Returns:
            None where one is about a path that is no text: the watches have ended with it.
        """
        stop = threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_set_when_cancelled, stop)
            found = await to_thread.run_sync(self._wait, timeout_s, stop)
            tasks.cancel_scope.cancel()
        return found

    def close(self) -> None:
        """End the watches."""
        self._notify.close()

    def _wait(self, timeout_s: float, stop: threading.Event) -> list[Noticed] | None:
        timeout_ms = max(1, int(timeout_s * 1000))
        try:
            found = self._notify.watch(int(LONGEST_WAIT_S * 1000), int(QUIET_S * 1000), timeout_ms, stop)
        except WatchfilesRustInternalError as err:
            log.warning("files.watch_failed", error=str(err))
            return None
        return [Noticed(path, Notice.COMPLETE) for _, path in found] if isinstance(found, set) else []


async def _set_when_cancelled(stop: threading.Event) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()
