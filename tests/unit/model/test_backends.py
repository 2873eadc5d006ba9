"""What is behind a backendRef."""

from __future__ import annotations

import pytest

from egxds.model.resolve.resolved import Resolution, ResolvedBackend
from egxds.model.resolve.upstreams import EndpointAddress, PipeAddress, SocketAddress, UpstreamProtocol
from tests.unit.model.texts import backend, endpoint_slice, gateway, grant, route, service
from tests.unit.model.worlds import messages, parents, resolve, served

BACKEND = "{group: gateway.envoyproxy.io, kind: Backend, name: app}"


def to(*refs: str) -> str:
    """Write a route to some backends; the first of them stands on line 8."""
    return route(spec="rules:\n- backendRefs:\n" + "".join(f"  - {ref}\n" for ref in refs))


def behind(resolution: Resolution) -> tuple[ResolvedBackend, ...]:
    """Return the backends of the route."""
    (attached,) = served(resolution)["http"].routes.values()
    return attached.route.rules[0].backends


def endpoints(*texts: str, ref: str = "{name: app, port: 80}") -> list[str]:
    """Return the endpoints that a reference leads to."""
    found = addresses(resolve(gateway(), to(ref), *texts))
    return [entry.path if isinstance(entry, PipeAddress) else f"{entry.address}:{entry.port}" for entry in found]


def addresses(resolution: Resolution) -> tuple[EndpointAddress, ...]:
    """Return the endpoints of the route's only backend."""
    (found,) = behind(resolution)
    assert found.endpoints is not None
    return resolution.endpoints[found.endpoints]


ENDPOINTS = [
    ("a slice", [service(), endpoint_slice()], ["10.0.0.1:8080"]),
    ("no slice", [service()], []),
    (
        "two slices, sorted, without doubles",
        [
            service(),
            endpoint_slice(addresses="[{addresses: [10.0.0.2]}, {addresses: [10.0.0.1]}]"),
            endpoint_slice("app-2", addresses="[{addresses: [10.0.0.2]}]"),
        ],
        ["10.0.0.1:8080", "10.0.0.2:8080"],
    ),
    (
        "both address families",
        [service(), endpoint_slice(), endpoint_slice("app-6", "[{addresses: ['::1']}]", address_type="IPv6")],
        ["10.0.0.1:8080", "::1:8080"],
    ),
    ("a slice of another service", [service(), endpoint_slice(service_name="other")], []),
    (
        "only ready endpoints",
        [
            service(),
            endpoint_slice(
                addresses="[{addresses: [10.0.0.1], conditions: {ready: false}}, "
                "{addresses: [10.0.0.2], conditions: {ready: true}}, "
                "{addresses: [10.0.0.3], conditions: {serving: true}}]"
            ),
        ],
        ["10.0.0.2:8080", "10.0.0.3:8080"],
    ),
    (
        "the first address",
        [service(), endpoint_slice(addresses="[{addresses: [10.0.0.9, 10.0.0.1]}]")],
        ["10.0.0.9:8080"],
    ),
    (
        "the port of the name",
        [service(), endpoint_slice(ports="[{name: a, port: 1}, {name: http, port: 2}]")],
        ["10.0.0.1:2"],
    ),
    ("no port of the name", [service(), endpoint_slice(ports="[{name: a, port: 80}]")], []),
    ("a name but no number", [service(), endpoint_slice(ports="[{name: http}]")], ["10.0.0.1:80"]),
    (
        "an unnamed slice port, by targetPort",
        [
            service(ports="[{name: http, port: 80, targetPort: 8080}]"),
            endpoint_slice(ports="[{port: 1}, {port: 8080}]"),
        ],
        ["10.0.0.1:8080"],
    ),
    (
        "an unnamed service port, by targetPort",
        [
            service(ports="[{port: 80, targetPort: 8080}]"),
            endpoint_slice(ports="[{name: a, port: 1}, {name: b, port: 8080}]"),
        ],
        ["10.0.0.1:8080"],
    ),
    (
        "neither named, equal numbers",
        [service(ports="[{port: 80}]"), endpoint_slice(ports="[{port: 80}]")],
        ["10.0.0.1:80"],
    ),
    (
        "neither named, other numbers",
        [service(ports="[{port: 80}]"), endpoint_slice(ports="[{port: 81}]")],
        ["10.0.0.1:81"],
    ),
    ("no TCP port", [service(), endpoint_slice(ports="[{name: http, port: 8080, protocol: UDP}]")], []),
    ("no ports", [service(), endpoint_slice(ports="[]")], []),
    (
        "TCP beside UDP of one number",
        [service(ports="[{name: dns, port: 80, protocol: UDP}, {name: http, port: 80}]"), endpoint_slice()],
        ["10.0.0.1:8080"],
    ),
]


