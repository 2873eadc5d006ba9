"""Sets, adds and removes headers at a route, a virtual host, a RouteConfiguration or a share. Pure; for users.

    set_response_header(route, "x-greeting", "100% yours")      its value is sent as it is written here
    add_request_header(host, "x-client", Format("%DOWNSTREAM_REMOTE_ADDRESS%"))

Envoy reads a value as a format string in which `%` begins a command; a lone one has it refuse the RouteConfiguration.
So `%` is doubled, which comes out as one, unless the value is a `Format`.

    set       OVERWRITE_IF_EXISTS_OR_ADD     the only one of that name
    add       APPEND_IF_EXISTS_OR_ADD        one more
    remove    request_headers_to_remove, response_headers_to_remove; Envoy adds first and removes then
"""

from __future__ import annotations

from typing import Protocol

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption


class Format(str):
    """A value in which `%` begins a command of Envoy's, such as `%REQ(:path)%`."""

    __slots__ = ()


class _Options(Protocol):
    def append(self, value: HeaderValueOption, /) -> None: ...


class _Names(Protocol):
    def append(self, value: str, /) -> None: ...


class HasHeaders(Protocol):
    """A Route, a VirtualHost, a RouteConfiguration, or a WeightedCluster.ClusterWeight."""

    @property
    def request_headers_to_add(self) -> _Options: ...  # noqa: D102 as Envoy names it
    @property
    def request_headers_to_remove(self) -> _Names: ...  # noqa: D102
    @property
    def response_headers_to_add(self) -> _Options: ...  # noqa: D102
    @property
    def response_headers_to_remove(self) -> _Names: ...  # noqa: D102


def set_request_header(target: HasHeaders, name: str, value: str) -> None:
    """Have requests carry a header once, with this value, whatever the client sent.

    Args:
        target: whose requests.
        name: of the header.
        value: sent as it is; a `Format` is filled in by Envoy.
    """
    target.request_headers_to_add.append(_option(name, value, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD))


def add_request_header(target: HasHeaders, name: str, value: str) -> None:
    """Have requests carry one more header; as `set_request_header`."""
    target.request_headers_to_add.append(_option(name, value, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD))


def remove_request_header(target: HasHeaders, name: str) -> None:
    """Have requests come without a header."""
    target.request_headers_to_remove.append(name)


def set_response_header(target: HasHeaders, name: str, value: str) -> None:
    """Have answers carry a header once, with this value, whatever the backend sent.

    Args:
        target: whose answers.
        name: of the header.
        value: sent as it is; a `Format` is filled in by Envoy.
    """
    target.response_headers_to_add.append(_option(name, value, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD))


def add_response_header(target: HasHeaders, name: str, value: str) -> None:
    """Have answers carry one more header; as `set_response_header`."""
    target.response_headers_to_add.append(_option(name, value, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD))


def remove_response_header(target: HasHeaders, name: str) -> None:
    """Have answers come without a header."""
    target.response_headers_to_remove.append(name)


def literal(value: str) -> str:
    """Return a value as Envoy's format strings write it; a `Format` is one already."""
    return value if isinstance(value, Format) else value.replace("%", "%%")


def _option(name: str, value: str, action: HeaderValueOption.HeaderAppendAction) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=literal(value)), append_action=action)
