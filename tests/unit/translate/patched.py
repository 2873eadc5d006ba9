"""A small Gateway, policies that patch it, and what comes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from egxds import names
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Resolver
from egxds.resources.json import render_body
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extension_apis import Patching
from egxds.translate.translator import Translator
from tests.unit.model.texts import endpoint_slice, gateway, route, service
from tests.unit.model.worlds import World, options

LISTENER, ROUTES, CLUSTER = names.LISTENER, names.ROUTE_CONFIGURATION, names.CLUSTER
ENDPOINTS, SECRET = names.ENDPOINT, names.SECRET
WEB = gateway(listeners="- {name: http, port: 80, protocol: HTTP}\n- {name: tcp, port: 90, protocol: TCP}\n")
HTTP, TCP, RULE = "default/web/http", "default/web/tcp", "httproute/default/shop/rule/0"
SHOP = route(
    spec="""
    hostnames: [shop.test, free.test]
    rules:
    - {matches: [{path: {value: /cart}}], backendRefs: [{name: app, port: 80}]}
    - {backendRefs: [{name: app, port: 80}]}
    """
)
STREAM = (
    "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: db}\n"
    "spec: {parentRefs: [{name: web, sectionName: tcp}], rules: [{backendRefs: [{name: app, port: 80}]}]}\n"
)
OBJECTS = (WEB, SHOP, STREAM, service(), endpoint_slice())


def patch(type_url: str, name: str, op: str, path: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one entry of jsonPatches; `json_path` and `from_` stand for what Python has no names for."""
    spelt = {"json_path": "jsonPath", "from_": "from"}
    said = {spelt.get(key, key): value for key, value in more.items()}
    operation = {"op": op, **({"path": path} if path is not None else {}), **said}
    return {"type": type_url, "name": name, "operation": operation}


def policy(*patches: dict[str, Any], name: str = "patch", kind: str = "Gateway", **more: Any) -> str:
    """Write an EnvoyPatchPolicy."""
    target = {"group": "gateway.networking.k8s.io", "kind": kind, "name": "web" if kind == "Gateway" else "edge"}
    spec = {"type": "JSONPatch", "targetRef": target, "jsonPatches": list(patches), **more}
    head = f"apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyPatchPolicy\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {json.dumps(spec)}\n"


def _world(patching: Patching) -> World:
    return World(resolver=Resolver(replace(options(), patching=patching)))


@dataclass
class PatchedWorld:
    """Files that are translated again and again."""

    patching: Patching = Patching.ENABLED
    world: World = field(init=False)
    translator: Translator = field(default_factory=Translator)
    resolution: Resolution | None = None

    def __post_init__(self) -> None:
        self.world = _world(self.patching)

    def scan(self, *texts: str) -> GatewayTranslation:
        """Translate what some documents say, and return the one Gateway."""
        self.resolution = self.world.scan(*texts)
        return self.translator.update(self.resolution)["default/web"]


def translated(*policies: str, patching: Patching = Patching.ENABLED) -> GatewayTranslation:
    """Translate the Gateway with some policies."""
    return PatchedWorld(patching).scan(*OBJECTS, *policies)


def shown(translation: GatewayTranslation, type_url: str, name: str) -> Any:
    """Return a resource as Envoy's JSON."""
    if type_url == ROUTES:
        return render_body(type_url, translation.route_configurations[name].encode())
    found = {
        LISTENER: translation.listeners,
        CLUSTER: translation.clusters,
        ENDPOINTS: translation.endpoints,
        SECRET: translation.secrets,
    }[type_url]
    return render_body(type_url, found[name].body)


def faults(translation: GatewayTranslation) -> list[str]:
    """Return why policies were not applied."""
    return [fault.message for found in translation.patch_faults.values() for fault in found]


def denied(translation: GatewayTranslation) -> list[str]:
    """Return what answers 500 or goes nowhere, by name."""
    routes = [
        name
        for name, found in translation.route_configurations.items()
        if names.ERROR_VIRTUAL_HOST in found.virtual_hosts.by_name
    ]
    streams = [name for name, found in translation.listeners.items() if b"EmptyCluster" in found.body]
    return sorted([*routes, *streams])


def bodies(translation: GatewayTranslation) -> dict[tuple[str, str], bytes]:
    """Return every resource, encoded."""
    found = (translation.listeners, translation.clusters, translation.endpoints, translation.secrets)
    return {(each.type_url, each.name): each.body for of_type in found for each in of_type.values()} | {
        (ROUTES, name): each.encode() for name, each in translation.route_configurations.items()
    }
