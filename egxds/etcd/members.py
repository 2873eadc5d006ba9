"""Connections to the members of a cluster. Awaits, logs."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread
from grpclib.config import Configuration

from egxds.grpc.client_tls import PemFile, RenewedTls
from egxds.grpc.codec import CODEC
from egxds.grpc.connections import Connection, Connections
from egxds.grpc.observed_channel import ObservedChannel
from egxds.settings.etcd import EtcdEndpoint, EtcdSource
from egxds.telemetry import log

_KEEPALIVE_S = 10.0
"""Between two PINGs while a call is under way: etcd ends connections that have them more often than every 5 s."""

_KEEPALIVE_LIMIT_S = 5.0

_FILES = {"caFile": "ca_file", "certFile": "cert_file", "keyFile": "key_file"}


class Member(Connections):
    """The way to one member.

    Attributes:
        endpoint: where it is.
        greeted: the connection on which it has said of which cluster it is.
    """

    def __init__(self, endpoint: EtcdEndpoint, tls: RenewedTls | None, server_name: str | None, limit_s: float) -> None:
        """Prepare; nothing is connected yet.

        Args:
            endpoint: where it is.
            tls: how to speak to it; None for in the clear.
            server_name: what its certificate must be for; None for the host.
            limit_s: how long an attempt to connect may take.
        """
        super().__init__(str(endpoint), limit_s)
        self.endpoint = endpoint
        self.greeted: Connection | None = None
        self._tls = tls
        self._config = Configuration(
            ssl_target_name_override=(server_name or endpoint.host) if tls else None,
            _keepalive_time=_KEEPALIVE_S,
            _keepalive_timeout=_KEEPALIVE_LIMIT_S,
            _http2_max_pings_without_data=0,
            _http2_min_sent_ping_interval_without_data=_KEEPALIVE_S,
        )

    async def _new_channel(self) -> ObservedChannel:
        context = await to_thread.run_sync(self._tls.context) if self._tls else None
        return ObservedChannel(self.endpoint.host, self.endpoint.port, codec=CODEC, ssl=context, config=self._config)


class _Logged:
    """Writes into the log what becomes of certificates."""

    def kept(self, fault: str) -> None:
        log.error("etcd.certificates_kept", error=fault)

    def loaded(self) -> None:
        log.info("etcd.certificates_loaded")


def members_of(source: EtcdSource, base: Path) -> tuple[Member, ...]:
    """Return the members that settings name, not yet connected.

    Args:
        source: names them.
        base: directory that relative paths start from.
    """
    settings = source.below(base)
    tls = settings.tls
    named = {key: getattr(tls, name, None) for key, name in _FILES.items()}
    authority, *own = (PemFile(key, Path(path)) if path else None for key, path in named.items())
    renewed = RenewedTls("sources.etcd.tls", authority, [each for each in own if each], _Logged())
    server_name = tls.server_name if tls else None
    return tuple(
        Member(each, renewed if settings.speaks_tls else None, server_name, settings.request_timeout)
        for each in settings.members
    )
