"""Keeps what all hooks accepted last of each Gateway, for `onFailure: hold` after a restart.

The newest states are noted on the event loop; files are read and written beside it (`egxds.app.state_directory`):

    WRITTEN ------ another state comes ----> UNWRITTEN
    UNWRITTEN ---- it is written ----------> WRITTEN
    UNWRITTEN ---- it cannot be written ---> UNWRITTEN: said once for each reason, counted, and tried again after a
                                             pause that doubles

A state that cannot be read is left out with an error in the log: a Gateway is held whole or not at all.
"""

from __future__ import annotations

from pathlib import Path

import anyio
from anyio import to_thread

from egxds.app.state_directory import Found, StateDirectory
from egxds.hooks.policy.saved_state import SavedState
from egxds.settings.daemon import Settings
from egxds.telemetry import Metrics, log

PAUSE_S = 1.0
"""Between two writes: of changes that follow each other closely, only the last is written."""

LONGEST_PAUSE_S = 15.0
"""Between two tries to write what could not be written: all of it is encoded anew, and there may be room again."""


class HeldStates:
    """The remembered states, in memory and in files; without a directory in memory alone."""

    def __init__(self, path: Path | None, metrics: Metrics) -> None:
        """Prepare; nothing is read yet.

        Args:
            path: directory of the files; None keeps no files.
            metrics: what is counted.
        """
        self._path = path
        self._metrics = metrics
        self._directory = StateDirectory(path) if path is not None else None
        self._states: dict[str, SavedState] = {}
        self._writing = anyio.Lock()
        self._unwritten: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._changed = anyio.Event()

    @classmethod
    def of(cls, settings: Settings, base: Path, metrics: Metrics) -> HeldStates:
        """Return what the settings ask for: files only where an extension holds.

        Args:
            settings: name the directory, and the extensions.
            base: directory that relative paths start from.
            metrics: what is counted.
        """
        is_held = any(manager.failure_policy == "hold" for manager in settings.extensions)
        return cls(base / settings.state_dir if settings.state_dir and is_held else None, metrics)

    async def load(self) -> None:
        """Read all files; those that cannot be used are set aside, and named in the log."""
        if self._directory is None:
            return
        try:
            found = await to_thread.run_sync(self._directory.read)
        except OSError as err:
            log.error("hook.state_ignored", path=str(self._path), error=_reason(err))
            self._metrics.state_files_ignored_total.inc()
            return
        self._states = {one.state.gateway: one.state for one in found if one.state is not None}
        for one in found:
            self._say(one)

    def of_gateway(self, gateway: str) -> SavedState | None:
        """Return what is remembered of a Gateway."""
        return self._states.get(gateway)

    def keep(self, state: SavedState) -> None:
        """Remember a state from now on; it is written soon, and only what differs from the one before."""
        if self._directory is None or state.accepted.resources is None:
            return
        if state.is_still(self._states.get(state.gateway)):
            return
        self._states[state.gateway] = state
        self._touch(state.gateway)

    def forget(self, gateway: str) -> None:
        """Remember nothing of a Gateway that is gone; its file is removed soon."""
        if self._states.pop(gateway, None) is not None:
            self._touch(gateway)

    async def write(self) -> None:
        """Write what is remembered, soon after it changes, and again where it could not be written; until cancelled."""
        pause_s = PAUSE_S
        while True:
            if not self._unwritten:
                await self._changed.wait()
            await self.flush()
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S) if self._unwritten else PAUSE_S
            await anyio.sleep(pause_s)

    async def flush(self) -> None:
        """Write what has not been written. What cannot be written is named in the log, and left for the next time."""
        # One at a time: two that append to one file would tear each other's records.
        async with self._writing:
            self._changed = anyio.Event()
            failed: set[str] = set()
            while waiting := self._unwritten - failed:
                gateway = waiting.pop()
                self._unwritten.discard(gateway)
                if not await self._is_written(gateway):
                    failed.add(gateway)
                    self._unwritten.add(gateway)
                self._count()

    async def _is_written(self, gateway: str) -> bool:
        if self._directory is None:
            return True
        try:
            await to_thread.run_sync(self._directory.put, gateway, self._states.get(gateway), abandon_on_cancel=True)
        # Of threads and of memory there may be no more, for now.
        except (OSError, RuntimeError, MemoryError) as err:
            self._say_unwritten(gateway, _reason(err))
            return False
        if self._reasons.pop(gateway, None) is not None:
            log.info("hook.state_written", gateway=gateway, path=str(self._path))
        return True

    def _say_unwritten(self, gateway: str, reason: str) -> None:
        if self._reasons.get(gateway) != reason:
            self._reasons[gateway] = reason
            log.error("hook.state_not_written", gateway=gateway, path=str(self._path), error=reason)

    def _say(self, found: Found) -> None:
        if found.state is None:
            advice = f"renamed to {found.aside.name}: look at it, or remove it" if found.aside else "remove it"
            log.error("hook.state_ignored", path=str(found.path), error=found.reason, advice=advice)
            self._metrics.state_files_ignored_total.inc()
        elif found.lost_bytes:
            log.warning("hook.state_cut", path=str(found.path), bytes=found.lost_bytes)

    def _touch(self, gateway: str) -> None:
        self._unwritten.add(gateway)
        self._changed.set()

    def _count(self) -> None:
        self._metrics.states_unwritten.set(len(self._unwritten))


def _reason(err: Exception) -> str:
    text = err.strerror if isinstance(err, OSError) else None
    return text or str(err) or type(err).__name__
