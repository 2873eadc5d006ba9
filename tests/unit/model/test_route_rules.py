"""What an HTTPRoute must not say, and in which words it is told."""

from __future__ import annotations

import pytest

from egxds.model.api.http_route import HTTP_ROUTE
from tests.unit.model.texts import route
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import read

PREFIX = "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]"

REFUSED = [
    ("path: {type: Exact, value: shop}", "value: must start with '/'"),
    ("path: {value: shop}", "value: must start with '/'"),
    ("path: {value: //shop}", "must not contain '//'"),
    ("path: {value: /a/./b}", "must not contain '/./'"),
    ("path: {value: /a/../b}", "must not contain '/../'"),
    ("path: {value: /a%2fb}", "must not contain '%2f'"),
    ("path: {value: /a%2Fb}", "must not contain '%2F'"),
    ("path: {value: '/a#b'}", "must not contain '#'"),
    ("path: {value: /a/..}", "must not end with '/..'"),
    ("path: {value: /a/.}", "must not end with '/.'"),
    ("path: {value: /ä}", "holds a character that no path may"),
    ("path: {value: '/a?b'}", "holds a character that no path may"),
    ("path: {type: Prefix, value: /}", "must be Exact, PathPrefix or RegularExpression; did you mean PathPrefix?"),
    ("headers: [{name: 'a b', value: c}]", "headers[0].name: is not a header name"),
    ("method: get", "method: must be GET,"),
]


@pytest.mark.parametrize(("match", "message"), REFUSED)
def test_a_match_against_the_api_is_refused(match: str, message: str) -> None:
    """A bad match refuses the route, and names the field and its line."""
    state = read(route(spec=f"rules:\n- matches:\n  - {match}"))
    (problem,) = store_problems(state)
    assert message in problem.message
    assert problem.location.line == 8
    assert not state.of(HTTP_ROUTE)


@pytest.mark.parametrize(
    "match",
    [
        "path: {type: Exact, value: /}",
        "path: {value: /a%20b/~c;d=e@f}",
        "path: {type: RegularExpression, value: '/v[0-9]+'}",
        "path: {type: RegularExpression, value: '.*//.*#'}",
        "headers: [{name: A, value: '['}]",
    ],
)
def test_a_good_match_is_accepted(match: str) -> None:
    """The rules for paths do not reach into regular expressions, nor those for regular expressions further."""
    assert not store_problems(read(route(spec=f"rules:\n- matches:\n  - {match}")))


REFUSED_RULES = [
    ("retry: {codes: [200]}", "retry.codes[0]: "),
    ("retry: {backoff: soon}", "retry.backoff: is not a duration"),
    ("filters: [{type: CORS, cors: {allowOrigins: ['https://a.test/']}}]", "cors.allowOrigins[0]: "),
    ("filters: [{type: CORS, cors: {allowOrigins: ['*', 'https://a.test']}}]", "cors.allowOrigins: '*' stands for all"),
    ("filters: [{type: CORS, cors: {allowMethods: [GET, '*']}}]", "cors.allowMethods: '*' stands for all"),
    ("filters: [{type: CORS, cors: {alowOrigins: ['*']}}]", "cors.alowOrigins"),
    ("filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a}}}]", "backendRef: port is missing"),
    (
        "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, percent: 101}}]",
        "requestMirror.percent: ",
    ),
    (
        (
            "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, percent: 1, "
            "fraction: {numerator: 1}}}]"
        ),
        "requestMirror.percent: does not go with fraction",
    ),
    (
        (
            "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, "
            "fraction: {numerator: 3, denominator: 2}}}]"
        ),
        "fraction.numerator: is more than the denominator",
    ),
    (
        "backendRefs: [{name: a, port: 1, filters: [{type: CORS, cors: {}}, {type: CORS, cors: {}}]}]",
        "backendRefs[0].filters[1]: CORS is used more than once",
    ),
    ("filters: [{type: URLRewrite}]", "filters[0]: urlRewrite is missing"),
    (
        "filters: [{type: URLRewrite, urlRewrite: {}, requestRedirect: {}}]",
        "filters[0].requestRedirect: does not go with type URLRewrite",
    ),
    (
        "filters: [{type: RequestRedirect, requestRedirect: {}}, {type: URLRewrite, urlRewrite: {}}]",
        "RequestRedirect and URLRewrite cannot be used together",
    ),
    (
        (
            "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {}}, "
            "{type: RequestHeaderModifier, requestHeaderModifier: {}}]"
        ),
        "filters[1]: RequestHeaderModifier is used more than once",
    ),
    (
        "filters: [{type: RequestRedirect, requestRedirect: {}}]\n  backendRefs: [{name: a, port: 1}]",
        "backendRefs: a rule with RequestRedirect takes no backendRefs",
    ),
    ("filters: [{type: Rewrite}]", "filters[0].type: must be "),
    (
        f"matches: [{{path: {{type: Exact, value: /a}}}}]\n  {PREFIX}",
        "ReplacePrefixMatch needs a rule with exactly one",
    ),
    (f"matches: [{{path: {{value: /a}}}}, {{path: {{value: /b}}}}]\n  {PREFIX}", "ReplacePrefixMatch needs a rule"),
    (
        "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath}}}]",
        "urlRewrite.path: replaceFullPath is missing",
    ),
    (
        (
            "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /, "
            "replacePrefixMatch: /}}}]"
        ),
        "replacePrefixMatch: does not go with type ReplaceFullPath",
    ),
    (
        "filters: [{type: URLRewrite, urlRewrite: {hostname: a.test.}}]",
        "urlRewrite.hostname: must not end in a dot: write a.test",
    ),
    ("backendRefs: [{name: a}]", "backendRefs[0]: port is missing: name the port of Service a"),
    ("backendRefs: [{name: a, port: 0}]", "backendRefs[0].port: must be at least 1"),
    ("backendRefs: [{name: a, port: 1, weight: 1000001}]", "backendRefs[0].weight: must be at most 1000000"),
    ("timeouts: {request: 1s, backendRequest: 2s}", "timeouts.backendRequest: is longer than timeouts.request (1s)"),
    ("timeouts: {request: soon}", "timeouts.request: is not a duration"),
]


