"""Whom telemetry is sent to: who is found, who is nobody, and what follows when that changes."""

from __future__ import annotations

import json
from typing import Any

from egxds.model.resolve.resolved import Resolution
from egxds.translate.translator import Translator
from tests.unit.model.test_envoy_proxies import CLASS, OWN, own, proxy, told
from tests.unit.model.texts import backend, gateway, grant
from tests.unit.model.worlds import World, messages, resolve, served, the_gateway

COLLECTOR = "[{ip: {address: 10.0.0.7, port: 4317}}]"
OTHER = "[{ip: {address: 10.0.0.8, port: 4317}}]"
FROM = "[{group: gateway.envoyproxy.io, kind: EnvoyProxy, namespace: infra}]"
TO = "[{group: gateway.envoyproxy.io, kind: Backend}]"


def ref(name: str = "app", **more: Any) -> dict[str, Any]:
    """Refer to a Backend."""
    return {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": name, **more}


def traced(*refs: dict[str, Any], **provider: Any) -> dict[str, Any]:
    """Return telemetry that traces."""
    return {"tracing": {"provider": {"type": "OpenTelemetry", "backendRefs": list(refs), **provider}}}


def clusters(resolution: Resolution) -> dict[str, list[str]]:
    """Return whom the Gateway sends telemetry to, by the name of the cluster."""
    found = the_gateway(resolution).proxy.collectors
    return {each.cluster: [str(getattr(address, "address", address)) for address in each.addresses] for each in found}


def test_a_collector_in_another_namespace_needs_a_grant() -> None:
    """Without it nothing is traced, and the EnvoyProxy says why; the Gateway is served all the same."""
    said = proxy(telemetry=traced(ref(namespace="default")))
    found = resolve(CLASS, gateway(), said, backend(COLLECTOR))
    assert clusters(found) == {}
    assert "tracing" not in the_gateway(found).proxy.settings
    assert told(found, "infra/wide") == {"GatewayClass edge": {"Accepted": "False/RefNotPermitted"}}
    assert list(served(found)) == ["http"]
    (problem,) = messages(found)
    assert problem.startswith("a.yaml:19: error: EnvoyProxy infra/wide: no ReferenceGrant")
    permitted = resolve(CLASS, gateway(), said, backend(COLLECTOR), grant("default", FROM, TO))
    assert clusters(permitted) == {"tracing": ["10.0.0.7"]}


def test_what_is_merged_is_looked_for_from_where_it_stands() -> None:
    """The class' collector is in the namespace of the class' EnvoyProxy, whoever is merged over it."""
    log = {"accessLog": {"disable": True}}
    here = backend(COLLECTOR).replace("{name: app}", "{name: app, namespace: infra}")
    texts = CLASS, OWN, proxy(telemetry=traced(ref())), own(mergeType="JSONMerge", telemetry=log), here
    assert clusters(resolve(*texts)) == {"default/web/tracing": ["10.0.0.7"]}


def test_other_addresses_are_another_cluster_and_no_other_listener() -> None:
    """And a collector that comes back is found."""
    world, translator = World(), Translator()
    texts = OWN, own(telemetry=traced(ref()))
    first = world.scan(*texts, backend(COLLECTOR))
    before = translator.update(first)["default/web"]
    second = world.scan(*texts, backend(OTHER))
    after = translator.update(second)["default/web"]
    assert clusters(second) == {"default/web/tracing": ["10.0.0.8"]}
    assert after.listeners is before.listeners
    assert after.clusters.changed_since(before.clusters) == {"default/web/tracing"}
    gone = translator.update(world.scan(*texts))["default/web"]
    assert list(gone.clusters) == []
    back = translator.update(world.scan(*texts, backend(COLLECTOR)))["default/web"]
    assert list(back.clusters) == ["default/web/tracing"]


def test_a_collector_that_no_traffic_may_go_to_is_nobody() -> None:
    """An address of the link, where clouds have what nobody is to read."""
    said = {"tracing": {"provider": {"host": "169.254.169.254", "port": 80}}}
    found = resolve(OWN, own(telemetry=said))
    assert clusters(found) == {}
    assert told(found, "default/own") == {"Gateway web": {"Accepted": "False/Invalid"}}


def test_one_without_a_share_gets_nothing() -> None:
    """Of the others all are one cluster; those that are spoken to in different ways cannot be."""
    other = backend(OTHER, name="other")
    both = own(telemetry=traced(ref(), ref("other", weight=0)))
    assert clusters(resolve(OWN, both, backend(COLLECTOR), other)) == {"default/web/tracing": ["10.0.0.7"]}
    mixed = own(telemetry=traced(ref(), ref("other")))
    sealed = backend(
        OTHER, name="other", more=f"tls: {json.dumps({'wellKnownCACertificates': 'System', 'sni': 'a.test'})}"
    )
    assert clusters(resolve(OWN, mixed, backend(COLLECTOR), sealed)) == {}
