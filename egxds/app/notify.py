"""Tells systemd how the daemon is doing. Where there is no systemd, nothing happens.

    STARTING --- `ready` -------> SERVING      READY=1, once
    SERVING ---- `reloading` ---> RELOADING    RELOADING=1 and since when, as Type=notify-reload needs it (systemd 253)
    RELOADING -- `ready` -------> SERVING
    any -------- `stopping` ----> STOPPING     STOPPING=1

Everything else is said by one task, a second behind what happens and never on the way of an edit:

    STATUS=                what people read in `systemctl status`: one line, sent when it is another one
    WATCHDOG=1             twice within the time that the manager allows, while `vitals` finds no fault
    EXTEND_TIMEOUT_USEC=   while the daemon is not SERVING and gets on: a first load of minutes, silent extensions, and
                           Envoys that take leave are no reason to be ended in the middle of it

The manager's patience is extended only while a thread works or an extension is awaited, or at the end, which has limits
of its own: a start that waits for nothing any more (its files need too much memory) fails when it takes too long.

Source: sd_notify(3), sd_watchdog_enabled(3), systemd.service(5).
"""

from __future__ import annotations

import enum
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import anyio

from egxds.cut_text import cut
from egxds.telemetry import log

LOOK_EVERY_S = 1.0
"""How far the status is behind; a shorter watchdog is fed in time all the same."""

EXTENSION_S = 20.0
"""What is asked for at each look: a few looks may be late, and what gets on no longer is ended soon."""

_LONGEST_STATUS_CHARS = 500


class _Phase(enum.Enum):
    STARTING = "starting"
    SERVING = "serving"
    RELOADING = "reloading"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Look:
    """How the daemon is doing.

    Attributes:
        status: in one line, for people.
        fault: what does not get on; empty where all does.
        is_at_work: something goes on that the manager had better wait for.
    """

    status: str
    fault: str = ""
    is_at_work: bool = False


class Notifier:
    """The way to the service manager.

    Every message is one datagram. One that cannot be delivered is logged: the service goes on without.
    """

    def __init__(self, address: str | None, watchdog_interval_s: float | None = None) -> None:
        """Describe the way; nothing is sent yet.

        Args:
            address: path of the manager's socket, `@` first where it is abstract; None where there is no manager.
            watchdog_interval_s: how often the manager wants to hear that the daemon lives; None for never.
        """
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address
        self._watchdog_interval_s = watchdog_interval_s
        self._pause_s = min(LOOK_EVERY_S, watchdog_interval_s or LOOK_EVERY_S)
        self._phase = _Phase.STARTING
        self._status = ""
        self._fault = ""
        self._next_sign_s = 0.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read what the service manager handed over: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
        limit_us = environment.get("WATCHDOG_USEC", "")
        is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        # Twice within the limit, as sd_watchdog_enabled(3) advises.
        interval_s = int(limit_us) / 2_000_000 if limit_us.isdigit() and is_for_us else None
        return cls(environment.get("NOTIFY_SOCKET"), interval_s or None)

    def ready(self) -> None:
        """Say that the daemon serves, at first or after a reload; to say it once more says nothing."""
        if self._phase in (_Phase.STARTING, _Phase.RELOADING):
            self._phase = _Phase.SERVING
            self._send("READY=1")

    def reloading(self) -> None:
        """Say that a reload began; `ready` ends it."""
        self._phase, self._status = _Phase.RELOADING, "reading everything again"
        began_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={began_us}\nSTATUS={self._status}")

    def stopping(self, status: str) -> None:
        """Say that the daemon is on its way out.

        Args:
            status: what is left to do, for people; stays the last one.
        """
        self._phase, self._status = _Phase.STOPPING, status
        self._send(f"STOPPING=1\nSTATUS={status}")

    async def work(self, look: Callable[[], Look]) -> None:
        """Say how the daemon is doing, again and again; until cancelled, or at once where nobody wants to hear it.

        Args:
            look: says how it is doing now, at no cost.
        """
        if not self._address:
            return
        while True:
            self._tell(look(), anyio.current_time())
            await anyio.sleep(self._pause_s)

    def _tell(self, seen: Look, now_s: float) -> None:
        if seen.fault:
            self._complain(seen.fault)
        else:
            self._fault = ""
            self._sign_of_life(now_s)
        if self._phase is _Phase.STOPPING or (self._phase is not _Phase.SERVING and seen.is_at_work and not seen.fault):
            self._extend()
        if seen.fault or self._phase in (_Phase.STARTING, _Phase.SERVING):
            self._say(f"stuck: {seen.fault}" if seen.fault else seen.status)

    def _complain(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            log.error("app.stuck", error=fault)

    def _sign_of_life(self, now_s: float) -> None:
        if self._watchdog_interval_s and now_s >= self._next_sign_s:
            self._next_sign_s = now_s + self._watchdog_interval_s - self._pause_s
            self._send("WATCHDOG=1")

    def _extend(self) -> None:
        self._send(f"EXTEND_TIMEOUT_USEC={EXTENSION_S * 1_000_000:.0f}")

    def _say(self, status: str) -> None:
        status = cut(" ".join(status.split()), _LONGEST_STATUS_CHARS)
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.setblocking(False)
                manager.connect(self._address)
                manager.send(message.encode())
        except OSError as err:
            log.warning("app.notify_failed", message=message, error=str(err))