@pytest.mark.parametrize(("rule", "message"), REFUSED_RULES)
def test_a_rule_against_the_api_is_refused(rule: str, message: str) -> None:
    """What the API's own validation refuses in a rule is refused with the route."""
    state = read(route(spec=f"rules:\n- {rule}"))
    assert any(message in problem.message for problem in store_problems(state))
    assert not state.of(HTTP_ROUTE)


@pytest.mark.parametrize(
    "rule",
    [
        "timeouts: {request: 0s, backendRequest: 2s}",
        "timeouts: {backendRequest: 2s}",
        PREFIX,
        f"matches: [{{path: {{value: /a}}}}]\n  {PREFIX}",
        f"matches: [{{method: GET}}]\n  {PREFIX}",
        (
            "filters: [{type: ExtensionRef, extensionRef: {group: a, kind: b, name: c}}, "
            "{type: ExtensionRef, extensionRef: {group: a, kind: b, name: d}}]"
        ),
        "backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: a}]",
        "backendRefs: [{name: a, port: 1, filters: []}]",
    ],
)
def test_a_rule_that_the_api_allows_is_accepted(rule: str) -> None:
    """A request timeout of zero is none; a rule without matches has one for the prefix `/`; Backends need no port."""
    assert len(read(route(spec=f"rules:\n- {rule}")).of(HTTP_ROUTE)) == 1


def test_the_api_fills_in_what_is_left_out() -> None:
    """Groups, kinds, weights, paths, and a match for every path come as an API server would fill them in."""
    state = read(route(spec="rules: [{backendRefs: [{name: app, port: 80}]}]"))
    (item,) = state.of(HTTP_ROUTE).values()
    (parent,) = item.content.parent_refs
    (rule,) = item.content.rules
    (ref,) = rule.backend_refs
    assert (parent.group, parent.kind) == ("gateway.networking.k8s.io", "Gateway")
    assert (ref.group, ref.kind, ref.weight) == ("", "Service", 1)
    assert [(match.path.type, match.path.value) for match in rule.matches] == [("PathPrefix", "/")]


def test_matches_that_are_given_as_none_stay_none() -> None:
    """A default stands in for what is absent, not for what is empty."""
    state = read(route(spec="rules: [{matches: [], backendRefs: [{name: app, port: 80}]}]"))
    (item,) = state.of(HTTP_ROUTE).values()
    assert item.content.rules[0].matches == ()


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ("[{name: a}, {name: a}]", "parentRefs[1]: names the same parent"),
        ("[{name: a}, {name: a, sectionName: b}]", "parentRefs[1]: every parentRef to a must give sectionName"),
        ("[{name: a, port: 1}, {name: a, sectionName: b}]", "parentRefs[1]: every parentRef to a must give"),
        ("[{}]", "parentRefs[0]: name is missing"),
        (f"[{', '.join(f'{{name: g{number}}}' for number in range(33))}]", "parentRefs: has 33 entries; at most 32"),
    ],
)
def test_parents_must_be_distinct(parents: str, message: str) -> None:
    """Two parentRefs to one Gateway need different sections or ports, and the same form."""
    (problem,) = store_problems(read(route(parents=parents)))
    assert message in problem.message


def test_one_gateway_may_be_named_for_several_listeners() -> None:
    """Distinct parentRefs are accepted."""
    parents = "[{name: a, sectionName: x}, {name: a, sectionName: y}, {name: a, namespace: b}, {name: b, port: 1}]"
    assert not store_problems(read(route(parents=parents)))


def test_a_route_holds_at_most_128_matches() -> None:
    """More matches than an API server takes are refused, at the rules."""
    many = "[" + ", ".join(f"{{path: {{value: /{number}}}}}" for number in range(64)) + "]"
    rules = "\n".join(f"- matches: {many}" for _ in range(3))
    (problem,) = store_problems(read(route(spec=f"rules:\n{rules}")))
    assert "hold more than 128 matches" in problem.message


def test_rule_names_are_unique() -> None:
    """The second rule of a name is named."""
    (problem,) = store_problems(read(route(spec="rules: [{name: a}, {name: b}, {name: a}]")))
    assert "spec.rules[2].name: another rule is named a too" in problem.message
