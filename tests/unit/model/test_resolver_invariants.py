"""Whatever was edited before, a resolver comes to what one comes to that sees the last state alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.model.resolve.resolved import Resolution, ResolvedGateway, ResolvedListener, ResolvedRoute
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from tests.unit.model.keys import certificate_pem, key_pem, new_key
from tests.unit.model.test_policies import KINDS, limit, on
from tests.unit.model.texts import (
    backend,
    document,
    endpoint_slice,
    gateway,
    gateway_class,
    gateway_object,
    grant,
    namespace,
    route,
    secret,
    service,
)
from tests.unit.model.worlds import CONTROLLER

_KEY = new_key()
_GROUP = "gateway.networking.k8s.io"
_OLD = "2020-01-01T00:00:00Z"
_TLS = "protocol: HTTPS, tls: {certificateRefs: [{name: cert}, {name: far, namespace: shop}]}"
_SELECTING = "allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: shop}}}}"
_TICKET = "{type: ExtensionRef, extensionRef: {group: shop.test, kind: Ticket, name: one}}"
_ACROSS = {"kind": "HTTPRoute", "namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}}

_LISTENERS = (
    "- {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}",
    "",
    f"- {{name: http, port: 80, protocol: HTTP, {_SELECTING}}}\n- {{name: other, port: 81, protocol: HTTP}}",
    f"- {{name: http, port: 80, protocol: HTTP, hostname: '*.a.test'}}\n- {{name: https, port: 443, {_TLS}}}",
    f"- {{name: https, port: 443, hostname: a.test, {_TLS}}}\n- {{name: odd, port: 443, protocol: HTTP}}",
)
_TAKING = (
    "allowedListeners: {namespaces: {from: All}}",
    "allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {team: shop}}}}",
    "",
)
_SET_LISTENERS = (
    "[{name: more, port: 80, protocol: HTTP, hostname: more.test}, {name: far, port: 82, protocol: HTTP}]",
    "[{name: more, port: 80, protocol: HTTP}]",
    f"[{{name: more, port: 443, hostname: a.test, {_TLS}}}]",
    f"[{{name: more, port: 82, protocol: HTTP, {_SELECTING}}}, {{name: odd, port: 82, protocol: TCP}}]",
    "[]",
)
_RULES = (
    "",
    "hostnames: [x.a.test, b.test]",
    "rules: [{name: one, backendRefs: [{name: app, port: 80}, {name: other, port: 80, weight: 2}]}]",
    "rules: [{backendRefs: [{name: app, port: 80, namespace: shop}]}]",
    "rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: app}]}]",
    f"rules: [{{filters: [{_TICKET}], backendRefs: [{{name: app, port: 80}}]}}]",
    "hostnames: ['*']",
)
_PARENTS = (
    "[{name: web}]",
    "[{name: web, sectionName: http}, {name: gone}]",
    "[{name: web, namespace: default}]",
    "[]",
    "[{kind: ListenerSet, name: extra}, {name: web}]",
    "[{kind: ListenerSet, name: extra, namespace: default, sectionName: more}, {kind: ListenerSet, name: other}]",
)
_POLICIES: tuple[dict[str, Any], ...] = (
    {"targetRefs": [on("HTTPRoute", "a"), on("Gateway", "web", "http")]},
    {"targetRefs": [on("HTTPRoute", "a", "one")], "targetSelectors": [{"kind": "HTTPRoute"}], "rate": 1},
    {"targetSelectors": [{"kind": "Gateway", "matchLabels": {"tier": "gold"}}, {"kind": "HTTPRoute"}]},
    {"targetSelectors": [{"kind": "HTTPRoute", "matchLabels": {"tier": "gold"}}], "rate": 2},
    {"targetSelectors": [{**_ACROSS, "matchLabels": {"tier": "gold"}}]},
    {"targetSelectors": [_ACROSS, {"kind": "Gateway", "namespaces": {"from": "All"}}]},
    {"targetRefs": [on("ListenerSet", "extra", "more"), on("ListenerSet", "other")]},
    {"targetSelectors": [{"kind": "ListenerSet"}], "rate": 4},
    {"rate": 3},
    {"targetRefs": {}},
)


_STREAM_LISTENERS = (
    f"""
    - {{name: https, port: 443, hostname: web.test, {_TLS}}}
    - {{name: passing, port: 443, protocol: TLS, hostname: "*.test", tls: {{mode: Passthrough}}}}
    - {{name: ending, port: 443, hostname: end.test, {_TLS.replace("HTTPS", "TLS")}}}
    - {{name: tcp, port: 53, protocol: TCP}}
    - {{name: udp, port: 53, protocol: UDP}}
    """,
    "- {name: passing, port: 443, protocol: TLS, tls: {mode: Passthrough}}\n- {name: udp, port: 80, protocol: UDP}",
    f"- {{name: ending, port: 443, {_TLS.replace('HTTPS', 'TLS')}}}\n- {{name: tcp, port: 80, protocol: TCP}}",
    "- {name: tcp, port: 53, protocol: TCP}\n- {name: http, port: 53, protocol: HTTP}",
)
_STREAM_RULES = (
    "rules: [{backendRefs: [{name: app, port: 80}]}]",
    "rules: [{backendRefs: [{name: app, port: 80, weight: 2}, {name: other, port: 80}, {name: app, port: 81}]}]",
    "rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: app}]}]",
    "rules: [{backendRefs: [{name: app, port: 80, namespace: shop}]}]",
    "rules: [{backendRefs: [{name: app, port: 80}]}, {backendRefs: [{name: app, port: 80}]}]",
)
_HOSTNAMES = ("hostnames: [a.test, web.test]", "hostnames: [a.test, '*.a.test', end.test]", "hostnames: ['*.test']")


def _streams(kind: str, name: str, hostnames: tuple[str, ...] = ()) -> list[str]:
    parents = ("[{name: streams}]", "[{name: streams, port: 53}, {name: streams, port: 443}]", "[{name: web}]")
    found = [gateway_object(kind, name, f"parentRefs: {parents[0]}\n{rules}") for rules in _STREAM_RULES]
    found += [gateway_object(kind, name, f"parentRefs: {parent}\n{_STREAM_RULES[0]}") for parent in parents[1:]]
    found += [found[0].replace("rules:", f"{each}\n  rules:") for each in hostnames]
    return [*found, gateway_object(kind, name, f"parentRefs: {parents[0]}\n{_STREAM_RULES[1]}", creationTimestamp=_OLD)]


def _gateways(name: str, space: str) -> list[str]:
    return [
        *(gateway(name, each, space, more) for each, more in zip(_LISTENERS, (*_TAKING, *_TAKING), strict=False)),
        gateway(name, _LISTENERS[0], space, creationTimestamp=_OLD, labels={"tier": "gold"}),
        gateway(name, "", space, more="addresses: [{value: 10.0.0.1}]"),
        gateway(name, "", space, more="addresses: [{value: 10.0.0.2}, {}]"),
        gateway(name, _LISTENERS[0], space).replace("edge", "other"),
    ]


def _set(name: str, space: str, parent: str, listeners: str, **metadata: object) -> str:
    return gateway_object("ListenerSet", name, f"parentRef: {parent}\nlisteners: {listeners}", space, **metadata)


def _sets(name: str, space: str) -> list[str]:
    web, second = "{name: web, namespace: default}", "{name: second, namespace: default}"
    return [
        *(_set(name, space, web, listeners) for listeners in _SET_LISTENERS),
        _set(name, space, web, _SET_LISTENERS[0], creationTimestamp=_OLD),
        _set(name, space, second, _SET_LISTENERS[0]),
        _set(name, space, "{name: gone}", _SET_LISTENERS[0]),
        _set(name, space, "{kind: Service, name: web}", _SET_LISTENERS[0]),
    ]


def _routes(name: str, space: str) -> list[str]:
    near = [route(name, rules, namespace=space) for rules in (*_RULES[2:], *_RULES[:2])]
    elsewhere = [route(name, _RULES[2], parents, space) for parents in _PARENTS]
    labelled = [route(name, _RULES[2], namespace=space, labels={"tier": tier}) for tier in ("gold", "tin")]
    return [*near, *elsewhere, *labelled, route(name, _RULES[2], namespace=space).replace("HTTPRoute", "GRPCRoute")]


def _limits(name: str, space: str) -> list[str]:
    return [limit(spec, name, space) for spec in _POLICIES]


_FROM = (
    "["
    + ", ".join(
        f"{{group: {_GROUP}, kind: {kind}, namespace: default}}"
        for kind in ("HTTPRoute", "Gateway", "TLSRoute", "ListenerSet")
    )
    + "]"
)
_POLICY_FROM = "[{group: shop.test, kind: Limit, namespace: default}]"

_TOKENS = [
    {"providers": [{"name": "a", "remoteJWKS": {"uri": "https://a.test/"}}]},
    {"providers": [{"name": "a", "localJWKS": {"type": "ValueRef", "valueRef": {"name": "keys"}}}]},
    {"providers": [{"name": "b", "remoteJWKS": {"uri": "http://b/", "backendRefs": [{"name": "app", "port": 80}]}}]},
    {"providers": [{"name": "b", "remoteJWKS": {"uri": "https://a.test/"}}], "optional": True},
    {"optional": True},
]


def _keys(text: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "keys"}, "data": {"jwks": text}})


def _guard(name: str, kind: str, target: str, jwt: object, merge: str = "Replace") -> str:
    merging = {} if kind == "Gateway" else {"mergeType": merge}
    spec = {"targetRefs": [{"group": _GROUP, "kind": kind, "name": target}], "jwt": jwt, **merging}
    head = {"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "SecurityPolicy", "metadata": {"name": name}}
    return json.dumps({**head, "spec": spec})


VARIANTS: dict[str, list[str]] = {
    "class": [gateway_class(), gateway_class(controller="others"), gateway_class("other")],
    "web": _gateways("web", "default"),
    "second": _gateways("second", "default"),
    "set": _sets("extra", "default"),
    "second set": _sets("other", "default"),
    "far set": _sets("extra", "shop"),
    "streams": [gateway("streams", each) for each in _STREAM_LISTENERS],
    "tls": _streams("TLSRoute", "a", _HOSTNAMES),
    "second tls": _streams("TLSRoute", "b", _HOSTNAMES)[::-1],
    "tcp": _streams("TCPRoute", "a"),
    "second tcp": _streams("TCPRoute", "b"),
    "udp": _streams("UDPRoute", "a"),
    "second udp": _streams("UDPRoute", "b"),
    "far Gateway": _gateways("web", "shop"),
    "a": _routes("a", "default"),
    "b": _routes("b", "default")[1:],
    "far route": [text.replace("{name: web", "{namespace: default, name: web") for text in _routes("a", "shop")],
    "service": [
        service(),
        service(more="type: ExternalName\nexternalName: a.test"),
        service(ports="[{name: http, port: 80, targetPort: 9}, {port: 81, protocol: UDP, name: u}]"),
        service(ports="[{name: http, port: 80, appProtocol: https}]"),
        service(ports="[{port: 81}]"),
        service().replace("{name: app,", "{name: app, labels: {a: b},"),
    ],
    "other Service": [service("other"), service("other", ports="[{port: 80, appProtocol: kubernetes.io/h2c}]")],
    "far Service": [service(namespace="shop")],
    "slice": [
        endpoint_slice(),
        endpoint_slice(addresses="[{addresses: [10.0.0.9]}]"),
        endpoint_slice(addresses="[]"),
        endpoint_slice(addresses="[{addresses: [a.test]}]", address_type="FQDN"),
        endpoint_slice(service_name="other"),
    ],
    "second slice": [endpoint_slice("app-2", "[{addresses: [10.0.0.2]}]"), endpoint_slice("app-2", service_name="x")],
    "backend": [backend("[{unix: {path: /a}}]"), backend("[{fqdn: {hostname: a.test, port: 1}}]"), backend("[]")],
    "secret": [
        secret(),
        secret(certificate=certificate_pem(_KEY), key=key_pem(_KEY)),
        secret(type_="Opaque"),
        secret(type_="Opaque", certificate="bad"),
    ],
    "far secret": [secret("far", "shop")],
    "grant": [
        grant("shop", _FROM, "[{group: '', kind: Service}]"),
        grant("shop", _FROM, "[{group: '', kind: Secret, name: far}]"),
        grant("shop", _POLICY_FROM, f"[{{group: {_GROUP}, kind: HTTPRoute}}, {{group: {_GROUP}, kind: Gateway}}]"),
    ],
    "second grant": [grant("shop", _FROM, "[{group: '', kind: Secret}, {group: '', kind: Service}]", "second")],
    "namespace": [namespace("default", team="shop"), namespace("default", team="cart")],
    "far namespace": [namespace("shop", team="shop"), namespace("shop")],
    "ticket": [
        f"apiVersion: shop.test/v1\nkind: Ticket\nmetadata: {{name: one, labels: {{a: '{at}'}}}}\n" for at in "xy"
    ],
    "policy": _limits("p", "default"),
    "second policy": [*_limits("o", "default"), *_limits("o", "shop")],
    "keys": [
        _keys("{}"),
        _keys('{"keys": [{"kty": "oct", "k": "YQ"}]}'),
        _keys('{"keys": [{"kty": "oct", "k": "Yg"}]}'),
    ],
    "guard": [_guard("guard", "Gateway", "web", each) for each in _TOKENS],
    "route guard": [
        _guard("inner", "HTTPRoute", "a", each, merge) for each in _TOKENS for merge in ("Replace", "StrategicMerge")
    ],
}
"""What can stand in each of some files: variants of one object, the usual one first, some of them broken."""

Written = dict[str, str]
"""File → its text, empty where it goes."""


def _written(chance: Random, name: str) -> str:
    """Return the usual text of a file in a third of all cases, another one in half, else nothing or nonsense."""
    usual, *others = VARIANTS[name]
    return chance.choice([usual, usual, usual, *(chance.choice(others or [usual]) for _ in range(5)), "", "x: ["])


def _history(seed: int) -> Iterator[Written]:
    """Yield what is written at first, then step by step; evenly spread, which Hypothesis' own choices are not."""
    chance = Random(seed)
    yield {name: _written(chance, name) for name in VARIANTS}
    for _ in range(16):
        yield {name: _written(chance, name) for name in chance.sample(sorted(VARIANTS), chance.choice([1, 1, 2]))}


