"""Rules that no Envoy could serve: dropped by themselves, told in status, and closed on what they are for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, route, service
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import messages, parents, read, resolve, served, status

TO_APP = "backendRefs: [{name: app, port: 80}]"
GOOD = f"- {{matches: [{{path: {{value: /good}}}}], {TO_APP}}}"
EXTENSION_FILTER = "filters: [{type: ExtensionRef, extensionRef: {group: shop.test, kind: Ticket, name: one}}]"


def _changing(headers: str) -> str:
    return f"filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {{{headers}}}}}]"


UNSERVABLE = {
    "path": ("matches: [{path: {type: RegularExpression, value: '/(a'}}]", "matches[0].path.value: is not a regular"),
    "empty pattern": ("matches: [{path: {type: RegularExpression, value: ''}}]", "path.value: is empty"),
    "header": (
        "matches: [{headers: [{name: a, type: RegularExpression, value: '['}]}]",
        "matches[0].headers[0].value: is not a regular expression",
    ),
    "query parameter": (
        "matches: [{queryParams: [{name: a, type: RegularExpression, value: '*'}]}]",
        "matches[0].queryParams[0].value: is not a regular expression",
    ),
    "Host set": (_changing("set: [{name: Host, value: a}]"), "set[0].name: the Host header cannot be changed here"),
    "Host removed": (_changing("remove: [host]"), "remove[0]: the Host header cannot be removed"),
    "no header": (_changing("remove: [a, '']"), "remove[1]: is not the name of a header"),
    "length": (_changing("add: [{name: Content-Length, value: '1'}]"), "header Content-Length says where a message"),
    "encoding": (_changing("set: [{name: transfer-encoding, value: a}]"), "header transfer-encoding says where"),
    "control character": (
        'filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: "/a\\rb"}}}]',
        "urlRewrite.path.replaceFullPath: holds a control character",
    ),
    "where it redirects to": (
        'filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: "\\0"}}}]',
        "requestRedirect.path.replaceFullPath: holds a control character",
    ),
    "attempts": ("retry: {attempts: 5000000000}", "retry.attempts: is 5000000000; at most 1000"),
    "unserved filter": (
        "filters: [{type: ExternalAuth, externalAuth: {protocol: HTTP, http: {}, backendRef: {name: a, port: 1}}}]",
        "filters[0]: filters of type ExternalAuth are not served here",
    ),
    "unknown kind of filter": (
        "filters: [{type: ExtensionRef, extensionRef: {group: no.test, kind: No, name: a}}]",
        "no extension brings the kind No",
    ),
}


@pytest.mark.parametrize(("bad", "message"), UNSERVABLE.values(), ids=UNSERVABLE)
def test_one_rule_that_cannot_be_served_leaves_the_others(bad: str, message: str) -> None:
    """The route is accepted, PartiallyInvalid says which rule, where and why, and that one is closed."""
    spec = f"rules:\n{GOOD}\n- {bad}"
    resolution = resolve(gateway(), route(spec=spec), service(), endpoint_slice())
    assert parents(resolution)[0]["Accepted"] == "True/Accepted"
    (condition,) = _conditions(resolution, "PartiallyInvalid")
    assert (condition["status"], condition["reason"]) == ("True", "UnsupportedValue")
    assert condition["message"].startswith("Dropped Rule(s) [1]: a.yaml:")
    assert message in condition["message"]
    (attached,) = served(resolution)["http"].routes.values()
    assert [rule.is_closed for rule in attached.route.rules] == [False, True]
    (said,) = messages(resolution)
    assert "error" in said
    assert message in said


@pytest.mark.parametrize(("bad", "message"), UNSERVABLE.values(), ids=UNSERVABLE)
def test_a_route_without_a_rule_that_can_be_served_is_not_accepted(bad: str, message: str) -> None:
    """It stays attached, so that what it is for answers 500 and is nobody else's."""
    resolution = resolve(gateway(), route(spec=f"rules:\n- {bad}"))
    (condition,) = _conditions(resolution, "Accepted")
    assert (condition["status"], condition["reason"]) == ("False", "UnsupportedValue")
    assert message in condition["message"]
    assert not _conditions(resolution, "PartiallyInvalid")
    (attached,) = served(resolution)["http"].routes.values()
    assert attached.route.is_dropped


