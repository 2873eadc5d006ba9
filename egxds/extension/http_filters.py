"""The HTTP filters of a listener's connection managers, in order. Pure; for users.

A listener has a filter chain for each HTTPS listener of the Gateway, and one for its HTTP listeners
(`default_filter_chain`). In each is an HttpConnectionManager, packed into an Any, and in that the filters that requests
go through one after the other. The last is the router, which sends them on: what decides on access stands before it.

    add_http_filter(listener, http_filter("envoy.filters.http.basic_auth", BasicAuth(…)))     before the router
    add_http_filter(listener, …, before="envoy.filters.http.ext_authz")                       before another
    add_http_filter(listener, …, after="envoy.filters.http.cors")                             behind another
    for manager in connection_managers(listener):                                             anything else
        manager.http_filters[0].disabled = True
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from google.protobuf.message import Message

from egxds.extension.typed_config import holds, read_config, typed_config

ROUTER = "envoy.filters.http.router"
"""Name of the filter that sends requests on, and is the last."""


def http_filter(name: str, config: Message) -> HttpFilter:
    """Make an HTTP filter.

    Args:
        name: Envoy's, such as `envoy.filters.http.basic_auth`; routes name it in their `typed_per_filter_config`.
        config: its configuration.
    """
    return HttpFilter(name=name, typed_config=typed_config(config))


def filter_chains(listener: Listener) -> tuple[FilterChain, ...]:
    """Return all filter chains of a listener, the default one last; to be changed as they are."""
    # Asked for before it is taken: to touch it would add it.
    default = (listener.default_filter_chain,) if listener.HasField("default_filter_chain") else ()
    return (*listener.filter_chains, *default)


def connection_managers(listener: Listener) -> Iterator[HttpConnectionManager]:
    """Iterate over the connection managers of a listener; each is written back when the loop goes on, or is left.

    Args:
        listener: the listener; one of TCP alone has none.
    """
    for chain in filter_chains(listener):
        yield from connection_managers_of_chain(chain)


def connection_managers_of_chain(chain: FilterChain) -> Iterator[HttpConnectionManager]:
    """Iterate over those of one filter chain, as `connection_managers` does."""
    for network_filter in chain.filters:
        if holds(network_filter.typed_config, HttpConnectionManager):
            yield from _changed(network_filter)


def add_http_filter(listener: Listener, added: HttpFilter, *, before: str = ROUTER, after: str = "") -> None:
    """Put a filter into every connection manager of a listener.

    Args:
        listener: the listener.
        added: the filter.
        before: name of the filter that it is to stand before.
        after: name of the filter that it is to stand behind, in the place of `before`.

    Raises:
        LookupError: a connection manager has none of that name.
    """
    for manager in connection_managers(listener):
        insert_http_filter(manager, added, before=before, after=after)


def insert_http_filter(
    manager: HttpConnectionManager, added: HttpFilter, *, before: str = ROUTER, after: str = ""
) -> None:
    """Put a filter into one connection manager, as `add_http_filter` does.

    Args:
        manager: as `connection_managers` yields it.
        added: the filter.
        before: name of the filter that it is to stand before.
        after: name of the filter that it is to stand behind, in the place of `before`.

    Raises:
        LookupError: there is none of that name.
    """
    names = [each.name for each in manager.http_filters]
    wanted = after or before
    if wanted not in names:
        raise LookupError(f"no HTTP filter is named {wanted}; there are: {', '.join(names)}")
    manager.http_filters.insert(names.index(wanted) + bool(after), added)


def _changed(network_filter: Filter) -> Iterator[HttpConnectionManager]:
    manager = read_config(network_filter.typed_config, HttpConnectionManager)
    try:
        yield manager
    finally:  # also where the loop is left early
        network_filter.typed_config.CopyFrom(typed_config(manager))
