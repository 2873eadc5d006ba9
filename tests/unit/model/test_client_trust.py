"""What a listener asks of its clients that is not done here closes it, and nothing else."""

from __future__ import annotations

import json

import pytest

from egxds.model.resolve.upstreams import ClientCheck
from egxds.problems import Severity
from tests.envoy.certificates import Authority
from tests.unit.model.texts import gateway, gateway_object, route, secret
from tests.unit.model.told import problems
from tests.unit.model.worlds import conditions, listener_status, resolve, served, status, the_gateway

_CA = "{validation: {caCertificateRefs: [{name: ca}]}}"
LISTENERS = """
- {name: http, port: 80, protocol: HTTP}
- {name: a, port: 443, protocol: HTTPS, hostname: a.test, tls: {certificateRefs: [{name: cert}]%s}}
- {name: b, port: 443, protocol: HTTPS, hostname: b.test, tls: {certificateRefs: [{name: cert}]}}
- {name: c, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
"""
CASES = [
    pytest.param(", options: {gateway.istio.io/tls-terminate-mode: MUTUAL}", "", "a", 8, id="istio/istio PR 41299"),
    pytest.param(", options: {example.com/ciphers: strong}", "", "a", 8, id="option of somebody"),
    pytest.param(", frontendValidation: {caCertificateRefs: [{name: ca}]}", "", "a", 8, id="Gateway API before v1.4"),
    pytest.param(", options: {}", "tls: {frontend: {default: {}}}", "", 0, id="nothing is asked"),
]


@pytest.mark.parametrize(("tls", "more", "closed", "line"), CASES)
def test_what_is_not_done_closes_the_listener(tls: str, more: str, closed: str, line: int) -> None:
    """It is handed to Envoy to answer 500, is not accepted, and the error stands at the field."""
    resolution = resolve(gateway(listeners=LISTENERS % tls, more=more), route(), secret())
    found = served(resolution)
    assert "".join(name for name, listener in found.items() if listener.denials) == closed
    assert list(found) == ["http", *"abc"]
    told = problems(resolution)
    places = {(problem.severity, problem.location.line) for problem in told}
    assert places == ({(Severity.ERROR, line)} if closed else set())
    for name in closed:
        described = conditions(listener_status(resolution, name))
        assert described["Accepted"] == "False/UnsupportedValue"
        assert described["Programmed"] == "False/Invalid"
        assert any(problem.message.startswith(f"listener {name}: tls.") for problem in told)
    reason = "ListenersNotValid" if closed else "Accepted"
    assert conditions(status(resolution, "Gateway")) == {"Accepted": f"True/{reason}", "Programmed": "True/Programmed"}


def frontend(default: str = "{}", port_443: str = "") -> str:
    """Write what a Gateway asks of its clients."""
    per_port = f", perPort: [{{port: 443, tls: {port_443}}}]" if port_443 else ""
    return f"tls: {{frontend: {{default: {default}{per_port}}}}}"


def authorities(namespace: str = "default") -> str:
    """Write a ConfigMap with the certificate of an authority."""
    metadata = {"name": "ca", "namespace": namespace}
    data = {"ca.crt": Authority().cert}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


@pytest.mark.parametrize(
    ("asked", "checked"),
    [
        pytest.param(frontend(_CA), "abc", id="all listeners"),
        pytest.param(frontend(port_443=_CA), "ab", id="one port"),
        pytest.param(frontend(_CA, "{}"), "c", id="but one port"),
        pytest.param(frontend(), "", id="nothing is asked"),
    ],
)
def test_whose_clients_are_checked(asked: str, checked: str) -> None:
    """Those of listeners where TLS ends; what stands for a port counts before the default."""
    resolution = resolve(gateway(listeners=LISTENERS % "", more=asked), route(), secret(), authorities())
    found = served(resolution)
    assert "".join(name for name, listener in found.items() if listener.trust is not None) == checked
    assert all(each.trust.check is ClientCheck.REFUSED for each in found.values() if each.trust is not None)
    assert not problems(resolution)
    without = resolve(gateway(listeners=LISTENERS % "", more=asked), route(), secret())
    assert set(served(without)) == {"http", *"abc"} - set(checked)


_REF = "caCertificateRefs: [{group: '', name: ca%s}]"
WRONG = {
    "nobody there": ("", "InvalidCACertificateRef"),
    "a kind without certificates": (", kind: Service", "InvalidCACertificateKind"),
    "another namespace": (", kind: ConfigMap, namespace: other", "RefNotPermitted"),
}


