"""Where an extension is, and how it is spoken to. Pure.

The schema is Envoy Gateway's (ExtensionService), what it has deprecated included, with keys of ours added.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt, model_validator
from pydantic.alias_generators import to_camel

from egxds.settings.quantities import ByteSize, DurationSeconds, NullableModel

_DEFAULT_PORT = 80
_OWN_NAMESPACES = ("envoy-gateway-system", "default")


class FqdnAddress(NullableModel):
    """A host by name.

    Attributes:
        hostname: its name.
        port: where it listens.
    """

    hostname: str
    port: Annotated[StrictInt, Field(ge=1, le=65535)]

    def __str__(self) -> str:
        return f"{self.hostname}:{self.port}"


class IpAddress(NullableModel):
    """A host by address.

    Attributes:
        address: its address.
        port: where it listens.
    """

    address: str
    port: Annotated[StrictInt, Field(ge=1, le=65535)]

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class UnixAddress(NullableModel):
    """A Unix socket.

    Attributes:
        path: where it is, absolute.
    """

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


class Fraction(NullableModel):
    """A rational number as Envoy Gateway writes it.

    Attributes:
        numerator: what is divided.
        denominator: by how much.
    """

    numerator: Annotated[StrictInt, Field(ge=1)]
    denominator: Annotated[StrictInt, Field(ge=1)] = 100

    @property
    def value(self) -> float:
        """The number."""
        return self.numerator / self.denominator


GrpcStatusName = Literal[
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]


class RetrySettings(NullableModel):
    """Attempts within one call's deadline; names and defaults are Envoy Gateway's.

    Attributes:
        max_attempts: the first one included; there is one even where it is 0.
        initial_backoff: seconds before the second attempt.
        max_backoff: most seconds between two attempts.
        backoff_multiplier: factor from one pause to the next.
        retryable_status_codes: gRPC statuses after which another attempt is made; a connection that cannot be
            made, or breaks, always gets one.
    """

    max_attempts: Annotated[StrictInt, Field(ge=0)] = 4
    initial_backoff: DurationSeconds = 0.1
    max_backoff: DurationSeconds = 1.0
    backoff_multiplier: Fraction = Fraction(numerator=200)
    retryable_status_codes: tuple[GrpcStatusName, ...] = Field(default=("UNAVAILABLE",), alias="RetryableStatusCodes")


class SecretReference(NullableModel):
    """A Secret of the sources.

    Attributes:
        group: of Secrets, the core group.
        kind: nothing else is read here.
        namespace: its namespace; without one it is looked for in Envoy Gateway's own, then in `default`.
        name: its name.
    """

    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"
    namespace: str = ""
    name: str

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where it is looked for, in order."""
        return (self.namespace,) if self.namespace else _OWN_NAMESPACES

    def __str__(self) -> str:
        return f"Secret {' or '.join(f'{namespace}/{self.name}' for namespace in self.namespaces)}"


class ExtensionTls(NullableModel):
    """TLS to the extension server, with certificates from files or from Secrets, read again when they change.

    Attributes:
        ca_file: certificates that the server's certificate is checked with; relative to the settings file.
        certificate_ref: a Secret that has them in `tls.crt`, or else in `ca.crt`, instead of a file.
        cert_file: our own certificate chain, for mTLS; relative to the settings file.
        key_file: the key of that certificate.
        client_certificate_ref: a Secret that has both in `tls.crt` and `tls.key`, instead of the two files.
        server_name: what the server's certificate must be for; else the host that is connected to.
    """

    ca_file: str | None = None
    certificate_ref: SecretReference | None = None
    cert_file: str | None = None
    key_file: str | None = None
    client_certificate_ref: SecretReference | None = None
    server_name: str | None = None

    @property
    def authority(self) -> str | SecretReference:
        """What the server's certificate is checked with: a file or a Secret."""
        return next(place for place in (self.ca_file, self.certificate_ref) if place is not None)

    @model_validator(mode="after")
    def _one_authority(self) -> ExtensionTls:
        if (self.ca_file is None) == (self.certificate_ref is None):
            raise ValueError("give one of caFile and certificateRef")
        return self

    @model_validator(mode="after")
    def _whole_pair(self) -> ExtensionTls:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("give certFile and keyFile, or neither")
        if self.cert_file is not None and self.client_certificate_ref is not None:
            raise ValueError("give certFile and keyFile, or clientCertificateRef, not both")
        return self


