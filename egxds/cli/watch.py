"""The command that shows what happens in a running daemon, as it happens.

start ------ the daemon does not answer -----------------> said; exit
start ------ it does --------------------------------------> listening
listening -- the stream ends, or is silent for too long ---> said; asked again every half second, from where it was
listening -- Ctrl-C, the time is over, or `--once` is met -> exit
"""

from __future__ import annotations

import http.client
import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from egxds.cli.admin import EventStream, event_stream
from egxds.cli.options import WatchForm
from egxds.cli.output import FINDINGS, UNREACHED, write_line, write_message
from egxds.cli.watched_lines import lines_of

_SILENT_S = 45.0
"""Three times as long as the daemon goes without a word."""

_AGAIN_S = 0.5
_STANDARD_ERROR = 2
_NOT_REACHED = (OSError, ValueError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What is shown, and for how long.

    Attributes:
        form: of each event.
        replayed: how many of the last events come first.
        is_once: end with the next change, as soon as it is known what came of it.
        timeout_s: end after that time, in any case.
        command: is run as soon as somebody listens to what comes of it.
    """

    form: WatchForm = WatchForm.TABLE
    replayed: int = 0
    is_once: bool = False
    timeout_s: float = math.inf
    command: tuple[str, ...] = ()


def watch(address: str, options: WatchOptions) -> int:
    """Print events until there is a reason to end.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        options: which, and for how long.

    Returns:
        The exit status: 3 where the daemon cannot be asked, 1 where the command fails, and with `--once` where the
        change was refused or did not come in time.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    events, command = _Events(address, options), options.command
    try:
        for event in events.all():
            _show(event, options.form)
            if command and not _is_done(command):
                return FINDINGS
            command = ()
            status = _end_of_change(event) if options.is_once else None
            if status is not None:
                return status
    except KeyboardInterrupt:
        return 0
    if not events.has_listened:
        return UNREACHED
    return FINDINGS if options.is_once else 0


class _Events:
    """The events of a daemon, over as many connections as it takes.

    Attributes:
        has_listened: whether there was a connection.
    """

    def __init__(self, address: str, options: WatchOptions) -> None:
        self.has_listened = False
        self._address = address
        self._path = f"/api/v1/events?replay={options.replayed}"
        self._ends_at_s = time.monotonic() + options.timeout_s
        self._last_id = ""

    def all(self) -> Iterator[Any]:
        """Yield them until the time is over, or the daemon cannot be asked for the first time."""
        was_gone = False
        while (left_s := self._left_s()) > 0:
            try:
                with event_stream(self._address, self._path, self._last_id, min(_SILENT_S, left_s)) as stream:
                    self.has_listened = True
                    if was_gone:
                        write_message(f"the daemon at {self._address} is back")
                    was_gone = False
                    yield from self._of(stream)
                reason = "the stream has ended"
            except _NOT_REACHED as err:
                reason = str(err)
            if not self.has_listened:
                write_message(f"cannot ask the daemon at {self._address}: {reason}; is that its admin.address?")
                return
            if not was_gone and self._left_s() > 0:
                write_message(f"the daemon at {self._address} is gone ({reason}); waiting for it")
            was_gone = True
            time.sleep(max(min(_AGAIN_S, self._left_s()), 0.0))

    def _of(self, stream: EventStream) -> Iterator[Any]:
        while (left_s := self._left_s()) > 0 and (event := stream.next(min(_SILENT_S, left_s))) is not None:
            event_id, data = event
            self._last_id = event_id or self._last_id
            if data:
                yield json.loads(data)

    def _left_s(self) -> float:
        return self._ends_at_s - time.monotonic()


def _is_done(command: tuple[str, ...]) -> bool:
    """Run a command, and tell whether it did what it was to do; what it prints is not ours, and goes beside it."""
    try:
        status = subprocess.run(command, stdout=_STANDARD_ERROR, check=False).returncode  # noqa: S603 the user's own
    except OSError as err:
        write_message(f"cannot run {command[0]!r}: {err.strerror}")
        return False
    if status:
        write_message(f"{command[0]!r} ends with status {status}")
    return not status


def _show(event: Any, form: WatchForm) -> None:
    if form is WatchForm.TABLE:
        for line in lines_of(event):
            write_line(line)
    elif event["event"] != "hello":
        # In ASCII, which is DEL at worst.
        write_line(json.dumps(event).replace("\x7f", "\\u007f"))
    sys.stdout.flush()


def _end_of_change(event: Any) -> int | None:
    """Return the status to end with, where it is known by this event what came of a change; None where it is not."""
    kind = event["event"]
    if kind == "taken" or (kind == "change" and event["generation"] is None):
        return 0
    is_error = kind == "problems" and any(one["severity"] == "error" for one in event["appeared"])
    return FINDINGS if is_error or (kind == "refused" and event["begunCount"]) else None
