"""`python -m egxds` and the `egxds` command.

Signals first, then standard streams, and then the rest, which takes most of a second to import: a daemon that is told
to reload or to end in that time does what it always does. Before it has started there is nothing to reload, and nothing
to drain. For the first process of a container the kernel throws away a signal that nobody handles, so before they are
handled nothing is imported. The start of the interpreter is left, and what it does to find this module: some 50 ms.
A signal that is blocked is kept by the kernel, also for the first process, so the image starts egxds with signals
blocked (`env --block-signal` in the Dockerfile), and they are let in here as soon as somebody answers them.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_DAEMONS = (["serve"], ["up"], ["extension", "serve"])


def main() -> None:
    """Run the command line."""
    if any(sys.argv[1 : 1 + len(words)] == words for words in _DAEMONS):
        _run_daemon()
    else:
        _run_command()


def _run_daemon() -> None:
    # They are answered here until the daemon does.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGHUP, _do_nothing)
    _let_in()
    from egxds.standard_streams import daemon, descriptors  # noqa: PLC0415 after the signals

    descriptors.open_missing()
    daemon.queue_lines()
    try:
        _run()
    except SystemExit as end:
        daemon.write_rest()
        # The interpreter would wait for threads, of which one may be in the middle of a long load.
        os._exit(end.code if isinstance(end.code, int) else 0)


def _run_command() -> None:
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    _let_in()
    from egxds.standard_streams import command, descriptors  # noqa: PLC0415 after the signals

    descriptors.open_missing()
    command.open_streams()
    try:
        _run()
    finally:
        sys.stdout.flush()


def _run() -> None:
    from egxds.cli.application import application  # noqa: PLC0415 after the signals

    application(prog_name="egxds")


def _let_in() -> None:
    """Have signals delivered that whoever started this blocked; a child process would inherit that they are."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Ignore a signal, as SIG_IGN does, but not for child processes."""


def _end(_number: int, _frame: FrameType | None) -> None:
    # An exception would be raised wherever an import happens to be, and might be caught there.
    os._exit(0)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    # The first process of a container is not ended by a signal that nobody handles.
    os._exit(128 + number)


if __name__ == "__main__":
    main()
