"""Files of a small shop, for commands that look at files."""

from __future__ import annotations

from pathlib import Path

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  listeners:
    - {name: http, port: 8080, protocol: HTTP}
    - {name: db, port: 5432, protocol: TCP}
    - {name: https, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}
"""
SHOP = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web, sectionName: http}]
  hostnames: [shop.example.com]
  rules:
    - matches: [{path: {value: /cart}, headers: [{name: x-token, value: hush}]}]
      backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: beta}]
    - matches: [{path: {value: /cart}}]
      backendRefs:
        - {group: gateway.envoyproxy.io, kind: Backend, name: shop, weight: 3}
        - {group: gateway.envoyproxy.io, kind: Backend, name: beta}
    - matches: [{path: {value: /gone}}]
      backendRefs: [{name: nobody, port: 80}]
    - matches: [{path: {value: /old}}]
      filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]
    - matches: [{path: {value: /login}}]
      filters:
        - type: RequestRedirect
          requestRedirect: {port: 8443, path: {type: ReplaceFullPath, replaceFullPath: "/in?access_token=hush"}}
"""
SHADOW = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: zebra}
spec:
  parentRefs: [{name: web, sectionName: http}]
  hostnames: [shop.example.com]
  rules:
    - matches: [{path: {value: /cart}}]
      backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: beta}]
"""
DATABASE = """\
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: db}
spec:
  parentRefs: [{name: web, sectionName: db}]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: shop}]}]
"""
BACKEND = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {{name: {name}}}
spec: {{endpoints: [{{ip: {{address: 127.0.0.1, port: {port}}}}}]}}
"""


def write_shop(directory: Path) -> Path:
    """Write them into a directory, and return it."""
    directory.mkdir(exist_ok=True)
    files = {"gateway": GATEWAY, "shop": SHOP, "zebra": SHADOW, "db": DATABASE}
    backends = {"beta": 3001, "shop": 3000}
    files |= {f"{name}-backend": BACKEND.format(name=name, port=port) for name, port in backends.items()}
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text)
    return directory
