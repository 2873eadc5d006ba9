"""The settings file as frozen values. Pure: the text comes in, the settings or every fault at once come out."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from egxds.errors import StartError
from egxds.names import ADMIN_ADDRESS
from egxds.settings.backends import BackendSettings
from egxds.settings.client_traffic import AS_BY_DEFAULT, ClientTrafficSettings
from egxds.settings.clients import ClientRule, SocketSettings, check_socket
from egxds.settings.envoys import MOST_ENVOYS, EnvoySettings
from egxds.settings.etcd import EtcdSource
from egxds.settings.extension_apis import ExtensionApiSettings
from egxds.settings.extensions import ExtensionManager
from egxds.settings.history import HistorySettings
from egxds.settings.limits import AdminLimits, XdsLimits
from egxds.settings.note import Note
from egxds.settings.quantities import ByteSize, DurationSeconds, SettingsModel

_POLL_INTERVAL_S = 10.0
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})")


class FileSource(SettingsModel):
    """Where the YAML lies.

    Attributes:
        paths: files or directories (recursive), relative to the settings file.
        poll_interval: seconds between two full looks that back the watcher up.
        removal_delay: seconds for which what disappears from the files stays in force; 0 where it is gone at once.
    """

    paths: tuple[str, ...] = Field(min_length=1)
    poll_interval: Annotated[DurationSeconds, Field(ge=0.1)] = _POLL_INTERVAL_S
    removal_delay: DurationSeconds = 1.0


class Sources(SettingsModel):
    """Where objects come from: exactly one of files and etcd.

    Attributes:
        files: YAML on this machine.
        etcd: generations that were published for many machines.
    """

    files: FileSource | None = None
    etcd: EtcdSource | None = None

    @property
    def in_files(self) -> FileSource:
        """The files, for what reads no others.

        Raises:
            StartError: objects come from elsewhere.
        """
        if self.files is None:
            raise StartError("sources.etcd is not read here, only sources.files is")
        return self.files

    @property
    def poll_interval(self) -> float:
        """Seconds between two looks at what is on this machine, the settings file among it."""
        return self.files.poll_interval if self.files is not None else _POLL_INTERVAL_S

    @model_validator(mode="after")
    def _one_source(self) -> Sources:
        if (self.files is None) == (self.etcd is None):
            raise ValueError("give exactly one of files and etcd")
        return self


def _as_text(value: object) -> object:
    """Return a version as text: YAML has `1.3` for a number."""
    return str(value) if isinstance(value, float) else value


class XdsTls(SettingsModel):
    """Certificate of the xDS server; with a client CA, clients must show one too (mTLS).

    Attributes:
        cert_file: its certificate chain, PEM; relative to the settings file.
        key_file: the key of that certificate.
        client_ca_file: certificates that those of clients are checked with; without it clients need none.
        min_version: oldest version of TLS that is spoken.
    """

    cert_file: str
    key_file: str
    client_ca_file: str | None = Field(default=None, alias="clientCAFile")
    min_version: Annotated[Literal["1.2", "1.3"], BeforeValidator(_as_text)] = "1.3"

    @property
    def files(self) -> tuple[str, ...]:
        """All that it names."""
        named = (self.cert_file, self.key_file, self.client_ca_file)
        return tuple(path for path in named if path is not None)

    def below(self, base: PurePath) -> XdsTls:
        """Return it with relative paths starting from a directory."""
        client_ca_file = None if self.client_ca_file is None else str(base / self.client_ca_file)
        files = {"cert_file": str(base / self.cert_file), "key_file": str(base / self.key_file)}
        return self.model_copy(update={**files, "client_ca_file": client_ca_file})


class XdsSettings(SettingsModel):
    """The xDS server.

    Attributes:
        address: `host:port`, or `unix:/path`.
        tls: its certificate; else plain text.
        allow: rules for clients by the names in their certificates, with `tls.clientCAFile`: who is in none, or asks
            for what is not in its rule, is refused. Without them whoever has a certificate is served what it asks for.
        socket: who may connect to a Unix socket.
        max_receive_message_size: bytes of one request.
        max_response_bytes: bytes over which a response is cut into several; without it responses are whole, as Envoy
            takes any size. For gRPC clients, which refuse more than 4 MiB.
        max_connection_age: seconds after which, about, a client in sync is let go, so that it may find another replica;
            without it no client is. It takes one aggregated stream: who has a stream for each type stays.
        spread: whether, with `sources.etcd`, clients in sync are let go while this replica has more than its share of
            those of all replicas.
        limits: what clients may ask of it at most.
    """

    address: str = "127.0.0.1:18000"
    tls: XdsTls | None = None
    allow: Annotated[tuple[ClientRule, ...] | None, Field(min_length=1)] = None
    socket: SocketSettings = SocketSettings()
    max_receive_message_size: ByteSize = 32 * 1024 * 1024
    max_response_bytes: Annotated[ByteSize, Field(ge=64 * 1024)] | None = None
    max_connection_age: Annotated[DurationSeconds, Field(ge=1)] | None = None
    spread: bool = True
    limits: XdsLimits = XdsLimits()

    @model_validator(mode="after")
    def _room_for_one(self) -> XdsSettings:
        if self.limits.receive_bytes < self.max_receive_message_size:
            raise ValueError("limits.receiveBytes has no room for one message of maxReceiveMessageSize: raise it")
        return self

    @model_validator(mode="after")
    def _names_are_checked(self) -> XdsSettings:
        if self.allow is not None and (self.tls is None or self.tls.client_ca_file is None):
            raise ValueError("allow needs tls.clientCAFile: without it anybody may show a certificate with any name")
        return self

    @model_validator(mode="after")
    def _has_a_socket(self) -> XdsSettings:
        check_socket(self.socket, self.address)
        return self

    def below(self, base: PurePath) -> XdsSettings:
        """Return it with relative paths starting from a directory."""
        return self.model_copy(update={"tls": self.tls.below(base) if self.tls else None})


def _host_name(value: str) -> str:
    if not _HOST_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not the name of a host: write it as in a URL, without scheme and port")
    return value


class AdminSettings(SettingsModel):
    """The admin HTTP server.

    Attributes:
        address: `host:port`, or `unix:/path`.
        socket: who may connect to a Unix socket.
        allowed_hosts: names that it is asked for by, beside addresses, `localhost` and the one in `address`.
        limits: what clients may ask of it at most.
    """

    address: str = ADMIN_ADDRESS
    socket: SocketSettings = SocketSettings()
    allowed_hosts: tuple[Annotated[str, AfterValidator(_host_name)], ...] = ()
    limits: AdminLimits = AdminLimits()

    @model_validator(mode="after")
    def _has_a_socket(self) -> AdminSettings:
        check_socket(self.socket, self.address)
        return self


def _check_network(value: str) -> str:
    ipaddress.ip_network(value)
    return value


class AddressSettings(SettingsModel):
    """Addresses for Gateways that ask for none; without a pool they bind 0.0.0.0.

    Attributes:
        pool: networks of which each such Gateway gets an address of its own.
    """

    pool: tuple[Annotated[str, AfterValidator(_check_network)], ...] = ()


class LoggingSettings(SettingsModel):
    """Logs go to standard error.

    Attributes:
        level: what is less than this is not logged.
        format: `auto` is pretty on a terminal and JSON elsewhere.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "pretty"] = "auto"


