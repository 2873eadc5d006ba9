"""Where backends are and how they are spoken to, and who certificates are to be issued by. Pure values.

Addresses change all the time and TLS seldom, so they are apart: `EndpointsShape` says what of the addresses matters
for more than themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from egxds.incremental.revision import Revision
from egxds.model.api.client_traffic.client_tls import ClientValidation
from egxds.model.api.tls_settings import TlsSettings
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


Place = tuple[str, int]
"""Where an endpoint is, whatever else is known of it: Envoy has each once in a cluster."""


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An IP address, or with `is_hostname` a name that Envoy resolves, and a port.

    Attributes:
        hostname: a name beside it, by which it may be asked; empty where none is given.
        zone: that it stands in; empty where none is given.
    """

    address: str
    port: int
    is_hostname: bool = False
    hostname: str = ""
    zone: str = ""

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.address, self.port


@dataclass(frozen=True, slots=True)
class PipeAddress:
    """A Unix socket.

    Attributes:
        hostname: a name, by which it may be asked; empty where none is given.
        zone: that it stands in; empty where none is given.
    """

    path: str
    hostname: str = ""
    zone: str = ""

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.path, 0


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
    DYNAMIC = "clients say where they are"

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
        crl: lists of certificates of theirs that were revoked, in PEM; empty where nobody asks for any.
        only_leaf_revoked: whether of a chain the first certificate is looked up there alone.
    """

    name: str
    pem: bytes = field(repr=False)
    sources: tuple[ObjectKey, ...] = ()
    crl: bytes = field(default=b"", repr=False)
    only_leaf_revoked: bool = False


class SystemAuthorities(Enum):
    """Those that the machine trusts which Envoy runs on."""

    TRUSTED = "as the machine does"


class NameKind(Enum):
    """What kind of name a certificate may have."""

    HOSTNAME = "Hostname"
    URI = "URI"


class AskedBy(Enum):
    """What says by which server name a backend is asked. By any but NAME the certificate is to have that very name.

    NAME: what is written. REQUEST: the host of the request. ENDPOINT: the hostname of each endpoint, or what is
    written where it has none.
    """

    NAME = "name"
    REQUEST = "request"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What a backend is shown.

    Attributes:
        name: by which Envoy fetches it.
        certificates: its own and those that it is issued by, in PEM.
        key: of it, in PEM.
        sources: the objects that this comes from, sorted.
    """

    name: str
    certificates: bytes = field(repr=False)
    key: bytes = field(repr=False)
    sources: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsAgreement:
    """How TLS is agreed on with a backend, whoever is trusted.

    Attributes:
        settings: versions, ciphers and the like.
        shown: what it is shown; None where it is what the Gateway shows.
    """

    settings: TlsSettings = field(default_factory=TlsSettings)
    shown: ShownCertificate | None = None


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """How a backend is spoken to by TLS.

    Attributes:
        server_name: that is asked for; empty where nothing is written.
        authorities: who its certificate is to be issued by; None where nobody looks at it.
        names: of which its certificate is to have one; none where it is to have the one that is asked for.
        said: what the objects say that ask for it, and that hold the authorities; opaque, to tell whether any of them
            says something else.
        asked_by: what says by which name it is asked.
        agreed: how TLS is agreed on, and what is shown.
    """

    server_name: str
    authorities: Authorities | SystemAuthorities | None
    names: tuple[tuple[NameKind, str], ...] = ()
    said: tuple[object, ...] = field(default=(), repr=False, hash=False)
    asked_by: AskedBy = AskedBy.NAME
    agreed: TlsAgreement = field(default_factory=TlsAgreement)


class ClientCheck(Enum):
    """What becomes of a client without a certificate that is issued by an authority.

    REFUSED, VERIFIED: it has no connection. LET_IN, REQUESTED: it is served like any other. ANY: it has to show some
    certificate, whoever issued it. IF_GIVEN: it has no connection where it shows one, and is served where it does not.
    """

    REFUSED = "AllowValidOnly"
    LET_IN = "AllowInsecureFallback"
    VERIFIED = "RequireAndVerify"
    IF_GIVEN = "VerifyIfGiven"
    ANY = "RequireAny"
    REQUESTED = "Request"

    @property
    def is_required(self) -> bool:
        """Whether every client has to show a certificate."""
        return self in {ClientCheck.REFUSED, ClientCheck.VERIFIED, ClientCheck.ANY}

    @property
    def is_verified(self) -> bool:
        """Whether one that is shown has to be issued by an authority."""
        return self in {ClientCheck.REFUSED, ClientCheck.VERIFIED, ClientCheck.IF_GIVEN}


@dataclass(frozen=True, slots=True)
class ClientTrust:
    """What a listener asks of its clients' certificates.

    Attributes:
        authorities: who they are to be issued by; None where nobody is named.
        check: what becomes of the others.
        asked: what they are to be like beside that; None of what a Gateway asks itself.
    """

    authorities: Authorities | None
    check: ClientCheck
    asked: ClientValidation | None = None
