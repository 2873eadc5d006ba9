"""What hooks are told of where a resource comes from: by egxds all of it, by Envoy Gateway what the resource says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from envoy.config.listener.v3.listener_pb2 import Listener

from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Pipeline
from egxds.extension.contexts import ListenerContext, RouteContext, TranslationContext, VirtualHostContext
from egxds.extension.forms import FORMS
from egxds.extension.origins import Gateway, GatewayListener, Rule, named_rule, places_of_listener
from egxds.files.reading.content import Scan
from egxds.resources.translation import GatewayTranslation
from egxds.settings.daemon import Settings
from egxds.settings.extensions import Hook
from tests.unit.extension.envoy_gateway import as_envoy_gateway
from tests.unit.hooks.extensions import drive, manager, record, unchanged

SITE = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: web
  namespace: shop
  labels: {team: cart}
  annotations: {gateway.envoyproxy.io/tier: gold, other: noted, kubectl.kubernetes.io/last-applied-configuration: all}
spec:
  gatewayClassName: egxds
  listeners:
    - {name: http, port: 8080, protocol: HTTP}
    - {name: shop, port: 8080, protocol: HTTP, hostname: shop.example}
    - {name: admin, port: 8081, protocol: HTTP, hostname: admin.example}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop, annotations: {gateway.envoyproxy.io/owner: jo}}
spec:
  parentRefs: [{name: web}]
  hostnames: [shop.example, admin.example]
  rules:
    - backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: sample}]
    - name: greet
      matches: [{path: {value: /a}}, {path: {value: /b}}]
      filters: [{type: ExtensionRef, extensionRef: {group: shop.example, kind: Greeting, name: friendly}}]
      backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: sample}]
---
apiVersion: shop.example/v1
kind: Greeting
metadata: {name: friendly, namespace: shop}
spec: {text: hello}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: sample, namespace: shop}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 3000}}]}
"""

GREETING = [{"group": "shop.example", "version": "v1", "kind": "Greeting"}]
TIER, OWNER = {"gateway.envoyproxy.io/tier": "gold"}, {"gateway.envoyproxy.io/owner": "jo"}
WEB = Gateway("shop", "web", {"team": "cart"}, TIER | {"other": "noted"})
HTTP = GatewayListener("http", 8080, "HTTP")
SHOP = GatewayListener("shop", 8080, "HTTP", "shop.example")
ADMIN = GatewayListener("admin", 8081, "HTTP", "admin.example")
GREET = Rule("HTTPRoute", "shop", "cart", 1, "greet", OWNER)


def translated(directory: Path, text: str = SITE) -> GatewayTranslation:
    """Return what the only Gateway of a file comes to."""
    (directory / "site.yaml").write_text(text)
    files = {"sources": {"files": {"paths": [str(directory / "site.yaml")]}}}
    managers = {"extensionManagers": [{**manager().model_dump(by_alias=True, include={"name"}), **_SETTINGS}]}
    settings = Settings.model_validate(files | managers)
    (made,) = Pipeline(settings, FileTrees(settings, directory)).run(Scan.ALL).translations.values()
    return made


_SETTINGS: dict[str, Any] = {
    "hooks": {"xdsTranslator": {"post": ["Route"]}},
    "service": {"python": "a:b"},
    "resources": GREETING,
}


def contexts(made: GatewayTranslation, hook: Hook, *, is_told: bool) -> dict[str, Any]:
    """Return subject → context of every call of a hook, with or without the fields that only egxds fills in."""
    _, batches = record(made, (manager(hooks=(hook.value,), resources=GREETING),), unchanged)
    requests = {call.subject: call.request for batch in batches for call in batch}
    shown = {name: request if is_told else as_envoy_gateway(hook, request) for name, request in requests.items()}
    return {name: FORMS[hook].arguments(request)[1] for name, request in shown.items()}


def test_a_route_knows_its_rule_its_match_and_where_it_is(tmp_path: Path) -> None:
    """The rule under both; Gateway and listener from egxds alone."""
    made = translated(tmp_path)
    name = "httproute/shop/cart/rule/1/match/1/shop_example"
    told = contexts(made, Hook.ROUTE, is_told=True)[name]
    assert isinstance(told, RouteContext)
    assert (told.hostnames, told.rule, told.match) == (("shop.example",), GREET, 1)
    assert (told.gateway, told.listener) == (WEB, SHOP)
    assert [item["spec"]["text"] for item in told.resources] == ["hello"]
    plain = contexts(made, Hook.ROUTE, is_told=False)[name]
    assert (plain.rule, plain.match, plain.gateway, plain.listener) == (GREET, 1, None, None)


