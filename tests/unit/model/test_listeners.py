"""What becomes of each listener, and of its Gateway."""

from __future__ import annotations

import pytest

from egxds.model.resolve.listener_protocols import HTTP
from tests.unit.model.keys import certificate_pem, key_pem, new_key
from tests.unit.model.texts import gateway, grant, route, secret
from tests.unit.model.worlds import conditions, listener_status, messages, resolve, served, status, the_gateway

HTTPS = "- {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [%s]}}"
FINE = {
    "Accepted": "True/Accepted",
    "Programmed": "True/Programmed",
    "ResolvedRefs": "True/ResolvedRefs",
    "Conflicted": "False/NoConflicts",
}


def of_gateway(*texts: str) -> dict[str, str]:
    """Return the conditions of the Gateway itself."""
    return conditions(status(resolve(*texts), "Gateway"))


def test_a_fine_gateway_is_accepted_and_programmed() -> None:
    """Nothing is wrong, so nothing is said."""
    resolution = resolve(gateway(), route())
    assert conditions(status(resolution, "Gateway")) == {"Accepted": "True/Accepted", "Programmed": "True/Programmed"}
    assert conditions(listener_status(resolution, "http")) == FINE
    assert listener_status(resolution, "http")["supportedKinds"] == [
        {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"},
        {"group": "gateway.networking.k8s.io", "kind": "GRPCRoute"},
    ]
    assert not messages(resolution)


@pytest.mark.parametrize("protocol", ["HTTP", "http", "hTtP"])
def test_protocols_compare_without_case(protocol: str) -> None:
    """The protocols of Gateway API may be written in any case."""
    resolution = resolve(gateway(listeners=f"- {{name: http, port: 80, protocol: {protocol}}}"))
    assert served(resolution)["http"].protocol is HTTP


PROTOCOLS = ["QUIC", "example.com/custom", "INVALID"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_that_is_not_served_refuses_its_listener(protocol: str) -> None:
    """The listener is not accepted and takes no kinds; alone, it takes its Gateway with it."""
    resolution = resolve(gateway(listeners=f"- {{name: odd, port: 1, protocol: {protocol}}}"))
    odd = listener_status(resolution, "odd")
    assert conditions(odd) == FINE | {"Accepted": "False/UnsupportedProtocol", "Programmed": "False/Invalid"}
    assert odd["supportedKinds"] == []
    assert conditions(status(resolution, "Gateway")) == {
        "Accepted": "False/ListenersNotValid",
        "Programmed": "False/Invalid",
    }
    assert not served(resolution)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_listener_that_is_fine_is_served_beside_one_that_is_not(protocol: str) -> None:
    """The Gateway is accepted, and says which of its listeners are not; an unserved protocol takes no port away."""
    listeners = f"- {{name: odd, port: 80, protocol: {protocol}}}\n- {{name: http, port: 80, protocol: HTTP}}"
    resolution = resolve(gateway(listeners=listeners))
    described = status(resolution, "Gateway")
    assert conditions(described) == {"Accepted": "True/ListenersNotValid", "Programmed": "True/Programmed"}
    assert described["conditions"][0]["message"] == "not valid: odd; served: http"
    assert conditions(listener_status(resolution, "http")) == FINE
    assert list(served(resolution)) == ["http"]


def test_kinds_that_are_not_taken_are_named() -> None:
    """With a kind that is taken beside them the listener is served; without one it is not."""
    allowed = "allowedRoutes: {kinds: [{kind: Odd}, {kind: HTTPRoute}]}"
    resolution = resolve(gateway(listeners=f"- {{name: http, port: 80, protocol: HTTP, {allowed}}}"), route())
    assert conditions(listener_status(resolution, "http")) == FINE | {"ResolvedRefs": "False/InvalidRouteKinds"}
    assert listener_status(resolution, "http")["supportedKinds"] == [
        {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}
    ]
    assert len(served(resolution)["http"].routes) == 1
    assert "it takes no routes of kind Odd of group gateway.networking.k8s.io" in messages(resolution)[0]
    alone = resolve(
        gateway(listeners=f"- {{name: http, port: 80, protocol: HTTP, {allowed}}}".replace("HTTPRoute", "B"))
    )
    assert listener_status(alone, "http")["supportedKinds"] == []
    assert not served(alone)


def test_no_listener_wins_a_conflict_of_protocols() -> None:
    """All listeners of a port that speak differently are refused; others are served."""
    listeners = """
        - {name: a, port: 80, protocol: HTTP}
        - {name: b, port: 80, protocol: HTTPS, hostname: b.test, tls: {certificateRefs: [{name: cert}]}}
        - {name: c, port: 81, protocol: HTTP}
        """
    resolution = resolve(gateway(listeners=listeners), secret())
    reason = "False/ProtocolConflict"
    expected = FINE | {"Accepted": reason, "Programmed": reason, "Conflicted": "True/ProtocolConflict"}
    assert conditions(listener_status(resolution, "a")) == expected
    assert conditions(listener_status(resolution, "b")) == expected
    assert list(served(resolution)) == ["c"]
    assert [said.split(": ")[0] for said in messages(resolution)] == ["a.yaml:7", "a.yaml:8"]


def test_no_listener_wins_a_conflict_of_hostnames() -> None:
    """A name in the TLS greeting can lead to one listener only, whatever the protocol inside."""
    listeners = """
        - {name: a, port: 443, protocol: HTTPS, hostname: a.test, tls: {certificateRefs: [{name: cert}]}}
        - {name: b, port: 443, protocol: TLS, hostname: a.test, tls: {mode: Passthrough}}
        - {name: c, port: 443, protocol: HTTPS, hostname: c.test, tls: {certificateRefs: [{name: cert}]}}
        """
    resolution = resolve(gateway(listeners=listeners), secret())
    for name in ("a", "b"):
        described = conditions(listener_status(resolution, name))
        assert described["Conflicted"] == "True/HostnameConflict"
        assert described["Accepted"] == described["Programmed"] == "False/HostnameConflict"
    assert list(served(resolution)) == ["c"]


def test_overlapping_hostnames_with_tls_are_pointed_out() -> None:
    """A client may use one connection for several listeners; both sides of each overlap say so, no other does."""
    listeners = """
        - {name: a, port: 443, protocol: HTTPS, hostname: a.x.test, tls: {certificateRefs: [{name: cert}]}}
        - {name: b, port: 443, protocol: HTTPS, hostname: "*.x.test", tls: {certificateRefs: [{name: cert}]}}
        - {name: c, port: 443, protocol: HTTPS, hostname: c.test, tls: {certificateRefs: [{name: cert}]}}
        - {name: d, port: 444, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
        - {name: e, port: 80, protocol: HTTP, hostname: a.test}
        - {name: f, port: 80, protocol: HTTP}
        """
    resolution = resolve(gateway(listeners=listeners), secret())
    found = {name: conditions(listener_status(resolution, name)).get("OverlappingTLSConfig") for name in "abcdef"}
    assert found == dict.fromkeys("ab", "True/OverlappingHostnames") | dict.fromkeys("cdef")
    assert list(served(resolution)) == list("abcdef")
    assert not messages(resolution)


OTHER = new_key()
CERTIFICATES = [
    ("{name: gone}", "InvalidCertificateRef", "no accepted document defines Secret default/gone"),
    ("{name: cert, kind: ConfigMap}", "InvalidCertificateRef", "a certificate is a Secret, not a ConfigMap"),
    ("{name: cert, group: a.test}", "InvalidCertificateRef", "not a Secret of group a.test"),
    ("{name: opaque}", "InvalidCertificateRef", "Secret default/opaque: tls.key does not belong to"),
    ("{name: cert, namespace: other}", "RefNotPermitted", "no ReferenceGrant in namespace other lets Gateway"),
    ("{name: gone, namespace: other}", "RefNotPermitted", "no ReferenceGrant in namespace other lets Gateway"),
]
MISMATCHED = secret("opaque", type_="Opaque", key=key_pem(OTHER))


@pytest.mark.parametrize(("ref", "reason", "message"), CERTIFICATES)
def test_a_listener_without_a_certificate_is_not_served(ref: str, reason: str, message: str) -> None:
    """It is accepted but not programmed; its routes stay attached, and the problem stands at the reference."""
    others = (secret(), secret(namespace="other"), MISMATCHED)
    resolution = resolve(gateway(listeners=HTTPS % ref), route(), *others)
    described = listener_status(resolution, "https")
    assert conditions(described) == FINE | {"ResolvedRefs": f"False/{reason}", "Programmed": "False/Invalid"}
    assert described["attachedRoutes"] == 1
    assert not served(resolution)
    assert any(said.startswith("a.yaml:7: error: Gateway") and message in said for said in messages(resolution))


@pytest.mark.parametrize(("ref", "reason", "message"), CERTIFICATES)
def test_one_good_certificate_is_served_without_the_bad_ones(ref: str, reason: str, message: str) -> None:
    """What is wrong with one reference takes nothing from the others."""
    others = (secret(), secret(namespace="other"), MISMATCHED)
    resolution = resolve(gateway(listeners=HTTPS % f"{ref}, {{name: cert}}"), *others)
    assert conditions(listener_status(resolution, "https")) == FINE | {"ResolvedRefs": f"False/{reason}"}
    (certificate,) = served(resolution)["https"].certificates
    assert str(certificate.key) == "Secret default/cert"
    assert any(message in said for said in messages(resolution))


def test_a_certificate_may_come_from_another_namespace_where_a_grant_permits_it() -> None:
    """The grant stands beside the Secret, not beside the Gateway."""
    refs = HTTPS % "{name: cert, namespace: other}"
    from_ = "[{group: gateway.networking.k8s.io, kind: Gateway, namespace: default}]"
    granted = grant("other", from_, "[{group: '', kind: Secret, name: cert}]")
    resolution = resolve(gateway(listeners=refs), secret(namespace="other"), granted)
    assert served(resolution)["https"].certificates[0].key.namespace == "other"
    assert not messages(resolution)


def test_an_opaque_secret_serves_where_its_pair_is_good() -> None:
    """The type of a Secret does not matter, its content does."""
    resolution = resolve(gateway(listeners=HTTPS % "{name: cert}"), secret(type_="Opaque"))
    assert list(served(resolution)) == ["https"]


def test_certificates_keep_the_order_of_their_references() -> None:
    """Envoy prefers the first one, so their order is the user's; one that is named twice is there once."""
    second = secret("second", certificate=certificate_pem(OTHER), key=key_pem(OTHER))
    refs = HTTPS % "{name: second}, {name: cert}, {name: second}"
    resolution = resolve(gateway(listeners=refs), secret(), second)
    assert [item.key.name for item in served(resolution)["https"].certificates] == ["second", "cert"]


def test_unknown_parameters_refuse_a_gateway() -> None:
    """A Gateway that asks for what nobody knows is not served (Gateway API, GatewayInfrastructure.parametersRef)."""
    more = "infrastructure: {parametersRef: {group: a.test, kind: Odd, name: one}}"
    resolution = resolve(gateway(more=more))
    assert conditions(status(resolution, "Gateway")) == {
        "Accepted": "False/InvalidParameters",
        "Programmed": "False/Invalid",
    }
    assert conditions(listener_status(resolution, "http")) == FINE | {"Programmed": "False/Invalid"}
    assert not served(resolution)
    assert messages(resolution)[0].startswith("a.yaml:8: error: Gateway default/web: parametersRef names Odd of group")


WILDCARD = '- {name: wide, port: 443, protocol: HTTPS, hostname: "*.x.test", tls: {certificateRefs: [{name: cert}]}}\n'
NARROW = "- {name: %s, port: %s, protocol: %s, hostname: %s, tls: {certificateRefs: [{name: %s}]}%s}\n"
NO_ROUTES = ", allowedRoutes: {kinds: [{kind: TCPRoute}]}"
NOT_SERVED = [
    pytest.param(NARROW % ("a", 443, "HTTPS", "a.x.test", "gone", ""), [("a", 443, "a.x.test")], id="no certificate"),
    pytest.param(NARROW % ("a", 443, "TLS", "a.x.test", "cert", ""), [], id="served without requests"),
    pytest.param(NARROW % ("a", 443, "HTTPS", "a.x.test", "cert", NO_ROUTES), [("a", 443, "a.x.test")], id="kinds"),
    pytest.param(
        NARROW % ("a", 443, "HTTPS", "a.x.test", "cert", "") + NARROW % ("b", 443, "TLS", "a.x.test", "cert", ""),
        [("a", 443, "a.x.test")],
        id="conflict",
    ),
    pytest.param(NARROW % ("a", 443, "HTTPS", '"*.y.x.test"', "gone", ""), [("a", 443, "*.y.x.test")], id="wildcard"),
    pytest.param(NARROW % ("a", 443, "HTTPS", "x.test", "gone", ""), [], id="nobody wider"),
    pytest.param(NARROW % ("a", 8443, "HTTPS", "a.x.test", "gone", ""), [], id="another port"),
    pytest.param(NARROW % ("a", 443, "HTTPS", "a.x.test", "cert", ""), [], id="served"),
]


@pytest.mark.parametrize(("listeners", "closed"), NOT_SERVED)
def test_no_wider_listener_takes_the_connections_of_one_that_is_not_served(
    listeners: str, closed: list[tuple[str, int, str]]
) -> None:
    """What the narrower listener would have asked of its clients is not to be had by leaving out its certificate."""
    resolution = resolve(gateway(listeners=WILDCARD + listeners), secret())
    assert list(the_gateway(resolution).closed) == closed


def test_names_in_certificates_overlap_too() -> None:
    """Listeners whose hostnames have nothing in common may share a certificate (envoyproxy/gateway issue 2675)."""
    key = new_key()
    named = [("a", 443, "one"), ("b", 443, "two"), ("c", 443, "three"), ("d", 8443, "one")]
    listeners = "".join(NARROW % (name, port, "HTTPS", f"{name}.test", cert, "") for name, port, cert in named)
    names = {"one": ("*.shop.test", "a.test"), "two": ("b.test", "www.shop.test"), "three": ("shop.test", "c.test")}
    secrets = [secret(name, certificate=certificate_pem(key, *of), key=key_pem(key)) for name, of in names.items()]
    resolution = resolve(gateway(listeners=listeners), *secrets)
    found = {name: conditions(listener_status(resolution, name)).get("OverlappingTLSConfig") for name in "abcd"}
    assert found == dict.fromkeys("ab", "True/OverlappingCertificates") | dict.fromkeys("cd")
