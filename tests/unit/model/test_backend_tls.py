"""Which policy for TLS is for which backend, what it comes to, and what people are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.resolve.resolved import Resolution, ResolvedBackend
from egxds.model.resolve.upstreams import AskedBy, Authorities, NameKind, SystemAuthorities, UpstreamTls
from tests.envoy.certificates import Authority
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, route
from tests.unit.model.told import problems
from tests.unit.model.worlds import World, conditions, parents, resolve, served, status

AUTHORITY = Authority()
OTHER = Authority()
GATEWAY_API = "gateway.networking.k8s.io"
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: app}
spec: {ports: [{name: one, port: 80}, {name: two, port: 81}]}
"""
RULES = "[{backendRefs: [{name: app, port: 80}]}, {backendRefs: [{name: app, port: 81}]}]"
REF = {"group": "", "kind": "ConfigMap", "name": "ca"}


def authorities(pem: str = AUTHORITY.cert, name: str = "ca", kind: str = "ConfigMap") -> str:
    """Write an object with the certificates of authorities."""
    field = "data" if kind == "ConfigMap" else "stringData"
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: {"ca.crt": pem}})


def policy(
    name: str = "one", section: str = "", created: str = "2026-01-01T00:00:00Z", spec: Any = None, **validation: Any
) -> str:
    """Write a policy for the Service."""
    target = {"group": "", "kind": "Service", "name": "app", **({"sectionName": section} if section else {})}
    checked = {"hostname": f"{name}.test", **(validation or {"caCertificateRefs": [REF]})}
    return json.dumps(
        {
            "apiVersion": f"{GATEWAY_API}/v1",
            "kind": "BackendTLSPolicy",
            "metadata": {"name": name, "creationTimestamp": created},
            "spec": {"targetRefs": [target], "validation": checked, **(spec or {})},
        }
    )


EVERYTHING = (gateway(), route(spec=f"rules: {RULES}"), SERVICE, endpoint_slice(), authorities())


def backends(resolution: Resolution) -> list[ResolvedBackend]:
    """Return the two backends of the route."""
    (attached,) = served(resolution)["http"].routes.values()
    return [rule.backends[0] for rule in attached.route.rules]


def said(resolution: Resolution) -> list[str]:
    """Return for each backend by which name it is asked, `500`, or `plain`."""
    found = backends(resolution)
    return ["500" if each.refusal else _asked(each.tls) if each.tls else "plain" for each in found]


def _asked(tls: UpstreamTls) -> str:
    by = {AskedBy.NAME: "", AskedBy.REQUEST: "host", AskedBy.ENDPOINT: "endpoint"}[tls.asked_by]
    return f"{by} {tls.server_name}".strip()


LATER = "2026-01-02T00:00:00Z"
IN_FORCE = {
    "the Service": ([policy()], ["one.test", "one.test"]),
    "a port of it": ([policy(section="two")], ["plain", "one.test"]),
    "a port before the Service": ([policy(), policy("two", "two", LATER)], ["one.test", "two.test"]),
    "the older of two": ([policy("two", created=LATER), policy()], ["one.test", "one.test"]),
    "the first by name of two of one time": ([policy("two"), policy()], ["one.test", "one.test"]),
    "the older of two at a port": ([policy("two", "one", LATER), policy(section="one")], ["one.test", "plain"]),
    "a port that is not there": ([policy(section="gone")], ["500", "500"]),
    "a port that is not there, beside one that is": (
        [policy(section="gone"), policy("two", "two")],
        ["500", "two.test"],
    ),
    "another Service": ([policy().replace('"app"', '"other"')], ["plain", "plain"]),
}


@pytest.mark.parametrize(("texts", "expected"), IN_FORCE.values(), ids=IN_FORCE)
def test_which_policy_is_in_force(texts: list[str], expected: list[str]) -> None:
    """The more specific one, then the older one (GEP-713); plain text is never what comes of a doubt."""
    assert said(resolve(*EVERYTHING, *texts)) == expected


NO_CERTIFICATE = "NoValidCACertificate"
DENYING = {
    "nobody there": (policy(caCertificateRefs=[{**REF, "name": "no"}]), NO_CERTIFICATE, "InvalidCACertificateRef"),
    "a kind without certificates": (
        policy(caCertificateRefs=[{**REF, "kind": "Service"}]),
        NO_CERTIFICATE,
        "InvalidKind",
    ),
    "options": (policy(spec={"options": {"a.test/b": "c"}}), "Invalid", "ResolvedRefs"),
    "nobody named": (policy(caCertificateRefs=[]), "Invalid", "ResolvedRefs"),
    "two ways at once": (policy(caCertificateRefs=[REF], wellKnownCACertificates="System"), "Invalid", "ResolvedRefs"),
    "no hostname": (policy().replace('"hostname": "one.test", ', ""), "Invalid", "ResolvedRefs"),
    "a hostname with a star": (policy().replace('"one.test"', '"*.test"'), "Invalid", "ResolvedRefs"),
    "a misspelt field": (policy(caCertificateRefs=[REF], subjectAltName=[]), "Invalid", "ResolvedRefs"),
    "the field of v1alpha2": (policy(spec={"tls": {}}), "Invalid", "ResolvedRefs"),
}


