"""EnvoyProxies: who names them, what stands in the place of what, and what a broken one does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.resolve.resolved import Resolution
from tests.unit.model.texts import gateway, gateway_class, secret
from tests.unit.model.worlds import World, conditions, messages, resolve, served, status, the_gateway

OF_CLASS = "parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: wide, namespace: infra}"
OF_GATEWAY = "infrastructure: {parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: own}}"
CLASS, OWN = gateway_class(more=OF_CLASS), gateway(more=OF_GATEWAY)
DEAD = {"Accepted": "False/InvalidParameters", "Programmed": "False/Invalid"}


def proxy(name: str = "wide", namespace: str = "infra", **spec: Any) -> str:
    """Write an EnvoyProxy."""
    said = f"metadata: {{name: {name}, namespace: {namespace}}}\nspec:{' {}' if not spec else ''}\n"
    head = f"apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\n{said}"
    return head + "".join(f"  {field}: {json.dumps(value)}\n" for field, value in spec.items())


def own(**spec: Any) -> str:
    """Write that of the Gateway."""
    return proxy("own", "default", **spec)


def to_file(path: str) -> dict[str, Any]:
    """Return telemetry with one log."""
    return {"accessLog": {"settings": [{"sinks": [{"type": "File", "file": {"path": path}}]}]}}


def files(resolution: Resolution) -> list[str]:
    """Return the files that the Gateway logs to."""
    found: Any = the_gateway(resolution).proxy.settings.get("accessLog", ())
    return [log.target.path for log in found]


def told(resolution: Resolution, name: str) -> dict[str, dict[str, str]]:
    """Return the conditions of an EnvoyProxy, by who names it."""
    found = status(resolution, "EnvoyProxy", name)["ancestors"]
    return {f"{each['ancestorRef']['kind']} {each['ancestorRef']['name']}": conditions(each) for each in found}


def test_what_a_class_names_is_for_all_of_its_gateways() -> None:
    """The class is accepted, and the EnvoyProxy says who names it."""
    found = resolve(CLASS, gateway(), proxy(telemetry=to_file("/tmp/wide")))
    assert files(found) == ["/tmp/wide"]
    assert conditions(status(found, "GatewayClass", "edge")) == {"Accepted": "True/Accepted"}
    assert told(found, "infra/wide") == {"GatewayClass edge": {"Accepted": "True/Accepted"}}
    assert messages(found) == []


MERGED: dict[str | None, list[str]] = {
    None: ["/tmp/own"],
    "Replace": ["/tmp/own"],
    "StrategicMerge": ["/tmp/own"],
    "JSONMerge": ["/tmp/own"],
}


@pytest.mark.parametrize("way", MERGED)
def test_that_of_the_gateway_counts_more(way: str | None) -> None:
    """Whether it replaces that of the class, or is merged over it."""
    said = {"mergeType": way} if way else {}
    texts = CLASS, OWN, proxy(telemetry=to_file("/tmp/wide")), own(telemetry=to_file("/tmp/own"), **said)
    assert files(resolve(*texts)) == MERGED[way]


@pytest.mark.parametrize(("way", "expected"), [(None, []), ("JSONMerge", ["/tmp/wide"])])
def test_what_that_of_the_gateway_does_not_say_the_class_says(way: str | None, expected: list[str]) -> None:
    """Where it asks to be merged; else it stands alone."""
    said = {"mergeType": way} if way else {"provider": {"type": "Host"}}
    assert files(resolve(CLASS, OWN, proxy(telemetry=to_file("/tmp/wide")), own(**said))) == expected


def test_a_class_without_its_envoy_proxy_is_not_accepted() -> None:
    """Nor are its Gateways, whether they name one themselves or not; when it comes, it is in force at once."""
    world = World()
    found = world.scan(CLASS, gateway())
    assert conditions(status(found, "GatewayClass", "edge")) == {"Accepted": "False/InvalidParameters"}
    assert conditions(status(found, "Gateway")) == DEAD
    assert not served(found)
    assert not served(world.scan(CLASS, OWN, own()))
    found = world.scan(CLASS, gateway(), proxy(telemetry=to_file("/tmp/wide")))
    assert conditions(status(found, "GatewayClass", "edge")) == {"Accepted": "True/Accepted"}
    assert files(found) == ["/tmp/wide"]
    found = world.scan(CLASS, gateway())
    assert conditions(status(found, "Gateway")) == DEAD


def test_a_gateway_without_its_envoy_proxy_is_not_served() -> None:
    """Nobody knows what it asks for (Gateway API, GatewayInfrastructure.parametersRef); when it comes, it is."""
    world = World()
    found = world.scan(OWN)
    assert conditions(status(found, "Gateway")) == DEAD
    assert not served(found)
    found = world.scan(OWN, own())
    assert list(served(found)) == ["http"]
    assert told(found, "default/own") == {"Gateway web": {"Accepted": "True/Accepted"}}


def test_a_class_names_the_namespace() -> None:
    """An EnvoyProxy lives in one, and a class in none."""
    found = resolve(gateway_class(more=OF_CLASS.replace(", namespace: infra", "")), gateway(), proxy())
    assert conditions(status(found, "GatewayClass", "edge")) == {"Accepted": "False/InvalidParameters"}
    assert "name that, too" in messages(found)[0]


BROKEN: dict[str, dict[str, Any]] = {
    "no such sink": {"telemetry": {"accessLog": {"settings": [{"sinks": [{"type": "File"}]}]}}},
    "no such command": {
        "telemetry": {
            "accessLog": {
                "settings": [
                    {
                        "format": {"type": "Text", "text": "%NOBODY%"},
                        "sinks": [{"type": "File", "file": {"path": "/x"}}],
                    }
                ]
            }
        }
    },
    "a tag without a name": {"telemetry": {"tracing": {"provider": {"host": "a.test"}, "tags": {"": "x"}}}},
    "no expression": {
        "telemetry": {
            "accessLog": {"settings": [{"matches": ["a &&"], "sinks": [{"type": "File", "file": {"path": "/x"}}]}]}
        }
    },
    "decides whose rule counts": {"preserveRouteOrder": True},
    "no version is left": {"backendTLS": {"minVersion": "1.3", "maxVersion": "1.2"}},
    "decides on trust, and is known to nobody": {"backendTLS": {"minimum": "1.3"}},
}


@pytest.mark.parametrize("case", BROKEN)
def test_of_a_broken_one_what_was_accepted_last_stays(case: str) -> None:
    """At running Gateways nothing changes; one that never had any is not served."""
    world = World()
    world.scan(OWN, own(telemetry=to_file("/tmp/own")))
    found = world.scan(OWN, own(**BROKEN[case]))
    assert files(found) == ["/tmp/own"]
    assert list(served(found)) == ["http"]
    assert conditions(status(resolve(OWN, own(**BROKEN[case])), "Gateway")) == DEAD


def test_what_is_for_kubernetes_is_named_in_a_note() -> None:
    """It is accepted, whatever it says."""
    said = {"type": "Kubernetes", "kubernetes": {"envoyDeployment": {"replicas": 2}}}
    found = resolve(CLASS, gateway(), proxy(provider=said))
    assert told(found, "infra/wide") == {"GatewayClass edge": {"Accepted": "True/Accepted"}}
    (note,) = messages(found)
    assert note.endswith(
        ": warning: EnvoyProxy infra/wide: spec.provider.kubernetes: has no effect: no Envoy is started by kubernetes "
        "here, but by whoever starts it"
    )


def test_who_names_an_envoy_proxy_no_more_is_forgotten() -> None:
    """Its status goes by who names it now."""
    world = World()
    world.scan(OWN, own())
    assert told(world.scan(gateway(), own()), "default/own") == {}
    assert told(world.scan(OWN, own()), "default/own") == {"Gateway web": {"Accepted": "True/Accepted"}}


def test_without_settings_there_is_one_log_on_the_standard_output() -> None:
    """In Envoy Gateway's fields; where logs are disabled there is none, and where nobody says anything neither."""
    assert files(resolve(CLASS, gateway(), proxy(telemetry={"accessLog": {}}))) == ["/dev/stdout"]
    assert files(resolve(CLASS, gateway(), proxy(telemetry={"accessLog": {"disable": True}}))) == []
    assert files(resolve(CLASS, gateway(), proxy())) == []


def _shown(resolution: Resolution) -> tuple[str, bool]:
    """Return what backends are shown by TLS, and whether that cannot be had."""
    found = the_gateway(resolution)
    return str(found.client_certificate.key) if found.client_certificate else "", found.lacks_certificate


def test_backends_are_shown_the_certificate_that_is_named() -> None:
    """What the Gateway names itself counts before it; while one cannot be had nobody is reached by TLS."""
    names_cert = own(backendTLS={"clientCertificateRef": {"name": "cert"}})
    assert _shown(resolve(OWN, names_cert, secret())) == ("Secret default/cert", False)
    missing = resolve(OWN, names_cert)
    assert _shown(missing) == ("", True)
    assert told(missing, "default/own") == {"Gateway web": {"Accepted": "False/InvalidClientCertificateRef"}}
    elsewhere = own(backendTLS={"clientCertificateRef": {"name": "cert", "namespace": "infra"}})
    assert _shown(resolve(OWN, elsewhere, secret(namespace="infra"))) == ("", True)
    itself = gateway(more=f"{OF_GATEWAY}\ntls: {{backend: {{clientCertificateRef: {{name: first}}}}}}")
    assert _shown(resolve(itself, names_cert, secret("first"), secret())) == ("Secret default/first", False)
