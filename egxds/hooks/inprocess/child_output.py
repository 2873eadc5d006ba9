"""What a child prints and logs, as lines of our log. Awaits and logs.

It is read at a pace: a child that prints without end waits for us, and not we for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio
from anyio.abc import ByteReceiveStream

from egxds.cut_text import cut
from egxds.extension import child_messages as messages
from egxds.telemetry import log

LINES_PER_S = 200
"""That are written; what is more is counted."""

_CHARACTERS = 2_000
_CHUNK_BYTES = 64 * 1024
_PAUSE_S = 0.02
_LONGEST_LINE_BYTES = 64 * 1024


class ChildOutput:
    """What the children of one extension say."""

    def __init__(self, manager: str) -> None:
        """Prepare.

        Args:
            manager: name of the extension manager.
        """
        self._manager = manager
        self._second = 0
        self._lines = 0
        self._lost = 0

    def told(self, report: messages.Report) -> None:
        """Write what a child reported."""
        match report:
            case messages.Logged():
                said = {"manager": self._manager, "logger": report.logger, "text": cut(report.text, _CHARACTERS)}
                say = partial(log.log, report.level)
                say("hook.message", **said, **({"traceback": report.traceback} if report.traceback else {}))
            case messages.Raised():
                log.warning("hook.raised", manager=self._manager, error=report.message, traceback=report.traceback)
            case messages.Lost():
                log.warning("hook.output_lost", manager=self._manager, lines=report.records)

    async def read(self, stream: ByteReceiveStream, name: str, seen: Callable[[bytes], None]) -> None:
        """Write what a child prints until it ends.

        Args:
            stream: the other end of its standard output, or standard error.
            name: which.
            seen: is told each line.
        """
        begun = b""
        while True:
            try:
                chunk = await stream.receive(_CHUNK_BYTES)
            except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
                break
            *lines, begun = (begun + chunk).split(b"\n")
            for line in lines:
                seen(line)
                self._printed(line, name)
            if len(begun) > _LONGEST_LINE_BYTES:
                self._printed(begun, name)
                begun = b""
            if len(lines) > 1:
                await anyio.sleep(_PAUSE_S)
        if begun:
            self._printed(begun, name)

    def _printed(self, line: bytes, stream: str) -> None:
        second = int(anyio.current_time())
        if second != self._second:
            lost, self._second, self._lines, self._lost = self._lost, second, 0, 0
            if lost:
                log.warning("hook.output_lost", manager=self._manager, lines=lost)
        self._lines += 1
        if self._lines > LINES_PER_S:
            self._lost += 1
            return
        text = cut(line.decode(errors="backslashreplace"), _CHARACTERS)
        say = log.info if stream == "stdout" else log.warning
        say("hook.output", manager=self._manager, stream=stream, text=text)