@pytest.mark.parametrize(("text", "accepted", "resolved"), DENYING.values(), ids=DENYING)
def test_what_cannot_be_done_denies(text: str, accepted: str, resolved: str) -> None:
    """The backend answers 500, the policy and the route say why, and it is an error."""
    resolution = resolve(*EVERYTHING, text)
    assert said(resolution) == ["500", "500"]
    (ancestor,) = status(resolution, "BackendTLSPolicy", "default/one")["ancestors"]
    is_fine = resolved == "ResolvedRefs"
    assert conditions(ancestor) == {"Accepted": f"False/{accepted}", "ResolvedRefs": f"{is_fine}/{resolved}"}
    assert parents(resolution)[0]["ResolvedRefs"] == "False/InvalidBackendTLS"
    told = [each for each in problems(resolution) if each.subject == "BackendTLSPolicy default/one"]
    assert told
    assert all(each.severity.value == "error" for each in told)


BUNDLES = {
    "empty": "",
    "no certificate": "something",
    "cut off": AUTHORITY.cert[:-30],
    "broken": AUTHORITY.cert.replace("MII", "MIA", 1),
    "one of two broken": AUTHORITY.cert + OTHER.cert.replace("MII", "MIA", 1),
    "a list of what was revoked": f"{AUTHORITY.cert}-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
}


@pytest.mark.parametrize("pem", BUNDLES.values(), ids=BUNDLES)
def test_a_bundle_that_envoy_would_refuse_is_not_sent(pem: str) -> None:
    """All of it is taken or nothing; no part of it is told."""
    resolution = resolve(*EVERYTHING[:-1], authorities(pem), policy())
    assert said(resolution) == ["500", "500"]
    (told,) = [str(each) for each in problems(resolution) if each.subject == "BackendTLSPolicy default/one"]
    assert "ConfigMap default/ca: ca.crt" in told
    assert "MII" not in told


def test_those_that_lead_somewhere_count() -> None:
    """Fewer are trusted, which the status says, and never more."""
    refs = [REF, {**REF, "name": "no"}, {**REF, "kind": "Secret", "name": "secret"}]
    texts = (*EVERYTHING, authorities(OTHER.cert, "secret", "Secret"), policy(caCertificateRefs=refs))
    resolution = resolve(*texts)
    (first, _) = backends(resolution)
    assert first.tls is not None
    assert isinstance(first.tls.authorities, Authorities)
    assert first.tls.authorities.pem.count(b"BEGIN") == 2
    (ancestor,) = status(resolution, "BackendTLSPolicy", "default/one")["ancestors"]
    assert conditions(ancestor) == {"Accepted": "True/Accepted", "ResolvedRefs": "False/InvalidCACertificateRef"}


def test_names_and_the_machine_s_own_authorities() -> None:
    """With names of its own the hostname is what is asked for, and no name of the certificate."""
    names = [{"type": "Hostname", "hostname": "*.a.test"}, {"type": "URI", "uri": "spiffe://a.test/b"}]
    (first, _) = backends(resolve(*EVERYTHING, policy(wellKnownCACertificates="System", subjectAltNames=names)))
    assert first.tls is not None
    assert (first.tls.server_name, first.tls.authorities) == ("one.test", SystemAuthorities.TRUSTED)
    assert first.tls.names == ((NameKind.HOSTNAME, "*.a.test"), (NameKind.URI, "spiffe://a.test/b"))


def test_the_loser_of_a_conflict_says_so_at_the_gateways_of_the_backend() -> None:
    """It is Conflicted wherever a route uses the backend; where none does, it has no ancestor."""
    resolution = resolve(*EVERYTHING, policy(), policy("two", created=LATER))
    (ancestor,) = status(resolution, "BackendTLSPolicy", "default/two")["ancestors"]
    assert conditions(ancestor)["Accepted"] == "False/Conflicted"
    assert (ancestor["ancestorRef"]["kind"], ancestor["ancestorRef"]["name"]) == ("Gateway", "web")
    without = resolve(gateway(), SERVICE, authorities(), policy())
    assert status(without, "BackendTLSPolicy", "default/one")["ancestors"] == []