@dataclass
class Editing:
    """A store and a resolver that follow edits."""

    options: ResolverOptions
    files: dict[str, FileDocuments] = field(default_factory=dict)
    store: ObjectStore = field(default_factory=lambda: ObjectStore(KINDS))

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.options)

    def edit(self, written: Written) -> tuple[GatewayState, Resolution]:
        """Write some files, and return the state with what it is resolved to."""
        for name, text in written.items():
            self.files[name] = FileDocuments((document(text, name),) if text else ())
        state = self.store.update(FileTree(dict(self.files), touched=frozenset(written)))
        return state, self.resolver.resolve(state)


def _route(resolved: ResolvedRoute) -> tuple[Any, ...]:
    return resolved.route, resolved.rules


def _listener(listener: ResolvedListener) -> tuple[Any, ...]:
    attached = {key: (_route(entry.route), entry.hostnames) for key, entry in listener.routes.items()}
    said = (listener.name, listener.owner, listener.port, listener.protocol, listener.hostname)
    return *said, listener.certificates, listener.policies, attached


def _gateway(found: ResolvedGateway) -> tuple[Any, ...]:
    listeners = [_listener(listener) for listener in found.listeners]
    said = (found.gateway, found.class_name, found.addresses, found.policies, found.closed, found.listener_sets)
    return *said, listeners


