"""Routes that take connections or datagrams as a whole: who takes them, what their backends are, which of them wins."""

from __future__ import annotations

import pytest

from egxds.model.resolve.listener_protocols import TCP, TLS_ENDING, TLS_PASSING, UDP, Transport
from egxds.model.resolve.resolved import ResolvedBackend
from egxds.model.resolve.upstreams import EndpointsShape, UpstreamProtocol
from tests.unit.model.test_policies import limit, on, world
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, grant, secret, service
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import (
    World,
    conditions,
    listener_status,
    messages,
    parents,
    read,
    resolve,
    served,
    status,
)

LISTENERS = """
- {name: http, port: 80, protocol: HTTP}
- {name: passing, port: 443, protocol: TLS, hostname: "*.test", tls: {mode: Passthrough}}
- {name: ending, port: 443, protocol: TLS, hostname: end.test, tls: {certificateRefs: [{name: cert}]}}
- {name: tcp, port: 53, protocol: TCP}
- {name: udp, port: 53, protocol: UDP}
"""
BOTH = "[{name: tcp, port: 80}, {name: udp, port: 80, protocol: UDP}]"
ACCEPTED = {"Accepted": "True/Accepted", "ResolvedRefs": "True/ResolvedRefs"}
OLD = {"creationTimestamp": "2026-01-01T00:00:00Z"}


def stream(
    kind: str,
    name: str = "s",
    refs: str = "[{name: app, port: 80}]",
    parent: str = "{name: web}",
    more: str = "",
    version: str = "v1",
    **metadata: str,
) -> str:
    """Write a route of one rule; what is more stands on line 6."""
    spec = f"parentRefs: [{parent}]\n{more or '{}'}\nrules: [{{backendRefs: {refs}}}]".replace("\n{}\n", "\n")
    text = gateway_object(kind, name, spec, **metadata)
    return text.replace("io/v1\n", f"io/{version}\n", 1)


WORLD = (gateway(listeners=LISTENERS), secret(), service(ports=BOTH), endpoint_slice(ports=BOTH))


@pytest.mark.parametrize(
    ("kind", "versions", "listeners"),
    [
        ("TLSRoute", ("v1", "v1alpha3", "v1alpha2"), {"passing": ("*.test",), "ending": ("end.test",)}),
        ("TCPRoute", ("v1", "v1alpha2"), {"ending": ("end.test",), "tcp": ("*",)}),
        ("UDPRoute", ("v1", "v1alpha2"), {"udp": ("*",)}),
    ],
)
def test_each_kind_is_taken_by_the_listeners_of_its_protocols(
    kind: str, versions: tuple[str, ...], listeners: dict[str, tuple[str, ...]]
) -> None:
    """In every version of it; TLS that ends here takes two kinds."""
    for version in versions:
        resolution = resolve(*WORLD, stream(kind, version=version))
        (found,) = parents(resolution, "default/s", kind)
        assert found == ACCEPTED
        hostnames = {
            name: attached.hostnames for name, each in served(resolution).items() for attached in each.routes.values()
        }
        assert hostnames == listeners
        assert not messages(resolution)


def test_listeners_say_which_kinds_they_take() -> None:
    """And of which protocol they are."""
    resolution = resolve(*WORLD)
    kinds = {
        name: [kind["kind"] for kind in listener_status(resolution, name)["supportedKinds"]]
        for name in ("passing", "ending", "tcp", "udp")
    }
    assert kinds == {
        "passing": ["TLSRoute"],
        "ending": ["TCPRoute", "TLSRoute"],
        "tcp": ["TCPRoute"],
        "udp": ["UDPRoute"],
    }
    protocols = [each.protocol for each in served(resolution).values()]
    assert protocols[1:] == [TLS_PASSING, TLS_ENDING, TCP, UDP]


