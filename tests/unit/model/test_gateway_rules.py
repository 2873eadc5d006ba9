"""What a Gateway must not say, and in which words it is told."""

from __future__ import annotations

import pytest

from egxds.model.api.gateway import GATEWAY
from tests.unit.model.texts import gateway, gateway_class
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import read

CERTIFIED = "tls: {certificateRefs: [{name: cert}]}"

REFUSED = [
    ("[{name: a, port: 80, protocol: HTTP, tls: {certificateRefs: [{name: c}]}}]", "protocol HTTP takes no tls"),
    ("[{name: a, port: 80, protocol: http, tls: {certificateRefs: [{name: c}]}}]", "protocol HTTP takes no tls"),
    ("[{name: a, port: 443, protocol: TLS}]", "protocol TLS needs tls"),
    ("[{name: a, port: 443, protocol: HTTPS, tls: {}}]", "mode Terminate needs at least one certificateRef"),
    ("[{name: a, port: 443, protocol: HTTPS, tls: {mode: Passthrough}}]", "protocol HTTPS needs mode Terminate"),
    ("[{name: a, port: 1, protocol: TCP, hostname: a.test}]", "protocol TCP takes no hostname"),
    (
        "[{name: a, port: 1, protocol: HTTP, hostname: '*'}]",
        "hostname: must not be '*' alone: delete it, since without a hostname every host is meant",
    ),
    (
        "[{name: a, port: 1, protocol: HTTP, hostname: a.test.}]",
        "hostname: must not end in a dot: write a.test, which is the same host",
    ),
    ("[{name: a, port: 1, protocol: HTTP, hostname: 'a.*'}]", "hostname: is not a hostname"),
    ("[{name: a, port: 1, protocol: HTTP}, {name: a, port: 2, protocol: HTTP}]", "listeners[1].name: another listener"),
    ("[{name: a, port: 1, protocol: HTTP}, {name: b, port: 1, protocol: http}]", "are those of listener a"),
    ("[{name: a, port: 70000, protocol: HTTP}]", "listeners[0].port: must be at most 65535"),
    ("[{name: a, port: '80', protocol: HTTP}]", "listeners[0].port: must be a whole number; write it without quotes"),
    ("[{name: a, port: 80, protocol: 'a b'}]", "listeners[0].protocol: is not a protocol"),
    ("[]", "spec.listeners: is empty; at least 1 is needed"),
    ("{name: a}", "spec.listeners: must be a list"),
    ("[a]", "spec.listeners[0]: must be a mapping"),
    ("[{name: A_b, port: 80, protocol: HTTP}]", "listeners[0].name: is not a name"),
]


@pytest.mark.parametrize(("listeners", "message"), REFUSED)
def test_a_listener_against_the_api_is_refused(listeners: str, message: str) -> None:
    """What the Gateway's own validation refuses is refused, with the field that is wrong."""
    state = read(gateway(listeners=listeners))
    assert any(message in problem.message for problem in store_problems(state))
    assert not state.of(GATEWAY)


@pytest.mark.parametrize(
    "listeners",
    [
        (
            f"[{{name: a, port: 443, protocol: HTTPS, {CERTIFIED}}}, {{name: b, port: 443, protocol: HTTPS, "
            f"hostname: b.test, {CERTIFIED}}}]"
        ),
        "[{name: a, port: 443, protocol: TLS, hostname: a.test, tls: {mode: Passthrough}}]",
        "[{name: a, port: 1, protocol: TCP}, {name: b, port: 1, protocol: UDP}]",
        "[{name: a, port: 1, protocol: example.com/custom}]",
    ],
)
def test_listeners_that_the_api_allows_are_accepted(listeners: str) -> None:
    """Distinct listeners of one port, and protocols of others, make a Gateway that is accepted."""
    assert not store_problems(read(gateway(listeners=listeners)))


def test_an_address_is_asked_for_once() -> None:
    """Equal addresses are refused at the second one."""
    (problem,) = store_problems(read(gateway(more="addresses: [{value: 10.0.0.1}, {}, {}, {value: 10.0.0.1}]")))
    assert "spec.addresses[3]: address 10.0.0.1 is asked for more than once" in problem.message


def test_what_has_no_effect_is_a_warning() -> None:
    """Fields of the API that are not served, but change nothing that is let through, are warned of."""
    state = read(gateway(more="defaultScope: All\ninfrastructure: {labels: {a: b}}"))
    (problem,) = store_problems(state)
    assert "spec.defaultScope: is not served here and has no effect" in problem.message
    assert len(state.of(GATEWAY)) == 1


def test_a_class_needs_a_controller() -> None:
    """A GatewayClass without a controller name is refused."""
    (problem,) = store_problems(read(gateway_class(controller="''")))
    assert "spec.controllerName: is empty" in problem.message
