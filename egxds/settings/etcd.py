"""Generations that are published in etcd: where that is, how it is spoken to, and how much is taken from it. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from egxds.settings.quantities import ByteSize, DurationSeconds, SettingsModel

_ENDPOINT = re.compile(
    r"(?:(?P<scheme>https?)://)?(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/@]+)):(?P<port>[0-9]{1,5})/?"
)
_LAST_PORT = 65_535
_MOST_ENDPOINTS = 32
_PREFIX = re.compile(r"[!-~]{0,255}/")
_TOLD = re.compile(r"(?:unix:[!-~]{1,250}|[!-~]{1,250}:[0-9]{1,5})")
_MIB = 1024 * 1024


def _check_endpoint(text: str) -> str:
    found = _ENDPOINT.fullmatch(text)
    if found is None or not 0 < int(found["port"]) <= _LAST_PORT:
        raise ValueError(f"{text!r} is no endpoint: write https://host:port, http://host:port or host:port")
    return text


def _check_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError(f"{text!r} is no prefix: write letters without blanks that end with /, such as /egxds/")
    return text


def _check_told(text: str) -> str:
    if not _TOLD.fullmatch(text):
        raise ValueError(f"{text!r} is no address: write host:port, or unix:/path")
    return text


class EtcdTls(SettingsModel):
    """Certificates of connections to etcd, read again when their files change.

    Attributes:
        ca_file: certificates that those of etcd are checked with; relative to the settings file. Without it those that
            the system trusts.
        cert_file: our own certificate chain, where etcd asks for one; relative to the settings file.
        key_file: the key of that certificate.
        server_name: what etcd's certificates must be for; else the host of the endpoint.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None

    @model_validator(mode="after")
    def _whole_pair(self) -> EtcdTls:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("give certFile and keyFile, or neither")
        return self

    def below(self, base: PurePath) -> EtcdTls:
        """Return it with relative paths starting from a directory."""
        named = {name: getattr(self, name) for name in ("ca_file", "cert_file", "key_file")}
        return self.model_copy(update={name: str(base / path) for name, path in named.items() if path is not None})


class EtcdLimits(SettingsModel):
    """How much is taken of a generation; one with more in it is refused as a whole.

    Attributes:
        file_bytes: of one file.
        total_bytes: of all files.
    """

    file_bytes: Annotated[ByteSize, Field(ge=1024)] = 32 * _MIB
    total_bytes: Annotated[ByteSize, Field(ge=1024)] = 512 * _MIB


@dataclass(frozen=True, slots=True)
class EtcdEndpoint:
    """Where a member of etcd takes connections.

    Attributes:
        host: its name or address.
        port: its port.
    """

    host: str
    port: int

    @property
    def is_on_this_machine(self) -> bool:
        """Whether what is said there leaves no machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ReplicaSettings(SettingsModel):
    """What this replica says of itself to the others, in etcd.

    Attributes:
        name: its name, which no other one has; without it that of the machine, with six digits behind it that are
            others for each machine and each xDS address.
        admin_address: where the others and people reach its admin port, `host:port`; without it, it is told to nobody.
        xds_addresses: where Envoys reach it, for people to know; without it what it listens on.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = None
    admin_address: Annotated[str, AfterValidator(_check_told)] | None = None
    xds_addresses: Annotated[tuple[Annotated[str, AfterValidator(_check_told)], ...], Field(max_length=16)] = ()


class EtcdSource(SettingsModel):
    """What `egxds publish` has put into etcd is what is served.

    Attributes:
        endpoints: members of one cluster, each a URL (`https://` or `http://`) or `host:port`; the next one is asked
            where one does not answer.
        prefix: what all keys start with, with `/` at its end.
        tls: certificates; where there is none and no endpoint is `https://`, etcd is spoken to in the clear.
        user: name of the user of etcd.
        password_file: file with the password of that user, relative to the settings file; read again when it is
            refused.
        request_timeout: seconds that one request may take, on all endpoints together.
        limits: how much is taken of a generation.
        keep: how many generations `egxds publish` keeps, the newest ones, that in force included.
        allow_secrets: whether `egxds publish` takes Secrets, and replies of hooks that hold Secrets are shared; whoever
            may read the prefix may read them then, and so may whoever gets hold of a backup of etcd.
        key_file: file with a key of 32 bytes, as they are or in base64, relative to the settings file; what files and
            replies hold is encrypted with it in etcd, and so may hold Secrets. All publishers and replicas have it.
        share_replies: whether replies of extension servers are shared with the other replicas: a request is made by one
            of them, and all go by what it was told.
        replica: what this one says of itself to the others.
    """

    endpoints: Annotated[
        tuple[Annotated[str, AfterValidator(_check_endpoint)], ...], Field(min_length=1, max_length=_MOST_ENDPOINTS)
    ]
    prefix: Annotated[str, AfterValidator(_check_prefix)] = "/egxds/"
    tls: EtcdTls | None = None
    user: Annotated[str, Field(min_length=1)] | None = None
    password_file: str | None = None
    request_timeout: Annotated[DurationSeconds, Field(gt=0)] = 5.0
    limits: EtcdLimits = EtcdLimits()
    keep: Annotated[int, Field(ge=1, le=1000)] = 50
    allow_secrets: bool = False
    key_file: str | None = None
    share_replies: bool = True
    replica: ReplicaSettings = ReplicaSettings()

    @property
    def members(self) -> tuple[EtcdEndpoint, ...]:
        """Where to connect to, in the order in which they are given."""
        found = [_ENDPOINT.fullmatch(text) for text in self.endpoints]
        return tuple(EtcdEndpoint(each["ipv6"] or each["host"], int(each["port"])) for each in found if each)

    @property
    def speaks_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.tls is not None or any(text.startswith("https://") for text in self.endpoints)

    def below(self, base: PurePath) -> EtcdSource:
        """Return it with relative paths starting from a directory."""
        tls = self.tls.below(base) if self.tls else None
        password_file = None if self.password_file is None else str(base / self.password_file)
        key_file = None if self.key_file is None else str(base / self.key_file)
        return self.model_copy(update={"tls": tls, "password_file": password_file, "key_file": key_file})

    @property
    def takes_secrets(self) -> bool:
        """Whether Secrets may stand in etcd."""
        return self.allow_secrets or self.key_file is not None

    @model_validator(mode="after")
    def _all_alike(self) -> EtcdSource:
        in_the_clear = [text for text in self.endpoints if text.startswith("http://")]
        if self.speaks_tls and in_the_clear:
            raise ValueError(f"{in_the_clear[0]} is in the clear, and tls or another endpoint is not: write https://")
        return self

    @model_validator(mode="after")
    def _whole_user(self) -> EtcdSource:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("give user and passwordFile, or neither")
        return self

    @model_validator(mode="after")
    def _secrets_are_encrypted(self) -> EtcdSource:
        if self.allow_secrets and not self.speaks_tls:
            raise ValueError("allowSecrets needs TLS, lest secrets are sent in the clear: write https:// endpoints")
        return self

    @model_validator(mode="after")
    def _room_for_one(self) -> EtcdSource:
        if self.limits.total_bytes < self.limits.file_bytes:
            raise ValueError("limits.totalBytes has no room for one file of limits.fileBytes: raise it")
        return self
