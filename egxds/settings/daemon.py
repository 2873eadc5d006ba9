"""The settings file as frozen values. Pure: the text comes in, the settings or every fault at once come out."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from egxds.names import ADMIN_ADDRESS
from egxds.settings.backends import BackendSettings
from egxds.settings.client_traffic import AS_BY_DEFAULT, ClientTrafficSettings
from egxds.settings.envoys import MOST_ENVOYS, EnvoySettings
from egxds.settings.extensions import ExtensionManager
from egxds.settings.limits import AdminLimits, XdsLimits
from egxds.settings.quantities import ByteSize, DurationSeconds, SettingsModel

_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})")


class FileSource(SettingsModel):
    """Where the YAML lies.

    Attributes:
        paths: files or directories (recursive), relative to the settings file.
        poll_interval: seconds between two full looks that back the watcher up.
        removal_delay: seconds for which what disappears from the files stays in force; 0 where it is gone at once.
    """

    paths: tuple[str, ...] = Field(min_length=1)
    poll_interval: Annotated[DurationSeconds, Field(ge=0.1)] = 10.0
    removal_delay: DurationSeconds = 1.0


class Sources(SettingsModel):
    """Where objects come from."""

    files: FileSource


class XdsTls(SettingsModel):
    """Certificate of the xDS server; with a client CA, clients must show one too (mTLS).

    Attributes:
        cert_file: its certificate chain, PEM; relative to the settings file.
        key_file: the key of that certificate.
        client_ca_file: certificates that those of clients are checked with; without it clients need none.
    """

    cert_file: str
    key_file: str
    client_ca_file: str | None = Field(default=None, alias="clientCAFile")

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
        max_receive_message_size: bytes of one request.
        max_response_bytes: bytes over which a response is cut into several; without it responses are whole, as Envoy
            takes any size. For gRPC clients, which refuse more than 4 MiB.
        limits: what clients may ask of it at most.
    """

    address: str = "127.0.0.1:18000"
    tls: XdsTls | None = None
    max_receive_message_size: ByteSize = 32 * 1024 * 1024
    max_response_bytes: Annotated[ByteSize, Field(ge=64 * 1024)] | None = None
    limits: XdsLimits = XdsLimits()

    @model_validator(mode="after")
    def _room_for_one(self) -> XdsSettings:
        if self.limits.receive_bytes < self.max_receive_message_size:
            raise ValueError("limits.receiveBytes has no room for one message of maxReceiveMessageSize: raise it")
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
        allowed_hosts: names that it is asked for by, beside addresses, `localhost` and the one in `address`.
        limits: what clients may ask of it at most.
    """

    address: str = ADMIN_ADDRESS
    allowed_hosts: tuple[Annotated[str, AfterValidator(_host_name)], ...] = ()
    limits: AdminLimits = AdminLimits()


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
        state_dir: directory, relative to the settings file, in which `onFailure: hold` keeps the last accepted
            state of each Gateway, private keys included; without it a restart forgets them.
        envoys: those that are asked how they find their backends, for `status`, `describe` and `explain`; `egxds up`
            adds its own.
    """

    sources: Sources
    controller_name: str = "gateway.envoyproxy.io/gatewayclass-controller"
    xds: XdsSettings = XdsSettings()
    admin: AdminSettings = AdminSettings()
    addresses: AddressSettings = AddressSettings()
    backends: BackendSettings = BackendSettings()
    client_traffic: ClientTrafficSettings = AS_BY_DEFAULT
    envoys: Annotated[tuple[EnvoySettings, ...], Field(max_length=MOST_ENVOYS)] = ()
    state_dir: str | None = None
    extension_managers: tuple[ExtensionManager, ...] = ()
    extension_manager: ExtensionManager | None = None
    logging: LoggingSettings = LoggingSettings()

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
