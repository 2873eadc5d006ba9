"""What a filter is to do at one route or one virtual host: their `typed_per_filter_config`. Pure; for users.

    set_filter_config(route, "envoy.filters.http.ext_authz", ExtAuthzPerRoute(disabled=True))
    disable_filter(host, "envoy.filters.http.basic_auth")

The name is that of the filter in the connection manager, and the message its configuration for routes, which is often
another than that of the filter (`ExtAuthzPerRoute`). The nearest counts: the route's, then the virtual host's, then the
RouteConfiguration's.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Protocol, TypeVar

from envoy.config.route.v3.route_components_pb2 import FilterConfig
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from egxds.extension.typed_config import read_config, typed_config

MessageT = TypeVar("MessageT", bound=Message)


class HasFilterConfig(Protocol):
    """A Route, a VirtualHost, a RouteConfiguration, or a WeightedCluster.ClusterWeight."""

    @property
    def typed_per_filter_config(self) -> MutableMapping[str, Any]: ...  # noqa: D102 as Envoy names it


def set_filter_config(target: HasFilterConfig, name: str, config: Message) -> None:
    """Configure a filter at one place, in the stead of what was there.

    Args:
        target: the route, virtual host or RouteConfiguration.
        name: of the filter.
        config: the filter's message for routes, or a FilterConfig around it.
    """
    target.typed_per_filter_config[name].CopyFrom(typed_config(config))


def filter_config(target: HasFilterConfig, name: str, expected: type[MessageT]) -> MessageT | None:
    """Return what a filter is told at one place; nothing where it is told nothing there.

    Args:
        target: the route, virtual host or RouteConfiguration.
        name: of the filter.
        expected: the class of the message.

    Raises:
        TypeError: it is told something of another type.
    """
    # Asked for first: to index a map of protobuf adds what it does not have.
    held = target.typed_per_filter_config
    return read_config(held[name], expected) if name in held else None


def disable_filter(target: HasFilterConfig, name: str) -> None:
    """Have requests at one place pass a filter by.

    Args:
        target: the route, virtual host or RouteConfiguration.
        name: of the filter.
    """
    set_filter_config(target, name, FilterConfig(disabled=True))


def enable_filter(target: HasFilterConfig, name: str) -> None:
    """Have requests at one place go through a filter that is `disabled` in the connection manager.

    Args:
        target: the route, virtual host or RouteConfiguration.
        name: of the filter.
    """
    # An empty Any that is there: Envoy takes it as "as in the connection manager", and a missing one as a mistake.
    set_filter_config(target, name, FilterConfig(config=Any()))
