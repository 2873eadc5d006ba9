"""HTTPRouteFilters: what rules that name them come to, what cannot be done, who is told, and what an edit costs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.resolve.resolved import Resolution, ResolvedRule
from egxds.problems import Severity
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, grant, of, route, service
from tests.unit.model.told import problems, store_problems
from tests.unit.model.worlds import World, parents, read, resolve, served

WORLD = (gateway(), service(), endpoint_slice())
APP = [{"name": "app", "port": 80}]
SHADOWED = "egxds.io/Shadowed"
UNSUPPORTED = "False/UnsupportedValue"


def filter_object(name: str = "own", **spec: Any) -> str:
    """Write an HTTPRouteFilter."""
    head = f"apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: HTTPRouteFilter\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {json.dumps(spec)}\n"


def values(kind: str, name: str, data: dict[str, str], namespace: str = "default") -> str:
    """Write a ConfigMap or a Secret with texts."""
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    field = "data" if kind == "ConfigMap" else "stringData"
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {metadata}\n{field}: {json.dumps(data)}\n"


def reference(name: str = "own") -> dict[str, Any]:
    """Return the filter of a rule that names one."""
    ref = {"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": name}
    return {"type": "ExtensionRef", "extensionRef": ref}


def shop(*filters: dict[str, Any], name: str = "shop", kind: str = "HTTPRoute", refs: Any = APP) -> str:
    """Write a route of one rule."""
    rule = {"filters": list(filters or [reference()]), **({"backendRefs": refs} if refs else {})}
    spec = f"rules: {json.dumps([rule])}"
    return gateway_object(kind, name, f"parentRefs: [{{name: web}}]\n{spec}")


def the_rule(resolution: Resolution) -> ResolvedRule:
    """Return the one rule of the one route."""
    (attached,) = served(resolution)["http"].routes.values()
    return attached.route.rules[0]


def path(pattern: str = "a", substitution: str = "b") -> dict[str, Any]:
    """Return a urlRewrite of the path."""
    replaced = {"pattern": pattern, "substitution": substitution}
    return {"path": {"type": "ReplaceRegexMatch", "replaceRegexMatch": replaced}}


def injection(**ref: str) -> dict[str, Any]:
    """Return a credentialInjection."""
    return {"credential": {"valueRef": {"name": "token", **ref}}}


def body(**ref: str) -> dict[str, Any]:
    """Return a directResponse with a body from elsewhere."""
    return {"body": {"type": "ValueRef", "valueRef": {"group": "", "kind": "ConfigMap", "name": "page", **ref}}}


HOST: dict[str, Any] = {"hostname": {"type": "Backend"}}
CORE = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/x"}}}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"hostname": "new.test"}}
MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": APP[0]}}
COOKIES = [{"cookies": [{"name": "a", "value": "b"}]}]
TOKEN = values("Secret", "token", {"credential": "Bearer abc"})

DROPPED: dict[str, tuple[tuple[str, ...], str, str]] = {
    "a pattern that is none": (
        (shop(), filter_object(urlRewrite=path("a("))),
        UNSUPPORTED,
        "spec.urlRewrite.path.replaceRegexMatch.pattern is not a regular expression",
    ),
    "a group that is not there": ((shop(), filter_object(urlRewrite=path("a", r"\1"))), UNSUPPORTED, "names group 1"),
    "a status that is none": (
        (shop(), filter_object(directResponse={"statusCode": 100})),
        UNSUPPORTED,
        "is no status of an answer",
    ),
    "a type that no header can have": (
        (shop(), filter_object(directResponse={"contentType": "a\nb"})),
        UNSUPPORTED,
        "contentType holds a control character",
    ),
    "a header that says where a message ends": (
        (shop(), filter_object(credentialInjection={**injection(), "header": "Content-Length"}), TOKEN),
        UNSUPPORTED,
        "says where a message ends",
    ),
    "no ConfigMap": ((shop(), filter_object(directResponse=body())), UNSUPPORTED, "no body of an answer"),
    "a ConfigMap of several values": (
        (shop(), filter_object(directResponse=body()), values("ConfigMap", "page", {"a": "b", "c": "d"})),
        UNSUPPORTED,
        "no body of an answer",
    ),
    "a body in another kind": (
        (shop(), filter_object(directResponse=body(kind="Secret"))),
        UNSUPPORTED,
        "a body is in a ConfigMap, not in a Secret",
    ),
    "no Secret": ((shop(), filter_object(credentialInjection=injection())), UNSUPPORTED, "Secret default/token"),
    "a Secret without the credential": (
        (shop(), filter_object(credentialInjection=injection()), values("Secret", "token", {"other": "x"})),
        UNSUPPORTED,
        "has no credential",
    ),
    "a credential with a line break": (
        (shop(), filter_object(credentialInjection=injection()), values("Secret", "token", {"credential": "abc\n"})),
        UNSUPPORTED,
        "is not the value of a header",
    ),
    "a Secret of another namespace": (
        (
            shop(),
            filter_object(credentialInjection=injection(namespace="b")),
            values("Secret", "token", {"credential": "x"}, "b"),
        ),
        UNSUPPORTED,
        "no ReferenceGrant",
    ),
    "two rewrites": (
        (shop(reference(), reference("two")), filter_object(urlRewrite=path()), filter_object("two", urlRewrite=HOST)),
        UNSUPPORTED,
        "one HTTPRouteFilter with a urlRewrite, and own and two",
    ),
    "two answers": (
        (
            shop(reference(), reference("two")),
            filter_object(directResponse={}),
            filter_object("two", directResponse={}),
        ),
        UNSUPPORTED,
        "a directResponse",
    ),
    "two lists of matches": (
        (shop(reference(), reference("two")), filter_object(matches=COOKIES), filter_object("two", matches=COOKIES)),
        UNSUPPORTED,
        "with matches",
    ),
    "a core rewrite of the same": ((shop(CORE, reference()), filter_object(urlRewrite=path())), UNSUPPORTED, "path is"),
    "a redirect beside a rewrite": (
        (shop(REDIRECT, reference(), refs=None), filter_object(urlRewrite=path())),
        UNSUPPORTED,
        "RequestRedirect and urlRewrite",
    ),
    "a redirect beside an answer": (
        (shop(REDIRECT, reference(), refs=None), filter_object(directResponse={})),
        "False/IncompatibleFilters",
        "both answer",
    ),
    "a mirror beside an answer": (
        (shop(MIRROR, reference()), filter_object(directResponse={})),
        "False/IncompatibleFilters",
        "RequestMirror needs requests",
    ),
    "a success without a message, to gRPC": (
        (shop(kind="GRPCRoute"), filter_object(directResponse={"statusCode": 200})),
        UNSUPPORTED,
        "which is gRPC's OK",
    ),
}


@pytest.mark.parametrize(("texts", "accepted", "message"), DROPPED.values(), ids=DROPPED)
def test_what_cannot_be_done_drops_the_rule(texts: tuple[str, ...], accepted: str, message: str) -> None:
    """No filter is skipped: the rule answers 500, and whoever wrote it is told."""
    resolution = resolve(*WORLD, *texts)
    assert the_rule(resolution).is_closed
    kind = "GRPCRoute" if "GRPCRoute" in texts[0] else "HTTPRoute"
    assert parents(resolution, "default/shop", kind)[0]["Accepted"] == accepted
    assert [each for each in problems(resolution) if message in each.message and each.severity is Severity.ERROR]
    assert not [each for each in problems(resolution) if "abc" in each.message]


def test_one_that_is_not_there_is_a_reference_that_leads_nowhere() -> None:
    """The route is accepted, its rule answers 500 (Envoy Gateway)."""
    resolution = resolve(*WORLD, shop())
    assert the_rule(resolution).refusal
    assert parents(resolution) == [{"Accepted": "True/Accepted", "ResolvedRefs": UNSUPPORTED}]


WRITTEN_BADLY: dict[str, dict[str, Any]] = {
    "no pattern": {"urlRewrite": {"path": {"type": "ReplaceRegexMatch", "replaceRegexMatch": {"substitution": "a"}}}},
    "no header": {"urlRewrite": {"hostname": {"type": "Header"}}},
    "a header of another type": {"urlRewrite": {"hostname": {"type": "Backend", "header": "x-to"}}},
    "a Host that is empty": {
        "urlRewrite": {"hostname": {"type": "PathRegex", "pathRegex": {"pattern": "a", "substitution": ""}}}
    },
    "no body of its type": {"directResponse": {"body": {"type": "ValueRef", "inline": "a"}}},
    "headers to remove": {"directResponse": {"header": {"remove": ["x"]}}},
    "a match without cookies": {"matches": [{}]},
    "a misspelt field": {"credentialInjektion": injection()},
    "no credential": {"credentialInjection": {}},
}


@pytest.mark.parametrize("spec", WRITTEN_BADLY.values(), ids=WRITTEN_BADLY)
def test_what_an_api_server_refuses_is_refused(spec: dict[str, Any]) -> None:
    """And so it is not there: the rule answers 500."""
    text = filter_object(**spec)
    assert [each for each in store_problems(read(text)) if each.severity is Severity.ERROR]
    assert the_rule(resolve(*WORLD, shop(), text)).refusal


OF_BACKENDS: dict[str, tuple[str, list[str]]] = {
    "a credential": (filter_object(credentialInjection=injection()), []),
    "a rewrite": (filter_object(urlRewrite=path()), []),
    "an answer": (filter_object(directResponse={}), ["of a backendRef only urlRewrite and credentialInjection"]),
    "cookies": (filter_object(matches=COOKIES), ["of a backendRef only urlRewrite and credentialInjection"]),
    "another credential than the rule's": (
        filter_object(credentialInjection=injection())
        + "---\n"
        + filter_object("rule", credentialInjection=injection()),
        ["takes one HTTPRouteFilter with a credentialInjection, and rule and own"],
    ),
    "one that is not there": (values("ConfigMap", "other", {"a": "b"}), ["HTTPRouteFilter default/own"]),
}


@pytest.mark.parametrize(("text", "messages"), OF_BACKENDS.values(), ids=OF_BACKENDS)
def test_a_backend_may_have_one_of_its_own(text: str, messages: list[str]) -> None:
    """What cannot be done costs the share of that backend, and nothing of the others."""
    refs = [{**APP[0], "filters": [reference()]}, APP[0]]
    named = [reference("rule")] if "name: rule" in text else []
    spec = f"rules: {json.dumps([{'filters': named, 'backendRefs': refs}])}"
    texts = [gateway_object("HTTPRoute", "shop", f"parentRefs: [{{name: web}}]\n{spec}"), *text.split("---\n"), TOKEN]
    resolution = resolve(*WORLD, *texts)
    rule = the_rule(resolution)
    assert not rule.is_closed
    assert [bool(each.refusal) for each in rule.backends] == [bool(messages), False]
    told = [each.message for each in problems(resolution)]
    assert len(told) == len(messages)
    assert all(wanted in found for wanted, found in zip(messages, told, strict=True))


SERVED: dict[str, tuple[str, ...]] = {
    "a path beside a core rewrite of the host": (
        shop({"type": "URLRewrite", "urlRewrite": {"hostname": "a.test"}}, reference()),
        filter_object(urlRewrite=path()),
    ),
    "a rewrite and a credential, of two": (
        shop(reference(), reference("two")),
        filter_object(urlRewrite=path()),
        filter_object("two", credentialInjection=injection()),
        TOKEN,
    ),
    "a Secret that a grant lets it have": (
        shop(),
        filter_object(credentialInjection=injection(namespace="b")),
        values("Secret", "token", {"credential": "x"}, "b"),
        grant(
            "b",
            "[{group: gateway.envoyproxy.io, kind: HTTPRouteFilter, namespace: default}]",
            "[{group: '', kind: Secret}]",
        ),
    ),
    "an answer without a backend": (shop(refs=None), filter_object(directResponse={"statusCode": 404})),
    "a refusal to gRPC": (shop(kind="GRPCRoute"), filter_object(directResponse={"statusCode": 403})),
    "a backslash": (shop(), filter_object(urlRewrite=path("(a)", r"\0\1\\"))),
    "nothing": (shop(), filter_object()),
    "as many headers as there may be, and a type": (
        shop(),
        filter_object(
            directResponse={
                "contentType": "text/plain",
                "header": {"set": [{"name": f"x-{number}", "value": "y"} for number in range(16)]},
            }
        ),
    ),
}


@pytest.mark.parametrize("texts", SERVED.values(), ids=SERVED)
def test_what_can_be_done_is_served(texts: tuple[str, ...]) -> None:
    """Without a word to anybody."""
    resolution = resolve(*WORLD, *texts)
    rule = the_rule(resolution)
    assert not rule.is_closed
    assert not rule.refusal
    assert problems(resolution) == ()


def test_a_rule_that_asks_for_cookies_takes_nothing_from_one_that_does_not() -> None:
    """Of those that ask for the same ones the younger is told."""
    canary = filter_object(matches=COOKIES)
    resolution = resolve(*WORLD, canary, shop(name="a"), route("b", f"rules: [{{backendRefs: {json.dumps(APP)}}}]"))
    assert [SHADOWED in parents(resolution, f"default/{name}")[0] for name in "ab"] == [False, False]
    resolution = resolve(*WORLD, canary, shop(name="a"), shop(name="b"))
    assert [SHADOWED in parents(resolution, f"default/{name}")[0] for name in "ab"] == [False, True]


def test_a_pattern_that_nobody_can_read_closes_who_has_the_cookie() -> None:
    """Not everybody: a default rule beside a canary goes on."""
    cookie = {"name": "canary", "type": "RegularExpression", "value": "a("}
    rule = the_rule(resolve(*WORLD, shop(), filter_object(matches=[{"cookies": [cookie]}])))
    assert rule.is_closed
    assert [(each.name, each.value) for (each,) in rule.cookies] == [("canary", ".*")]


def test_an_edit_behind_a_filter_follows_the_routes_that_name_it_and_no_other() -> None:
    """A ConfigMap, a Secret, the filter itself: whoever refers to it is decided about again."""
    world = World()
    others = [route(f"r{number}", f"rules: [{{backendRefs: {json.dumps(APP)}}}]") for number in range(20)]
    page = values("ConfigMap", "page", {"response.body": "one"})
    texts = [
        *WORLD,
        *others,
        shop(),
        filter_object(directResponse=body(), credentialInjection=injection()),
        page,
        TOKEN,
    ]
    assert the_answer(world.scan(*texts)) == "one"

    def followed(place: int, *now: str) -> int:
        before = world.resolver.routes_followed
        texts[place:] = now
        world.scan(*texts)
        return world.resolver.routes_followed - before

    other = values("ConfigMap", "page", {"response.body": "two"})
    assert followed(-2, other, TOKEN) == 1
    assert the_answer(world.scan(*texts)) == "two"
    assert followed(-1, values("Secret", "token", {"credential": "Bearer other"})) == 1
    assert followed(-1, values("Secret", "unused", {"credential": "x"})) <= 1
    assert followed(-3, filter_object(directResponse={"body": {"inline": "three"}})) == 1
    assert the_answer(world.scan(*texts)) == "three"


def the_answer(resolution: Resolution) -> str | None:
    """Return the body of the answer of the route `shop`."""
    routes = served(resolution)["http"].routes
    (rule,) = next(each.route.rules for key, each in routes.items() if key.name == "shop")
    (answer,) = (each.answer for each in rule.route_filters)
    return answer.body if answer is not None else None


def test_it_is_handed_to_no_extension() -> None:
    """The kind is ours, whoever names it as a resource."""
    rule = the_rule(resolve(*WORLD, shop(), filter_object(urlRewrite=path())))
    assert rule.extensions == ()
    assert World().store.update(of(filter_object(urlRewrite=path()))).extensions == {}
