"""Deployments become pods, and Services with a selector EndpointSlices, as controllers of a cluster would have it."""

from __future__ import annotations

import base64
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.conformance.api_server import ApiServer, Key
from tests.conformance.data import Manifest
from tests.conformance.echo.backends import Backends
from tests.conformance.echo.pod import Pod
from tests.conformance.tls import server_context

_OF_ENVIRONMENT = {"GRPC_ECHO_SERVER": "grpc", "TCP_ECHO_SERVER": "tcp", "UDP_ECHO_SERVER": "udp"}
"""Variable that is set → what a pod speaks; without any HTTP."""

_OWNED = "pods-of-"
"""What the name of an EndpointSlice begins with that belongs to a Service's selector."""

_KEY_VARIABLES = ("TLS_SERVER_PRIVKEY", "TLS_SERVER_PRIV_KEY")
_VOLUMES = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}


class Pods:
    """Runs the pods of all Deployments, and writes the EndpointSlices of all Services."""

    def __init__(self, server: ApiServer, backends: Backends) -> None:
        self._server = server
        self._backends = backends
        self._running: dict[Key, list[Pod]] = {}

    def of(self, namespace: str, app: str = "") -> list[Pod]:
        """Return the pods of a namespace, of one app where it is named."""
        running = (pod for pods in self._running.values() for pod in pods)
        return [pod for pod in running if pod.namespace == namespace and app in ("", pod.labels.get("app"))]

    def reconcile(self) -> None:
        """Start and end pods until they are those of the Deployments, and write the EndpointSlices that follow."""
        deployments = {key: found for key, found in self._server.objects.items() if key.kind == "Deployment"}
        for gone in self._running.keys() - deployments.keys():
            for pod in self._running.pop(gone):
                self._backends.stop(pod)
        for key in deployments.keys() - self._running.keys():
            self._running[key] = list(self._start(deployments[key]))
        self._write_slices()

    def _start(self, deployment: Manifest) -> Iterator[Pod]:
        metadata, spec = deployment["metadata"], deployment["spec"]
        template = spec["template"]
        container = template["spec"]["containers"][0]
        environment = {entry["name"]: entry.get("value", "") for entry in container.get("env", ())}
        files = dict(self._files(metadata["namespace"], template["spec"], container))
        for _ in range(spec.get("replicas", 1)):
            name = f"{metadata['name']}-{secrets.token_hex(5)}-{secrets.token_hex(2)}"
            labels, address = template["metadata"]["labels"], self._backends.take_address()
            pod = Pod(name, metadata["namespace"], labels, address, environment.get("SERVICE_NAME", ""))
            self._backends.start(pod, _speaks(container, environment), _tls(environment, files))
            yield pod

    def _files(
        self, namespace: str, spec: Mapping[str, Any], container: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """Return the files that a container's volumes hold: path → content."""
        mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", ())}
        for volume in spec.get("volumes", ()):
            for source, (kind, name_field) in _VOLUMES.items():
                for item in volume.get(source, {}).get("items", ()):
                    content = self._value(Key(kind, namespace, volume[source][name_field]), item["key"])
                    yield f"{mounts[volume['name']]}/{item['path']}", content

    def _value(self, key: Key, entry: str) -> str:
        data = self._server.get(key)["data"][entry]
        return base64.b64decode(data).decode() if key.kind == "Secret" else data

    def _write_slices(self) -> None:
        services = {key: found for key, found in self._server.objects.items() if key.kind == "Service"}
        wanted = [_slice(key, service, self._selected(key, service)) for key, service in services.items()]
        slices = {Key.of(manifest): manifest for manifest in wanted if manifest is not None}
        owned = {key for key in self._server.objects if key.kind == "EndpointSlice" and key.name.startswith(_OWNED)}
        for key in owned - slices.keys():
            self._server.delete(key)
        self._server.apply(
            manifest
            for key, manifest in slices.items()
            if key not in owned or self._server.get(key)["endpoints"] != manifest["endpoints"]
        )

    def _selected(self, key: Key, service: Manifest) -> list[Pod]:
        selector = service["spec"].get("selector") or {}
        return [pod for pod in self.of(key.namespace) if selector and selector.items() <= pod.labels.items()]


def _slice(key: Key, service: Manifest, pods: Sequence[Pod]) -> Manifest | None:
    """Return the EndpointSlice of a Service; none where it has no selector."""
    spec = service["spec"]
    if not spec.get("selector"):
        return None
    metadata = {
        "name": f"{_OWNED}{key.name}",
        "namespace": key.namespace,
        "labels": {"kubernetes.io/service-name": key.name},
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "ports": [_port(port) for port in spec["ports"]],
        "endpoints": endpoints(pods),
    }


def endpoints(pods: Sequence[Pod]) -> list[dict[str, object]]:
    """Return pods as an EndpointSlice lists them."""
    return [{"addresses": [pod.address], "conditions": {"ready": True, "serving": True}} for pod in pods]


def _port(port: Mapping[str, Any]) -> dict[str, object]:
    listed = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": port["targetPort"]}
    return {**listed, **({"appProtocol": port["appProtocol"]} if "appProtocol" in port else {})}


def _speaks(container: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    if "coredns" in container["image"]:
        return "dns"
    return next((speaks for variable, speaks in _OF_ENVIRONMENT.items() if environment.get(variable)), "http")


def _tls(environment: Mapping[str, str], files: Mapping[str, str]) -> ssl.SSLContext | None:
    cert = environment.get("TLS_SERVER_CERT")
    key = next((environment[name] for name in _KEY_VARIABLES if name in environment), None)
    if not cert or not key:
        return None
    client_ca = environment.get("TLS_CLIENT_CACERTS")
    return server_context(files[cert], files[key], files[client_ca] if client_ca else None)
