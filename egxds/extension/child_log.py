"""What a child that runs hooks says to the daemon, and how its `logging` says it. Starts no threads; may block.

What code of the user's logs keeps its logger's name and its level. So much a second is taken, and what is more is
counted: the daemon has better things to do than to read it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import traceback

from egxds.cut_text import cut
from egxds.extension import child_messages as messages

RECORDS_PER_S = 200
_TEXT_CHARACTERS = 2_000
_TRACEBACK_CHARACTERS = 16_000


class ControlSocket:
    """The child's end of the control socket; may be used on any thread."""

    def __init__(self, connected: socket.socket) -> None:
        connected.set_inheritable(False)
        connected.setblocking(True)
        self._socket = connected
        self._lock = threading.Lock()

    def tell(self, report: messages.Report) -> None:
        """Say something to the daemon; where there is none any more, to nobody."""
        line = f"{messages.encode(report)}\n".encode(errors="backslashreplace")
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(line)

    def receive_connection(self) -> socket.socket | None:
        """Wait for a connection to serve; return nothing where there will be none any more."""
        try:
            said, descriptors, _, _ = socket.recv_fds(self._socket, len(messages.CONNECTION), 1)
        except OSError:
            return None
        if not said or not descriptors:
            return None
        return socket.socket(fileno=descriptors[0])


def log_to(control: ControlSocket, level: str) -> None:
    """Have the daemon told what is logged from now on.

    Args:
        control: the way to it.
        level: from which level on.
    """
    logging.basicConfig(handlers=[_Handler(control)], level=level, force=True)
    logging.captureWarnings(capture=True)
    # Libraries of ours say at these levels what is no news to anybody.
    for library in ("grpclib", "hpack", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)


class _Handler(logging.Handler):
    def __init__(self, control: ControlSocket) -> None:
        super().__init__()
        self._control = control
        self._second = 0
        self._records = 0
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        second = int(time.monotonic())
        if second != self._second:
            lost, self._second, self._records, self._lost = self._lost, second, 0, 0
            if lost:
                self._control.tell(messages.Lost(lost))
        self._records += 1
        if self._records > RECORDS_PER_S:
            self._lost += 1
            return
        self._control.tell(_logged(record))


def _logged(record: logging.LogRecord) -> messages.Logged:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 its arguments do not fit, or are of the user's
        text = str(record.msg)
    error = record.exc_info[1] if record.exc_info else None
    trace = "".join(traceback.format_exception(error)) if error is not None else ""
    return messages.Logged(record.name, record.levelno, cut(text, _TEXT_CHARACTERS), cut(trace, _TRACEBACK_CHARACTERS))
