"""The YAML of small objects, as a user would write it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def gateway(name: str = "web", *listeners: dict[str, Any], content: str = "") -> str:
    """Return a Gateway on the loopback address.

    Args:
        name: its name, in the namespace `default`.
        listeners: each as the spec has it; `http(port)` and `https(port, …)` make the usual ones.
        content: of a label that means nothing; none where it is empty.
    """
    address = {"type": "IPAddress", "value": "127.0.0.1"}
    spec = {"gatewayClassName": "egxds", "addresses": [address], "listeners": list(listeners)}
    labels = {"content": content} if content else {}
    return _document("gateway.networking.k8s.io/v1", "Gateway", name, spec, labels)


def http(port: int, name: str = "http") -> dict[str, Any]:
    """Return a listener for HTTP."""
    return {"name": name, "port": port, "protocol": "HTTP"}


def https(port: int, hostname: str, secret: str, name: str = "https") -> dict[str, Any]:
    """Return a listener that ends TLS for one hostname."""
    tls = {"mode": "Terminate", "certificateRefs": [{"name": secret}]}
    return {"name": name, "port": port, "protocol": "HTTPS", "hostname": hostname, "tls": tls}


def http_route(
    name: str,
    hostname: str,
    backend: str,
    gateway: str = "web",
    rules: Sequence[Any] | None = None,
    section: str | None = None,
) -> str:
    """Return an HTTPRoute that sends a hostname to a backend.

    Args:
        name: its name.
        hostname: the one hostname.
        backend: name of a Backend.
        gateway: its parent.
        rules: in place of the one that sends everything to the backend.
        section: the one listener of its parent; all of them where None.
    """
    everything = {"backendRefs": [backend_ref(backend)]}
    parent = {"name": gateway} if section is None else {"name": gateway, "sectionName": section}
    spec = {"parentRefs": [parent], "hostnames": [hostname], "rules": list(rules or [everything])}
    return _document("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec)


def grpc_route(name: str, hostname: str, gateway: str = "web", rules: Sequence[Any] = ()) -> str:
    """Return a GRPCRoute for a hostname."""
    spec = {"parentRefs": [{"name": gateway}], "hostnames": [hostname], "rules": list(rules)}
    return _document("gateway.networking.k8s.io/v1", "GRPCRoute", name, spec)


def backend_ref(name: str) -> dict[str, str]:
    """Return a reference to a Backend."""
    return {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": name}


def backend(name: str, port: int) -> str:
    """Return a Backend on the loopback address."""
    endpoint = {"ip": {"address": "127.0.0.1", "port": port}}
    return _document("gateway.envoyproxy.io/v1alpha1", "Backend", name, {"endpoints": [endpoint]})


def _document(
    api_version: str, kind: str, name: str, spec: dict[str, Any], labels: dict[str, str] | None = None
) -> str:
    # JSON is YAML; a line for each top-level key keeps line numbers meaningful.
    more = f", labels: {json.dumps(labels)}" if labels else ""
    return (
        f"---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: default{more}}}\n"
        f"spec: {json.dumps(spec)}\n"
    )
