"""The settings in force, and the file that they come from: read again at SIGHUP, and taken as far as that can be.

    AS READ --- SIGHUP, and some of the file needs a restart ------------> AHEAD: the rest of it is in force
    any ------- SIGHUP, and it is broken, or names what cannot be used ---> REFUSED: what was in force stays, all of it
    any ------- SIGHUP, and all of it can be in force --------------------> AS READ
    any ------- it was edited, and nobody has said SIGHUP ----------------> UNREAD: what was in force stays
    any ------- it says again what is in force ---------------------------> AS READ

A file counts as a whole: one with a fault anywhere changes nothing, as at a start. While it is not AS READ, everybody
who asks is told so: a metric, `egxds status` and /readyz until it is over, and the log at a SIGHUP. The file is read
beside the event loop; whoever keeps it waiting, as a network file system may, keeps no Envoy waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import anyio
from anyio import to_thread

from egxds.errors import SettingsError, StartError
from egxds.problems import Location, Problem, error, warning
from egxds.settings.daemon import Settings
from egxds.settings.effects import Change, changes, row_of, taking_effect
from egxds.settings.note import Note
from egxds.settings.notes import notes_of
from egxds.telemetry import Metrics, log
from egxds.telemetry.metrics import begin

_SHOWN = 20
"""Faults that a line of the log names."""

_KEPT = "the settings in force are those of before"


class SettingsResult(Enum):
    """What came of reading the settings again; the values are the `result` label of the metric."""

    ACCEPTED = "accepted"
    RESTART = "restart"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Where settings come from.

    Attributes:
        path: of the file, as the user wrote it; relative paths of the settings start from its directory.
        read: reads it again, and raises SettingsError where it cannot be used; blocks.
    """

    path: Path
    read: Callable[[], Settings]

    def stamp(self) -> tuple[int, ...]:
        """Return what is another one when the file was written; blocks."""
        try:
            found = self.path.stat()
        except OSError as err:
            return (err.errno or 0,)
        return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)

    @property
    def base(self) -> Path:
        """Directory that relative paths of the settings start from."""
        return self.path.absolute().parent


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """What came of reading the settings once more.

    Attributes:
        changed: settings that are in force otherwise by it.
        unread: settings that would be in force otherwise by a reload.
        waiting: settings that the file says otherwise, and that need a restart.
        faults: why the file was refused, or would be; nothing where it is fine.
    """

    changed: tuple[Change, ...] = ()
    unread: tuple[Change, ...] = ()
    waiting: tuple[Change, ...] = ()
    faults: tuple[Problem, ...] = ()

    @property
    def result(self) -> SettingsResult:
        """What that is in a word."""
        if self.faults:
            return SettingsResult.REFUSED
        return SettingsResult.RESTART if self.waiting else SettingsResult.ACCEPTED


class LiveSettings:
    """Knows which settings are in force, and how the file differs from them.

    Attributes:
        in_force: by which everything runs.
    """

    def __init__(
        self,
        settings: Settings,
        file: SettingsFile,
        take: Callable[[Settings, tuple[Change, ...]], Awaitable[None]],
        metrics: Metrics,
    ) -> None:
        """Begin with the settings of the start.

        Args:
            settings: as they were read then.
            file: where they stand.
            take: puts settings in force, of which some are others than before; raises StartError where they name what
                cannot be used, and has done nothing then.
            metrics: where it is counted what came of the file.
        """
        self.in_force = settings
        self._file = file
        self._take = take
        self._metrics = metrics
        self._last = SettingsRead()
        self._stamp: tuple[int, ...] = ()
        self._reading = anyio.Lock()
        begin(metrics.settings_reloads_total, ((result.value,) for result in SettingsResult))

    async def read_again(self) -> SettingsRead:
        """Read the file, and put in force what it says."""
        async with self._reading:
            read = await self._read_again()
            self._note(read)
        if read.faults:
            faults = [str(fault) for fault in read.faults[:_SHOWN]]
            log.error("settings.refused", faults=faults, more=len(read.faults) - len(faults))
        self._metrics.settings_reloads_total.labels(result=read.result.value).inc()
        return read

    async def look(self) -> None:
        """Look now and then whether the file says something else than what is in force; until cancelled."""
        while True:
            await anyio.sleep(self.in_force.sources.poll_interval)
            async with self._reading:
                stamp = await to_thread.run_sync(self._file.stamp, abandon_on_cancel=True)
                if stamp != self._stamp:
                    self._note(await self._compared())
                    self._stamp = stamp

    def problems(self) -> tuple[Problem, ...]:
        """Say how the file, as it was last read, differs from what is in force; nothing where it does not."""
        if self._last.faults:
            return tuple(error(fault.location, f"{fault.message}; {_KEPT}") for fault in self._last.faults)
        at = self._place
        return (
            *(warning(at, f"{change} is not in force: a reload (SIGHUP) takes it") for change in self._last.unread),
            *(warning(at, f"{change} needs a restart: {row_of(change.key).reason}") for change in self._last.waiting),
        )

    @property
    def _place(self) -> Location:
        return Location(str(self._file.path), 0)

    def _failed(self) -> SettingsRead:
        log.exception("app.reload_failed")
        return SettingsRead(faults=(error(self._place, "a defect of egxds: see app.reload_failed in the log"),))

    def _note(self, read: SettingsRead) -> None:
        self._last = read
        self._metrics.settings_not_in_force.set(bool(read.unread or read.waiting or read.faults))

    async def _compared(self) -> SettingsRead:
        """Compare the file with what is in force, and take nothing of it."""
        try:
            read = await to_thread.run_sync(self._file.read, abandon_on_cancel=True)
        except SettingsError as err:
            return SettingsRead(faults=err.problems)
        except Exception:  # noqa: BLE001 a defect of ours must not end the service
            return self._failed()
        now = taking_effect(self.in_force, read)
        return SettingsRead(unread=changes(self.in_force, now), waiting=changes(now, read))

    async def _read_again(self) -> SettingsRead:
        try:
            # Before the file is read: what is written meanwhile is looked at once more.
            self._stamp = await to_thread.run_sync(self._file.stamp, abandon_on_cancel=True)
            read = await to_thread.run_sync(self._file.read, abandon_on_cancel=True)
            now = taking_effect(self.in_force, read)
            changed = changes(self.in_force, now)
            await self._take(now, changed)
        except SettingsError as err:
            return SettingsRead(faults=err.problems)
        except StartError as err:
            return SettingsRead(faults=(error(self._place, str(err)),))
        except Exception:  # noqa: BLE001 a defect of ours must not end the service: what was published stays
            return self._failed()
        known = set(notes_of(self.in_force))
        say_notes(note for note in notes_of(now) if note not in known)
        self.in_force = now
        return SettingsRead(changed, waiting=changes(now, read))


def say_notes(notes: Iterable[Note]) -> None:
    """Log what is to be said about settings that are in force."""
    for note in notes:
        log.warning("settings.note", key=note.key, note=note.message)
