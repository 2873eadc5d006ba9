"""What extensions of the tests make of what they are shown, beside the usual: a request in, a response filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.extension_server.edits import ADDED_CLUSTER, EDITS
from tests.unit.hooks.edited_gateways import cluster_of
from tests.unit.hooks.gateways import HTTPS, SECRET

EditOf = Callable[[Any, Any], None]


def claiming(domain: str) -> EditOf:
    """Give a virtual host one domain more."""

    def edit(request: Any, response: Any) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        response.virtual_host.domains.append(domain)

    return edit


def using(cluster: str) -> EditOf:
    """Add a route to a cluster to a virtual host."""

    def edit(request: Any, response: Any) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        route = response.virtual_host.routes.add(name="added")
        route.match.prefix = "/added"
        route.route.cluster = cluster

    return edit


def beside(request: Any, response: Any) -> None:
    """Add a listener beside the one asked about."""
    response.listener.CopyFrom(request.listener)
    response.listener.name += "/beside"
    response.listener.address.socket_address.port_value += 1


def as_it_is(request: Any, response: Any) -> None:
    """Return everything as it was sent."""
    for kind in ("clusters", "secrets", "listeners", "routes"):
        getattr(response, kind).extend(getattr(request, kind))


def without(*gone: str) -> EditOf:
    """Take some resources away, whoever refers to them."""

    def edit(request: Any, response: Any) -> None:
        for kind in ("clusters", "secrets", "listeners", "routes"):
            getattr(response, kind).extend(item for item in getattr(request, kind) if item.name not in gone)

    return edit


def led_elsewhere(cluster: str) -> EditOf:
    """Add a route to each virtual host, and to each RouteConfiguration a virtual host."""

    def edit(request: Any, response: Any) -> None:
        as_it_is(request, response)
        for configuration in response.routes:
            configuration.virtual_hosts.add(name="added", domains=["added.example"])
            for host in configuration.virtual_hosts:
                host.routes.add(name="added", match={"prefix": "/added"}, route={"cluster": cluster})

    return edit


def on_one_address(request: Any, response: Any) -> None:
    """Have the listeners bind the same port, but where there is one only."""
    as_it_is(request, response)
    for listener in response.listeners:
        listener.address.socket_address.port_value = 81


def counted(request: Any, response: Any) -> None:
    """Say in each cluster and listener how many there are."""
    as_it_is(request, response)
    for item in response.clusters:
        item.alt_stat_name = f"one of {len(request.clusters)}"
    for listener in response.listeners:
        listener.stat_prefix = f"beside {len(request.listeners)}"


TRANSLATIONS = (
    as_it_is,
    counted,
    EDITS["Translation"],
    without(*(f"{SECRET}{number}" for number in range(5))),
    led_elsewhere(cluster_of(0)),
    led_elsewhere(cluster_of(4)),
    led_elsewhere(ADDED_CLUSTER),
    without(cluster_of(3)),
    without(cluster_of(4), SECRET, f"{SECRET}0"),
    without(HTTPS),
    on_one_address,
)
"""Of one mind each: what it takes away it takes away edit after edit."""