@pytest.mark.parametrize(("texts", "expected"), [case[1:] for case in ENDPOINTS], ids=[case[0] for case in ENDPOINTS])
def test_a_service_leads_to_the_endpoints_of_its_slices(texts: list[str], expected: list[str]) -> None:
    """Slices belong to a Service by label, their ports by name; a Service without any has no endpoints."""
    assert endpoints(*texts) == expected


def test_hostnames_are_left_to_envoy() -> None:
    """Slices of type FQDN and Backends with fqdn hold names that Envoy resolves."""
    name = SocketAddress("b.test", 8080, is_hostname=True)
    slices = endpoint_slice(addresses="[{addresses: [b.test]}]", address_type="FQDN")
    assert addresses(resolve(gateway(), to("{name: app, port: 80}"), service(), slices)) == (name,)
    assert addresses(resolve(gateway(), to(BACKEND), backend("[{fqdn: {hostname: b.test, port: 8080}}]"))) == (name,)


def test_a_backend_leads_to_what_it_lists() -> None:
    """A Backend brings its own addresses and ports."""
    listed = backend(
        "[{unix: {path: /run/app}}, {ip: {address: 10.0.0.2, port: 81}}, {ip: {address: 10.0.0.1, port: 80}}]"
    )
    assert endpoints(listed, ref=BACKEND) == ["/run/app", "10.0.0.1:80", "10.0.0.2:81"]


WSS = service(ports="[{name: http, port: 80, appProtocol: kubernetes.io/wss}]")
REFUSED = [
    ("{name: gone, port: 80}", service(), "BackendNotFound", "no accepted document defines Service default/gone"),
    ("{name: app, port: 81}", service(), "BackendNotFound", "Service default/app has no port 81; its ports: 80"),
    ("{name: app, port: 80}", service(ports="[]"), "BackendNotFound", "has no port 80; its ports: none"),
    (BACKEND, service(), "BackendNotFound", "no accepted document defines Backend default/app"),
    ("{name: app, kind: Pod}", service(), "InvalidKind", "a backend is a Service or a Backend, not a Pod"),
    ("{name: app, group: a.test, kind: Service}", service(), "InvalidKind", "not a Service of group a.test"),
    ("{name: app, kind: Pod, namespace: b}", service(), "InvalidKind", "not a Pod"),
    ("{name: app, port: 80}", service(more="type: ExternalName\nexternalName: a.test"), "InvalidKind", "ExternalName"),
    ("{name: app, port: 80}", service(ports="[{port: 80, protocol: UDP}]"), "UnsupportedProtocol", "speaks UDP"),
    ("{name: app, port: 80}", WSS, "UnsupportedProtocol", "speaks kubernetes.io/wss"),
    (
        BACKEND,
        backend("[{ip: {address: 10.0.0.1, port: 80}}]", more="appProtocols: [gateway.envoyproxy.io/wss]"),
        "UnsupportedProtocol",
        "speaks gateway.envoyproxy.io/wss",
    ),
    (
        "{name: app, port: 80, namespace: other}",
        service(namespace="other"),
        "RefNotPermitted",
        "no ReferenceGrant in namespace other lets HTTPRoute default/shop refer to Service other/app",
    ),
    ("{name: gone, port: 80, namespace: other}", service(), "RefNotPermitted", "no ReferenceGrant in namespace other"),
]


FINE = endpoint_slice("fine-1", service_name="fine")


@pytest.mark.parametrize(("ref", "text", "reason", "message"), REFUSED)
def test_a_reference_that_cannot_be_followed_is_refused(ref: str, text: str, reason: str, message: str) -> None:
    """Its share answers 500, the route stays accepted, and the problem stands at the reference."""
    resolution = resolve(gateway(), to("{name: fine, port: 80, weight: 3}", ref), text, service("fine"), FINE)
    fine, refused = behind(resolution)
    assert (fine.refusal, fine.weight) == ("", 3)
    assert message in refused.refusal
    assert refused.endpoints is None
    assert parents(resolution) == [{"Accepted": "True/Accepted", "ResolvedRefs": f"False/{reason}"}]
    (said,) = messages(resolution)
    line = gateway().count("\n") + 1 + 9
    assert said.startswith(f"a.yaml:{line}: error: HTTPRoute default/shop: ")
    assert message in said