def described(resolution: Resolution) -> dict[str, Any]:
    """Return everything that a resolution says, as values."""
    report = resolution.report
    return {
        "gateways": {key: _gateway(found) for key, found in resolution.gateways.items()},
        "endpoints": dict(resolution.endpoints),
        "conflicts": resolution.class_conflicts,
        "judged": {key: (report.status(key), report.problems(key)) for key in report.judged},
    }


@given(seed=st.integers(0, 10**9), pool=st.sampled_from([(), ("10.0.0.0/30",), ("10.0.0.0/30", "10.0.0.2/31")]))
def test_edits_come_to_what_the_last_state_comes_to(seed: int, pool: tuple[str, ...]) -> None:
    """From the state alone, with those owners of addresses and ports that there are.

    And whoever looks at the changed judgements alone misses no status and no message.
    """
    options = ResolverOptions(CONTROLLER, pool, KINDS.extension_kinds)
    editing = Editing(options)
    before: Resolution | None = None
    for written in _history(seed):
        state, now = editing.edit(written)
        fresh = Resolver(options, editing.resolver.owners).resolve(state)
        assert described(now) == described(fresh)
        if before is not None:
            same = before.report.judged.keys() - now.report.judged.changed_since(before.report.judged)
            assert {key: _said(before, key) for key in same} == {key: _said(now, key) for key in same}
        before = now


def _said(resolution: Resolution, key: Any) -> tuple[Any, ...]:
    """Return the status of an object and what is wrong with it, places aside."""
    report = resolution.report
    messages = sorted(_PLACE.sub("", problem.message) for problem in report.problems(key))
    return _PLACE.sub("", json.dumps(report.status(key), sort_keys=True)), messages


_PLACE = re.compile(r" \(\w+:\d+\)")
"""Where another object stands: who shows it looks it up once more, since what only moved is not judged again."""
