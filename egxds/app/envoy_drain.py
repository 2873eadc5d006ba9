"""The end of an Envoy whose connections are given time, over its admin page. Awaits.

As the shutdown manager of Envoy Gateway (v1.9) does it: the Envoy fails its health checks, and asks its clients to go;
once nobody is left, or at the end of the time, it may end. For a shortest time it goes on in any case, since whoever
sends clients needs a moment to hear of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from egxds.model.api.envoy_proxy.process import Shutdown
from egxds.model.api.scalars import duration_s
from egxds.telemetry import log
from egxds.wire.envoy_pages import PageError, fetch_page, order_envoy

_LOOK_EVERY_S = 0.2
_CONNECTIONS = "downstream_cx_active"
"""That of all together (`server.total_connections`) is counted with each flush of statistics only."""
_ORDERS = ("/healthcheck/fail", "/drain_listeners?graceful&skip_exit")


@dataclass(frozen=True, slots=True)
class Drain:
    """How long an Envoy may take to end.

    Attributes:
        admin: address of its admin page.
        least_s: how long it goes on in any case.
        most_s: how long its connections may take.
    """

    admin: str
    least_s: float
    most_s: float

    @classmethod
    def of(cls, admin: str, asked: Shutdown) -> Drain:
        """Return what an EnvoyProxy asks for."""
        return cls(admin, duration_s(asked.min_drain_duration), duration_s(asked.drain_timeout))


async def drained(drain: Drain) -> None:
    """Wait until an Envoy may end; one that does not answer may at once."""
    log.info("app.envoy_draining", least_s=drain.least_s, most_s=drain.most_s)
    begun_s = anyio.current_time()
    try:
        for path in _ORDERS:
            await order_envoy(drain.admin, path)
        while (passed_s := anyio.current_time() - begun_s) < drain.most_s:
            if passed_s >= drain.least_s and not await _connections(drain.admin):
                return
            await anyio.sleep(min(_LOOK_EVERY_S, drain.most_s - passed_s))
    except PageError as err:
        log.warning("app.envoy_not_drained", error=str(err))


async def _connections(admin: str) -> int:
    page = (await fetch_page(admin, f"/stats?filter={_CONNECTIONS}")).decode(errors="replace")
    return sum(int(line.rpartition(":")[2]) for line in page.splitlines() if _is_of_clients(line))


def _is_of_clients(line: str) -> bool:
    """Tell whether a line counts the connections of a Listener; those of the admin page are none of clients'."""
    is_listener = line.startswith("listener.") and not line.startswith("listener.admin.")
    return is_listener and ".worker_" not in line and line.rpartition(":")[2].strip().isdecimal()
