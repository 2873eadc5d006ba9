"""One child process that runs hooks: starts it, speaks to it, watches what it uses, and ends it. Awaits, reads /proc.

    STARTING -- it says that it is ready -----------------------> SERVING
    STARTING -- it says that it cannot be, or is too late -------> ENDED, with its words
    SERVING --- it ends, or its connections break ---------------> ENDED: killed by a signal, or its exit status
    SERVING --- it uses more memory than it may, it works though
                nobody asks, or it does not even say that it is
                there --------------------------------------------> killed; ENDED, with that
    any ------- `run` is cancelled, or `kill` is called ------------> killed; ENDED

Memory is what is resident, and looked at ten times a second. RLIMIT_AS would count addresses, of which threads and the
C library take hundreds of megabytes and use few, and a process at such a limit stays there and fails in every call;
one that was ended gives everything back. For what is asked for at once, and faster than anybody can look, there is
RLIMIT_DATA beyond that (`egxds.extension.child`).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from asyncio import get_running_loop
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, Process

from egxds.errors import FailureReason
from egxds.extension import child_messages as messages
from egxds.generated.grpc.health.v1 import HealthCheckRequest, HealthStub
from egxds.grpc.client_stream import BoundedCalls
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.inprocess.child_connections import ChildConnections
from egxds.hooks.inprocess.child_output import ChildOutput
from egxds.hooks.inprocess.process_use import cpu_s, resident_bytes
from egxds.hooks.remote.client import ExtensionClient
from egxds.settings.extension_service import ExtensionService, RetrySettings, UnixAddress
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import log_level

_LOOK_EVERY_S = 0.1
_LOOKS_PER_SECOND = 10
_IDLE_SHARE = 0.5
_IDLE_SECONDS = 10
_LOAD_SLACK_S = 5.0
_SILENCE_S = 2.0
_END_LIMIT_S = 2.0
_NO_LIMIT_S = 24 * 3600.0
"""The child keeps the deadlines, for only it knows when a call begins."""

_HEALTH_BYTES = 4096
_MUCH_BYTES = 32 * 1024
_PAUSE_S = 0.02
_MIB = 1024 * 1024

_CRASH = b"Fatal Python error"
_FRAME = re.compile(rb'  File "(.+)", line (\d+) in (.+)')


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A process ended while it was asked.

    Attributes:
        why: for people.
    """

    why: str


