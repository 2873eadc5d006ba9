"""Keeps what is in force of files, generation after generation, and goes back to one when somebody asks for it.

Written behind, never on the way to an Envoy (`write_behind`), once nothing has changed for a moment: a checkout of
fifty files is one generation. That the files count again is written at once: else a crash would have them not count.

Somebody's word to go back is carried out in this order, so that a crash leaves what was before, or what was wanted:

    1. what stands in the files is written, as a generation, where it is not
    2. the record of the earlier one is written again, with what it stands in the place of
    3. it is handed on in the place of the files (`rolled_back`)
    4. whoever asked is told once it is in force, or why it is not
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import anyio
from anyio import to_thread

from egxds.app.history.local_generations import UNUSABLE, LocalGenerations
from egxds.app.history.recorder import Recorder
from egxds.app.history.report import HistoryReport
from egxds.app.history.rolled_back import FilesWithHistory, RolledBack
from egxds.app.source import Json, RollBack, Trees
from egxds.app.state_directory import StateDirectory
from egxds.app.write_behind import WriteBehind, reason_of
from egxds.errors import EgxdsError
from egxds.published.errors import NoGenerationError
from egxds.published.record import Origin, Record
from egxds.sealed_records import UnreadableStateError
from egxds.settings.history import HistorySettings
from egxds.telemetry import Metrics

QUIET_S = 1.0
"""For how long nothing has to change before a generation is written."""

LONGEST_BURST_S = 15.0
"""After which one is written though something goes on changing."""

_ANSWER_S = 60.0
"""How long somebody who has given their word waits for what comes of it."""

_NAME = "generations"


class LocalHistory(WriteBehind):
    """The history of the files of this machine.

    Attributes:
        trees: the files, or what is in force in their place.
        report: what people are told.
    """

    def __init__(self, trees: Trees, directory: StateDirectory, settings: HistorySettings, metrics: Metrics) -> None:
        """Prepare; nothing is read yet.

        Args:
            trees: the files.
            directory: `stateDir`.
            settings: how much is kept.
            metrics: where it is counted how it is doing.
        """
        super().__init__()
        self._settings = settings
        self._generations = LocalGenerations(directory)
        self._recorder = Recorder(self._generations)
        self.report = HistoryReport(directory.path, metrics)
        self.trees = FilesWithHistory(trees, self._recorder, self.report)
        self._accepted = ""
        self._is_urgent = False
        self._news = anyio.Event()

    def follow(self, settings: HistorySettings) -> None:
        """Keep as much as other settings say from the next generation on."""
        self._settings = settings

    def accepted(self, origin: str) -> None:
        """Take note of what is in force.

        Args:
            origin: the record of a generation; empty where that is what stands in the files.
        """
        self._is_urgent = self._is_urgent or bool(self._accepted and not origin)
        self._accepted = origin
        self.report.accepted(origin)
        self._news.set()
        self._news = anyio.Event()
        if not origin:
            self._touch(_NAME)

    async def roll_back(self, wanted: RollBack, wake: Callable[[], object]) -> Json:
        """Have an earlier generation in force.

        Args:
            wanted: which, who wants it, and what for.
            wake: has what is in force read again.

        Returns:
            Why it is not in force, empty where it is; and the newest generation, where there is another one.
        """
        # What is written is to be served, too, though whoever asked for it has gone.
        with anyio.CancelScope(shield=True):
            async with self._writing:
                try:
                    standing, record = await to_thread.run_sync(self._go_back, wanted)
                except (OSError, EgxdsError, UnreadableStateError) as err:
                    return {"reason": reason_of(err)}
                self.trees.serve(standing)
        wake()
        reason = await self._in_force(record)
        came = {"rolledBackTo": record.rolled_back_to, "insteadOf": record.instead_of}
        return {"reason": reason, "generation": record.generation, **came}

    async def _in_force(self, record: Record) -> str:
        """Wait until a generation is in force; return why it is not, empty where it is."""
        is_held = record.instead_of is not None
        wanted = record.encode().decode() if is_held else ""
        with anyio.move_on_after(_ANSWER_S):
            while self._accepted != wanted:
                if is_held and self.trees.rolled_back is None:
                    return "a file has changed meanwhile, and the files are in force"
                await self._news.wait()
            return ""
        return f"it is not in force after {_ANSWER_S:.0f} s"

    def _go_back(self, wanted: RollBack) -> tuple[RolledBack | None, Record]:
        """Write that an earlier generation is in force; return it, None where it is what stands in the files."""
        origin = Origin(wanted.author, datetime.now(UTC), message=wanted.message)
        before = self.trees.rolled_back
        # What a pass hands on or reads meanwhile may be of other records than these.
        if before is None:
            recorded = self._recorder.record(self._settings)
            head = standing = recorded.record
            known = recorded.seen.files()
            files = self._generations.documents(standing, known, self._generations.files(standing))
        else:
            head, known, files = before.record, before.documents, before.files
            standing = self._found(head.instead_of or 0)
        wanted_record = self._found(wanted.number or max(0, head.generation - wanted.back))
        # Before anything is written: what cannot be read is not gone back to.
        documents = self._generations.documents(wanted_record, known, self._generations.files(head))
        done = self._generations.roll_back(wanted_record.generation, origin, standing)
        if before is not None and not done.is_new:
            return before, done.record
        return RolledBack(done.record, documents, files) if done.record.instead_of else None, done.record

    def _found(self, number: int) -> Record:
        found = self._generations.find(number)
        if found is None:
            raise NoGenerationError(number)
        return found

    async def _gather(self) -> None:
        with anyio.move_on_after(LONGEST_BURST_S):
            while not self._is_urgent:
                with anyio.move_on_after(QUIET_S) as quiet:
                    await self._news.wait()
                if quiet.cancelled_caught:
                    return

    def _put(self, _name: str) -> None:
        self._is_urgent = False
        if self.trees.rolled_back is not None:
            return
        try:
            recorded = self._recorder.record(self._settings)
            self._recorder.tidy(self._settings, recorded)
        except UNUSABLE as err:
            raise self._generations.begin_anew(err) from err
        self.report.kept(recorded.record, is_new=recorded.is_new)

    def _tell(self, _name: str, reason: str) -> None:
        self.report.written(reason)

    def _count(self, unwritten: int) -> None:
        self.report.unwritten(unwritten)