def test_the_ancestor_is_the_gateway_where_a_route_names_a_listener_set() -> None:
    """As a whole: a listener of a set is none that the Gateway has by that name."""
    lets_in = gateway(more="allowedListeners: {namespaces: {from: All}}")
    listeners = "parentRef: {name: web}\nlisteners: [{name: http, port: 81, protocol: HTTP}]"
    parents = "[{kind: ListenerSet, name: extra, sectionName: http}]"
    at_set = route(spec=f"rules: {RULES}", parents=parents)
    resolution = resolve(lets_in, gateway_object("ListenerSet", "extra", listeners), at_set, *EVERYTHING[2:], policy())
    (ancestor,) = status(resolution, "BackendTLSPolicy", "default/one")["ancestors"]
    assert (ancestor["ancestorRef"]["kind"], ancestor["ancestorRef"]["name"]) == ("Gateway", "web")
    assert "sectionName" not in ancestor["ancestorRef"]


def test_what_a_policy_reads_is_followed() -> None:
    """Authorities come, change and go; the policy comes and goes."""
    world, rest = World(), EVERYTHING[:-1]
    assert said(world.scan(*rest)) == ["plain", "plain"]
    assert said(world.scan(*rest, policy())) == ["500", "500"]
    first = world.scan(*rest, policy(), authorities())
    assert said(first) == ["one.test", "one.test"]
    second = world.scan(*rest, policy(), authorities(OTHER.cert))
    assert backends(first)[0].tls != backends(second)[0].tls
    assert said(world.scan(*rest, policy(), authorities("x"))) == ["500", "500"]
    assert said(world.scan(*rest, authorities())) == ["plain", "plain"]


@pytest.mark.parametrize("protocol", ["https", "kubernetes.io/wss"])
def test_a_protocol_inside_of_tls_needs_a_policy(protocol: str) -> None:
    """Without one nobody knows whom to trust."""
    texts = (EVERYTHING[0], EVERYTHING[1], SERVICE.replace("port: 80", f"port: 80, appProtocol: {protocol}"))
    more = (*texts, endpoint_slice(), authorities())
    assert said(resolve(*more)) == ["500", "plain"]
    assert said(resolve(*more, policy())) == ["one.test", "one.test"]