class Settings(SettingsModel):
    """The whole settings file.

    Attributes:
        controller_name: GatewayClasses of this controller are ours, and their Gateways.
        state_dir: directory, relative to the settings file, that keeps the last good input, for a start that cannot
            read all of it, what was in force before, to go back to, and what `onFailure: hold` has accepted of each
            Gateway, private keys included; without it a restart forgets them.
        history: how much of what was in force of files before is kept in `stateDir`; without that nothing of it is.
        envoys: those that are asked how they find their backends, for `status`, `describe` and `explain`, and, while
            a generation is served to some nodes first, how many requests they answer by 5xx; `egxds up` adds its own.
    """

    sources: Sources
    controller_name: str = "gateway.envoyproxy.io/gatewayclass-controller"
    xds: XdsSettings = XdsSettings()
    admin: AdminSettings = AdminSettings()
    addresses: AddressSettings = AddressSettings()
    backends: BackendSettings = BackendSettings()
    client_traffic: ClientTrafficSettings = AS_BY_DEFAULT
    extension_apis: ExtensionApiSettings = ExtensionApiSettings()
    envoys: Annotated[tuple[EnvoySettings, ...], Field(max_length=MOST_ENVOYS)] = ()
    state_dir: str | None = None
    history: HistorySettings = HistorySettings()
    extension_managers: tuple[ExtensionManager, ...] = ()
    extension_manager: ExtensionManager | None = None
    logging: LoggingSettings = LoggingSettings()

    _notes: tuple[Note, ...] = PrivateAttr(default=())

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is to be said about the file that they were read from, where that is one of Envoy Gateway's."""
        return self._notes

    def with_notes(self, notes: tuple[Note, ...]) -> Settings:
        """Return the same settings, about whose file this is to be said."""
        copied = self.model_copy()
        copied._notes = notes  # noqa: SLF001 of its own class
        return copied

    @property
    def extensions(self) -> tuple[ExtensionManager, ...]:
        """All extensions, in the order in which they are called."""
        return self.extension_managers or ((self.extension_manager,) if self.extension_manager else ())

    @model_validator(mode="after")
    def _managers(self) -> Settings:
        if self.extension_managers and self.extension_manager:
            raise ValueError("give extensionManager or extensionManagers, not both")
        called = [manager.name for manager in self.extension_managers]
        if "" in called or len(set(called)) != len(called):
            raise ValueError("every entry of extensionManagers needs a name of its own")
        return self
