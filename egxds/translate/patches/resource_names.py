"""The names that Envoy Gateway has for resources of a Gateway, and ours for them. Pure.

Ours are those of its older scheme, `<namespace>/<gateway>/<listener>`. By the newer one (runtime flag XDSNameSchemeV2)
three are other: a Listener is named after its transport and port (`tcp-80`), the RouteConfiguration of HTTP after the
port (`http-80`), and a virtual host after its hostname alone. A patch may be written for either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from egxds import names
from egxds.resources.resource import Key
from egxds.translate.patches.operations import Document
from egxds.translate.ports import Port

Aliases = Mapping[Key, str]
"""Type and name by the newer scheme → our name."""


def aliases_of(ports: Iterable[Port]) -> Aliases:
    """Return the names by the newer scheme of what the ports of a Gateway come to."""
    found: dict[Key, str] = {}
    for port in ports:
        plan = port.plan
        found[names.LISTENER, f"{plan.transport.value.lower()}-{plan.port}"] = plan.name
        if plan.http:
            found[names.ROUTE_CONFIGURATION, f"http-{plan.port}"] = plan.http
    return found


def by_newer_names(document: Document) -> Document:
    """Return a RouteConfiguration with its virtual hosts named by the newer scheme, each at its place."""
    hosts = document.get("virtual_hosts", ()) if isinstance(document, dict) else ()
    renamed = [{**host, "name": str(host.get("name", "")).rpartition("/")[2]} for host in hosts]
    return {**document, "virtual_hosts": renamed}
