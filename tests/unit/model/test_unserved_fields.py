"""Fields that decide on access or trust and are not served, or are misspelt: never passed over."""

from __future__ import annotations

import pytest

from egxds.problems import Severity
from tests.unit.model.parsed import parse
from tests.unit.model.texts import backend, endpoint_slice, gateway, gateway_object, grant, route, service
from tests.unit.model.worlds import conditions, messages, parents, resolve, served, status

TO_APP = "backendRefs: [{name: app, port: 80}]"
UNSERVED = "{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}}}"


def test_a_filter_that_is_not_served_closes_its_rule() -> None:
    """A filter must not be skipped (Gateway API, HTTPRouteFilter.type); the other rules go on."""
    rules = (
        f"rules:\n- {{name: a, filters: [{UNSERVED}], {TO_APP}}}\n- {{matches: [{{path: {{value: /b}}}}], {TO_APP}}}"
    )
    resolution = resolve(gateway(), route(spec=rules), service(), endpoint_slice())
    (attached,) = served(resolution)["http"].routes.values()
    assert [rule.is_closed for rule in attached.route.rules] == [True, False]
    assert parents(resolution)[0]["PartiallyInvalid"] == "True/UnsupportedValue"
    (said,) = messages(resolution)
    assert said.startswith("a.yaml:15: error: HTTPRoute default/shop: spec.rules[0].filters[0]: filters of type")


@pytest.mark.parametrize(
    "entry", [UNSERVED, "{type: ExtensionRef, extensionRef: {group: auth.example, kind: Auth, name: a}}"]
)
def test_a_filter_of_a_backend_that_is_not_served_closes_its_share(entry: str) -> None:
    """The other backends of the rule go on."""
    refs = f"{{name: app, port: 80, filters: [{entry}]}}, {{name: app, port: 80}}"
    resolution = resolve(gateway(), route(spec=f"rules: [{{backendRefs: [{refs}]}}]"), service(), endpoint_slice())
    (attached,) = served(resolution)["http"].routes.values()
    assert [bool(each.refusal) for each in attached.route.rules[0].backends] == [True, False]
    assert parents(resolution)[0]["ResolvedRefs"] == "False/UnsupportedValue"


def test_a_backend_whose_tls_trusts_nobody_is_not_spoken_to() -> None:
    """Its share answers 500, and the Backend is not accepted; one without tls is, as Envoy Gateway says it."""
    ref = "rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: app}]}]"
    endpoint = "[{ip: {address: 10.0.0.1, port: 443}}]"
    resolution = resolve(gateway(), route(spec=ref), backend(endpoint, more="tls: {sni: a.test, minVersion: '1.3'}"))
    (attached,) = served(resolution)["http"].routes.values()
    assert (
        "tls: give one of caCertificateRefs and wellKnownCACertificates" in attached.route.rules[0].backends[0].refusal
    )
    assert conditions(status(resolution, "Backend", "default/app")) == {"Accepted": "False/Invalid"}
    assert conditions(status(resolve(backend(endpoint)), "Backend", "default/app")) == {"Accepted": "True/Accepted"}


def _match(text: str) -> str:
    return route(spec=f"rules: [{{matches: [{text}], {TO_APP}}}]")


FROM = "{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: a}"
MISSPELT = {
    "a condition of a match": _match("{header: [{name: a, value: b}]}"),
    "a condition that nobody knows": _match("{cookies: [{name: a}]}"),
    "the path of a match": _match("{path: {vlaue: /admin}}"),
    "the matches of a rule": route(spec=f"rules: [{{match: [], {TO_APP}}}]"),
    "the filters of a rule": route(spec=f"rules: [{{filter: [], {TO_APP}}}]"),
    "the hostnames of a route": route(spec="hostname: [a.test]"),
    "the listener of a parent": route(parents="[{name: web, sectioName: internal}]"),
    "a filter of a backend": route(spec="rules: [{backendRefs: [{name: app, port: 80, filter: []}]}]"),
    "who may attach to a listener": gateway(
        listeners="- {name: http, port: 80, protocol: HTTP, allowedRoute: {namespaces: {from: None}}}"
    ),
    "which namespaces may": gateway(
        listeners=(
            "- {name: http, port: 80, protocol: HTTP, "
            "allowedRoutes: {namespaces: {from: Selector, selector: {matchLabel: {a: b}}}}}"
        )
    ),
    "which kinds may": gateway(listeners="- {name: http, port: 80, protocol: HTTP, allowedRoutes: {kind: []}}"),
    "the name that a grant is for": grant("b", f"[{FROM}]", "[{group: '', kind: Service, nmae: app}]"),
    "the protocol of a Service": service(ports="[{name: https, port: 443, appProtocl: https}]"),
    "what a listener asks of its clients": gateway(
        listeners="- {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: a}], option: {a: b}}}"
    ),
    "TLS of a Backend": backend("[{unix: {path: /a}}]", more="tsl: {}"),
}


@pytest.mark.parametrize("text", MISSPELT.values(), ids=MISSPELT)
def test_a_misspelt_field_that_narrows_down_refuses_its_object(text: str) -> None:
    """An API server would drop it, and let through more than was written."""
    (refused,) = parse(text).refused
    assert any(
        problem.severity is Severity.ERROR and "more would be let through" in problem.message
        for problem in refused.problems
    )


def test_other_unknown_fields_are_warnings() -> None:
    """What widens nothing is said and passed over."""
    text = gateway_object("HTTPRoute", "a", "parentRefs: [{name: web}]\nrules: [{colour: red}]\nshade: 1")
    assert len(parse(text).objects[0].problems) == 2


def test_a_name_that_a_user_gives_is_no_field() -> None:
    """What stands in a mapping by name is looked into, whatever the names are."""
    tags = "a: {literal: {value: x, vlaue: y}}"
    text = f"provider: {{host: a.test}}\n    customTags: {{{tags}}}"
    head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {name: a}\n"
    (problem,) = parse(f"{head}spec:\n telemetry:\n  tracing:\n    {text}\n").objects[0].problems
    assert problem.message.startswith("spec.telemetry.tracing.customTags.a.literal.vlaue: is not a field known here")
