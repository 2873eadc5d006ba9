"""Wire room: the xDS server, from its settings to the last connection closed."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from egxds.grpc.receive_budget import ReceiveBudget
from egxds.grpc.send_budget import SendBudget
from egxds.grpc.service import BoundedService, ServiceLimits, WatchLimit
from egxds.inspect.status import StatusStore
from egxds.problems import Problem
from egxds.sessions.named_resources import NameLimits
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import XdsSettings, XdsTls
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.telemetry.metrics import begin
from egxds.wire.grpc.arrivals import Entrance
from egxds.wire.grpc.calls import part
from egxds.wire.grpc.certificate_problems import certificate_problems
from egxds.wire.grpc.connection_settings import configuration
from egxds.wire.grpc.limiter import WATCHES, Limiter
from egxds.wire.grpc.server_transport import DrainableServer
from egxds.wire.grpc.tls import ServerTls
from egxds.wire.listen import BoundSocket, bind, user_numbers, warn_if_open
from egxds.wire.xds import csds, health
from egxds.wire.xds.admission import Admission
from egxds.wire.xds.ads import AGGREGATED, TYPED, AdsContext, AdsService
from egxds.wire.xds.door import Door
from egxds.wire.xds.health import HealthService
from egxds.wire.xds.newcomers import Newcomers
from egxds.wire.xds.refused_clients import RefusedClients
from egxds.wire.xds.strangers import Strangers, StrangerService

if TYPE_CHECKING:
    from grpclib._typing import IServable

_SETTING = "xds.address"


class Reading(enum.Enum):
    """What came of reading certificates again; the values are the `result` label of a metric."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class XdsServer:
    """Serves what the stores hold to every Envoy that asks.

    Attributes:
        clients: who is connected.
        newcomers: decides about those that come with something else than there is.
        address: where it listens; what the settings say until it does.
    """

    def __init__(self, settings: XdsSettings, stores: Stores, status: StatusStore, metrics: Metrics) -> None:
        """Prepare to serve.

        Args:
            settings: where, with which certificates, and how large a request may be.
            stores: what there is to serve, and to which nodes.
            status: where refusals are remembered, and what the health check goes by.
            metrics: where streams and responses are counted.
        """
        self.clients = Clients(settings.max_response_bytes, NameLimits(size_bytes=settings.limits.name_bytes))
        self.newcomers = Newcomers(lambda: stores.expected)
        self.address = settings.address
        self._settings = settings
        budget = ReceiveBudget(settings.limits.receive_bytes, settings.limits.message_timeout)
        metrics.xds_unfinished_request_bytes.set_function(lambda: budget.held_bytes)
        self._strangers = Strangers(metrics)
        self._refused = RefusedClients(metrics)
        door = Door(Admission(settings.allow), self._refused)
        self._stranger_service = StrangerService(self._strangers, budget)
        limit = settings.max_receive_message_size
        self._limiter = Limiter(settings.limits, metrics)
        begin(metrics.xds_certificate_readings_total, ((result.value,) for result in Reading))
        self._metrics = metrics
        sending = SendBudget(settings.limits.send_bytes)
        metrics.xds_untaken_response_bytes.set_function(lambda: sending.held_bytes)
        told = (self.clients, self._strangers, metrics)
        ended = self._limiter.stream_ended
        context = AdsContext(stores, status, *told, limit, budget, sending, ended, door)
        self._ads = AdsService(
            replace(context, most_age_s=settings.max_connection_age, part=part, newcomers=self.newcomers)
        )
        services = [method.split("/")[1] for method in (AGGREGATED, *TYPED.values())]
        probed = HealthService(status, [*services, csds.SERVICE])
        watches = WatchLimit(settings.limits.watches, WATCHES, self._limiter.refused_watch)
        self._health = BoundedService(probed, ServiceLimits(health.MAX_REQUEST_BYTES, budget, watches))
        at_once = anyio.Semaphore(csds.ANSWERS_AT_ONCE)
        answers = ServiceLimits(csds.MAX_REQUEST_BYTES, budget, watches, at_once, door.check_status)
        self._client_status = BoundedService(csds.ClientStatusService(self.clients), answers)
        self._tls: ServerTls | None = None
        self._server: DrainableServer | None = None
        self._bound: BoundSocket | None = None

    async def start(self, handed: BoundSocket | None = None) -> None:
        """Accept connections; every stream is a task of the event loop that `drain` waits for.

        Args:
            handed: socket to accept them on; None where the one of the settings is to be bound.

        Raises:
            StartError: the address cannot be bound or a certificate cannot be used; the message names the setting.
        """
        self._tls = ServerTls(self._settings.tls, has_read=self._has_read) if self._settings.tls else None
        self._show_expiries()
        users = await to_thread.run_sync(user_numbers, _SETTING, self._settings.socket)
        self._bound = handed or await bind(_SETTING, self._settings.address, self._settings.socket)
        if self._settings.tls is None or self._settings.tls.client_ca_file is None:
            advice = "everybody who reaches it gets the configuration, private keys included: set xds.tls.clientCAFile"
            warn_if_open(_SETTING, self._bound.address, advice)
        services: list[IServable] = [self._ads, self._health, self._client_status, self._stranger_service]
        self._server = DrainableServer(services, configuration(), self._limiter, self._strangers)
        await self._server.listen(self._bound.socket, Entrance(self._refused, self._tls, users))
        self.address = str(self._bound.address)

    def follow(self, tls: XdsTls | None) -> None:
        """Take certificates from other files, for new connections; nothing happens where there is no TLS.

        Args:
            tls: where they are.

        Raises:
            StartError: one of them cannot be used; nothing has changed then.
        """
        if self._tls is not None and tls is not None:
            self._tls.follow(tls)
            self._show_expiries()

    def reload(self) -> str:
        """Read the certificates again for new connections; where they cannot be used, keep the old ones.

        Returns:
            What came of it, for people; empty where there are none.
        """
        if self._tls is None:
            return ""
        self._tls.reload()
        return "those of before stay" if self._tls.fault else "read again"

    def problems(self, now: datetime) -> tuple[Problem, ...]:
        """Look at the certificates, and say what is wrong with them.

        Args:
            now: the time to judge by, with its zone.
        """
        if self._tls is None:
            return ()
        self._tls.look()
        return tuple(certificate_problems(self._tls.settings, self._tls.fault, self._tls.validities(), now))

    def _has_read(self, fault: str) -> None:
        result = Reading.REFUSED if fault else Reading.ACCEPTED
        self._metrics.xds_certificate_readings_total.labels(result=result.value).inc()
        self._show_expiries()

    def _show_expiries(self) -> None:
        # What cannot be told of the new one is not what was known of the old.
        self._metrics.xds_certificate_expiry_timestamp_seconds.clear()
        for key, validity in (self._tls.validities() if self._tls else {}).items():
            gauge = self._metrics.xds_certificate_expiry_timestamp_seconds.labels(setting=f"xds.tls.{key}")
            gauge.set(validity.ends.timestamp())

    def let_go(self, most: int, may_go: Callable[[str], bool]) -> tuple[str, ...]:
        """End the connections of some Envoys that have all that there is for them; see `AdsService.let_go`."""
        return self._ads.let_go(most, may_go)

    async def drain(self, limit_s: float) -> None:
        """Stop: refuse new connections, end every stream with UNAVAILABLE, say GOAWAY, close.

        Args:
            limit_s: how long it may take; what has not ended by then is cut off.
        """
        if self._server is None or self._bound is None:
            return
        self._server.stop_listening()
        self._ads.end()
        self._health.end()
        self._client_status.end()
        await self._server.drain(limit_s)
        await self._bound.remove_file()
