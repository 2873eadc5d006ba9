"""Which clients the xDS server takes, by their certificates or, on a Unix socket, by their users. Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from egxds.settings.quantities import SettingsModel

SOCKET_MODE = "0660"
_MODE = re.compile(r"0?[67][0-7]{2}")
_URI = "://"


def _check_san(value: str) -> str:
    """Refuse a pattern that could stand for more than it seems to."""
    head, separator, path = value.partition(_URI)
    host, *segments = path.split("/") if separator else ("", *value.split("."))
    if value in ("", "*") or (separator and "*" in head + host):
        raise ValueError(f"{value!r}: write a URI whose host is spelt out, or the name of a host")
    if any("*" in each and each != "*" for each in segments) or (not separator and "*" in segments[1:]):
        raise ValueError(f"{value!r}: * stands for one whole segment of a path, or for the first label of a host name")
    return value


def _check_pattern(value: str) -> str:
    if not value or "*" in value[:-1]:
        raise ValueError(f"{value!r}: * stands at the end only, for any rest")
    return value


def _check_gateway(value: str) -> str:
    if value != "*" and value.count("/") != 1:
        raise ValueError(f"{value!r}: write NAMESPACE/NAME, NAMESPACE/* or *")
    return _check_pattern(value)


def _as_digits(value: object) -> object:
    """Return a mode as text: YAML has `0660` for a number, of these digits."""
    return f"0{value}" if isinstance(value, int) and not isinstance(value, bool) else value


def _check_mode(value: str) -> str:
    if not _MODE.fullmatch(value):
        raise ValueError(f"{value!r} is no mode of a socket that its owner can use: write it as {SOCKET_MODE}")
    return value


_San = Annotated[str, AfterValidator(_check_san)]
_Pattern = Annotated[str, AfterValidator(_check_pattern)]
_Gateway = Annotated[str, AfterValidator(_check_gateway)]
_NotEmpty = Field(default=None, min_length=1)


class ClientRule(SettingsModel):
    """What the clients of some certificates may ask for; a list that is not there narrows nothing down.

    Attributes:
        san: name in the certificate: a URI, such as `spiffe://example.org/envoy/edge-1`, or the name of a host. `*` is
            one whole segment of the path of a URI, or the first label of a host's name.
        nodes: node ids that they may have; `*` at the end is any rest.
        gateways: `NAMESPACE/NAME` of what they may be served; `*` at the end is any rest. Without this and the next one
            that is everything.
        gateway_classes: whose Gateways they may be served together; `*` at the end is any rest.
        client_status: whether they may ask by CSDS what all Envoys have taken: names and versions, and why not.
    """

    san: _San
    nodes: tuple[_Pattern, ...] | None = _NotEmpty
    gateways: tuple[_Gateway, ...] | None = _NotEmpty
    gateway_classes: tuple[_Pattern, ...] | None = _NotEmpty
    client_status: bool = False


class SocketSettings(SettingsModel):
    """Who may connect to a Unix socket.

    Attributes:
        mode: of its file, in octal.
        group: name or number of the group that it belongs to; without it that of the process.
        allow_users: names or numbers of the users who may connect, whatever the mode says; root is no exception.
            Without it whoever the mode lets in.
    """

    mode: Annotated[str, BeforeValidator(_as_digits), AfterValidator(_check_mode)] = SOCKET_MODE
    group: str | int | None = None
    allow_users: tuple[str | int, ...] | None = _NotEmpty


def check_socket(settings: SocketSettings, address: str) -> None:
    """Refuse settings of a Unix socket where there is none: whom they keep out would be let in.

    Args:
        settings: who may connect.
        address: where a server listens.

    Raises:
        ValueError: something is set, and the address is no Unix socket.
    """
    if settings != SocketSettings() and not address.startswith("unix:"):
        raise ValueError(f"socket is about a Unix socket, and the address is {address!r}")
