"""The settings of extensions: where they are, when they are called, what happens when they fail. Pure.

The schema is Envoy Gateway's, with keys of ours added.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from egxds.settings.quantities import ByteSize, DurationSeconds, SettingsModel


class Hook(Enum):
    """A point at which an extension may change resources; in the order in which they are called."""

    ROUTE = "Route"
    ENDPOINTS = "Endpoints"
    CLUSTER = "Cluster"
    VIRTUAL_HOST = "VirtualHost"
    HTTP_LISTENER = "HTTPListener"
    TRANSLATION = "Translation"


class IncludedOnRequest(SettingsModel):
    """Whether the Translation hook gets, and returns, all resources of a type that it else does not get."""

    include_all: StrictBool = False


class IncludedByDefault(SettingsModel):
    """Whether the Translation hook gets, and returns, all resources of a type that it else does get."""

    include_all: StrictBool = True


class TranslationHookSettings(SettingsModel):
    """What the Translation hook gets; an empty block is as none."""

    listener: IncludedOnRequest = IncludedOnRequest()
    route: IncludedOnRequest = IncludedOnRequest()
    cluster: IncludedByDefault = IncludedByDefault()
    secret: IncludedByDefault = IncludedByDefault()


class XdsTranslatorHooks(SettingsModel):
    """Which hooks are called, after the translation of what they are called for."""

    post: tuple[Hook, ...] = Field(min_length=1)
    translation: TranslationHookSettings = TranslationHookSettings()


class HookSettings(SettingsModel):
    """Hooks of one extension."""

    xds_translator: XdsTranslatorHooks


class FqdnAddress(SettingsModel):
    """A host by name."""

    hostname: str
    port: Annotated[StrictInt, Field(ge=1, le=65535)]

    def __str__(self) -> str:
        return f"{self.hostname}:{self.port}"


class IpAddress(SettingsModel):
    """A host by address."""

    address: str
    port: Annotated[StrictInt, Field(ge=1, le=65535)]

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class UnixAddress(SettingsModel):
    """A Unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


class Fraction(SettingsModel):
    """A rational number as Envoy Gateway writes it."""

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


class RetrySettings(SettingsModel):
    """Attempts within one call's deadline; names and defaults are Envoy Gateway's.

    Attributes:
        max_attempts: the first one included.
        initial_backoff: seconds before the second attempt.
        max_backoff: most seconds between two attempts.
        backoff_multiplier: factor from one pause to the next.
        retryable_status_codes: gRPC statuses after which another attempt is made; a connection that cannot be
            made, or breaks, always gets one.
    """

    max_attempts: Annotated[StrictInt, Field(ge=1)] = 4
    initial_backoff: DurationSeconds = 0.1
    max_backoff: DurationSeconds = 1.0
    backoff_multiplier: Fraction = Fraction(numerator=200)
    retryable_status_codes: tuple[GrpcStatusName, ...] = Field(default=("UNAVAILABLE",), alias="RetryableStatusCodes")


class SecretReference(SettingsModel):
    """A Secret of the sources."""

    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"
    namespace: str = "default"
    name: str

    def __str__(self) -> str:
        return f"Secret {self.namespace}/{self.name}"


