"""Wire room: the xDS server, from its settings to the last connection closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from egxds.errors import StartError
from egxds.grpc.receive_budget import ReceiveBudget
from egxds.grpc.send_budget import SendBudget
from egxds.grpc.service import BoundedService, ServiceLimits, WatchLimit
from egxds.inspect.status import StatusStore
from egxds.sessions.named_resources import NameLimits
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import XdsSettings
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import Metrics, log
from egxds.wire.grpc.connection_settings import configuration
from egxds.wire.grpc.limiter import WATCHES, Limiter
from egxds.wire.grpc.server_transport import DrainableServer
from egxds.wire.grpc.tls import ServerTls
from egxds.wire.listen import BoundSocket, bind, warn_if_open
from egxds.wire.xds import csds, health
from egxds.wire.xds.ads import AGGREGATED, TYPED, AdsContext, AdsService
from egxds.wire.xds.health import HealthService
from egxds.wire.xds.strangers import Strangers, StrangerService

if TYPE_CHECKING:
    from grpclib._typing import IServable

_SETTING = "xds.address"


class XdsServer:
    """Serves what the store holds to every Envoy that asks.

    Attributes:
        clients: who is connected.
        address: where it listens; what the settings say until it does.
    """

    def __init__(self, settings: XdsSettings, store: SnapshotStore, status: StatusStore, metrics: Metrics) -> None:
        """Prepare to serve.

        Args:
            settings: where, with which certificates, and how large a request may be.
            store: what there is to serve.
            status: where refusals are remembered, and what the health check goes by.
            metrics: where streams and responses are counted.
        """
        self.clients = Clients(settings.max_response_bytes, NameLimits(size_bytes=settings.limits.name_bytes))
        self.address = settings.address
        self._settings = settings
        budget = ReceiveBudget(settings.limits.receive_bytes, settings.limits.message_timeout)
        metrics.xds_unfinished_request_bytes.set_function(lambda: budget.held_bytes)
        self._strangers = Strangers(metrics)
        self._stranger_service = StrangerService(self._strangers, budget)
        limit = settings.max_receive_message_size
        self._limiter = Limiter(settings.limits, metrics)
        self._metrics = metrics
        sending = SendBudget(settings.limits.send_bytes)
        metrics.xds_untaken_response_bytes.set_function(lambda: sending.held_bytes)
        told = (self.clients, self._strangers, metrics)
        self._ads = AdsService(AdsContext(store, status, *told, limit, budget, sending, self._limiter.stream_ended))
        services = [method.split("/")[1] for method in (AGGREGATED, *TYPED.values())]
        probed = HealthService(status, [*services, csds.SERVICE])
        watches = WatchLimit(settings.limits.watches, WATCHES, self._limiter.refused_watch)
        self._health = BoundedService(probed, ServiceLimits(health.MAX_REQUEST_BYTES, budget, watches))
        answers = ServiceLimits(csds.MAX_REQUEST_BYTES, budget, watches, anyio.Semaphore(csds.ANSWERS_AT_ONCE))
        self._client_status = BoundedService(csds.ClientStatusService(self.clients), answers)
        self._tls: ServerTls | None = None
        self._server: DrainableServer | None = None
        self._bound: BoundSocket | None = None

    async def start(self) -> None:
        """Accept connections; every stream is a task of the event loop that `drain` waits for.

        Raises:
            StartError: the address cannot be bound or a certificate cannot be used; the message names the setting.
        """
        self._tls = ServerTls(self._settings.tls) if self._settings.tls else None
        if self._tls is not None:
            self._show_expiries(self._tls)
        self._bound = await bind(_SETTING, self._settings.address)
        if self._settings.tls is None or self._settings.tls.client_ca_file is None:
            advice = "everybody who reaches it gets the configuration, private keys included: set xds.tls.clientCAFile"
            warn_if_open(_SETTING, self._bound.address, advice)
        services: list[IServable] = [self._ads, self._health, self._client_status, self._stranger_service]
        self._server = DrainableServer(services, configuration(), self._limiter, self._strangers)
        await self._server.listen(self._bound.socket, self._tls.context if self._tls else None)
        self.address = str(self._bound.address)

    def reload(self) -> None:
        """Read the certificates again for new connections; where they cannot be used, keep the old ones."""
        if self._tls is None:
            return
        try:
            self._tls.reload()
        except StartError as err:
            log.error("wire.certificates_kept", error=str(err))
        else:
            log.info("wire.certificates_loaded")
            self._show_expiries(self._tls)

    def _show_expiries(self, tls: ServerTls) -> None:
        # What cannot be told of the new one is not what was known of the old.
        self._metrics.xds_certificate_expiry_timestamp_seconds.clear()
        for key, ends_s in tls.expiries().items():
            self._metrics.xds_certificate_expiry_timestamp_seconds.labels(setting=f"xds.tls.{key}").set(ends_s)

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