def test_a_config_map_without_authorities_is_nobody_s_business() -> None:
    """It is passed over like any other kind that is not read."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca}\ndata: {9000: x}\n"
    assert not [each for each in problems(resolve(*EVERYTHING[:-1], text)) if "ConfigMap" in each.subject]


def box(tls: str = "", endpoints: str = "[{fqdn: {hostname: box.test, port: 443}}]") -> str:
    """Write a Backend."""
    said = f", tls: {tls}" if tls else ""
    head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: {name: box}\n"
    return f"{head}spec: {{endpoints: {endpoints}{said}}}\n"


TO_BOX = route(spec="rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: box}]}]")
IP = "[{ip: {address: 10.0.0.1, port: 443}}]"
TWO_PORTS = "[{ip: {address: 10.0.0.1, port: 443}}, {ip: {address: 10.0.0.1, port: 444}}]"
AUTO = "autoSNIFromEndpointHostname: true"
CERT = AUTHORITY.issue("gateway.test").secret("cert")
CA = "caCertificateRefs: [{name: ca, kind: ConfigMap, group: ''}]"
OWN = {
    "nothing": ("", "[{fqdn: {hostname: box.test, port: 443}}]", "plain", True),
    "authorities": (f"{{{CA}}}", IP, "host", True),
    "another name": (f"{{{CA}, sni: sni.test}}", IP, "sni.test", True),
    "the names of endpoints": (f"{{{CA}, {AUTO}}}", "[{fqdn: {hostname: box.test, port: 443}}]", "endpoint", True),
    "hostnames of endpoints": (f"{{{CA}, {AUTO}}}", f"{IP[:-2]}, hostname: b.test}}]", "endpoint", True),
    "no names of endpoints": (f"{{{CA}, {AUTO}}}", IP, "500", False),
    "no names of endpoints, but one": (f"{{{CA}, {AUTO}, sni: sni.test}}", IP, "endpoint sni.test", True),
    "the machine's own": ("{wellKnownCACertificates: System, sni: sni.test}", IP, "sni.test", True),
    "nobody": ("{}", IP, "500", False),
    "nobody there": (CA.replace("name: ca", "name: no").join(("{sni: a.test, ", "}")), IP, "500", False),
    "one of two there": (f"{{{CA[:-1]}, {{name: no, kind: ConfigMap, group: ''}}], sni: a.test}}", IP, "500", False),
    "two ways at once": (f"{{wellKnownCACertificates: System, {CA}, sni: a.test}}", IP, "500", False),
    "what nobody knows": (f"{{{CA}, sni: a.test, minVersion: '0.9'}}", IP, "500", None),
    "a misspelt field": (f"{{{CA}, sni: a.test, minVerson: '1.3'}}", IP, "500", None),
    "no versions left": (f"{{{CA}, sni: a.test, minVersion: '1.3', maxVersion: '1.2'}}", IP, "500", None),
    "versions": (f"{{{CA}, sni: a.test, minVersion: '1.3'}}", IP, "a.test", True),
    "a certificate that is not there": (f"{{{CA}, sni: a.test, clientCertificateRef: {{name: no}}}}", IP, "500", False),
    "one of another namespace": (f"{{{CA}, clientCertificateRef: {{name: cert, namespace: b}}}}", IP, "500", False),
    "what is no certificate": (f"{{{CA}, clientCertificateRef: {{name: ca, kind: ConfigMap}}}}", IP, "500", False),
    "a certificate of its own": (f"{{{CA}, sni: a.test, clientCertificateRef: {{name: cert}}}}", IP, "a.test", True),
    "no look, beside whom to trust": (f"{{{CA}, insecureSkipVerify: true}}", IP, "500", False),
    "no look at the certificate": ("{insecureSkipVerify: true, sni: a.test}", IP, "a.test", True),
}


@pytest.mark.parametrize(("tls", "endpoints", "expected", "is_accepted"), OWN.values(), ids=OWN)
def test_what_a_backend_says_itself(tls: str, endpoints: str, expected: str, is_accepted: bool | None) -> None:
    """It is done, or the backend answers 500 and is not accepted; a certificate is never left unchecked by accident."""
    resolution = resolve(gateway(), TO_BOX, authorities(), CERT, box(tls, endpoints))
    assert said(resolution) == [expected]
    if is_accepted is not None:
        assert conditions(status(resolution, "Backend", "default/box"))["Accepted"].startswith(str(is_accepted))
    (found,) = backends(resolution)
    is_named = found.tls is not None and (bool(found.tls.names) or found.tls.asked_by is not AskedBy.NAME)
    is_checked = found.tls is not None and found.tls.authorities is not None and is_named
    assert found.tls is None or is_checked or "insecureSkipVerify" in tls


def of_box(section: str = "") -> str:
    """Write a policy for the Backend."""
    target = {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "box"}
    written = json.loads(policy())
    written["spec"]["targetRefs"] = [{**target, "sectionName": section} if section else target]
    return json.dumps(written)


@pytest.mark.parametrize(
    ("backend", "text", "expected"),
    [
        pytest.param(box(), of_box(), "one.test", id="all of it"),
        pytest.param(box(), of_box("443"), "one.test", id="its port"),
        pytest.param(box(), of_box("444"), "500", id="another port"),
        pytest.param(box(endpoints=TWO_PORTS), of_box("443"), "500", id="one of its ports"),
        pytest.param(box("{insecureSkipVerify: true}"), of_box(), "one.test", id="before what it says itself"),
        pytest.param(box("{}"), of_box(), "one.test", id="in the place of what it leaves out"),
        pytest.param(box("{clientCertificateRef: {name: no}}"), of_box(), "500", id="but for what is agreed on"),
    ],
)
def test_a_policy_for_a_backend(backend: str, text: str, expected: str) -> None:
    """A section is a port, as Envoy Gateway has it."""
    assert said(resolve(gateway(), TO_BOX, authorities(), backend, text)) == [expected]


def test_what_a_backend_names_is_followed() -> None:
    """Its status and its traffic."""
    world, texts = World(), (gateway(), TO_BOX, box(f"{{{CA}}}"))
    for more, expected in (((), "500"), ((authorities(),), "host"), ((authorities("x"),), "500")):
        resolution = world.scan(*texts, *more)
        assert said(resolution) == [expected]
        accepted = conditions(status(resolution, "Backend", "default/box"))["Accepted"]
        assert accepted == ("True/Accepted" if expected != "500" else "False/Invalid")
    assert said(world.scan(gateway(), TO_BOX, box())) == ["plain"]


def test_an_error_stands_where_the_reference_does() -> None:
    """Also deep within a policy, and within `tls` of a Gateway."""
    lines = [
        f"apiVersion: {GATEWAY_API}/v1",
        "kind: BackendTLSPolicy",
        "metadata: {name: one}",
        "spec:",
        "  targetRefs: [{group: '', kind: Service, name: app}]",
        "  validation:",
        "    hostname: a.test",
        "    caCertificateRefs:",
        "    - {group: '', kind: ConfigMap, name: ca}",
        "    - {group: '', kind: ConfigMap, name: gone}",
    ]
    shown = "tls:\n  backend:\n    clientCertificateRef:\n      name: gone\n"
    text = "\n".join(lines) + "\n"
    assert [each.location.line for each in problems(resolve(text, SERVICE, authorities()))] == [10]
    assert [each.location.line for each in problems(resolve(gateway(more=shown)))] == [10]