class ExtensionTls(SettingsModel):
    """TLS to the extension server, with certificates from files or from Secrets, read again when they change.

    Attributes:
        ca_file: certificates that the server's certificate is checked with; relative to the settings file.
        certificate_ref: a Secret that has them in `tls.crt`, instead of `ca_file`.
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


def _check_python(value: str) -> str:
    module, _, name = value.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ValueError(f"{value!r} names no Python object: write package.module:object")
    return value


class ExtensionService(SettingsModel):
    """Where the extension is: a server at exactly one of three addresses, or a Python object of ours.

    Attributes:
        fqdn: a server, by name.
        ip: a server, by address.
        unix: a server on this machine.
        tls: how to speak to the server; else in the clear.
        retry: attempts within a call of the server.
        python: `package.module:object`, called within this process (see `egxds.hooks.inprocess`).
        path: directories besides Python's own in which the package is looked for, relative to the settings file.
    """

    fqdn: FqdnAddress | None = None
    ip: IpAddress | None = None
    unix: UnixAddress | None = None
    tls: ExtensionTls | None = None
    retry: RetrySettings = RetrySettings()
    python: Annotated[str, AfterValidator(_check_python)] | None = None
    path: tuple[str, ...] = ()

    @property
    def address(self) -> FqdnAddress | IpAddress | UnixAddress:
        """The one of the three that is given; not to be asked for where `python` is."""
        return next(address for address in (self.fqdn, self.ip, self.unix) if address is not None)

    @model_validator(mode="after")
    def _one_address(self) -> ExtensionService:
        if sum(place is not None for place in (self.fqdn, self.ip, self.unix, self.python)) != 1:
            raise ValueError("give exactly one of fqdn, ip, unix and python")
        return self

    @model_validator(mode="after")
    def _fitting_keys(self) -> ExtensionService:
        fitting_a_server = {"tls", "retry"} & self.model_fields_set
        if self.python is not None and fitting_a_server:
            raise ValueError(f"{' and '.join(sorted(fitting_a_server))} are for a server; python has none")
        if self.python is None and self.path:
            raise ValueError("path is for python, which is not given")
        if self.unix is not None and self.tls is not None and self.tls.server_name is None:
            raise ValueError("tls on a Unix socket needs serverName: a socket has no name to check")
        return self


class GroupVersionKind(SettingsModel):
    """A kind of object that belongs to an extension."""

    group: str
    version: str
    kind: str


OnFailure = Literal["deny", "hold", "bypass"]


class ExtensionManager(SettingsModel):
    """One extension server and what happens when it fails.

    Attributes:
        resources: kinds that filters of routes name; their objects go to the Route and Cluster hooks.
        policy_resources: kinds of policies; their objects go to the hooks of what they target.
        backend_resources: kinds that backendRefs name; their objects go to the Route and Cluster hooks.
        allow_empty: whether the reply to a Translation call may be empty, which removes all that was sent.
        bootstrap_clusters: clusters that every Envoy has from its bootstrap, which replies may refer to.
        timeout: seconds one call may take, retries included.
        on_failure: what is published when a hook fails; see `egxds.hooks.policy`.
        hold_for: seconds after which `hold` becomes `deny`; without it, never.
        cache_ttl: seconds for which a reply that is not in use answers an identical request; 0 turns that off. One that
            is in use holds until its input changes.
        max_message_size: most bytes of one request, and of one reply.
    """

    name: str = ""
    hooks: HookSettings
    service: ExtensionService
    resources: tuple[GroupVersionKind, ...] = ()
    policy_resources: tuple[GroupVersionKind, ...] = ()
    backend_resources: tuple[GroupVersionKind, ...] = ()
    allow_empty: StrictBool = False
    bootstrap_clusters: tuple[str, ...] = ()
    max_message_size: ByteSize = 32 * 1024 * 1024
    fail_open: StrictBool = False
    timeout: DurationSeconds = 2.0
    on_failure: OnFailure | None = None
    hold_for: DurationSeconds | None = None
    cache_ttl: DurationSeconds = Field(default=60.0, alias="cacheTTL")

    @property
    def failure_policy(self) -> OnFailure:
        """What happens when a call fails; `failOpen: true` means bypass."""
        return self.on_failure or ("bypass" if self.fail_open else "deny")

    @model_validator(mode="after")
    def _one_policy(self) -> ExtensionManager:
        if self.fail_open and self.on_failure not in (None, "bypass"):
            raise ValueError(f"failOpen: true and onFailure: {self.on_failure} contradict each other; keep onFailure")
        if self.hold_for is not None and self.on_failure != "hold":
            raise ValueError("holdFor is for onFailure: hold, which is not given")
        return self
