"""YAML texts of objects, and the look at the files that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from textwrap import dedent, indent

from egxds.files.documents.document import FileDocuments, FileTree, SourceDocument
from egxds.problems import Problem
from tests.unit.model.keys import certificate_pem, key_pem, new_key

_KEY = new_key()
CERTIFICATE, KEY = certificate_pem(_KEY), key_pem(_KEY)


def document(text: str, file: str = "a.yaml") -> SourceDocument:
    """Make a document of a text."""
    return SourceDocument(file, text, hashlib.sha256(text.encode()).hexdigest())


def tree(
    files: Mapping[str, tuple[str, ...]], unread: frozenset[str] = frozenset(), problems: tuple[Problem, ...] = ()
) -> FileTree:
    """Make a look at files of their documents, which follow each other with a separator between."""
    found = {
        file: FileDocuments(tuple(document(text, file) for text in texts), ("", *["---\n"] * len(texts)))
        for file, texts in files.items()
    }
    return FileTree(found, problems, unread)


def of(*texts: str) -> FileTree:
    """Make a look at one file."""
    return tree({"a.yaml": texts})


def gateway_object(kind: str, name: str, spec: str, namespace: str = "default", **metadata: object) -> str:
    """Write an object of the group of Gateway API; its spec starts on line 4."""
    said = json.dumps({"name": name, "namespace": namespace, **metadata})
    head = f"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {said}\nspec:\n"
    return head + indent(dedent(spec).strip("\n"), "  ") + "\n"


def gateway(
    name: str = "web", listeners: str = "", namespace: str = "default", more: str = "", **metadata: object
) -> str:
    """Write a Gateway of class `edge`; without listeners, one for HTTP on port 80."""
    listed = indent(dedent(listeners).strip("\n") or "- {name: http, port: 80, protocol: HTTP}", "  ")
    spec = f"gatewayClassName: edge\nlisteners:\n{listed}\n{dedent(more)}"
    return gateway_object("Gateway", name, spec, namespace, **metadata)


def route(
    name: str = "shop", spec: str = "", parents: str = "[{name: web}]", namespace: str = "default", **metadata: object
) -> str:
    """Write an HTTPRoute; its parentRefs stand on line 5, the rest of its spec from line 6 on."""
    text = f"parentRefs: {parents}\n{dedent(spec).strip()}"
    return gateway_object("HTTPRoute", name, text, namespace, **metadata)


def service(
    name: str = "app", ports: str = "[{name: http, port: 80}]", namespace: str = "default", more: str = ""
) -> str:
    """Write a Service."""
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: v1\nkind: Service\nmetadata: {metadata}\nspec:\n  ports: {ports}\n{indent(dedent(more), '  ')}"


def endpoint_slice(
    name: str = "app-1",
    addresses: str = "[{addresses: [10.0.0.1]}]",
    ports: str = "[{name: http, port: 8080}]",
    service_name: str = "app",
    address_type: str = "IPv4",
) -> str:
    """Write an EndpointSlice of the Service `app`."""
    return dedent(f"""\
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {{name: {name}, labels: {{kubernetes.io/service-name: {service_name}}}}}
        addressType: {address_type}
        endpoints: {addresses}
        ports: {ports}
        """)


def backend(endpoints: str, name: str = "app", more: str = "") -> str:
    """Write an Envoy Gateway Backend."""
    head = f"apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: {{name: {name}}}\nspec:\n"
    return head + f"  endpoints: {endpoints}\n" + indent(dedent(more), "  ")


def secret(
    name: str = "cert",
    namespace: str = "default",
    type_: str = "kubernetes.io/tls",
    certificate: str = CERTIFICATE,
    key: str = KEY,
) -> str:
    """Write a Secret with a certificate and its key in plain text."""
    values = json.dumps({"tls.crt": certificate, "tls.key": key})
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: v1\nkind: Secret\nmetadata: {metadata}\ntype: {type_}\nstringData: {values}\n"


def grant(namespace: str, from_: str, to: str, name: str = "grant") -> str:
    """Write a ReferenceGrant."""
    return gateway_object("ReferenceGrant", name, f"from: {from_}\nto: {to}", namespace)


def namespace(name: str, **labels: str) -> str:
    """Write a Namespace."""
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {json.dumps({'name': name, 'labels': labels})}\n"


def gateway_class(name: str = "edge", controller: str = "ours", more: str = "") -> str:
    """Write a GatewayClass."""
    return (
        f"apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {{name: {name}}}\n"
        f"spec:\n  controllerName: {controller}\n{indent(dedent(more), '  ')}"
    )
