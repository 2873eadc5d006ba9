"""`python -m egxds.extension.child`: runs hooks in a process of their own, as a child of the daemon.

It is started and replaced by the daemon (`egxds.hooks.inprocess.child_process`), which speaks to it as to any extension
server, over socket pairs that it hands over on the control socket. Nothing of the daemon's is open here but that, and
two pipes for what is printed.

It ends with the daemon, in three ways of which one always works: the kernel kills it when its parent dies (Linux); it
sees the end of the control socket, on a thread of its own; it is told to.

Whatever the hooks do to this process, it is this process's end: that is what it is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import gc
import os
import resource
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path

import anyio

from egxds.errors import StartError
from egxds.extension import child_messages as messages
from egxds.extension.asking import FunctionAsker
from egxds.extension.child_log import ControlSocket, log_to
from egxds.extension.loading import Loaded, NotLoadedError, load
from egxds.extension.places import OwnFiles
from egxds.extension.server import ExtensionServer, ServerLimits
from egxds.settings.extensions import Hook

NO_MEMORY_STATUS = 76
NOT_LOADED_STATUS = 77

WORN_THREADS = 16
"""Threads that are blocked from which on a fresh process is better."""

_LOOK_EVERY_S = 0.5
_PR_SET_PDEATHSIG = 1
_MEMORY_SLACK_BYTES = 256 * 1024 * 1024
"""Between the limit that the daemon watches, of memory that is in use, and that of the kernel, of what was asked for:
stacks of threads, and what the C library holds ready, are asked for and never used."""


def main() -> None:
    """Load, serve, and end with the daemon."""
    settings = messages.decode_settings(sys.argv[1])
    _die_with(settings.parent)
    # Not for a program that the hooks start.
    control = ControlSocket(socket.socket(fileno=settings.control))
    sys.argv = sys.argv[:1]
    sys.path[:] = settings.python_path
    os.environ.pop("PYTHONPATH", None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The daemon reads the place of a crash from it.
    faulthandler.enable(all_threads=False)
    log_to(control, settings.log_level)
    _limit_memory(settings.memory_bytes)
    control.tell(messages.Importing())
    _serve(settings, _load(settings, control), control)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It was gone before the kernel knew our wish.
        os._exit(0)


def _limit_memory(limit_bytes: int | None) -> None:
    if limit_bytes is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = limit_bytes + _MEMORY_SLACK_BYTES
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _load(settings: messages.ChildSettings, control: ControlSocket) -> Loaded:
    """Load the user's code on this thread, as Python programs are; another one looks at the clock."""
    main_thread = threading.get_ident()
    own = OwnFiles(tuple(f"{each}/" for each in settings.path))

    def too_late() -> None:
        place = own.blocked_at(main_thread)
        where = f"; it is at {place}" if place else ""
        _fail(control, f"cannot be loaded: not done within {settings.load_s:g} s (service.loadTimeout){where}")

    clock = threading.Timer(settings.load_s, too_late)
    clock.daemon = True
    clock.start()
    try:
        return load(settings.target, map(Path, settings.path), tuple(map(Hook, settings.hooks)))
    except StartError as err:
        _fail(control, str(err), is_in_settings=True)
    except NotLoadedError as err:
        _fail(control, str(err))
    finally:
        clock.cancel()
    raise AssertionError("_fail does not return")


def _fail(control: ControlSocket, message: str, *, is_in_settings: bool = False) -> None:
    control.tell(messages.Failed(message, is_in_settings))
    _end(NOT_LOADED_STATUS)


def _end(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    # The interpreter would wait for threads of the user's.
    os._exit(status)


def _serve(settings: messages.ChildSettings, loaded: Loaded, control: ControlSocket) -> None:
    # What was imported lives on.
    gc.collect()
    gc.freeze()
    anyio.run(_Served(settings, loaded, control).run, backend_options={"use_uvloop": True})


class _Served:
    """The hooks, once they are loaded."""

    def __init__(self, settings: messages.ChildSettings, loaded: Loaded, control: ControlSocket) -> None:
        self._control = control
        self._asker = FunctionAsker(loaded.functions, "hooks", loaded.own_files, self._raised)
        self._limits = ServerLimits(settings.message_bytes, settings.call_s)
        self._own_files = loaded.own_files
        self._notes = loaded.notes
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the daemon ends, or ends this."""
        loop = asyncio.get_running_loop()
        server = ExtensionServer(self._asker, self._limits)
        receive = partial(self._receive, loop, server)
        threading.Thread(target=receive, name="control socket", daemon=True).start()
        self._control.tell(messages.Ready(self._own_files.directories, self._notes))
        told = ""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            why = self._asker.worn(WORN_THREADS)
            if why and not told:
                self._control.tell(messages.Worn(why))
            told = why

    def _receive(self, loop: asyncio.AbstractEventLoop, server: ExtensionServer) -> None:
        """Take connections, on a thread that sees the daemon's end whatever the others do."""
        while (connected := self._control.receive_connection()) is not None:
            loop.call_soon_threadsafe(self._serve_connection, server, connected)
        _end(0)

    def _serve_connection(self, server: ExtensionServer, connected: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(server.serve_connection(connected))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    def _raised(self, err: BaseException, message: str, traceback: str) -> None:
        if isinstance(err, MemoryError):
            self._control.tell(messages.OutOfMemory(message))
            _end(NO_MEMORY_STATUS)
        self._control.tell(messages.Raised(message, traceback))


if __name__ == "__main__":
    main()