class Child:
    """One process.

    Attributes:
        is_ready: it serves.
        failed: what it said where it could not be loaded.
        why_ended: for people; empty while it runs.
        why_worn: why another one should take its place; empty where it need not.
        own_files: prefixes of the files that are the extension's.
        notes: functions that are never called, a sentence for each.
        calls: that are under way.
        asked: calls that were ever begun.
        begun: set when it began to load the user's code, or will not.
        decided: set when it is ready, or will not be.
        ended: set when it has ended.
        worn: set when another one should take its place.
    """

    def __init__(self, manager: ExtensionManager, base: Path, output: ChildOutput) -> None:
        """Prepare; nothing is started yet.

        Args:
            manager: what it is to run, and what it may use.
            base: directory that relative paths of the settings start from.
            output: where what it says goes.
        """
        self.is_ready = False
        self.failed: messages.Failed | None = None
        self.why_ended = ""
        self.why_worn = ""
        self.own_files: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.calls = 0
        self.asked = 0
        self.begun = anyio.Event()
        self.decided = anyio.Event()
        self.ended = anyio.Event()
        self.worn = anyio.Event()
        self._manager = manager
        self._base = base
        self._output = output
        self._process: Process | None = None
        self._control: socket.socket | None = None
        self._why_killed = ""
        self._crash_place = ""
        server = _as_server(manager)
        self._connections = ChildConnections(server, self._new_connection)
        self._client = ExtensionClient(server, connections=self._connections)

    async def run(self) -> None:
        """Start it, and return when it has ended; a cancelled call ends it."""
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            with theirs:
                self._process = await self._open(theirs)
            self._control = ours
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read_control, ours)
                tasks.start_soon(self._watch)
                for stream, name in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr")):
                    if stream is not None:
                        tasks.start_soon(self._read_output, stream, name)
                await self._process.wait()
                # What it said last is read; a program that it started may keep the pipes open.
                with anyio.move_on_after(_LOOK_EVERY_S):
                    await anyio.sleep_forever()
                tasks.cancel_scope.cancel()
        except OSError as err:
            self.failed = messages.Failed(f"cannot start a process: {err.strerror}", is_in_settings=False)
        finally:
            with anyio.CancelScope(shield=True):
                await self._conclude(ours)

    async def _open(self, theirs: socket.socket) -> Process:
        service = self._manager.service
        settings = messages.ChildSettings(
            target=service.python or "",
            path=tuple(str((self._base / path).absolute()) for path in service.path),
            hooks=tuple(hook.value for hook in self._manager.hooks.xds_translator.post),
            call_s=self._manager.call_timeout,
            load_s=service.load_timeout,
            message_bytes=self._manager.max_message_size,
            memory_bytes=service.limits.memory,
            log_level=log_level(),
            control=theirs.fileno(),
            parent=os.getpid(),
            python_path=tuple(sys.path),
        )
        command = [sys.executable, "-P", "-m", "egxds.extension.child", messages.encode(settings)]
        return await anyio.open_process(
            command,
            stdin=subprocess.DEVNULL,
            # It finds egxds where we did, whatever has changed sys.path since.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            pass_fds=(theirs.fileno(),),
        )

    async def _conclude(self, control: socket.socket) -> None:
        self.kill("was ended")
        if self._process is not None:
            await self._process.wait()
            self.why_ended = self._why_killed or _how_ended(self._process.returncode or 0) + self._crash_place
        else:
            self.why_ended = self.failed.message if self.failed else "was not started"
        self._control = None
        control.close()
        await self._client.aclose()
        self.ended.set()
        self.begun.set()
        self.decided.set()

    def kill(self, why: str) -> None:
        """End it and what it has started; it may be in the middle of anything.

        Args:
            why: for people.
        """
        if self._process is None or self._process.returncode is not None:
            return
        self._why_killed = self._why_killed or why
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def call(self, call: HookCall) -> HookReply | HookFailure | ChildEnded:
        """Make one call; the child keeps the deadline."""
        self.calls += 1
        self.asked += 1
        try:
            outcome = await self._client.call(call)
        finally:
            self.calls -= 1
        if isinstance(outcome, HookReply):
            return outcome
        if outcome.reason is FailureReason.CONNECT:
            return ChildEnded(await self._end_reason())
        return _as_of_a_function(outcome)

    async def _end_reason(self) -> str:
        with anyio.move_on_after(_END_LIMIT_S):
            await self.ended.wait()
        self.kill("broke its connection")
        with anyio.move_on_after(_END_LIMIT_S):
            await self.ended.wait()
        return self.why_ended

    def _new_connection(self) -> socket.socket:
        """Return our end of a connection to it.

        Raises:
            OSError: it has ended, or takes none.
        """
        if self._control is None:
            raise OSError(f"the process {self.why_ended or 'has not been started'}")
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            try:
                socket.send_fds(self._control, [messages.CONNECTION], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    async def _read_control(self, control: socket.socket) -> None:
        loop = get_running_loop()
        begun = b""
        while True:
            try:
                chunk = await loop.sock_recv(control, 64 * 1024)
            except OSError:
                chunk = b""
            if not chunk:
                return
            *lines, begun = (begun + chunk).split(b"\n")
            for line in lines:
                self._hear(messages.decode_report(line))
            begun = begun[-messages.MAX_LINE_BYTES :]
            if len(chunk) > _MUCH_BYTES:
                # Who says so much waits for us, and not we for him.
                await anyio.sleep(_PAUSE_S)

    def _hear(self, report: messages.Report | None) -> None:
        match report:
            case messages.Importing():
                self.begun.set()
            case messages.Ready():
                self.own_files, self.notes = report.own_files, report.notes
                self.is_ready = True
                self.decided.set()
            case messages.Failed():
                self.failed = report
                self.begun.set()
                self.decided.set()
            case messages.Worn():
                self.why_worn = report.why
                self.worn.set()
            case messages.OutOfMemory():
                limit = self._manager.service.limits.memory // _MIB
                self._why_killed = f"had no memory left (limits.memory {limit} MiB): {report.place}"
            case None:
                pass
            case _:
                self._output.told(report)

    async def _read_output(self, stream: ByteReceiveStream, name: str) -> None:
        await self._output.read(stream, name, self._look_for_place)

    def _look_for_place(self, line: bytes) -> None:
        """Remember the line of the extension that a crash was in, which `faulthandler` writes from the inside out."""
        if line.startswith(_CRASH):
            self._crash_place = ""
        found = _FRAME.match(line)
        if found is not None and not self._crash_place:
            file, number, function = (part.decode(errors="backslashreplace") for part in found.groups())
            if file.startswith(self.own_files):
                self._crash_place = f" at {file}:{number} in {function}"

    async def _watch(self) -> None:
        """Look what it uses, and whether it is there."""
        process = self._process
        if process is None:
            return
        with anyio.move_on_after(self._manager.service.load_timeout + _LOAD_SLACK_S):
            await self.decided.wait()
        if not self.decided.is_set():
            self.failed = messages.Failed("cannot be loaded: it did not say in time that it is", is_in_settings=False)
            self.kill("did not say in time that it is ready")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_use, process)
            tasks.start_soon(self._watch_health)

    async def _watch_use(self, process: Process) -> None:
        limit_bytes = self._manager.service.limits.memory
        idle_looks, used_s, was_called = 0, cpu_s(process.pid), True
        while True:
            for _ in range(_LOOKS_PER_SECOND):
                await anyio.sleep(_LOOK_EVERY_S)
                was_called = was_called or self.calls > 0
                used_bytes = resident_bytes(process.pid)
                if used_bytes > limit_bytes:
                    used, limit = used_bytes // _MIB, limit_bytes // _MIB
                    self.kill(f"used {used} MiB of memory and limits.memory is {limit} MiB")
            before_s, used_s = used_s, cpu_s(process.pid)
            is_spending = not was_called and used_s - before_s >= _IDLE_SHARE
            idle_looks = idle_looks + 1 if is_spending else 0
            was_called = False
            if idle_looks >= _IDLE_SECONDS:
                self.kill(f"was busy for {_IDLE_SECONDS} s though nothing was asked of it")

    async def _watch_health(self) -> None:
        """Find out whether its event loop turns at all: code in C may hold the interpreter for good."""
        limit_s = self._manager.call_timeout + _SILENCE_S
        while True:
            await anyio.sleep(_LOOK_EVERY_S * 5)
            if not self.calls:
                continue
            with anyio.move_on_after(limit_s) as scope:
                # In a task of its own: grpclib cancels the task of a call whose connection breaks.
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._hear_from_it)
            if scope.cancelled_caught:
                self.kill(f"did not move for {limit_s:g} s: something in it holds the interpreter")

    async def _hear_from_it(self) -> None:
        with contextlib.suppress(Exception):  # it has ended, which is noticed elsewhere
            connection = await self._connections.borrow()
            try:
                await BoundedCalls(connection.channel, _HEALTH_BYTES).stub(HealthStub).check(HealthCheckRequest())
            finally:
                self._connections.give_back(connection)


def _as_server(manager: ExtensionManager) -> ExtensionManager:
    """Return the settings of a server that never keeps one waiting: the child decides on that, and on tries."""
    retry = RetrySettings.model_validate({"maxAttempts": 1})
    service = ExtensionService(unix=UnixAddress(path="the process of the hooks"), retry=retry)
    return manager.model_copy(update={"service": service, "timeout": _NO_LIMIT_S})


def _as_of_a_function(failure: HookFailure) -> HookFailure:
    """Say as of a function what a server said of it."""
    _, _, words = failure.message.partition(": ")
    match failure.status:
        case "INTERNAL":
            return HookFailure(FailureReason.INVALID, words)
        case "DEADLINE_EXCEEDED" | "UNAVAILABLE":
            return HookFailure(FailureReason.DEADLINE, words, "DEADLINE_EXCEEDED")
        case _:
            return failure


def _how_ended(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
