"""Where backends are and how they are spoken to, and who certificates are to be issued by. Pure values.

Addresses change all the time and TLS seldom, so they are apart: `EndpointsShape` says what of the addresses matters
for more than themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from egxds.incremental.revision import Revision
from egxds.model.resolve.listener_protocols import Transport
from egxds.object_key import ObjectKey


class UpstreamProtocol(Enum):
    """How a backend is spoken to, in TLS or not. Over plain TCP or UDP it gets what comes, whatever it speaks."""

    HTTP1 = "HTTP/1.1"
    HTTP2 = "HTTP/2"
    TCP = "TCP"
    UDP = "UDP"

    @property
    def transport(self) -> Transport:
        """What carries it."""
        return Transport.UDP if self is UpstreamProtocol.UDP else Transport.TCP

    @property
    def is_plain(self) -> bool:
        """Whether nothing of what is carried is understood."""
        return self in (UpstreamProtocol.TCP, UpstreamProtocol.UDP)


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An IP address, or with `is_hostname` a name that Envoy resolves, and a port."""

    address: str
    port: int
    is_hostname: bool = False


@dataclass(frozen=True, slots=True)
class PipeAddress:
    """A Unix socket."""

    path: str


EndpointAddress = SocketAddress | PipeAddress


class EndpointsKey(NamedTuple):
    """What the endpoints of a backend are found by.

    Attributes:
        backend: a Service or a Backend.
        port: that of the Service which is meant; None of a Backend, which has no ports.
        transport: what its ports are numbered for.
    """

    backend: ObjectKey
    port: int | None = None
    transport: Transport = Transport.TCP


EndpointTable = Revision[EndpointsKey, tuple[EndpointAddress, ...]]
"""Endpoints of every backend that a route refers to: sorted, without doubles."""


class EndpointsShape(Enum):
    """What of its endpoints decides how a backend is served; the addresses do not."""

    UNKNOWN = "no EndpointSlice says where they are"
    NO_PORT = "no EndpointSlice has the port"
    NONE_READY = "none is ready"
    CLOSED = "one has an address that no backend may have"
    ADDRESSES = "each is an IP address"
    PIPES = "some are Unix sockets"
    HOSTNAMES = "some are names that Envoy resolves"

    @property
    def is_empty(self) -> bool:
        """Whether there is none that takes traffic."""
        return self in _EMPTY


_EMPTY = (EndpointsShape.UNKNOWN, EndpointsShape.NO_PORT, EndpointsShape.NONE_READY)


@dataclass(frozen=True, slots=True)
class Authorities:
    """Who certificates are to be issued by.

    Attributes:
        name: by which Envoy fetches them.
        pem: their certificates.
        sources: the objects that this comes from, sorted.
    """

    name: str
    pem: bytes = field(repr=False)
    sources: tuple[ObjectKey, ...] = ()


class SystemAuthorities(Enum):
    """Those that the machine trusts which Envoy runs on."""

    TRUSTED = "as the machine does"


class NameKind(Enum):
    """What kind of name a certificate may have."""

    HOSTNAME = "Hostname"
    URI = "URI"


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """How a backend is spoken to by TLS.

    Attributes:
        server_name: that is asked for; empty where it is the host of the request, which the certificate is to have.
        authorities: who its certificate is to be issued by; None where nobody looks at it.
        names: of which its certificate is to have one.
        said: what the objects say that ask for it, and that hold the authorities; opaque, to tell whether any of them
            says something else.
    """

    server_name: str
    authorities: Authorities | SystemAuthorities | None
    names: tuple[tuple[NameKind, str], ...] = ()
    said: tuple[object, ...] = field(default=(), repr=False, hash=False)


class ClientCheck(Enum):
    """What becomes of a client without a certificate that is issued by an authority.

    REFUSED: it has no connection. LET_IN: it is served like any other.
    """

    REFUSED = "AllowValidOnly"
    LET_IN = "AllowInsecureFallback"


@dataclass(frozen=True, slots=True)
class ClientTrust:
    """What a listener asks of its clients' certificates.

    Attributes:
        authorities: who they are to be issued by.
        check: what becomes of the others.
    """

    authorities: Authorities
    check: ClientCheck
