"""Tells systemd how the daemon is doing. Where there is no systemd, nothing happens.

Source: sd_notify(3), sd_watchdog_enabled(3), systemd.service(5).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Self

import anyio

from egxds.telemetry import log


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
        self._is_ready = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read what the service manager handed over: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
        limit_us = environment.get("WATCHDOG_USEC", "")
        is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        # Twice within the limit, as sd_watchdog_enabled(3) advises.
        interval_s = int(limit_us) / 2_000_000 if limit_us.isdigit() and is_for_us else None
        return cls(environment.get("NOTIFY_SOCKET"), interval_s)

    def ready(self) -> None:
        """Say that the daemon serves, at first or after a reload; to say it once more says nothing."""
        if not self._is_ready:
            self._is_ready = True
            self._send("READY=1")

    def reloading(self) -> None:
        """Say that a reload began; `ready` ends it."""
        self._is_ready = False
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the daemon is on its way out."""
        self._send("STOPPING=1")

    async def keep_alive(self) -> None:
        """Say that the event loop turns, as often as the manager wants to hear it; return if it does not."""
        if not self._address or not self._watchdog_interval_s:
            return
        while True:
            self._send("WATCHDOG=1")
            await anyio.sleep(self._watchdog_interval_s)

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
