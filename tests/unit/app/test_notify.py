"""Messages to systemd, read from a socket that stands in for it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
import structlog

from egxds.app.notify import Notifier

Receive = Callable[[], str]


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Receive]]:
    """The manager's socket as NOTIFY_SOCKET names it, and a way to read what arrived there."""
    name = str(tmp_path / "notify.sock") if request.param == "path" else f"@egxds-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0"))
        listener.settimeout(10)
        yield name, lambda: listener.recv(4096).decode()


@pytest.mark.parametrize(
    ("say", "message"),
    [
        (Notifier.ready, "READY=1"),
        (Notifier.stopping, "STOPPING=1"),
    ],
)
def test_messages(manager: tuple[str, Receive], say: Callable[[Notifier], None], message: str) -> None:
    """Each state is the message that sd_notify(3) gives it, on sockets with and without a path."""
    address, receive = manager
    say(Notifier.from_environment({"NOTIFY_SOCKET": address}))
    assert receive() == message


def test_reload_carries_its_time(manager: tuple[str, Receive]) -> None:
    """Type=notify-reload needs the monotonic time, in microseconds, at which the reload began."""
    address, receive = manager
    before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier.from_environment({"NOTIFY_SOCKET": address}).reloading()
    state, began = receive().split("\n")
    assert state == "RELOADING=1"
    name, _, at_us = began.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before_us <= int(at_us) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_ready_is_said_once_until_a_reload(manager: tuple[str, Receive]) -> None:
    """A daemon that is ready again and again tells the manager once; a reload starts over."""
    address, receive = manager
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.ready()
    notifier.reloading()
    notifier.ready()
    assert [receive().split("\n")[0] for _ in range(3)] == ["READY=1", "RELOADING=1", "READY=1"]


def test_watchdog_is_fed_until_cancelled(manager: tuple[str, Receive]) -> None:
    """With a watchdog, the manager hears again and again that the event loop turns."""
    address, receive = manager
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}

    async def feed() -> list[str]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Notifier.from_environment(environment).keep_alive)
            heard = [await anyio.to_thread.run_sync(receive) for _ in range(3)]
            tasks.cancel_scope.cancel()
        return heard

    assert anyio.run(feed) == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "watchdog", [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}]
)
def test_no_watchdog_unless_asked(manager: tuple[str, Receive], watchdog: dict[str, str]) -> None:
    """Without a watchdog, or with one for another process, the task ends at once."""
    address, _ = manager
    anyio.run(Notifier.from_environment({"NOTIFY_SOCKET": address, **watchdog}).keep_alive)


def test_without_a_manager_nothing_happens() -> None:
    """Started by hand, the daemon tells nobody, watchdog or not."""
    with structlog.testing.capture_logs() as logs:
        notifier = Notifier.from_environment({"WATCHDOG_USEC": "20000"})
        notifier.ready()
        anyio.run(notifier.keep_alive)
    assert logs == []


def test_a_manager_that_is_gone_is_logged(tmp_path: Path) -> None:
    """A message that cannot be delivered is said in the log; the service goes on."""
    with structlog.testing.capture_logs() as logs:
        Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone.sock")}).ready()
    assert [entry["event"] for entry in logs] == ["app.notify_failed"]
