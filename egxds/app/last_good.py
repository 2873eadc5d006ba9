"""Keeps the input that was read and accepted last in `stateDir`, for a start that cannot read all of it.

Documents are kept and not what they came to: what a start makes of them is what the running daemon would have, with the
hooks, the settings and the version of egxds that there are now, and every rule about what is missing or broken is that
of `egxds.model.store`. What hooks accepted is kept beside it where it is to be held (`egxds.app.held_states`).

Only what is settled is kept: while something has disappeared and its time is still to come, the state before is the
last good one, and a crash in the middle of a checkout loses nothing.
"""

from __future__ import annotations

from collections import deque

from anyio import to_thread

from egxds.app.input_file import MAGIC, KeptInput, begin, decode_input, go_on
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.pipeline import Build, Pipeline
from egxds.app.state_directory import Found, StateDirectory, StateFormat
from egxds.app.write_behind import WriteBehind, reason_of
from egxds.model.resolver import Owners
from egxds.model.store.last_good import last_good
from egxds.model.store.state import GatewayState
from egxds.telemetry import Metrics, log

FILE_NAME = "input.last-good"

INPUT = StateFormat(MAGIC, begin, go_on, decode_input)


class LastGoodInput(WriteBehind):
    """The last good input, in memory and in a file; without a directory nothing is kept."""

    def __init__(self, directory: StateDirectory | None, metrics: Metrics) -> None:
        """Prepare; nothing is read yet.

        Args:
            directory: `stateDir`; None keeps nothing.
            metrics: what is counted.
        """
        super().__init__()
        self._directory = directory
        self._metrics = metrics
        self._settled = (GatewayState(), Owners(), "")
        self._unsettled: list[frozenset[str] | None] = []
        self._touched: deque[frozenset[str] | None] = deque()
        self._is_torn = False

    async def load(self) -> KeptInput | None:
        """Read what is kept; None where nothing is that can be used, which the log says."""
        if self._directory is None:
            return None
        try:
            found = await to_thread.run_sync(self._directory.read, FILE_NAME, INPUT)
        except OSError as err:
            self._say_ignored(str(self._directory.path), reason_of(err), "")
            return None
        for one in found:
            self._say(one)
        return next((one.state for one in found if one.state is not None), None)

    async def resume(self, pipeline: Pipeline) -> None:
        """Have a pipeline go on from what is kept: what cannot be read now is in force as it was."""
        try:
            kept = await self.load()
            if kept is not None:
                await to_thread.run_sync(pipeline.resume, kept.good, kept.owners, abandon_on_cancel=True)
        except LoadTooLargeError as err:
            log.error("app.load_refused", error=f"the last good input: {err}")
        except Exception:  # noqa: BLE001 a defect of ours must not keep the service from starting
            log.exception("app.reload_failed")

    def take(self, build: Build, *, is_settled: bool) -> None:
        """Keep what a look at the files came to; it is written soon.

        Args:
            build: that.
            is_settled: nothing of it has disappeared and is in force for a while.
        """
        if self._directory is None:
            return
        self._unsettled.append(build.touched)
        if is_settled:
            # In this order: whoever has taken out what was touched finds what it was touched for, or newer.
            self._settled = (build.state, build.owners, build.origin)
            self._touched.extend(self._unsettled)
            self._unsettled.clear()
            self._touch(FILE_NAME)

    def _put(self, name: str) -> None:
        if self._directory is None:
            return
        touched = [self._touched.popleft() for _ in range(len(self._touched))]
        state, owners, origin = self._settled
        is_known, self._is_torn = not self._is_torn and None not in touched, True
        known = frozenset().union(*(each for each in touched if each is not None))
        good = last_good(state, known if is_known else None, origin)
        self._directory.put(name, KeptInput(good, owners), INPUT)
        self._is_torn = False

    def _tell(self, _name: str, reason: str) -> None:
        path = str(self._directory and self._directory.path)
        if reason:
            log.error("files.last_good_not_written", path=path, error=reason)
        else:
            log.info("files.last_good_written", path=path)

    def _count(self, unwritten: int) -> None:
        self._metrics.last_good_unwritten.set(unwritten)

    def _say(self, found: Found[KeptInput]) -> None:
        if found.state is None:
            advice = f"renamed to {found.aside.name}: look at it, or remove it" if found.aside else "remove it"
            self._say_ignored(str(found.path), found.reason, advice)
            return
        log.info("files.last_good_read", path=str(found.path), files=len(found.state.good.files))
        if found.lost_bytes:
            log.warning("files.last_good_cut", path=str(found.path), bytes=found.lost_bytes)

    def _say_ignored(self, path: str, reason: str, advice: str) -> None:
        log.error("files.last_good_ignored", path=path, error=reason, advice=advice)
        self._metrics.state_files_ignored_total.inc()
