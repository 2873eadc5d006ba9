"""Keeps what all hooks accepted last of each Gateway in files, for `onFailure: hold` after a restart. Reads and writes.

A file grows by what changed (`egxds.hooks.policy.state_file`), so that an edit costs what it changes here, too:

    no file of ours ---- a state -------------------------------> written beside its place, made durable, and then put
                                                                  there in one step; OPEN
    OPEN --------------- a state that differs ------------------> what differs is appended, and made durable; OPEN
    OPEN --------------- it has outgrown what it began with ----> as if there were no file
    OPEN --------------- it cannot be written, or is gone ------> no file of ours

A crash at any moment leaves the state before or the new one, never a part of either: what was appended by half is left
out when it is read. And nothing is appended to what this process has not written, lest it stand behind such a half.

All is done beside the event loop, which only notes what is newest. Whatever cannot be read is left out with an error in
the log: a Gateway is held whole or not at all. The files hold private keys, and are ours alone; a directory in which
others can write is refused, as what stands in it is served without asking anybody.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

import anyio
from anyio import to_thread

from egxds.hooks.policy.saved_state import SavedState, UnreadableStateError
from egxds.hooks.policy.state_file import Written, begin, decode_state, go_on
from egxds.settings.daemon import Settings
from egxds.telemetry import log

SUFFIX = ".state"
PAUSE_S = 1.0
"""Between two writes: of changes that follow each other closely, only the last is written."""

OUTGROWN = 2
"""How many times what it began with a file may come to, before it is begun again."""

SMALL_BYTES = 64 * 1024
"""What it may come to beyond that: to begin a small one again costs more than to go on."""

_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600
_WRITABLE_BY_OTHERS = 0o022
_LONGEST_LABEL = 100


class HeldStates:
    """The remembered states, in memory and in files; without a directory in memory alone."""

    def __init__(self, directory: Path | None) -> None:
        """Prepare; nothing is read yet.

        Args:
            directory: where the files are; made where it is missing. None keeps no files.
        """
        self._directory = directory
        self._states: dict[str, SavedState] = {}
        self._files: dict[str, _StateFile] = {}
        self._writing = anyio.Lock()
        self._unwritten: set[str] = set()
        self._changed = anyio.Event()

    @classmethod
    def of(cls, settings: Settings, base: Path) -> HeldStates:
        """Return what the settings ask for: files only where an extension holds.

        Args:
            settings: name the directory, and the extensions.
            base: directory that relative paths start from.
        """
        is_held = any(manager.failure_policy == "hold" for manager in settings.extensions)
        return cls(base / settings.state_dir if settings.state_dir and is_held else None)

    async def load(self) -> None:
        """Read all files; those that cannot be read are named in the log."""
        if self._directory is not None:
            found = await to_thread.run_sync(_read_all, self._directory)
            self._states = {state.gateway: state for state in found}

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
        """Write what is remembered, soon after it changes; until cancelled."""
        while True:
            await self._changed.wait()
            await self.flush()
            await anyio.sleep(PAUSE_S)

    async def flush(self) -> None:
        """Write what has not been written. What cannot be written is named in the log, and left until it changes."""
        self._changed = anyio.Event()
        # One at a time: two that append to one file would tear each other's records.
        async with self._writing:
            while self._unwritten and self._directory is not None:
                gateway = self._unwritten.pop()
                file = self._files.setdefault(gateway, _StateFile(self._directory / _file_name(gateway)))
                await to_thread.run_sync(_put, file, gateway, self._states.get(gateway))
                if gateway not in self._states:
                    self._files.pop(gateway)

    def _touch(self, gateway: str) -> None:
        self._unwritten.add(gateway)
        self._changed.set()


def _file_name(gateway: str) -> str:
    """Name the file of a Gateway: readable, and no longer than a file system allows."""
    label = re.sub(r"[^a-z0-9.-]", "_", gateway)[:_LONGEST_LABEL]
    return f"{label}-{hashlib.sha256(gateway.encode()).hexdigest()[:16]}{SUFFIX}"


def _read_all(directory: Path) -> list[SavedState]:
    try:
        _prepare(directory)
        paths = sorted(directory.glob(f"*{SUFFIX}"))
    except OSError as err:
        log.error("hook.state_ignored", path=str(directory), error=_reason(err))
        return []
    return [state for state in map(_read, paths) if state is not None]


def _read(path: Path) -> SavedState | None:
    try:
        state, lost_bytes = decode_state(path.read_bytes())
    except (OSError, UnreadableStateError) as err:
        log.error("hook.state_ignored", path=str(path), error=_reason(err))
        return None
    if lost_bytes:
        log.warning("hook.state_cut", path=str(path), bytes=lost_bytes)
    return state


def _put(file: _StateFile, gateway: str, state: SavedState | None) -> None:
    try:
        _prepare(file.path.parent)
        if state is None:
            file.path.unlink(missing_ok=True)
        else:
            file.put(state)
    except OSError as err:
        log.error("hook.state_not_written", gateway=gateway, path=str(file.path), error=_reason(err))


class _StateFile:
    """The file of one Gateway.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: Written | None = None
        self._size_bytes = 0
        self._limit_bytes = 0

    def put(self, state: SavedState) -> None:
        """Make it hold a state.

        Raises:
            OSError: it cannot be written.
        """
        # Only once it is durable does the file hold it; until then nothing is to be appended.
        written, self._written = self._written, None
        if written is None or self._size_bytes > self._limit_bytes or not self.path.exists():
            written, content = begin(state)
            _replace(self.path, content)
            self._size_bytes = len(content)
            self._limit_bytes = OUTGROWN * len(content) + SMALL_BYTES
        else:
            written, content = go_on(written, state)
            _append(self.path, content)
            self._size_bytes += len(content)
        self._written = written


def _prepare(directory: Path) -> None:
    """Make the directory; refuse one in which others could put a state of their own."""
    directory.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
    if directory.stat().st_mode & _WRITABLE_BY_OTHERS:
        raise PermissionError("others may write to the directory: chmod it to 700")


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        # Left by a crash. It is not written over: it could be a link that somebody has put there.
        draft.unlink()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as file:
        file.write(content)
        file.flush()
        # Before the new name: a file system may make the name durable first, and the content after the crash.
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_directory(path.parent)


def _append(path: Path, content: bytes) -> None:
    if not content:
        return
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Make the new name durable too."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(err: Exception) -> str:
    text = err.strerror if isinstance(err, OSError) else None
    return text or str(err)