@pytest.mark.parametrize(
    ("route", "reason", "said"),
    [
        (stream("TCPRoute", parent="{name: web, sectionName: http}"), "NotAllowedByListeners", "takes no TCPRoutes"),
        (stream("TCPRoute", parent="{name: web, sectionName: passing}"), "NotAllowedByListeners", "takes no TCPRoutes"),
        (stream("UDPRoute", parent="{name: web, sectionName: tcp}"), "NotAllowedByListeners", "takes no UDPRoutes"),
        (stream("TLSRoute", parent="{name: web, sectionName: tcp}"), "NotAllowedByListeners", "takes no TLSRoutes"),
        (stream("TCPRoute", parent="{name: web, sectionName: gone}"), "NoMatchingParent", "has no listener named gone"),
        (
            stream("TLSRoute", more="hostnames: [elsewhere.example]"),
            "NoMatchingListenerHostname",
            "no hostname of the route",
        ),
        (
            stream("TCPRoute", refs="[{name: app, port: 80}]}, {backendRefs: [{name: app, port: 80}]"),
            "InvalidRule",
            "has 2 rules, and a connection goes by one",
        ),
    ],
    ids=["HTTP", "TLS that passes", "TCP", "TLS at TCP", "no listener", "no hostname", "two rules"],
)
def test_why_a_route_is_not_taken(route: str, reason: str, said: str) -> None:
    """Nothing is served of it, and the reason is that of the standard, or else Envoy Gateway's."""
    kind = route.partition("kind: ")[2].partition("\n")[0]
    resolution = resolve(*WORLD, route)
    (found,) = parents(resolution, "default/s", kind)
    assert found["Accepted"] == f"False/{reason}"
    assert not any(each.routes for each in served(resolution).values())
    assert said in messages(resolution)[0]


@pytest.mark.parametrize(
    ("kind", "refs", "more", "reason"),
    [
        ("TCPRoute", "[{name: gone, port: 80}]", (), "BackendNotFound"),
        ("TLSRoute", "[{name: app, port: 81}]", (), "BackendNotFound"),
        ("UDPRoute", "[{name: app, kind: Odd, port: 80}]", (), "InvalidKind"),
        ("UDPRoute", "[{name: app, namespace: other, port: 80}]", (), "RefNotPermitted"),
        (
            "UDPRoute",
            "[{name: app, namespace: other, port: 80}]",
            (
                grant(
                    "other",
                    "[{group: gateway.networking.k8s.io, kind: TCPRoute, namespace: default}]",
                    "[{kind: Service}]",
                ),
            ),
            "RefNotPermitted",
        ),
    ],
    ids=["no Service", "no port", "no kind", "no grant", "a grant for another kind"],
)
def test_a_backend_that_cannot_be_used_is_refused(kind: str, refs: str, more: tuple[str, ...], reason: str) -> None:
    """The route is accepted all the same; the share of such a backend goes nowhere."""
    resolution = resolve(*WORLD, stream(kind, refs=refs), *more)
    (found,) = parents(resolution, "default/s", kind)
    assert found == {"Accepted": "True/Accepted", "ResolvedRefs": f"False/{reason}"}
    assert backends(resolution, kind)[0].refusal


def backends(resolution: object, kind: str) -> tuple[ResolvedBackend, ...]:
    """Return the backends of the one route of a kind."""
    found = [
        attached.route.rules[0].backends
        for each in served(resolution).values()  # type: ignore[arg-type]
        for key, attached in each.routes.items()
        if key.kind == kind
    ]
    return found[0]


@pytest.mark.parametrize(
    ("kind", "protocol", "transport"),
    [
        ("TCPRoute", UpstreamProtocol.TCP, Transport.TCP),
        ("TLSRoute", UpstreamProtocol.TCP, Transport.TCP),
        ("UDPRoute", UpstreamProtocol.UDP, Transport.UDP),
    ],
)
def test_a_service_has_ports_of_both_transports(kind: str, protocol: UpstreamProtocol, transport: Transport) -> None:
    """Each kind of route means those of its own; what is spoken there makes no difference to it."""
    ports = BOTH.replace("port: 80}", "port: 80, appProtocol: https}", 1)
    resolution = resolve(
        gateway(listeners=LISTENERS),
        secret(),
        service(ports=ports),
        endpoint_slice(ports="[{name: tcp, port: 1}, {name: udp, port: 2, protocol: UDP}]"),
        stream(kind),
    )
    (found,) = backends(resolution, kind)
    assert (found.protocol, found.shape) == (protocol, EndpointsShape.ADDRESSES)
    assert found.endpoints is not None
    assert found.endpoints.transport is transport
    (address,) = resolution.endpoints[found.endpoints]
    assert address.port == {Transport.TCP: 1, Transport.UDP: 2}[transport]  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["TCPRoute", "UDPRoute", "TLSRoute"])
def test_nobody_behind_a_backend_is_said(kind: str) -> None:
    """No mistake of the route, and rarely meant; there is no answer to give where nothing is asked."""
    resolution = resolve(*WORLD[:3], stream(kind))
    (found,) = parents(resolution, "default/s", kind)
    assert found == {**ACCEPTED, "egxds.io/BackendsReady": "False/NoReadyEndpoints"}
    assert "its share is closed" in messages(resolution)[0]