def test_websockets_need_nothing_of_a_backend() -> None:
    """AppProtocol kubernetes.io/ws is HTTP/1.1, which is what backends are reached by."""
    spoken = service(ports="[{name: http, port: 80, appProtocol: kubernetes.io/ws}]")
    assert endpoints(spoken, endpoint_slice()) == ["10.0.0.1:8080"]


FROM = "{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}"
GRANTS = [
    (FROM, "{group: '', kind: Service}", "other", True),
    (FROM, "{group: '', kind: Service, name: app}", "other", True),
    (FROM, "{group: '', kind: Service, name: apple}", "other", False),
    (FROM, "{group: '', kind: Secret}", "other", False),
    (FROM, "{group: a.test, kind: Service}", "other", False),
    (FROM, "{group: '', kind: Service}", "default", False),
    (
        "{group: gateway.networking.k8s.io, kind: Gateway, namespace: default}",
        "{group: '', kind: Service}",
        "other",
        False,
    ),
    ("{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: b}", "{group: '', kind: Service}", "other", False),
    ("{group: '', kind: HTTPRoute, namespace: default}", "{group: '', kind: Service}", "other", False),
]


@pytest.mark.parametrize(("from_", "target", "place", "is_permitted"), GRANTS)
def test_a_grant_permits_exactly_what_it_names(from_: str, target: str, place: str, is_permitted: bool) -> None:
    """Group, kind and namespace of the referrer, and group, kind and name of the target, must all fit."""
    granted = grant(place, f"[{{group: a, kind: b, namespace: c}}, {from_}]", f"[{target}]")
    resolution = resolve(gateway(), to("{name: app, port: 80, namespace: other}"), service(namespace="other"), granted)
    reason = "True/ResolvedRefs" if is_permitted else "False/RefNotPermitted"
    assert parents(resolution)[0]["ResolvedRefs"] == reason


TICKET = "apiVersion: shop.test/v1\nkind: Ticket\nmetadata: {name: one}\n"


def filtered(*names: str, kind: str = "Ticket") -> str:
    """Write a route with filters that name objects of an extension."""
    filters = "".join(
        f"  - {{type: ExtensionRef, extensionRef: {{group: shop.test, kind: {kind}, name: {name}}}}}\n"
        for name in names
    )
    return route(spec=f"rules:\n- filters:\n{filters}  backendRefs: [{{name: app, port: 80}}]")


def test_a_filter_names_objects_of_extensions() -> None:
    """They are handed on in the order of the filters."""
    two = TICKET.replace("one", "two")
    resolution = resolve(gateway(), filtered("two", "one"), TICKET, two, service(), endpoint_slice())
    (attached,) = served(resolution)["http"].routes.values()
    (rule,) = attached.route.rules
    assert [item.key.name for item in rule.extensions] == ["two", "one"]
    assert not rule.refusal
    assert not messages(resolution)


def test_a_filter_that_names_nothing_refuses_its_rule() -> None:
    """A filter must not be skipped: the rule answers 500 (Gateway API, HTTPRouteFilter.type)."""
    message = "no accepted document defines Ticket default/gone"
    resolution = resolve(gateway(), filtered("one", "gone"), TICKET, service())
    (attached,) = served(resolution)["http"].routes.values()
    (rule,) = attached.route.rules
    assert message in rule.refusal
    assert parents(resolution)[0] == {"Accepted": "True/Accepted", "ResolvedRefs": "False/BackendNotFound"}
    assert any("a.yaml:" in said and message in said for said in messages(resolution))


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("kubernetes.io/h2c", UpstreamProtocol.HTTP2),
        ("kubernetes.io/ws", UpstreamProtocol.HTTP1),
        ("shop.example/custom", UpstreamProtocol.HTTP1),
    ],
)
def test_a_backend_is_spoken_to_as_its_application_protocol_says(protocol: str, expected: UpstreamProtocol) -> None:
    """Of a Service by appProtocol (KEP-3726); what is not known leaves it to the kind of route."""
    ports = f"[{{name: http, port: 80, appProtocol: {protocol}}}]"
    (found,) = behind(resolve(gateway(), to("{name: app, port: 80}"), service(ports=ports)))
    assert (found.refusal, found.protocol) == ("", expected)


def test_the_first_known_protocol_of_a_backend_counts() -> None:
    """A Backend may list several."""
    listed = backend("[{unix: {path: /a}}]", more="appProtocols: [other, gateway.envoyproxy.io/h2c]")
    (found,) = behind(resolve(gateway(), to(BACKEND), listed))
    assert found.protocol is UpstreamProtocol.HTTP2
