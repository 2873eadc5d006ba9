"""A small shop without a finding, whose files are published."""

from __future__ import annotations

from pathlib import Path

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: egxds}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  listeners: [{name: http, port: 8080, protocol: HTTP}]
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: NAME}
spec:
  parentRefs: [{name: web}]
  hostnames: [NAME.example.com]
  rules:
    - backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: NAME}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: NAME}
spec: {endpoints: [{ip: {address: 192.0.2.1, port: PORT}}]}
"""


def write_route(directory: Path, name: str, port: int = 8080) -> Path:
    """Write an app, which is served at a port; return its file."""
    path = directory / "routes" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ROUTE.replace("NAME", name).replace("PORT", str(port)))
    return path


def write_published_shop(directory: Path) -> Path:
    """Write a Gateway and two apps; return the directory."""
    write_route(directory, "cart")
    write_route(directory, "shop")
    (directory / "gateway.yaml").write_text(GATEWAY)
    return directory
