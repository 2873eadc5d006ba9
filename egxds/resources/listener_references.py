"""What a listener refers to by name, so that a denial reaches it and leaves nothing that it needs out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2, tls_pb2

_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class ListenerReferences:
    """Names that a listener's filter chains use.

    Attributes:
        route_configurations: asked for over RDS.
        secrets: asked for over SDS, for connections from clients.
        has_inline_routes: whether some of its traffic is routed without RDS, where a denial does not reach it.
        askers: (filter chain, RouteConfiguration that it asks for over RDS).
    """

    route_configurations: frozenset[str]
    secrets: frozenset[str]
    has_inline_routes: bool
    askers: frozenset[tuple[str, str]] = frozenset()


@lru_cache(maxsize=_REMEMBERED)
def references(body: bytes) -> ListenerReferences:
    """Read what a listener refers to.

    Args:
        body: an encoded Listener that parses.
    """
    listener = listener_pb2.Listener.FromString(body)
    managers = tuple((label, item) for label, chain in _labelled_chains(listener) for _, item in _managers(chain))
    askers = frozenset((name, item.rds.route_config_name) for name, item in managers if item.HasField("rds"))
    return ListenerReferences(
        route_configurations=frozenset(name for _, name in askers),
        secrets=frozenset(name for chain in _chains(listener) for name in _secrets(chain)),
        has_inline_routes=any(not item.HasField("rds") for _, item in managers),
        askers=askers,
    )


def _chains(listener: listener_pb2.Listener) -> Iterator[listener_components_pb2.FilterChain]:
    return (chain for _, chain in _labelled_chains(listener))


def _labelled_chains(listener: listener_pb2.Listener) -> Iterator[tuple[str, listener_components_pb2.FilterChain]]:
    """Yield the filter chains by name; the default one is told from others without a name."""
    yield from ((chain.name, chain) for chain in listener.filter_chains)
    if listener.HasField("default_filter_chain"):
        yield listener.default_filter_chain.name or "the default one", listener.default_filter_chain


def connection_managers(
    listener: listener_pb2.Listener,
) -> Iterator[tuple[listener_components_pb2.Filter, http_connection_manager_pb2.HttpConnectionManager]]:
    """Yield the HTTP connection managers of a listener, decoded, each with the filter that holds it."""
    for chain in _chains(listener):
        yield from _managers(chain)


def _managers(
    chain: listener_components_pb2.FilterChain,
) -> Iterator[tuple[listener_components_pb2.Filter, http_connection_manager_pb2.HttpConnectionManager]]:
    for network_filter in chain.filters:
        manager = http_connection_manager_pb2.HttpConnectionManager()
        if network_filter.typed_config.Unpack(manager):
            yield network_filter, manager


def _secrets(chain: listener_components_pb2.FilterChain) -> Iterator[str]:
    tls = tls_pb2.DownstreamTlsContext()
    if not chain.transport_socket.typed_config.Unpack(tls):
        return
    common: common_pb2.CommonTlsContext = tls.common_tls_context
    configs: list[secret_pb2.SdsSecretConfig] = list(common.tls_certificate_sds_secret_configs)
    configs.append(common.validation_context_sds_secret_config)
    configs.append(common.combined_validation_context.validation_context_sds_secret_config)
    yield from (config.name for config in configs if config.name)