def test_a_parent_that_does_not_take_the_route_says_that_alone() -> None:
    """PartiallyInvalid is not for a route that is not accepted (Gateway API, RouteConditionPartiallyInvalid)."""
    bad = UNSERVABLE["path"][0]
    spec = f"hostnames: [b.test]\nrules:\n{GOOD}\n- {bad}"
    listener = "- {name: http, port: 80, protocol: HTTP, hostname: a.test}"
    resolution = resolve(gateway(listeners=listener), route(spec=spec), service(), endpoint_slice())
    assert parents(resolution) == [
        {"Accepted": "False/NoMatchingListenerHostname", "ResolvedRefs": "True/ResolvedRefs"}
    ]


def test_what_is_wrong_is_told_of_a_route_without_a_gateway_too() -> None:
    """`egxds validate` looks at one file as well."""
    (said,) = [each for each in messages(resolve(route(spec=f"rules:\n- {UNSERVABLE['path'][0]}"))) if "error" in each]
    assert said.startswith("a.yaml:7: error: HTTPRoute default/shop: spec.rules[0].matches[0].path.value")


def test_what_an_api_server_refuses_is_still_refused_as_a_whole() -> None:
    """A path that does not start with a slash is against the schema, whatever stands beside it."""
    state = read(route(spec=f"rules:\n{GOOD}\n- matches: [{{path: {{value: bad}}}}]"))
    assert store_problems(state)
    assert not state.by_kind.get(("gateway.networking.k8s.io", "HTTPRoute"))


def test_a_grpc_route_is_judged_like_any_other() -> None:
    """Its matches have patterns of their own."""
    spec = (
        "parentRefs: [{name: web}]\nrules:\n"
        f"- {{matches: [{{method: {{service: a.B}}}}], {TO_APP}}}\n"
        f"- {{matches: [{{method: {{type: RegularExpression, method: '('}}}}], {TO_APP}}}"
    )
    resolution = resolve(gateway(), gateway_object("GRPCRoute", "shop", spec), service(), endpoint_slice())
    assert parents(resolution, kind="GRPCRoute") == [
        {
            "Accepted": "True/Accepted",
            "PartiallyInvalid": "True/UnsupportedValue",
            "ResolvedRefs": "True/ResolvedRefs",
        }
    ]


def test_a_filter_of_a_backend_costs_the_share_of_that_backend() -> None:
    """The rule, and its other backends, go on."""
    bad = _changing("set: [{name: Host, value: a}]")
    refs = f"backendRefs: [{{name: app, port: 80, {bad}}}, {{name: app, port: 80}}]"
    resolution = resolve(gateway(), route(spec=f"rules:\n- {refs}"), service(), endpoint_slice())
    (attached,) = served(resolution)["http"].routes.values()
    (rule,) = attached.route.rules
    assert [bool(each.refusal) for each in rule.backends] == [True, False]
    assert not rule.is_closed
    assert parents(resolution)[0] == {"Accepted": "True/Accepted", "ResolvedRefs": "False/UnsupportedValue"}


COVERED: dict[str, tuple[str, object]] = {
    "as it is": ("{path: {value: /a}}", ("PathPrefix", "/a", ())),
    "any value of a header": (
        "{path: {value: /a}, headers: [{name: a, type: RegularExpression, value: '['}, {name: b, value: c}]}",
        ("PathPrefix", "/a", (("a", "RegularExpression", ".*"), ("b", "Exact", "c"))),
    ),
    "every path that starts like it": (
        "{path: {type: RegularExpression, value: '/adm['}, headers: [{name: b, value: c}]}",
        ("RegularExpression", "/adm.*", (("b", "Exact", "c"),)),
    ),
    "nothing": ("{path: {type: RegularExpression, value: '/adm['}}", None),
    "a method alone": ("{path: {type: RegularExpression, value: '/adm['}, method: GET}", None),
}


