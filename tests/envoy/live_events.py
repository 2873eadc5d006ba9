"""Listens to the events of a daemon, as a script would."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.envoy.daemon import Daemon
from tests.envoy.waiting import wait_for

Event = dict[str, Any]


class LiveEvents:
    """All events from the first on, until it is stopped."""

    def __init__(self, daemon: Daemon) -> None:
        host, _, port = daemon.settings["admin"]["address"].rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port))
        self._thread = threading.Thread(target=self._listen)
        self._seen: list[Event] = []
        self.has_ended = False

    def wait(self, kind: str, holds: Callable[[Event], bool] = bool) -> Event:
        """Return the first event of a kind of which something holds, once there is one."""

        def found() -> Event | None:
            return next((one for one in tuple(self._seen) if one["event"] == kind and holds(one)), None)

        event = wait_for(found, f"an event {kind!r}")
        assert event is not None
        return event

    def __enter__(self) -> Self:
        self._connection.request("GET", "/api/v1/events?replay=500")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(2)
        self._thread.join()
        self._connection.close()

    def _listen(self) -> None:
        response = self._connection.getresponse()
        for line in response:
            if line.startswith(b"data: "):
                self._seen.append(json.loads(line.removeprefix(b"data: ")))
        self.has_ended = True
