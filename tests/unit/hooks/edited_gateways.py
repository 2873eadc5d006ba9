"""A Gateway under edits, as the translation hands it on: what did not change is the same object."""

from __future__ import annotations

from dataclasses import dataclass, replace

from egxds import names
from egxds.incremental.revision import Revision
from egxds.resources.resource import ExtensionResource
from egxds.resources.route_configuration import RouteConfiguration, VirtualHost
from egxds.resources.translation import GatewayTranslation, HookContext
from tests.unit.hooks.gateways import (
    CART_FILTER,
    GATEWAY,
    HTTP,
    HTTPS,
    SECRET,
    cluster,
    endpoints,
    listener,
    route,
    route_configuration,
    secret,
    virtual_host,
)

POLICY = ExtensionResource("example.io", "CartPolicy", b'{"metadata":{"name":"cart-policy"}}')


def cluster_of(number: int) -> str:
    """Name the cluster of a virtual host."""
    return f"httproute/shop/r{number}/rule/0"


def host_of(configuration: str, number: int) -> str:
    """Name a virtual host."""
    return f"{configuration}/h{number}_example"


@dataclass(frozen=True, slots=True)
class Edit:
    """One object written or deleted.

    Attributes:
        what: one of `KINDS`.
        configuration: which RouteConfiguration or listener, where it is about one.
        number: which one of its kind.
        variant: what is written; 0 deletes it.
    """

    what: str
    configuration: str
    number: int
    variant: int


def of_size(count: int) -> GatewayTranslation:
    """Make a Gateway with so many virtual hosts on its plain listener, each with a cluster and endpoints."""
    clusters = [cluster(cluster_of(number)) for number in range(count)]
    assignments = [endpoints(cluster_of(number)) for number in range(count)]
    hosts = [_host(HTTP, number, 1) for number in range(count)]
    return GatewayTranslation(
        gateway=GATEWAY,
        class_name="envoy",
        listeners=Revision({HTTP: listener(HTTP), HTTPS: listener(HTTPS, 443, SECRET)}),
        route_configurations=Revision(
            {HTTP: route_configuration(HTTP, *hosts), HTTPS: route_configuration(HTTPS, _host(HTTPS, 0, 1))}
        ),
        clusters=Revision({item.name: item for item in clusters}),
        endpoints=Revision({item.name: item for item in assignments}),
        secrets=Revision({SECRET: secret()}),
    )


def edited_by(before: GatewayTranslation, edit: Edit) -> GatewayTranslation:
    """Return a Gateway after an edit."""
    name = cluster_of(edit.number)
    gone = () if edit.variant else (name,)
    if edit.what == "cluster":
        new = {name: cluster(name, 10 * edit.variant)} if edit.variant else {}
        return replace(before, clusters=before.clusters.edited(new, gone))
    if edit.what == "endpoints":
        assignments = {name: endpoints(name, 8000 + edit.variant)} if edit.variant else {}
        return replace(before, endpoints=before.endpoints.edited(assignments, gone))
    if edit.what == "secret":
        label = f"{SECRET}{edit.number}"
        written = replace(secret(label), sources=()) if edit.variant == 1 else secret(label)
        secrets = {label: written} if edit.variant else {}
        return replace(before, secrets=before.secrets.edited(secrets, () if edit.variant else (label,)))
    if edit.what == "listener":
        listeners = {edit.configuration: listener(edit.configuration, 80 + edit.variant)} if edit.variant else {}
        return replace(before, listeners=before.listeners.edited(listeners, (edit.configuration,)))
    if edit.what in ("filter", "policy", "policy of all"):
        return replace(before, context=_context(before.context, edit, name))
    return replace(before, route_configurations=_configurations(before.route_configurations, edit))


def _context(before: HookContext, edit: Edit, name: str) -> HookContext:
    if edit.what == "filter":
        named = {name: (CART_FILTER,) * edit.variant} if edit.variant else {}
        return replace(before, clusters=before.clusters.edited(named, (name,)))
    if edit.what == "policy of all":
        return replace(before, gateway=(POLICY,) * edit.variant)
    policies = {edit.configuration: (POLICY,) * edit.variant} if edit.variant else {}
    return replace(before, listeners=policies)


def _configurations(before: Revision[str, RouteConfiguration], edit: Edit) -> Revision[str, RouteConfiguration]:
    name = edit.configuration
    if edit.what == "configuration":
        new = {name: replace(route_configuration(name, _host(name, edit.number, 1)), sources=())}
        return before.edited(new if edit.variant else {}, (name,))
    if name not in before:
        return before
    hosts = {host_of(name, edit.number): _host(name, edit.number, edit.variant)} if edit.variant else {}
    virtual_hosts = before[name].virtual_hosts.edited(hosts, (host_of(name, edit.number),))
    return before.edited({name: replace(before[name], virtual_hosts=virtual_hosts)})


def _host(configuration: str, number: int, variant: int) -> VirtualHost:
    """Make a virtual host of 1 to 3 routes, the second of which an extension concerns, some to another cluster."""
    made = tuple(
        route(
            f"httproute/shop/r{number}/rule/{at}/match/0/h{number}",
            cluster_of(number if at < 2 else number + 1),
            (CART_FILTER,) if at == 1 else (),
        )
        for at in range(variant)
    )
    domains = (f"h{number}.example", f"v{variant}.h{number}.example")
    return virtual_host(host_of(configuration, number), domains, *made)


CONFIGURATIONS = (HTTP, HTTPS)
KINDS = (
    "host",
    "cluster",
    "endpoints",
    "secret",
    "listener",
    "filter",
    "policy",
    "policy of all",
    "configuration",
)
TYPES = (names.LISTENER, names.CLUSTER, names.ENDPOINT, names.SECRET, names.ROUTE_CONFIGURATION)