def check_object_name(value: str) -> str:
    """Return `package.module:object`; raise ValueError where a text is of another form."""
    module, _, name = value.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ValueError(f"{value!r} names no Python object: write package.module:object")
    return value


class ProcessLimits(NullableModel):
    """What a process that runs hooks may use.

    Attributes:
        memory: bytes that it may have in use (resident); beyond that it is ended, and another one started.
    """

    memory: Annotated[ByteSize, Field(ge=64 * 1024 * 1024)] = 512 * 1024 * 1024


Isolation = Literal["process", "thread"]


class ExtensionService(NullableModel):
    """Where the extension is: a server at exactly one address, or a Python object of ours.

    Attributes:
        fqdn: a server, by name.
        ip: a server, by address.
        unix: a server on this machine.
        host: a server by name, as Envoy Gateway had it before `fqdn`.
        hostname: the same, and without effect beside an address.
        port: of `host` or `hostname`; 0 is as not given.
        zone: where the server is; it has no effect, as in Envoy Gateway.
        timeout: seconds one call may take, in the place of the manager's `timeout`.
        tls: how to speak to the server; else in the clear.
        retry: attempts within a call of the server.
        python: `package.module:object`, which runs beside egxds.
        path: directories besides Python's own in which the package is looked for, relative to the settings file.
        isolation: where it runs: in a process of its own, or on threads of this one.
        limits: what that process may use.
        load_timeout: seconds that loading it may take.
    """

    fqdn: FqdnAddress | None = None
    ip: IpAddress | None = None
    unix: UnixAddress | None = None
    host: str = ""
    hostname: str = ""
    port: Annotated[StrictInt, Field(ge=0, le=65535)] = _DEFAULT_PORT
    zone: str = ""
    timeout: Annotated[DurationSeconds, Field(gt=0)] | None = None
    tls: ExtensionTls | None = None
    retry: RetrySettings = RetrySettings()
    python: Annotated[str, AfterValidator(check_object_name)] | None = None
    path: tuple[str, ...] = ()
    isolation: Isolation = "process"
    limits: ProcessLimits = ProcessLimits()
    load_timeout: Annotated[DurationSeconds, Field(gt=0)] = 10.0

    @property
    def address(self) -> FqdnAddress | IpAddress | UnixAddress:
        """The one that is given; not to be asked for where `python` is."""
        name = self.host or self.hostname
        by_name = FqdnAddress(hostname=name, port=self.port or _DEFAULT_PORT) if name else None
        return next(address for address in (self.fqdn, self.ip, self.unix, by_name) if address is not None)

    @model_validator(mode="after")
    def _one_address(self) -> ExtensionService:
        places = (self.fqdn, self.ip, self.unix, self.python, self.host or None)
        given = sum(place is not None for place in places)
        if given > 1 or not (given or self.hostname):
            raise ValueError("give exactly one of fqdn, ip, unix and python")
        return self

    @model_validator(mode="after")
    def _fitting_keys(self) -> ExtensionService:
        fitting_a_server = {"tls", "retry", "timeout"} & self.model_fields_set
        if self.python is not None and fitting_a_server:
            raise ValueError(f"{' and '.join(sorted(fitting_a_server))} are for a server; python has none")
        fitting_python = {"path", "isolation", "limits", "load_timeout"} & self.model_fields_set
        if self.python is None and fitting_python:
            keys = " and ".join(sorted(to_camel(key) for key in fitting_python))
            raise ValueError(f"{keys} {'are' if len(fitting_python) > 1 else 'is'} for python, which is not given")
        if self.isolation == "thread" and "limits" in self.model_fields_set:
            raise ValueError("limits are for isolation: process; a thread has none of its own")
        if self.unix is not None and self.tls is not None and self.tls.server_name is None:
            raise ValueError("tls on a Unix socket needs serverName: a socket has no name to check")
        return self