@pytest.mark.parametrize(("match", "expected"), COVERED.values(), ids=COVERED)
def test_what_a_dropped_rule_is_for_is_closed_as_far_as_it_can_be_read(match: str, expected: object) -> None:
    """A pattern that cannot be read stands for any value; a match of which nothing is left is not there."""
    spec = f"rules:\n- matches: [{match}]\n  {_changing('remove: [host]')}"
    assert [_written(each) for each in _covered(spec)] == [expected]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("/admin/[", "/admin/.*"), ("/adm*[", "/ad.*"), ("/a|/b[", ".*"), ("(/a", ".*"), ("/a+[", "/a.*")],
)
def test_what_decides_on_access_is_closed_wherever_it_may_have_been_meant(pattern: str, expected: str) -> None:
    """A rule with a filter of an extension must not be passed by because nobody can read its path."""
    spec = f"rules:\n- matches: [{{path: {{type: RegularExpression, value: '{pattern}'}}}}]\n  {EXTENSION_FILTER}"
    assert [_written(each) for each in _covered(spec)] == [("RegularExpression", expected, ())]


def test_a_filter_of_a_backend_may_decide_on_access_too() -> None:
    """Whoever has to pass one on the way to a backend must not get by since nobody can read the path."""
    matches = "matches: [{path: {type: RegularExpression, value: '/admin/['}}]"
    spec = f"rules:\n- {matches}\n  backendRefs: [{{name: app, port: 80, {EXTENSION_FILTER}}}]"
    assert [_written(each) for each in _covered(spec)] == [("RegularExpression", "/admin/.*", ())]


@pytest.mark.parametrize("rest", [EXTENSION_FILTER, TO_APP], ids=["decides", "only a header tells"])
def test_the_longest_path_that_cannot_be_read_is_closed_like_any_other(rest: str) -> None:
    """What is closed in its place would be longer than a path may be; a shorter start takes more."""
    path = "/" + "a" * 1022 + "["
    match = f"{{path: {{type: RegularExpression, value: '{path}'}}, headers: [{{name: b, value: c}}]}}"
    (covered,) = _covered(f"rules:\n- matches: [{match}]\n  {rest}")
    assert covered.path.value == path[:1022] + ".*"


POLICY = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: keep-out}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: shop%s}]
  jwt: {}
"""


@pytest.mark.parametrize(
    ("section", "expected"), [("", ".*"), (", sectionName: private", ".*"), (", sectionName: other", None)]
)
def test_a_policy_closes_what_its_rule_may_have_been_meant_for(section: str, expected: str | None) -> None:
    """It is for the whole route, or for the rule; one for another rule says nothing of this one."""
    matches = "matches: [{path: {type: RegularExpression, value: '(/a'}}]"
    spec = f"rules:\n- {{name: private, {matches}}}\n- {{name: other, matches: [{{path: {{value: /b}}}}]}}"
    (covered,) = _covered(spec, POLICY % section)
    assert (covered.path.value if covered is not None else None) == expected


def _covered(spec: str, *others: str) -> Any:
    (attached,) = served(resolve(gateway(), route(spec=spec), *others))["http"].routes.values()
    return attached.route.rules[0].covered


def _written(match: Any) -> object:
    if match is None:
        return None
    return match.path.type, match.path.value, tuple((each.name, each.type, each.value) for each in match.headers)


def _conditions(resolution: Any, type_: str) -> list[dict[str, str]]:
    (parent,) = status(resolution, "HTTPRoute", "default/shop")["parents"]
    return [each for each in parent["conditions"] if each["type"] == type_]
