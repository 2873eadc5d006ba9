"""What a listener asks of its clients that is not done here closes it, and nothing else."""

from __future__ import annotations

import pytest

from egxds.problems import Severity
from tests.unit.model.texts import gateway, route, secret
from tests.unit.model.told import problems
from tests.unit.model.worlds import conditions, listener_status, resolve, served, status

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
    pytest.param("", f"tls: {{frontend: {{default: {_CA}}}}}", "abc", 11, id="all listeners"),
    pytest.param(
        "", f"tls: {{frontend: {{default: {{}}, perPort: [{{port: 443, tls: {_CA}}}]}}}}", "ab", 11, id="one port"
    ),
    pytest.param(
        "", f"tls: {{frontend: {{default: {_CA}, perPort: [{{port: 443, tls: {{}}}}]}}}}", "c", 11, id="but one port"
    ),
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


def test_a_gateway_that_only_answers_500_is_not_programmed() -> None:
    """It is handed out all the same, so that its listener stays closed instead of as it was."""
    only = "- {name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}], options: {a.test/b: c}}}"
    resolution = resolve(gateway(listeners=only), secret())
    described = conditions(status(resolution, "Gateway"))
    assert described == {"Accepted": "False/ListenersNotValid", "Programmed": "False/Invalid"}
    assert served(resolution)["a"].denials
