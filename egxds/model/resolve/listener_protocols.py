"""How connections come to listeners: a row for each protocol, and nothing else knows one from another. Pure.

Of listeners on one port the protocols decide what tells them apart, and so which of them can share it:

    HTTP                                     each request by its host
    HTTPS, TLS that ends here, or passes     each connection by the server name that the client asks for
    TCP, UDP                                 nothing: such a listener has its port alone

TCP and UDP number their ports apart: what listens on one does not meet what listens on the other.

A listener of protocol TLS is one of two things, by its mode: it ends the client's TLS, for which it needs a
certificate, or it passes it on without looking inside (Gateway API v1.6, ListenerTLSConfig.mode). Both may share a
port.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from egxds.model.api.gateway import Listener


class Transport(Enum):
    """What carries the traffic of a listener, or to a backend."""

    TCP = "TCP"
    UDP = "UDP"


class ToldApart(Enum):
    """What tells the listeners of one port apart."""

    BY_HOST = "the host of a request"
    BY_SERVER_NAME = "the server name that a client asks for"
    NOT_AT_ALL = "nothing"


@dataclass(frozen=True, slots=True)
class ListenerProtocol:
    """One protocol of listeners, in one of its modes.

    Attributes:
        name: as a user writes it.
        told_apart: from others on the port.
        transport: what carries it.
        ends_tls: whether TLS ends here, with the certificates of the listener.
        reads_requests: whether requests are looked at; else connections, or datagrams, are passed on as they are.
    """

    name: str
    told_apart: ToldApart
    transport: Transport = Transport.TCP
    ends_tls: bool = False
    reads_requests: bool = False

    @property
    def has_server_names(self) -> bool:
        """Whether a connection comes to it by the server name that the client asks for."""
        return self.told_apart is ToldApart.BY_SERVER_NAME

    @property
    def authorizes_connections(self) -> bool:
        """Whether a policy may say which connections are passed on, by where their clients are."""
        return self.transport is Transport.TCP and not self.reads_requests

    @property
    def denied(self) -> str:
        """What becomes of the traffic of one that is closed, in words that a subject stands before."""
        return "answers 500" if self.reads_requests else "is closed"


HTTP = ListenerProtocol("HTTP", ToldApart.BY_HOST, reads_requests=True)
HTTPS = ListenerProtocol("HTTPS", ToldApart.BY_SERVER_NAME, ends_tls=True, reads_requests=True)
TLS_ENDING = ListenerProtocol("TLS", ToldApart.BY_SERVER_NAME, ends_tls=True)
TLS_PASSING = ListenerProtocol("TLS", ToldApart.BY_SERVER_NAME)
TCP = ListenerProtocol("TCP", ToldApart.NOT_AT_ALL)
UDP = ListenerProtocol("UDP", ToldApart.NOT_AT_ALL, Transport.UDP)

_BY_NAME = {row.name: row for row in (HTTP, HTTPS, TLS_ENDING, TCP, UDP)}
_PASSING = {TLS_PASSING.name: TLS_PASSING}


def protocol_of(listener: Listener) -> ListenerProtocol | None:
    """Return the protocol of a listener, None where it is not served."""
    passes = listener.tls is not None and listener.tls.mode == "Passthrough"
    rows = {**_BY_NAME, **_PASSING} if passes else _BY_NAME
    return rows.get(listener.protocol_name)