def test_a_virtual_host_knows_its_listener(tmp_path: Path) -> None:
    """From its metadata where nobody else says it, which has neither port nor labels."""
    made = translated(tmp_path)
    told, plain = (contexts(made, Hook.VIRTUAL_HOST, is_told=each) for each in (True, False))
    name = "shop/web/shop/shop_example"
    assert told[name] == VirtualHostContext(("shop.example",), WEB, SHOP)
    assert plain[name] == VirtualHostContext(
        ("shop.example",), Gateway("shop", "web", annotations=TIER), GatewayListener("shop")
    )


def test_a_listener_knows_whose_it_is(tmp_path: Path) -> None:
    """All listeners of the Gateway on its port; from the Envoy listener alone the one that its chain is named after."""
    made = translated(tmp_path)
    told, plain = (contexts(made, Hook.HTTP_LISTENER, is_told=each)["shop/web/http"] for each in (True, False))
    assert told == ListenerContext(WEB, (HTTP, SHOP))
    assert plain == ListenerContext(Gateway("shop", "web"), (HTTP,))


def test_a_translation_knows_its_gateway(tmp_path: Path) -> None:
    """Envoy Gateway does not say."""
    made = translated(tmp_path)
    told, plain = (contexts(made, Hook.TRANSLATION, is_told=each)["shop/web"] for each in (True, False))
    assert (told, plain) == (TranslationContext(WEB, (HTTP, SHOP, ADMIN)), TranslationContext())


@pytest.mark.parametrize("hook", [Hook.CLUSTER, Hook.ENDPOINTS])
def test_clusters_and_endpoints_know_their_rule(tmp_path: Path, hook: Hook) -> None:
    """By name; the cluster has the rule's name as well."""
    found = contexts(translated(tmp_path), hook, is_told=True)["httproute/shop/cart/rule/1"]
    assert (str(found.rule), found.backend) == ("HTTPRoute shop/cart rule 1", None)


@pytest.mark.parametrize(
    ("name", "rule", "match", "backend"),
    [
        ("grpcroute/a/b/rule/3/match/-1/x_example", Rule("GRPCRoute", "a", "b", 3), None, None),
        ("httproute/a/b/rule/0/backend/2", Rule("HTTPRoute", "a", "b", 0), None, 2),
        ("xroute/a/b/rule/0", Rule("xroute", "a", "b", 0), None, None),
        ("authz", None, None, None),
        ("httproute/a/b/rule/x", None, None, None),
        ("httproute/a/b/rule/0/elsewhere", None, None, None),
    ],
)
def test_names_that_are_of_a_rule(name: str, rule: Rule | None, match: int | None, backend: int | None) -> None:
    """Others tell nothing, and are no mistake: extensions add clusters of their own."""
    found = named_rule(name)
    assert (found.rule, found.match, found.backend) == (rule, match, backend)


def test_a_listener_of_another_scheme_is_told_by_its_filter_chains() -> None:
    """Envoy Gateway names listeners after their port where it is told to."""
    listener = Listener(name="tcp-443")
    listener.address.socket_address.port_value = 443
    chain = listener.filter_chains.add(name="shop/web/https")
    chain.filter_chain_match.server_names.append("shop.example")
    chain.filters.add().typed_config.type_url = (
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    )
    chain.transport_socket.name = "tls"
    (place,) = places_of_listener(listener)
    assert place.listener == GatewayListener("https", 443, "HTTPS", "shop.example")
    assert str(place.gateway) == "shop/web"
    assert [each.listener for each in places_of_listener(Listener(name="tcp-80"))] == [None]


def test_who_is_told_of_a_label_is_asked_again_when_it_changes(tmp_path: Path) -> None:
    """Every virtual host of the Gateway, since each is told; an edit of a route asks about what that changes alone."""
    asking = (manager(hooks=("VirtualHost",)),)
    first = translated(tmp_path)
    hooked = drive(first, asking, unchanged, epoch=1)
    relabelled = translated(tmp_path, SITE.replace("team: cart", "team: tea"))
    _, batches = record(relabelled, asking, unchanged, hooked.accepted, epoch=1)
    assert len([call for batch in batches for call in batch]) == 3
    _, batches = record(translated(tmp_path), asking, unchanged, hooked.accepted, epoch=1)
    assert [call.subject for batch in batches for call in batch] == []