@pytest.mark.parametrize("kind", ["TCPRoute", "UDPRoute", "TLSRoute"])
def test_one_route_has_a_listener_and_the_others_are_told(kind: str) -> None:
    """All are accepted and counted, as the conformance suite has it; the oldest has it, then the first by name."""
    resolution = resolve(*WORLD, stream(kind, "a"), stream(kind, "b"), stream(kind, "z", **OLD))
    listener = {"TCPRoute": "tcp", "UDPRoute": "udp", "TLSRoute": "passing"}[kind]
    assert listener_status(resolution, listener)["attachedRoutes"] == 3
    winners = [key.name for key, each in served(resolution)[listener].routes.items() if each.hostnames]
    assert winners == ["z"]
    for name in ("a", "b"):
        (found,) = parents(resolution, f"default/{name}", kind)
        assert found == {**ACCEPTED, "egxds.io/Shadowed": "True/Shadowed"}
    assert parents(resolution, "default/z", kind) == [ACCEPTED]
    said = messages(resolution)
    assert len(said) == 2
    assert all(f"warning: {kind} default/" in each and f"goes to {kind} default/z" in each for each in said)
    assert f"goes to {kind} default/z (a.yaml:" in said[0]


def test_who_wins_follows_changes() -> None:
    """The next one takes over when the oldest goes, or asks for something else; and gives it back."""
    a, b, old = stream("TCPRoute", "a"), stream("TCPRoute", "b"), stream("TCPRoute", "z", **OLD)
    world = World()
    elsewhere = old.replace("{name: web}", "{name: web, sectionName: ending}")
    steps = (
        ((b,), "b"),
        ((a, b), "a"),
        ((a, b, old), "z"),
        ((a, b, elsewhere), "a"),
        ((b, old), "z"),
        ((a, b), "a"),
        ((), ""),
    )
    for texts, winner in steps:
        resolution = world.scan(*WORLD, *texts)
        winners = [key.name for key, each in served(resolution)["tcp"].routes.items() if each.hostnames]
        assert winners == ([winner] if winner else [])
        fresh = resolve(*WORLD, *texts)
        assert messages(resolution) == messages(fresh)
        names = [text.partition('"name": "')[2].partition('"')[0] for text in texts]
        told = [[parents(each, f"default/{name}", "TCPRoute") for name in names] for each in (resolution, fresh)]
        assert told[0] == told[1]


def test_hostnames_are_shared_out_one_by_one() -> None:
    """A route keeps those that no older one has."""
    resolution = resolve(
        *WORLD,
        stream("TLSRoute", "old", more="hostnames: [a.test, b.test]", **OLD),
        stream("TLSRoute", "new", more="hostnames: [b.test, c.test]"),
    )
    found = {key.name: each.hostnames for key, each in served(resolution)["passing"].routes.items()}
    assert found == {"old": ("a.test", "b.test"), "new": ("c.test",)}


@pytest.mark.parametrize(
    ("listeners", "refused"),
    [
        ("TCP HTTP", "ProtocolConflict"),
        ("TCP TLS", "ProtocolConflict"),
        ("UDP TCP", ""),
        ("UDP HTTP", ""),
        ("TLS HTTPS", "HostnameConflict"),
    ],
)
def test_what_shares_a_port(listeners: str, refused: str) -> None:
    """TCP has its port alone; UDP does not meet any of them; names are told apart whatever is inside."""
    tls = {
        "TLS": ", hostname: a.test, tls: {mode: Passthrough}",
        "HTTPS": ", hostname: a.test, tls: {certificateRefs: [{name: cert}]}",
    }
    listed = "".join(
        f"- {{name: {name.lower()}, port: 53, protocol: {name}{tls.get(name, '')}}}\n" for name in listeners.split()
    )
    resolution = resolve(gateway(listeners=listed), secret())
    for name in listeners.lower().split():
        found = conditions(listener_status(resolution, name))
        assert found["Accepted"] == (f"False/{refused}" if refused else "True/Accepted")
        assert found["Conflicted"] == (f"True/{refused}" if refused else "False/NoConflicts")


