"""Where Envoy has extensions, and of which types they may be. Pure.

A message in an `Any` is for a factory that Envoy looks up by its type. One that it does not have is refused with the
whole resource around it (seen with Envoy 1.40: a filter of type `nope.Nope` takes the listener), unless it is optional.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from egxds.resources.validation.envoy_types import (
    ACCESS_LOGGERS,
    EXTENSIONS,
    HTTP_FILTERS,
    NETWORK_FILTERS,
    NOT_PER_ROUTE,
    UPSTREAM_HTTP_FILTERS,
    is_contributed,
    is_known,
)

TYPED_STRUCTS = frozenset({"xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"})
_FILTER_CONFIG = "envoy.config.route.v3.FilterConfig"
_LISTENER = "envoy.config.listener.v3"
_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3"
_ROUTE = "envoy.config.route.v3"
_CORE = "envoy.config.core.v3"
_PER_ROUTE = (HTTP_FILTERS - NOT_PER_ROUTE) | {_FILTER_CONFIG}

_PLACES: Mapping[tuple[str, str], frozenset[str]] = {
    ("envoy.config.accesslog.v3.AccessLog", "typed_config"): ACCESS_LOGGERS,
    (f"{_LISTENER}.Filter", "typed_config"): NETWORK_FILTERS,
    (f"{_MANAGER}.HttpFilter", "typed_config"): HTTP_FILTERS | UPSTREAM_HTTP_FILTERS,
    (f"{_ROUTE}.Route", "typed_per_filter_config"): _PER_ROUTE,
    (f"{_ROUTE}.RouteConfiguration", "typed_per_filter_config"): _PER_ROUTE,
    (f"{_ROUTE}.VirtualHost", "typed_per_filter_config"): _PER_ROUTE,
    (f"{_ROUTE}.WeightedCluster.ClusterWeight", "typed_per_filter_config"): _PER_ROUTE,
}
"""(type of a message, field with an `Any`) → types that Envoy has for it; elsewhere any that is known."""

_FREE = frozenset(
    {
        (f"{_CORE}.Metadata", "typed_filter_metadata"),
        ("envoy.extensions.filters.http.set_metadata.v3.Metadata", "typed_value"),
        ("envoy.extensions.wasm.v3.PluginConfig", "configuration"),
        ("envoy.extensions.wasm.v3.VmConfig", "configuration"),
    }
)
"""Fields that hold whatever they are given, for code of the user's."""

_MODULES = "dynamic_modules"

_NEEDED = frozenset(
    {
        "envoy.config.accesslog.v3.AccessLog",
        f"{_CORE}.HealthCheck.CustomHealthCheck",
        f"{_CORE}.TransportSocket",
        f"{_LISTENER}.Filter",
        f"{_LISTENER}.ListenerFilter",
        f"{_MANAGER}.HttpFilter",
        f"{_ROUTE}.RetryPolicy.RetryHostPredicate",
        f"{_ROUTE}.RetryPolicy.RetryPriority",
    }
)
"""Messages that are nothing without a type: Envoy finds no extension by name."""


def type_name(packed: Any) -> str:
    """Return the type of what an `Any` holds, without what stands before it."""
    return str(packed.type_url).rpartition("/")[2]


def needs_type(message: Any) -> bool:
    """Tell whether a message names an extension and not its type."""
    if message.DESCRIPTOR.full_name not in _NEEDED or getattr(message, "is_optional", False):
        return False
    return message.WhichOneof("config_type") is None


def type_fault(message: Any, field: str, name: str, allowed: Collection[str]) -> str:
    """Say why Envoy would refuse the type of an extension; empty where it takes it.

    Args:
        message: what has the field.
        field: its name.
        name: type of what is in it, or is said to be.
        allowed: types that the user knows their Envoy to have.
    """
    place = (message.DESCRIPTOR.full_name, field)
    if name in allowed or name in TYPED_STRUCTS or place in _FREE or _MODULES in place[0]:
        return ""
    if getattr(message, "is_optional", False):
        return ""
    wanted = _PLACES.get(place)
    if wanted is None:
        return "" if not name or is_known(name) else _unknown(name)
    if name in wanted or is_contributed(name):
        return ""
    return f"Envoy has no such extension here: {name}" if name in EXTENSIONS or is_known(name) else _unknown(name)


def socket_faults(message: Any, wanted: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the type of a transport socket.

    Args:
        message: a filter chain or a cluster.
        wanted: types that Envoy has for it.
    """
    name = type_name(message.transport_socket.typed_config)
    if name in EXTENSIONS and name not in wanted and name not in TYPED_STRUCTS:
        yield f"transport_socket.typed_config: Envoy has no such extension here: {name}"


def _unknown(name: str) -> str:
    return f"Envoy has no extension of type {name}; where yours does, name it under allowTypes"
