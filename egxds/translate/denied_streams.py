"""Connections and datagrams that a failed hook would have decided on: they go to a cluster without endpoints. Pure.

What takes connections as a whole has no routes in RDS that could answer for it, so its denial is in the Listener. It is
no more of it than that: what forwards elsewhere names the empty cluster instead, in the filter chains concerned, and
those of the others stay with their connections. The cluster is there, and not left out, so that nothing refers to
nothing.

    a listener, a Translation hook    all that its chains and filters forward
    a cluster, its endpoints          what forwards to that cluster, be it for a share alone

A listener that looks at requests is denied by its RouteConfigurations, and is not touched (`denials`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.references import references
from egxds.resources.resource import Resource
from egxds.resources.walk import Walk
from egxds.translate.streams import sent_to

_TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_UDP_PROXY = "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig"
_PROXIES = Walk(_TCP_PROXY, _UDP_PROXY)


def deny_streams(listener: Resource) -> Resource:
    """Let all that a listener forwards as a whole go nowhere; the same one where that is nothing."""
    return _edited(listener, lambda _proxy: True)


def deny_stream_users(listener: Resource, clusters: Collection[str]) -> Resource:
    """Let what a listener forwards to any of some clusters go nowhere; the same one where that is nothing."""
    denied = frozenset((names.CLUSTER, name) for name in clusters)
    return _edited(listener, lambda proxy: not denied.isdisjoint(_referred(proxy))) if denied else listener


def empty_cluster(sources: Iterable[ObjectKey]) -> Resource:
    """Make the cluster without endpoints.

    Args:
        sources: of the listeners that go there.
    """
    message = cluster_pb2.Cluster(name=names.EMPTY_CLUSTER, type=cluster_pb2.Cluster.STATIC)
    message.load_assignment.cluster_name = names.EMPTY_CLUSTER
    message.connect_timeout.seconds = 1
    return Resource(names.CLUSTER, names.EMPTY_CLUSTER, encode(message), tuple(sorted(set(sources))))


def _edited(listener: Resource, is_denied: Callable[[Any], bool]) -> Resource:
    message = listener_pb2.Listener.FromString(listener.body)
    if not any(map(is_denied, _PROXIES.find(message))):
        return listener

    def deny(proxy: Any) -> None:
        if is_denied(proxy):
            _send_nowhere(proxy)

    _PROXIES.edit(message, deny)
    return replace(listener, body=encode(message))


def _referred(proxy: Any) -> Collection[tuple[str, str]]:
    return references(names.TYPE_PREFIX + proxy.DESCRIPTOR.full_name, encode(proxy))


def _send_nowhere(proxy: Any) -> None:
    if proxy.DESCRIPTOR.full_name == _TCP_PROXY:
        # One of two, which takes the other away.
        proxy.cluster = names.EMPTY_CLUSTER
        return
    proxy.matcher.Clear()
    proxy.matcher.on_no_match.CopyFrom(sent_to(names.EMPTY_CLUSTER))
