"""What Services, EndpointSlices and Backends must not say."""

from __future__ import annotations

import pytest

from tests.unit.model.texts import backend, endpoint_slice, service
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import read

REFUSED = [
    (service(ports="[{port: 80}, {port: 81}]"), "ports[0]: name is missing"),
    (service(ports="[{name: a, port: 80}, {name: a, port: 81}]"), "ports[1].name: another port is named a too"),
    (service(ports="[{name: a, port: 80}, {name: b, port: 80}]"), "ports[1].port: port 80 (TCP) is listed twice"),
    (service(ports="[{port: 80, targetPort: 0}]"), "ports[0].targetPort: must be a port number from 1 to 65535"),
    (service(ports="[{port: 80, targetPort: true}]"), "ports[0].targetPort: must be a port number"),
    (endpoint_slice(addresses="[{addresses: ['::1']}]"), "endpoints[0].addresses[0]: is not an address of type IPv4"),
    (
        endpoint_slice(addresses="[{addresses: [10.0.0.1]}]", address_type="IPv6"),
        "endpoints[0].addresses[0]: is not an address of type IPv6",
    ),
    (
        endpoint_slice(addresses="[{addresses: [10.0.0.1]}]", address_type="FQDN"),
        "endpoints[0].addresses[0]: is not an address of type FQDN",
    ),
    (endpoint_slice(addresses="[{addresses: [a.test]}]"), "addresses[0]: is not an address of type IPv4"),
    (endpoint_slice(addresses="[{addresses: []}]"), "endpoints[0].addresses: is empty"),
    (endpoint_slice(addresses="[{addresses: [10.0.0.1], conditions: {ready: 'yes'}}]"), "must be true or false"),
    (endpoint_slice(address_type="Unix"), "addressType: must be IPv4, IPv6 or FQDN"),
    (backend("[{}]"), "endpoints[0]: give exactly one of ip, fqdn and unix"),
    (
        backend("[{ip: {address: 10.0.0.1, port: 80}, unix: {path: /a}}]"),
        "endpoints[0]: give exactly one of ip, fqdn and unix",
    ),
    (backend("[{ip: {address: a.test, port: 80}}]"), "endpoints[0].ip.address: is not an IP address"),
    (backend("[{fqdn: {hostname: '*.test', port: 80}}]"), "endpoints[0].fqdn.hostname: is not a hostname"),
    (
        backend("[{fqdn: {hostname: a.test, port: 80}}, {ip: {address: 10.0.0.1, port: 80}}]"),
        "fqdn cannot stand beside ip or unix",
    ),
    (backend(f"[{{unix: {{path: /{'a' * 107}}}}}]"), "unix.path: is longer than the 107 bytes"),
    (backend(f"[{{unix: {{path: /{'é' * 54}}}}}]"), "unix.path: is longer than the 107 bytes"),
    (backend('[{unix: {path: ""}}]'), "unix.path"),
    (backend("[]"), "spec.endpoints: is empty"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_an_api_server_refuses_is_refused(text: str, message: str) -> None:
    """The object is not accepted, and the field that is wrong is named."""
    state = read(text)
    assert any(message in problem.message for problem in store_problems(state))
    assert state.count() == 0


@pytest.mark.parametrize(
    "text",
    [
        service(more="selector: {app: a}\nclusterIP: None\ntype: NodePort"),
        service(ports="[{name: a, port: 53}, {name: b, port: 53, protocol: UDP, nodePort: 30053}]"),
        service(ports="[{port: 80, targetPort: http}]"),
        endpoint_slice(addresses="[{addresses: ['::1'], nodeName: a, zone: b}]", address_type="IPv6"),
        endpoint_slice(addresses="[{addresses: [a.test]}]", address_type="FQDN"),
        backend("[{unix: {path: /a}}, {ip: {address: '::1', port: 80}}]"),
        backend(f"[{{unix: {{path: /{'a' * 106}}}}}]"),
        backend("[{fqdn: {hostname: a.test, port: 80}}, {fqdn: {hostname: b.test, port: 80}}]"),
        # envoyproxy/envoy issue 20545: an absolute name, for which no search domain is tried.
        backend("[{fqdn: {hostname: a.test., port: 80}}]"),
        endpoint_slice(addresses="[{addresses: [a.test.]}]", address_type="FQDN"),
    ],
)
def test_what_an_api_server_accepts_is_accepted(text: str) -> None:
    """Fields that mean nothing here are passed over without a word."""
    state = read(text)
    assert not store_problems(state)
    assert state.count() == 1
