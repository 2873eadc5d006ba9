"""Keeps what all hooks accepted last of each Gateway, for `onFailure: hold` after a restart.

The newest states are noted on the event loop; files are read (`egxds.app.state_directory`) and written
(`egxds.app.write_behind`) beside it. A state that cannot be read is left out with an error in the log: a Gateway is
held whole or not at all.
"""

from __future__ import annotations

import hashlib
import re

from anyio import to_thread

from egxds.app.state_directory import Found, StateDirectory, StateFormat
from egxds.app.write_behind import WriteBehind, reason_of
from egxds.hooks.policy.saved_state import SavedState
from egxds.hooks.policy.state_check import check_state
from egxds.hooks.policy.state_file import MAGIC, begin, decode_state, go_on
from egxds.sealed_records import UnreadableStateError
from egxds.settings.daemon import Settings
from egxds.telemetry import Metrics, log

SUFFIX = ".state"

_LONGEST_LABEL = 100


def file_name(gateway: str) -> str:
    """Name the file of a Gateway: readable, and no longer than a file system allows."""
    label = re.sub(r"[^a-z0-9.-]", "_", gateway)[:_LONGEST_LABEL]
    return f"{label}-{hashlib.sha256(gateway.encode(errors='backslashreplace')).hexdigest()[:16]}{SUFFIX}"


def _decode(name: str, content: bytes) -> tuple[SavedState, int]:
    state, lost_bytes = decode_state(content)
    if name != file_name(state.gateway):
        raise UnreadableStateError(f"it is a copy: the state of {state.gateway} is in {file_name(state.gateway)}")
    check_state(state)
    return state, lost_bytes


GATEWAY_STATES = StateFormat(MAGIC, begin, go_on, _decode)


class HeldStates(WriteBehind):
    """The remembered states, in memory and in files; without a directory in memory alone."""

    def __init__(self, directory: StateDirectory | None, metrics: Metrics) -> None:
        """Prepare; nothing is read yet.

        Args:
            directory: where the files are; None keeps no files.
            metrics: what is counted.
        """
        super().__init__()
        self._metrics = metrics
        self._directory = self._offered = directory
        self._states: dict[str, SavedState] = {}

    @classmethod
    def of(cls, settings: Settings, directory: StateDirectory | None, metrics: Metrics) -> HeldStates:
        """Return what the settings ask for: files only where an extension holds.

        Args:
            settings: name the extensions.
            directory: `stateDir`; None where there is none.
            metrics: what is counted.
        """
        states = cls(directory, metrics)
        states._directory = None
        states.follow(settings)
        return states

    def follow(self, settings: Settings) -> None:
        """Keep files from now on where the settings ask for it that are in force now.

        Args:
            settings: name the extensions.
        """
        if any(manager.failure_policy == "hold" for manager in settings.extensions):
            self._directory = self._offered

    async def load(self) -> None:
        """Read all files; those that cannot be used are set aside, and named in the log."""
        if self._directory is None:
            return
        try:
            found = await to_thread.run_sync(self._directory.read, f"*{SUFFIX}", GATEWAY_STATES)
        except OSError as err:
            log.error("hook.state_ignored", path=str(self._directory.path), error=reason_of(err))
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

    def _put(self, gateway: str) -> None:
        if self._directory is not None:
            self._directory.put(file_name(gateway), self._states.get(gateway), GATEWAY_STATES)

    def _tell(self, gateway: str, reason: str) -> None:
        path = str(self._directory and self._directory.path)
        if reason:
            log.error("hook.state_not_written", gateway=gateway, path=path, error=reason)
        else:
            log.info("hook.state_written", gateway=gateway, path=path)

    def _count(self, unwritten: int) -> None:
        self._metrics.states_unwritten.set(unwritten)

    def _say(self, found: Found[SavedState]) -> None:
        if found.state is None:
            advice = f"renamed to {found.aside.name}: look at it, or remove it" if found.aside else "remove it"
            log.error("hook.state_ignored", path=str(found.path), error=found.reason, advice=advice)
            self._metrics.state_files_ignored_total.inc()
        elif found.lost_bytes:
            log.warning("hook.state_cut", path=str(found.path), bytes=found.lost_bytes)
