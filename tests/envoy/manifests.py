"""The YAML of small objects, as a user would write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

EXTENSION_GROUP = "example.io"


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


def tls(port: int, hostname: str, secret: str = "", name: str = "tls") -> dict[str, Any]:
    """Return a listener for TLS of one hostname, which it ends with a certificate, or without one passes on."""
    mode = {"mode": "Terminate", "certificateRefs": [{"name": secret}]} if secret else {"mode": "Passthrough"}
    return {"name": name, "port": port, "protocol": "TLS", "hostname": hostname, "tls": mode}


def plain(port: int, protocol: str, name: str) -> dict[str, Any]:
    """Return a listener for TCP or UDP."""
    return {"name": name, "port": port, "protocol": protocol}


def stream_route(
    kind: str, name: str, backends: Mapping[str, int], hostnames: Sequence[str] = (), section: str | None = None
) -> str:
    """Return a TLSRoute, TCPRoute or UDPRoute.

    Args:
        kind: which of them.
        name: its name.
        backends: names of Backends, each with its weight.
        hostnames: of a TLSRoute.
        section: the one listener of the Gateway `web`; all of them where None.
    """
    parent = {"name": "web"} if section is None else {"name": "web", "sectionName": section}
    refs = [{**backend_ref(each), "weight": weight} for each, weight in backends.items()]
    spec = {"parentRefs": [parent], "rules": [{"backendRefs": refs}]}
    version = "gateway.networking.k8s.io/v1"
    return _document(version, kind, name, spec | ({"hostnames": list(hostnames)} if hostnames else {}))


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
    return backend_of(name, {"endpoints": [{"ip": {"address": "127.0.0.1", "port": port}}]})


def backend_of(name: str, spec: dict[str, Any]) -> str:
    """Return a Backend as its spec says."""
    return _document("gateway.envoyproxy.io/v1alpha1", "Backend", name, spec)


def extension_kind(name: str) -> dict[str, str]:
    """Return the settings' entry for a kind of an extension."""
    return {"group": EXTENSION_GROUP, "version": "v1", "kind": name}


def extension_object(kind: str, name: str, spec: dict[str, Any]) -> str:
    """Return an object of a kind of an extension."""
    return _document(f"{EXTENSION_GROUP}/v1", kind, name, spec)


def _document(
    api_version: str, kind: str, name: str, spec: dict[str, Any], labels: dict[str, str] | None = None
) -> str:
    # JSON is YAML; a line for each top-level key keeps line numbers meaningful.
    more = f", labels: {json.dumps(labels)}" if labels else ""
    return (
        f"---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: default{more}}}\n"
        f"spec: {json.dumps(spec)}\n"
    )