@pytest.mark.parametrize(("ref", "reason"), WRONG.values(), ids=WRONG)
def test_a_listener_that_trusts_nobody_is_not_served(ref: str, reason: str) -> None:
    """Nor does a wider one take its connections; the others are served."""
    asked = frontend(port_443=f"{{validation: {{{_REF % ref}}}}}")
    resolution = resolve(gateway(listeners=LISTENERS % "", more=asked), route(), secret(), authorities("other"))
    assert set(served(resolution)) == {"http", "c"}
    described = conditions(listener_status(resolution, "a"))
    assert described["Accepted"] == "False/NoValidCACertificate"
    assert described["ResolvedRefs"] == f"False/{reason}"
    assert described["Programmed"] == "False/Invalid"
    assert {problem.severity for problem in problems(resolution)} == {Severity.ERROR}


_IN_SET = """
parentRef: {name: web, namespace: default}
listeners:
- {name: in, port: 443, protocol: HTTPS, hostname: in.test, tls: {certificateRefs: [{name: cert}]}}
- {name: out, port: 9443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
"""


def test_clients_of_listener_sets_are_checked_as_their_gateway_says() -> None:
    """Also for one port; authorities are looked for from the Gateway, certificates from the set."""
    more = f"allowedListeners: {{namespaces: {{from: All}}}}\n{frontend(port_443=_CA)}"
    given = gateway(more=more), gateway_object("ListenerSet", "extra", _IN_SET, "other"), secret(namespace="other")
    resolution = resolve(*given, authorities())
    found = served(resolution)
    assert {name: each.trust is not None for name, each in found.items()} == {
        "http": False,
        "other/extra/in": True,
        "other/extra/out": False,
    }
    assert not problems(resolution)


def test_a_listener_of_a_set_that_trusts_nobody_is_not_served() -> None:
    """The set says so, where the listener stands in it; the Gateway's own listeners are as they were."""
    more = f"allowedListeners: {{namespaces: {{from: All}}}}\n{frontend(port_443=_CA)}"
    given = gateway(more=more), gateway_object("ListenerSet", "extra", _IN_SET, "other"), secret(namespace="other")
    resolution = resolve(*given, authorities("other"))
    assert set(served(resolution)) == {"http", "other/extra/out"}
    (described, _) = status(resolution, "ListenerSet", "other/extra")["listeners"]
    assert conditions(described)["Accepted"] == "False/NoValidCACertificate"
    assert conditions(described)["ResolvedRefs"] == "False/InvalidCACertificateRef"
    told = problems(resolution)
    assert {(each.severity, each.location.line) for each in told} == {(Severity.ERROR, 17)}
    assert all("(tls.frontend of Gateway default/web)" in each.message for each in told)
    assert conditions(status(resolution, "Gateway"))["Accepted"] == "True/Accepted"


def test_who_lets_anybody_in_says_so() -> None:
    """Clients are asked for a certificate, and served without."""
    asked = frontend("{validation: {mode: AllowInsecureFallback, caCertificateRefs: [{name: ca}]}}")
    resolution = resolve(gateway(listeners=LISTENERS % "", more=asked), secret(), authorities())
    assert conditions(status(resolution, "Gateway"))["InsecureFrontendValidationMode"] == "True/ConfigurationChanged"
    trust = served(resolution)["a"].trust
    assert trust is not None
    assert trust.check is ClientCheck.LET_IN


SHOWN = {
    "a certificate": ("{name: cert}", "True/ResolvedRefs"),
    "nobody's": ("{name: no}", "False/InvalidClientCertificateRef"),
    "another group": ("{group: a.test, name: cert}", "False/InvalidClientCertificateRef"),
    "another kind": ("{kind: ConfigMap, name: ca}", "False/InvalidClientCertificateRef"),
    "another namespace": ("{name: cert, namespace: other}", "False/RefNotPermitted"),
}


@pytest.mark.parametrize(("ref", "resolved"), SHOWN.values(), ids=SHOWN)
def test_what_backends_are_shown(ref: str, resolved: str) -> None:
    """The Gateway is accepted all the same; without the certificate nobody is reached by TLS."""
    asked = f"tls: {{backend: {{clientCertificateRef: {ref}}}}}"
    resolution = resolve(gateway(more=asked), secret(), authorities())
    described = conditions(status(resolution, "Gateway"))
    assert (described["Accepted"], described["ResolvedRefs"]) == ("True/Accepted", resolved)
    found = the_gateway(resolution)
    assert (found.client_certificate is None) is found.lacks_certificate is (not resolved.startswith("True"))


def test_a_gateway_that_only_answers_500_is_not_programmed() -> None:
    """It is handed out all the same, so that its listener stays closed instead of as it was."""
    only = "- {name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}], options: {a.test/b: c}}}"
    resolution = resolve(gateway(listeners=only), secret())
    described = conditions(status(resolution, "Gateway"))
    assert described == {"Accepted": "False/ListenersNotValid", "Programmed": "False/Invalid"}
    assert served(resolution)["a"].denials