@pytest.mark.parametrize(
    ("field", "at"),
    [
        (
            "matches: [{}]",
            "rules: [{backendRefs: [{name: app, port: 80}], matches: [{headers: [{name: a, value: b}]}]}]",
        ),
        ("filters", "rules: [{backendRefs: [{name: app, port: 80}], filters: [{type: ExtensionRef}]}]"),
        ("filters of a backend", "rules: [{backendRefs: [{name: app, port: 80, filters: [{type: ExtensionRef}]}]}]"),
        ("hostnames", "hostnames: [a.test]\nrules: [{backendRefs: [{name: app, port: 80}]}]"),
        ("no backends", "rules: [{backendRefs: []}]"),
        ("no rules", "rules: []"),
    ],
)
def test_what_would_narrow_down_is_refused(field: str, at: str) -> None:
    """Who writes matches wants less let through than everything; and the CRD wants a backend."""
    resolution = resolve(*WORLD, gateway_object("TCPRoute", "s", f"parentRefs: [{{name: web}}]\n{at}"))
    assert not any(each.routes for each in served(resolution).values()), field


def test_what_such_a_route_cannot_do_is_said() -> None:
    """With the line, and what to do about it."""
    spec = "parentRefs: [{name: web}]\nhostnames: [a.test]\nrules: [{backendRefs: [{name: app, port: 80}]}]"
    state = read(*WORLD, gateway_object("UDPRoute", "s", spec))
    (said,) = [str(problem) for problem in store_problems(state)]
    assert said.endswith("UDPRoute default/s: spec.hostnames: cannot be done by an object of this kind; delete it")


def test_options_of_tls_that_nobody_knows_close_a_listener() -> None:
    """They may keep clients out; so may what is asked of all of the Gateway's clients, where their TLS ends."""
    listeners = LISTENERS.replace("mode: Passthrough", "mode: Passthrough, options: {a.test/b: c}")
    more = "tls: {frontend: {default: {validation: {caCertificateRefs: []}}}}"
    found = served(resolve(gateway(listeners=listeners, more=more), secret()))
    assert "ending" not in found
    assert [bool(found[name].denials) for name in ("http", "passing", "tcp")] == [False, True, False]
    assert "so everything is closed" in found["passing"].denials[0]


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute", "UDPRoute"])
@pytest.mark.parametrize(
    ("policy", "ancestor"),
    [
        pytest.param("kind: EnvoyExtensionPolicy", "web", id="of a kind that nobody serves"),
        pytest.param("kind: Limit", "s", id="of an extension, which no hook tells of such a route"),
    ],
)
def test_a_policy_that_nobody_does_closes_such_a_route(kind: str, policy: str, ancestor: str) -> None:
    """It may decide on who gets in, whatever is carried."""
    text = limit({"targetRefs": [on(kind, "s")], "authorization": {}}, "guard").replace("kind: Limit", policy)
    text = text.replace("shop.test/v1", "gateway.envoyproxy.io/v1alpha1") if "Extension" in policy else text
    resolution = world().scan(*WORLD, stream(kind), text)
    rules = [each.route.rules[0] for of in served(resolution).values() for each in of.routes.values()]
    assert rules
    assert all("is closed" in rule.denials[0] for rule in rules)
    ancestors = status(resolution, policy.removeprefix("kind: "), "default/guard")["ancestors"]
    assert {each["ancestorRef"]["name"] for each in ancestors} == {ancestor}
    assert all(conditions(each) == {"Accepted": "False/Invalid"} for each in ancestors)


@pytest.mark.parametrize(("kind", "ancestor"), [("TCPRoute", "web"), ("TLSRoute", "s"), ("UDPRoute", "s")])
def test_what_is_asked_of_requests_closes_a_route_that_has_none(kind: str, ancestor: str) -> None:
    """Nobody there can be asked for a password; of them Envoy Gateway takes such policies for a TCPRoute alone."""
    text = limit({"targetRefs": [on(kind, "s")], "cors": {}}, "guard").replace("kind: Limit", "kind: SecurityPolicy")
    text = text.replace("shop.test/v1", "gateway.envoyproxy.io/v1alpha1")
    resolution = world().scan(*WORLD, stream(kind), text)
    rules = [each.route.rules[0] for of in served(resolution).values() for each in of.routes.values()]
    assert all("is closed" in rule.denials[0] for rule in rules)
    ancestors = status(resolution, "SecurityPolicy", "default/guard")["ancestors"]
    assert {each["ancestorRef"]["name"] for each in ancestors} == {ancestor}
    assert all(conditions(each)["Accepted"] == "False/Invalid" for each in ancestors)
