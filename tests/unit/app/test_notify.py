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

from egxds.app.notify import Look, Notifier

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
        (lambda notifier: notifier.stopping("bye"), "STOPPING=1\nSTATUS=bye"),
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
    state, began, status = receive().split("\n")
    assert status == "STATUS=reading everything again"
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


WELL = Look("serving 1 Gateway to 0 Envoys")
BUSY = Look("reading files", is_at_work=True)
STUCK = Look("reading files", "reading files: nothing has come of it for 20 s", is_at_work=True)


def heard(
    manager: tuple[str, Receive],
    count: int,
    look: Callable[[], Look],
    environment: dict[str, str] | None = None,
    before: Callable[[Notifier], None] = Notifier.ready,
) -> list[str]:
    """The first messages of a daemon, from what was said before its task began."""
    address, receive = manager
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": address, **(environment or {})})

    async def listen() -> list[str]:
        async with anyio.create_task_group() as tasks:
            before(notifier)
            tasks.start_soon(notifier.work, look)
            said = [await anyio.to_thread.run_sync(receive) for _ in range(count)]
            tasks.cancel_scope.cancel()
        return said

    return anyio.run(listen)


def looks(*seen: Look) -> Callable[[], Look]:
    """One look after the other; the last one again and again."""
    left = list(seen)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


WATCHDOG = {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}


def test_watchdog_is_fed_while_all_gets_on(manager: tuple[str, Receive]) -> None:
    """With a watchdog, the manager hears again and again that the daemon gets on."""
    assert heard(manager, 5, lambda: WELL, WATCHDOG) == [
        "READY=1",
        "WATCHDOG=1",
        f"STATUS={WELL.status}",
        "WATCHDOG=1",
        "WATCHDOG=1",
    ]


def test_watchdog_is_not_fed_while_something_is_stuck(manager: tuple[str, Receive]) -> None:
    """What is stuck is said in the status and once in the log, and no sign of life comes until it gets on again."""
    with structlog.testing.capture_logs() as logs:
        said = heard(manager, 5, looks(WELL, STUCK, STUCK, STUCK, WELL), WATCHDOG)
    assert said == [
        "READY=1",
        "WATCHDOG=1",
        f"STATUS={WELL.status}",
        f"STATUS=stuck: {STUCK.fault}",
        "WATCHDOG=1",
    ]
    assert [(line["event"], line["error"]) for line in logs] == [("app.stuck", STUCK.fault)]


@pytest.mark.parametrize(
    "watchdog", [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}]
)
def test_no_watchdog_unless_asked(manager: tuple[str, Receive], watchdog: dict[str, str]) -> None:
    """Without a watchdog, or with one for another process, the manager hears of the status alone, when it changes."""
    other = Look("serving 2 Gateways to 0 Envoys")
    said = heard(manager, 3, looks(WELL, other), watchdog)
    assert said == ["READY=1", f"STATUS={WELL.status}", f"STATUS={other.status}"]


def nothing(_notifier: Notifier) -> None:
    """Say nothing."""


@pytest.mark.parametrize(
    ("before", "seen", "said"),
    [
        (nothing, BUSY, ["EXTEND_TIMEOUT_USEC=20000000", "STATUS=reading files", "EXTEND_TIMEOUT_USEC=20000000"]),
        (Notifier.reloading, BUSY, ["RELOADING=1", "EXTEND_TIMEOUT_USEC=20000000", "EXTEND_TIMEOUT_USEC=20000000"]),
        (
            lambda notifier: notifier.stopping("stopping"),
            WELL,
            ["STOPPING=1", "EXTEND_TIMEOUT_USEC=20000000", "EXTEND_TIMEOUT_USEC=20000000"],
        ),
    ],
    ids=["a long first load", "a long reload", "a long drain"],
)
def test_the_manager_waits_while_something_is_done(
    manager: tuple[str, Receive], before: Callable[[Notifier], None], seen: Look, said: list[str]
) -> None:
    """What takes long is not ended in the middle: as long as it gets on, more time is asked for."""
    messages = heard(manager, 3, lambda: seen, before=before)
    assert [message.splitlines()[0] for message in messages] == said


@pytest.mark.parametrize("seen", [Look("not loaded"), STUCK], ids=["waits for nothing", "stuck"])
def test_the_manager_does_not_wait_for_nothing(manager: tuple[str, Receive], seen: Look) -> None:
    """A start that does not get on is left to the manager's own patience."""
    said = heard(manager, 2, looks(seen, WELL), before=nothing)
    assert [message.partition("=")[0] for message in said] == ["STATUS", "STATUS"]


def test_who_stops_is_not_ready_again(manager: tuple[str, Receive]) -> None:
    """Once it stops, a daemon is not ready again."""
    address, receive = manager
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": address})
    notifier.stopping("stopping: taking leave of 2 Envoys")
    notifier.ready()
    notifier.stopping("the end")
    assert [receive().splitlines()[1] for _ in range(2)] == [
        "STATUS=stopping: taking leave of 2 Envoys",
        "STATUS=the end",
    ]


def test_without_a_manager_nothing_happens() -> None:
    """Started by hand, the daemon tells nobody, watchdog or not."""
    with structlog.testing.capture_logs() as logs:
        notifier = Notifier.from_environment({"WATCHDOG_USEC": "20000"})
        notifier.ready()
        anyio.run(notifier.work, lambda: WELL)
    assert logs == []


def test_a_manager_that_is_gone_is_logged(tmp_path: Path) -> None:
    """A message that cannot be delivered is said in the log; the service goes on."""
    with structlog.testing.capture_logs() as logs:
        Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone.sock")}).ready()
    assert [entry["event"] for entry in logs] == ["app.notify_failed"]
