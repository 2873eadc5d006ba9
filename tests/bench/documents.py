"""The YAML that is measured with: one Gateway and many routes, each with a cluster of its own."""

from __future__ import annotations

import json
from typing import Any

from tests.envoy import manifests
from tests.envoy.certificates import Authority, Pair

GATEWAY = "default/web"
HTTP, HTTPS = f"{GATEWAY}/http", f"{GATEWAY}/https"
SECRET = "default/certificate"
TLS_HOST = "tls.bench"
CONTENT = "x-content"
CLASS = "many"
SHARED_HOST = "shared.example.com"
ROUTES_EACH = 100
"""Of a Gateway, where there are many of both."""

_authority = Authority()


def issue_certificate() -> Pair:
    """Make a certificate that no other call has made."""
    return _authority.issue(TLS_HOST)


def host(name: str | int) -> str:
    """Return the hostname of a route."""
    return f"h{name}.example.com"


def gateway(http_port: int, https_port: int) -> str:
    """Return the Gateway: one listener for HTTP, one that ends TLS."""
    listeners = (manifests.http(http_port), manifests.https(https_port, TLS_HOST, "certificate"))
    return manifests.gateway("web", *listeners)


def route(name: str | int, content: str, backend: str = "echo") -> str:
    """Return a route of about 470 bytes, whose answers carry the content in a header.

    Args:
        name: makes its name and hostname.
        content: the header's value.
        backend: where requests go.
    """
    return manifests.http_route(f"route-{name}", host(name), backend, rules=[_rule(content, backend)])


def _rule(content: str, backend: str) -> dict[str, Any]:
    modifier = {"set": [{"name": CONTENT, "value": content}]}
    return {
        "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}],
        "backendRefs": [manifests.backend_ref(backend)],
    }


def routes(count: int, http_port: int, https_port: int, backend_port: int) -> dict[str, str]:
    """Return all documents of a site: the Gateway, its certificate, Backends, and this many routes.

    The first route has a Backend of its own (`own`); nothing refers to the Backend `idle`.
    """
    fixed = {
        "gateway": gateway(http_port, https_port),
        "certificate": "---\n" + issue_certificate().secret("certificate"),
        "tls": manifests.http_route("tls", TLS_HOST, "echo"),
        "backend": manifests.backend("echo", backend_port),
        "own": manifests.backend("own", backend_port),
        "idle": manifests.backend("idle", backend_port),
    }
    return fixed | {f"route-{i}": route(i, "first", "echo" if i else "own") for i in range(count)}


def paths(count: int, http_port: int, https_port: int, backend_port: int) -> dict[str, str]:
    """Return the same with one hostname for all routes, which differ in their paths."""
    documents = routes(0, http_port, https_port, backend_port)
    return documents | {f"route-{i}": path_route(i, "first") for i in range(count)}


def path_route(number: int, content: str) -> str:
    """Return a route for one path of the shared hostname."""
    match = {"path": {"type": "PathPrefix", "value": f"/{number}"}}
    rule = {"matches": [match], **_rule(content, "echo")}
    return manifests.http_route(f"route-{number}", SHARED_HOST, "echo", rules=[rule])


def gateways(count: int, _http_port: int, _https_port: int, _backend_port: int) -> dict[str, str]:
    """Return this many Gateways of one class, each with a route; they bind ports that nobody opens."""
    documents = {"class": _gateway_class(), "backend": manifests.backend("echo", 9)}
    for i in range(count):
        documents[f"gateway-{i}"] = _gateway_of_class(i)
        documents[f"route-{i}"] = route_of_gateway(i, "first")
    return documents


def route_of_gateway(number: int, content: str) -> str:
    """Return the one route of one of many Gateways."""
    return route(number, content).replace(json.dumps([{"name": "web"}]), json.dumps([{"name": f"web-{number}"}]))


def full_gateways(count: int) -> dict[str, str]:
    """Return this many routes, a hundred to each of as many Gateways as it takes."""
    documents = {"backend": manifests.backend("echo", 9)}
    for number in range(-(-count // ROUTES_EACH)):
        documents[f"gateway-{number}"] = manifests.gateway(f"web-{number}", manifests.http(20_000 + number))
    for number in range(count):
        documents[f"route-{number}"] = route_of_full_gateway(number, "first")
    return documents


def route_of_full_gateway(number: int, content: str) -> str:
    """Return one route of them."""
    own = f"web-{number // ROUTES_EACH}"
    return route(number, content).replace(json.dumps([{"name": "web"}]), json.dumps([{"name": own}]))


def _gateway_of_class(number: int) -> str:
    text = manifests.gateway(f"web-{number}", manifests.http(20_000 + number))
    return text.replace('"gatewayClassName": "egxds"', f'"gatewayClassName": "{CLASS}"')


def _gateway_class() -> str:
    return (
        f"---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {{name: {CLASS}}}\n"
        "spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}\n"
    )
