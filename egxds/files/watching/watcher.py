"""Tells when the watched paths may have changed. Asynchronous; the app asks the reader to look each time.

Nothing is concluded from what an event says but where to look. Changes that no event tells (network file systems,
bind mounts) are found by the poll.

    FOLLOW -- the directories to watch are those of before ------> WAIT
    FOLLOW -- others, or others of the same name ----------------> new watches, and FOLLOW once more
    WAIT ---- events about paths that matter ---------------------> the caller looks at those, then FOLLOW
    WAIT ---- an event about a path that is no text --------------> new watches, and the caller looks (CHANGED)
    WAIT ---- the poll is due ------------------------------------> the caller looks at everything (ALL), then FOLLOW

The watches stand before the caller looks. In the other order a change between the look and the watch would be told by
nobody. And they are planned again with every turn, unless nothing but regular files changed, since the change may have
been one of the directories themselves: a link that leads elsewhere, a directory that was replaced by another one of its
name.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
from anyio import to_thread
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from egxds.files.reading.content import Scan, Scope
from egxds.files.watching.watch_plan import WatchPlan, holds_after, plan_watches
from egxds.telemetry import log

_QUIET_MS = 25
"""A burst is over when nothing has come for so long: an editor writes, renames and removes within milliseconds."""

_LONGEST_WAIT_MS = 500
"""A burst that does not end is looked at all the same."""

_SHORTEST_PAUSE_S = 0.1
_TRIES = 5
"""How often directories may change while they are being watched; after that, the next event or the poll helps."""


async def changes(paths: tuple[Path, ...], poll_interval_s: float) -> AsyncGenerator[Scope, None]:
    """Yield each time something may have changed, and how closely to look.

    The first comes as soon as the watches stand: what changed before that is found by looking then. A burst of
    changes comes as one, at the latest half a second after it began; what changes while the caller is busy comes as
    one afterwards. Ends when it is cancelled.

    Args:
        paths: files and directories; they need not exist yet.
        poll_interval_s: seconds between two full looks, at least 0.1.

    Yields:
        The paths that changed; CHANGED at first, ALL for the poll.
    """
    watch = _Watch(tuple(path.absolute() for path in paths))
    pause_s = max(poll_interval_s, _SHORTEST_PAUSE_S)
    poll_at = anyio.current_time() + pause_s
    scope: Scope = Scan.CHANGED
    try:
        while True:
            await watch.follow(scope)
            yield scope
            scope = await watch.next_scope(poll_at)
            if scope is Scan.ALL:
                poll_at = anyio.current_time() + pause_s
    finally:
        watch.close()


class _Watch:
    """Watches that follow the directories as they come, go and are replaced."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._paths = paths
        self._plan: WatchPlan | None = None
        self._notify: RustNotify | None = None
        self._failure = ""

    async def follow(self, scope: Scope) -> None:
        """Watch what there is to watch after a change; what changed since then has an event waiting."""
        if isinstance(scope, frozenset) and self._plan and await to_thread.run_sync(holds_after, self._plan, scope):
            return
        for _ in range(_TRIES):
            plan = await to_thread.run_sync(plan_watches, self._paths)
            if plan == self._plan:
                return
            self.close()
            await self._open(plan)

    async def next_scope(self, poll_at: float) -> Scope:
        """Wait for a change that matters, or for the time (of the event loop's clock) of the poll."""
        while (left_s := poll_at - anyio.current_time()) > 0:
            # The system gave no watches (there is a limit to them): the poll is what is left, and tries again.
            if self._notify is None or self._plan is None:
                await anyio.sleep(left_s)
            elif (changed := await _wait(self._notify, left_s)) is None:
                # The watches end with an event that has no path in words; a new one is not made at once.
                self.close()
                await anyio.sleep(_SHORTEST_PAUSE_S)
                return Scan.CHANGED
            elif found := frozenset(filter(self._plan.concerns, changed)):
                return found
        return Scan.ALL

    def close(self) -> None:
        """End the watches."""
        if self._notify:
            self._notify.close()
        self._plan, self._notify = None, None

    async def _open(self, plan: WatchPlan) -> None:
        try:
            self._notify = await to_thread.run_sync(_notify, list(plan.directories))
        except (OSError, WatchfilesRustInternalError) as err:
            self._report(str(err))
        else:
            self._plan, self._failure = plan, ""

    def _report(self, failure: str) -> None:
        """Log why only the poll finds changes, once for as long as it is so."""
        if failure != self._failure:
            log.warning("files.watch_failed", error=failure)
        self._failure = failure


def _notify(directories: list[str]) -> RustNotify:
    return RustNotify(directories, False, False, 0, False, True)


async def _wait(notify: RustNotify, timeout_s: float) -> tuple[str, ...] | None:
    """Return the paths of the next changes, none of them where there were none in time; None where one is no text."""
    stop = threading.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_set_when_cancelled, stop)
        timeout_ms = max(1, int(timeout_s * 1000))
        try:
            found = await to_thread.run_sync(notify.watch, _LONGEST_WAIT_MS, _QUIET_MS, timeout_ms, stop)
        except WatchfilesRustInternalError as err:
            log.warning("files.watch_failed", error=str(err))
            found = None
        tasks.cancel_scope.cancel()
    if found is None:
        return None
    return tuple(path for _, path in found) if isinstance(found, set) else ()


async def _set_when_cancelled(stop: threading.Event) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()
