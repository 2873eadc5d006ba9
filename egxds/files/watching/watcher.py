"""Tells when the watched paths may have changed. Asynchronous; the app asks the reader to look each time.

Nothing is concluded from what an event says but where to look. Changes that no event tells (network file systems,
bind mounts) are found by the poll.

    FOLLOW -- the directories to watch are those of before ------> WAIT
    FOLLOW -- others, or others of the same name ----------------> new watches, and FOLLOW once more
    WAIT ---- events about paths that matter ---------------------> gathered (`gathering` says until when), then FOLLOW,
                                                                   and the caller looks at those
    WAIT ---- events were lost, or a watched directory has gone --> gathered, FOLLOW, and the caller looks (CHANGED)
    WAIT ---- the watches end -------------------------------------> new watches, and the caller looks (CHANGED)
    WAIT ---- the poll is due ------------------------------------> FOLLOW, and the caller looks at everything (ALL)

The watches stand before the caller looks. In the other order a change between the look and the watch would be told by
nobody. And they are planned again with every turn, unless nothing but regular files changed, since the change may have
been one of the directories themselves: a link that leads elsewhere, a directory that was replaced by another one of its
name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path

import anyio
from anyio import to_thread

from egxds.files.reading.content import Scan, Scope
from egxds.files.watching import inotify
from egxds.files.watching.gathering import Gathering, Noticed
from egxds.files.watching.inotify import Inotify
from egxds.files.watching.polled import PolledEvents
from egxds.files.watching.watch_plan import WatchPlan, holds_after, plan_watches
from egxds.shown_text import shown_name
from egxds.telemetry import log

_SHORTEST_PAUSE_S = 0.1
_TRIES = 5
"""How often directories may change while they are being watched; after that, the next event or the poll helps."""


def _tell_nobody(_failure: str) -> None:
    """Say nothing beside the log."""


async def changes(
    paths: tuple[Path, ...],
    poll_interval_s: float,
    gathering: Gathering | None = None,
    tell: Callable[[str], None] = _tell_nobody,
) -> AsyncGenerator[Scope, None]:
    """Yield each time something may have changed, and how closely to look.

    The first comes as soon as the watches stand: what changed before that is found by looking then. After a quiet
    time a change comes at once, and what follows it comes together, a tenth of a second later; what changes while the
    caller is busy comes as one afterwards. Ends when it is cancelled.

    Args:
        paths: files and directories; they need not exist yet.
        poll_interval_s: seconds between two full looks, at least 0.1.
        gathering: what is noticed is kept here; it knows meanwhile which files are being written.
        tell: is told why only the poll finds changes, and with an empty text that this is over.

    Yields:
        The paths that changed; CHANGED at first, ALL for the poll.
    """
    watch = _Watch(tuple(path.absolute() for path in paths), gathering or Gathering(), tell)
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

    def __init__(self, paths: tuple[Path, ...], gathering: Gathering, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._paths = paths
        self._gathering = gathering
        self._plan: WatchPlan | None = None
        self._events: Inotify | PolledEvents | None = None
        self._failure = ""

    async def follow(self, scope: Scope) -> None:
        """Watch what there is to watch after a change; what changed since then has an event waiting."""
        if isinstance(scope, frozenset) and self._plan and await to_thread.run_sync(holds_after, self._plan, scope):
            return
        for _ in range(_TRIES):
            plan = await to_thread.run_sync(plan_watches, self._paths)
            # With the poll, once in a while: others may have given back what was missing.
            is_to_try_again = scope is Scan.ALL and self._events is not None and bool(self._events.unwatched)
            if plan == self._plan and not is_to_try_again:
                return
            self.close()
            scope = Scan.CHANGED
            await self._open(plan)

    async def next_scope(self, poll_at: float) -> Scope:
        """Wait for a change that matters, or for the time (of the event loop's clock) of the poll."""
        while (now_s := anyio.current_time()) < poll_at:
            if self._gathering.due_s() <= now_s:
                return self._gathering.take(now_s)
            left_s = min(poll_at, self._gathering.due_s()) - now_s
            # The system gave no watches (there is a limit to them): the poll is what is left, and tries again.
            if self._events is None or self._plan is None:
                await anyio.sleep(left_s)
            elif (noticed := await self._events.next_notices(left_s)) is None:
                self.close()
                await anyio.sleep(_SHORTEST_PAUSE_S)  # new ones are not made at once
                return Scan.CHANGED
            else:
                self._gather(noticed, self._plan)
        return Scan.ALL

    def close(self) -> None:
        """End the watches."""
        if self._events:
            self._events.close()
        self._plan, self._events = None, None

    def _gather(self, noticed: Iterable[Noticed], plan: WatchPlan) -> None:
        now_s = anyio.current_time()
        for each in noticed:
            if each.path is None or plan.concerns(each.path):
                self._gathering.note(each, now_s)

    async def _open(self, plan: WatchPlan) -> None:
        try:
            self._events = await to_thread.run_sync(_watch, tuple(plan.directories))
        except OSError as err:
            self._report(f"{err}: changes are found by the poll; raise fs.inotify.max_user_instances, or open files")
        else:
            self._plan = plan
            self._report(_shortage(self._events.unwatched) if self._events.unwatched else "")

    def _report(self, failure: str) -> None:
        """Log why only the poll finds changes, once for as long as it is so."""
        if failure and failure != self._failure:
            log.warning("files.watch_failed", error=failure)
        if self._failure and not failure:
            log.info("files.watch_recovered")
        self._failure = failure
        self._tell(failure)


def _shortage(unwatched: tuple[str, ...]) -> str:
    return (
        f"the system has no more watches (fs.inotify.max_user_watches) for {len(unwatched)} directories, "
        f"{shown_name(unwatched[0])} first: changes in them are found by the poll; raise that limit, or move away what "
        "is not to be read"
    )


def _watch(directories: tuple[str, ...]) -> Inotify | PolledEvents:
    return Inotify(directories) if inotify.IS_AVAILABLE else PolledEvents(directories)
