"""Watched files as a source. The reading blocks; the watching is asynchronous."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import anyio

from egxds.app.candidates import Candidates, NoCandidates
from egxds.app.close_looks import CloseLooks
from egxds.app.history.local_history import LocalHistory
from egxds.app.source import Json, RollBack, Trees
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import Scan, Scope, WriterCheck, nobody_writes
from egxds.files.reading.reader import TreeReader
from egxds.files.watching.gathering import Gathering
from egxds.files.watching.watcher import changes
from egxds.problems import Problem
from egxds.settings.daemon import FileSource, Settings


class FileTrees:
    """What stands in the files that settings name."""

    def __init__(self, settings: Settings, base: Path, is_being_written: WriterCheck = nobody_writes) -> None:
        """Prepare to read.

        Args:
            settings: name the paths.
            base: directory that relative paths start from.
            is_being_written: knows which files are not to be read yet.
        """
        self._base = base
        self._files = settings.sources.in_files
        self._reader = TreeReader(_paths(self._files, base), base, is_being_written=is_being_written)

    @property
    def removal_delay_s(self) -> float:
        """For how many seconds an object stays in force that no file defines any more."""
        return self._files.removal_delay

    def read(self, scope: Scope) -> FileTree:
        """Read what is there now.

        Args:
            scope: which files may have changed, and how closely the others are looked at.
        """
        return self._reader.read(scope)

    def go_by(self, settings: Settings) -> None:
        """Read other paths from the next time on."""
        self._files = settings.sources.in_files
        self._reader.follow(_paths(self._files, self._base))

    def resume(self, known: Mapping[str, FileDocuments], last: FileTree) -> None:
        """Go on from what another process has read, before anything is read here.

        Args:
            known: file → what is known of what it held; where it cannot be read, that is unread.
            last: what that process found last.
        """
        self._reader.resume(known, last)


class WatchedFiles:
    """Files, and what tells that they have changed.

    Attributes:
        trees: what stands in them.
        candidates: what there is for some Envoys first.
    """

    candidates: Candidates = NoCandidates()

    def __init__(
        self,
        settings: Settings,
        base: Path,
        tell: Callable[[str], None],
        history: Callable[[Trees], LocalHistory] | None,
    ) -> None:
        """Prepare; nothing is watched yet.

        Args:
            settings: name the paths.
            base: directory that relative paths start from.
            tell: is told why changes are found by the poll alone, and with an empty text that this is over.
            history: returns what keeps what is in force of some trees; None where nothing is kept.
        """
        self._base = base
        self._tell = tell
        self._noticed = Gathering()
        trees = FileTrees(settings, base, self._noticed.is_being_written)
        self._history = history(trees) if history is not None else None
        self.trees: Trees = self._history.trees if self._history is not None else trees
        self._wake: Callable[[Scope], None] | None = None
        self._watched = settings.sources.in_files
        self._watching: anyio.CancelScope | None = None
        self._close_looks = CloseLooks()

    async def begin(self, _awaited: Callable[[str], None]) -> None:
        """Wait for nothing: files can be read at once."""

    async def watch(self, wake: Callable[[Scope], None]) -> None:
        """Say each time that files may have changed; until cancelled.

        Args:
            wake: is told which, or how closely to look.
        """
        self._wake = wake
        while True:
            files = self._watched
            with anyio.CancelScope() as self._watching:
                async for scope in changes(_paths(files, self._base), files.poll_interval, self._noticed, self._tell):
                    wake(self._close_looks.scope_of_poll(scope, anyio.current_time()))

    def follow(self, settings: Settings) -> None:
        """Watch other files from now on."""
        self._watched = settings.sources.in_files
        if self._history is not None:
            self._history.follow(settings.history)
        if self._watching is not None:
            self._watching.cancel()

    def look_again(self) -> None:
        """Do nothing: whoever wants a look reads everything."""

    def took(self, scope: Scope, seconds: float, now_s: float) -> None:
        """Take note of how long it took to read something: closer looks are the rarer for it."""
        self._close_looks.took(scope, seconds, now_s)

    def accepted(self, origin: str) -> None:
        """Take note of what is in force: what stands in the files, or an earlier generation of them."""
        if self._history is not None:
            self._history.accepted(origin)

    def notes(self) -> tuple[str, ...]:
        """Say that an earlier generation is in force; what is wrong with files is a problem of each."""
        return self._history.report.notes() if self._history is not None else ()

    def problems(self) -> tuple[Problem, ...]:
        """Return the same, and why nothing can be kept."""
        return self._history.report.problems() if self._history is not None else ()

    def described(self) -> Json | None:
        """Return which generation is in force; None where none is kept: objects name their files."""
        return self._history.report.described() if self._history is not None else None

    async def follow_anyway(self) -> Json | None:
        """Do nothing: files that went back in time are files like others."""
        return None

    async def roll_back(self, wanted: RollBack) -> Json | None:
        """Have an earlier generation in force until a file changes; None where none is kept."""
        return await self._history.roll_back(wanted, self._read_again) if self._history is not None else None

    async def keep(self) -> None:
        """Keep what is in force, where it is kept; until cancelled."""
        if self._history is not None:
            await self._history.write()

    async def flush(self) -> None:
        """Keep what has not been kept."""
        if self._history is not None:
            await self._history.flush()

    def _read_again(self) -> None:
        if self._wake is not None:
            self._wake(Scan.CHANGED)


def _paths(files: FileSource, base: Path) -> tuple[Path, ...]:
    return tuple(base / path for path in files.paths)
