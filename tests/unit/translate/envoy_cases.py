"""A Gateway that uses everything, and requests that show what each part of it does."""

from __future__ import annotations

from typing import Any

from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener, ResolvedRoute
from tests.unit.translate.asking import Case
from tests.unit.translate.builders import address, at, backend, gateway, listener, match, route, rule

Backends = dict[str, int]
"""Name of a backend → its port."""


def behaviour(backends: Backends) -> ResolvedGateway:
    """Return the Gateway that `CASES` are about."""
    one, two = (address("127.0.0.1", backends[name]) for name in ("one", "two"))
    to_one, to_two = backend(one), backend(two)
    routes = [
        route("paths", *_paths(to_one, to_two)),
        route("conditions", *_conditions(to_one, to_two)),
        route("headers", *_headers(to_one)),
        route("rewrites", *_rewrites(to_one)),
        route("redirects", *_redirects()),
        route("failures", *_failures(one)),
        route("weights", rule(backend(one, weight=3), backend(two), matches=[match("/weighted")])),
    ]
    redirects = at(route("ports", *_port_redirects()), "app.example")
    return gateway(
        listener("http", *(at(each, "app.example") for each in routes), redirects),
        listener("alt", redirects, port=8080),
        *_isolated(to_one),
        addresses=("127.0.0.1",),
    )


def _paths(to_one: Any, to_two: Any) -> list[dict[str, Any]]:
    return [
        rule(to_one, matches=[match("/paths")]),
        rule(to_two, matches=[match("/paths/deep/")]),
        rule(to_two, matches=[match("/paths/exact", "Exact")]),
        rule(to_two, matches=[match("/paths/[0-9]+", "RegularExpression")]),
    ]


PATHS = [
    Case("a prefix takes itself", "/paths", backend="one"),
    Case("a prefix takes what is below", "/paths/x", backend="one"),
    Case("a prefix ends at a path element", "/pathsx", status=404),
    Case("the longer prefix wins", "/paths/deep/x", backend="two"),
    Case("a trailing slash of a prefix means nothing", "/paths/deep", backend="two"),
    Case("the longer prefix ends at an element too", "/paths/deeper", backend="one"),
    Case("an exact path wins over a prefix", "/paths/exact", backend="two"),
    Case("an exact path is no prefix", "/paths/exact/x", backend="one"),
    Case("the query is no part of an exact path", "/paths/exact?a=1", backend="two"),
    Case("a regular expression wins over a prefix", "/paths/42", backend="two"),
    Case("a regular expression matches the whole path", "/paths/42/x", backend="one"),
    Case("slashes are merged before matching", "//paths///exact", backend="two"),
    Case("a path is resolved before matching", "/elsewhere/%2e%2e/paths/exact", backend="two"),
    Case("paths are compared with case", "/Paths", status=404),
    Case("the port of a Host is no part of it", "/paths", backend="one", host="app.example:8080"),
    Case("a host is compared without case", "/paths", backend="one", host="APP.example"),
    # envoyproxy/envoy issue 14748, envoyproxy/gateway issue 8832: clients send an absolute name as they were given it.
    Case("an absolute name is the same host", "/paths", backend="one", host="app.example."),
    Case("an absolute name with a port is, too", "/paths", backend="one", host="app.example.:8080"),
    Case("an unknown host", "/paths", status=404, host="other.example"),
]


def _conditions(to_one: Any, to_two: Any) -> list[dict[str, Any]]:
    header = {"name": "Version", "value": "two"}
    colour = {"name": "Colour", "value": "bl.*", "type": "RegularExpression"}
    animal = {"name": "animal", "value": "whale"}
    return [
        rule(to_one, matches=[match("/if")]),
        rule(to_two, matches=[match("/if", headers=[header])]),
        rule(to_two, matches=[match("/if", headers=[colour])]),
        rule(to_one, matches=[match("/if", headers=[header, colour])]),
        rule(to_two, matches=[match("/if", queryParams=[animal])]),
        rule(to_one, matches=[match("/if", queryParams=[animal, {"name": "size", "value": "big"}])]),
        rule(to_two, matches=[match("/either/a"), match("/either/b")]),
        rule(to_one, matches=[match("/method")]),
        rule(to_two, matches=[match("/method", headers=[header])]),
        _redirect("/method", hostname="new.example", matches=[match("/method", method="DELETE")]),
    ]


CONDITIONS = [
    Case("no condition", "/if", backend="one"),
    Case("a header", "/if", backend="two", headers={"version": "two"}),
    Case("a header is compared whole", "/if", backend="one", headers={"version": "twofold"}),
    Case("a header by regular expression", "/if", backend="two", headers={"colour": "blue"}),
    Case("a header's expression matches it whole", "/if", backend="one", headers={"colour": "dark blue"}),
    Case("more headers win", "/if", backend="one", headers={"version": "two", "colour": "blue"}),
    Case("a query parameter", "/if?animal=whale", backend="two"),
    Case("a query parameter among others", "/if?a=1&animal=whale", backend="two"),
    Case("more query parameters win", "/if?animal=whale&size=big", backend="one"),
    Case("any method", "/method", backend="one"),
    Case("a method wins", "/method", status=302, method="DELETE"),
    Case("a method wins over headers", "/method", status=302, method="DELETE", headers={"version": "two"}),
    Case("another method leaves it to headers", "/method", backend="two", headers={"version": "two"}),
    Case("any match of a rule", "/either/a", backend="two"),
    Case("any other match of a rule", "/either/b", backend="two"),
]


def _headers(to_one: Any) -> list[dict[str, Any]]:
    change = {
        "set": [{"name": "X-Set", "value": "new"}],
        "add": [{"name": "X-Add", "value": "new"}],
        "remove": ["X-Remove"],
    }
    odd = [
        {"name": "X-Percent", "value": "100% of it"},
        {"name": "X-Escaped", "value": "50%% off"},
        {"name": "X-Copied", "value": "was %REQ(x-from)%"},
        {"name": "X-Unknown", "value": "%NOTHING%"},
    ]
    return [
        rule(
            to_one,
            matches=[match("/headers")],
            filters=[
                {"type": "RequestHeaderModifier", "requestHeaderModifier": change},
                {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": change["set"]}},
            ],
        ),
        rule(
            to_one,
            matches=[match("/values")],
            filters=[{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": odd}}],
        ),
        rule(
            to_one,
            matches=[match("/hide")],
            filters=[{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["Content-Length"]}}],
        ),
    ]


HEADERS = [
    Case("set adds", "/headers", backend="one", sees={"x-set": "new"}, answers={"x-set": "new"}),
    Case("set replaces", "/headers", backend="one", headers={"x-set": "old"}, sees={"x-set": "new"}),
    Case("add adds", "/headers", backend="one", sees={"x-add": "new"}),
    Case("remove removes", "/headers", backend="one", headers={"x-remove": "a"}, sees={"x-remove": None}),
    Case("a percent sign stands for itself", "/values", backend="one", sees={"x-percent": "100% of it"}),
    Case("two stand for one, as in Envoy Gateway", "/values", backend="one", sees={"x-escaped": "50% off"}),
    Case("a command operator works", "/values", backend="one", headers={"x-from": "me"}, sees={"x-copied": "was me"}),
    Case("what is none stands for itself", "/values", backend="one", sees={"x-unknown": "%NOTHING%"}),
    Case("a response header is removed", "/hide", backend="one", answers={"content-length": None}),
    Case("Envoy does not name itself", "/headers", backend="one", answers={"x-envoy-upstream-service-time": None}),
]


def _rewrite(path: str, replacement: str, to_one: Any, kind: str = "ReplacePrefixMatch") -> dict[str, Any]:
    field = "replacePrefixMatch" if kind == "ReplacePrefixMatch" else "replaceFullPath"
    change = {"type": "URLRewrite", "urlRewrite": {"path": {"type": kind, field: replacement}}}
    return rule(to_one, matches=[match(path)], filters=[change])


def _rewrites(to_one: Any) -> list[dict[str, Any]]:
    host = {"type": "URLRewrite", "urlRewrite": {"hostname": "new.example"}}
    return [
        _rewrite("/to-xyz", "/xyz", to_one),
        _rewrite("/slashed/", "/xyz/", to_one),
        _rewrite("/to-root", "/", to_one),
        _rewrite("/to/no/thing.x", "", to_one),
        _rewrite("/full", r"/all\1-of-it", to_one, "ReplaceFullPath"),
        rule(to_one, matches=[match("/host")], filters=[host]),
    ]


REWRITES = [
    Case("a prefix with something below", "/to-xyz/bar?a=1", backend="one", sees={"path": "/xyz/bar?a=1"}),
    Case("a prefix alone", "/to-xyz", backend="one", sees={"path": "/xyz"}),
    Case("a prefix alone with a slash", "/to-xyz/", backend="one", sees={"path": "/xyz/"}),
    Case("slashes at the end of both mean nothing", "/slashed/bar", backend="one", sees={"path": "/xyz/bar"}),
    Case("slashes at the end of both, alone", "/slashed", backend="one", sees={"path": "/xyz"}),
    Case("a prefix stripped", "/to-root/bar/", backend="one", sees={"path": "/bar/"}),
    Case("a prefix stripped, alone", "/to-root?a=1", backend="one", sees={"path": "/?a=1"}),
    Case("a prefix stripped, alone with a slash", "/to-root/", backend="one", sees={"path": "/"}),
    Case("an empty replacement", "/to/no/thing.x/bar", backend="one", sees={"path": "/bar"}),
    Case("an empty replacement, alone", "/to/no/thing.x", backend="one", sees={"path": "/"}),
    Case("a whole path, taken literally", "/full/bar?a=1", backend="one", sees={"path": r"/all\1-of-it?a=1"}),
    Case(
        "a hostname",
        "/host",
        backend="one",
        sees={"host": "new.example", "path": "/host", "x-forwarded-host": "app.example"},
    ),
]


def _redirect(path: str, /, *, matches: list[dict[str, Any]] | None = None, **redirect: Any) -> dict[str, Any]:
    filters = [{"type": "RequestRedirect", "requestRedirect": redirect}]
    return rule(matches=matches or [match(path)], filters=filters)


def _path(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "replacePrefixMatch" if kind == "ReplacePrefixMatch" else "replaceFullPath": value}


def _redirects() -> list[dict[str, Any]]:
    codes = [_redirect(f"/code/{code}", hostname="new.example", statusCode=code) for code in (301, 303, 307, 308)]
    add = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-why", "value": "moved"}]}}
    gone = _redirect("/why", hostname="new.example")
    gone["content"]["filters"].append(add)
    return [
        _redirect("/move", hostname="new.example"),
        _redirect("/prefix", path=_path("ReplacePrefixMatch", "/new")),
        _redirect("/strip", path=_path("ReplacePrefixMatch", "/")),
        _redirect("/whole", path=_path("ReplaceFullPath", "/new"), scheme="https"),
        gone,
        *codes,
    ]


REDIRECTS = [
    Case("302 is the default", "/move/a?b=c", status=302, answers={"location": "http://new.example/move/a?b=c"}),
    *(
        Case(f"code {code}", f"/code/{code}", status=code, answers={"location": f"http://new.example/code/{code}"})
        for code in (301, 303, 307, 308)
    ),
    Case("a prefix", "/prefix/a?b=c", status=302, answers={"location": "http://app.example/new/a?b=c"}),
    Case("a prefix alone", "/prefix", status=302, answers={"location": "http://app.example/new"}),
    Case("a prefix stripped", "/strip/a", status=302, answers={"location": "http://app.example/a"}),
    Case("a prefix stripped, alone", "/strip", status=302, answers={"location": "http://app.example/"}),
    Case("a whole path", "/whole/a", status=302, answers={"location": "https://app.example/new"}),
    Case("headers go with a redirect", "/why", status=302, answers={"x-why": "moved"}),
]


def _port_redirects() -> list[dict[str, Any]]:
    own = _redirect("/r/own", scheme="https")
    location = {"set": [{"name": "Location", "value": "https://own.example/"}]}
    own["content"]["filters"].append({"type": "ResponseHeaderModifier", "responseHeaderModifier": location})
    return [
        _redirect("/r/plain", path=_path("ReplaceFullPath", "/")),
        _redirect("/r/http", path=_path("ReplaceFullPath", "/"), scheme="http"),
        _redirect("/r/https", path=_path("ReplaceFullPath", "/"), scheme="https"),
        _redirect("/r/https-host", path=_path("ReplaceFullPath", "/"), scheme="https", hostname="new.example"),
        _redirect("/r/host", path=_path("ReplaceFullPath", "/"), hostname="new.example"),
        _redirect("/r/port", path=_path("ReplaceFullPath", "/"), port=8083),
        _redirect("/r/port-80", path=_path("ReplaceFullPath", "/"), port=80),
        _redirect("/r/port-443", path=_path("ReplaceFullPath", "/"), port=443, scheme="https"),
        _redirect("/r/http-443", path=_path("ReplaceFullPath", "/"), port=443, scheme="http"),
        _redirect("/r/prefix", path=_path("ReplacePrefixMatch", "/new"), scheme="https"),
        _redirect("/r/query", path=_path("ReplaceFullPath", "/new?100%=1"), scheme="https"),
        _redirect("/r/as-it-was", scheme="https"),
        own,
    ]


_LOCATIONS = {
    (80, "app.example"): {
        "/r/plain": "http://app.example/",
        "/r/http": "http://app.example/",
        "/r/https": "https://app.example/",
        "/r/https-host": "https://new.example/",
        "/r/host": "http://new.example/",
        "/r/port": "http://app.example:8083/",
        "/r/port-80": "http://app.example/",
        "/r/port-443": "https://app.example/",
        "/r/http-443": "http://app.example:443/",
    },
    (8080, "app.example"): {
        "/r/plain": "http://app.example:8080/",
        "/r/http": "http://app.example/",
        "/r/https": "https://app.example/",
        "/r/port-80": "http://app.example/",
        "/r/query": "https://app.example/new?100%=1",
    },
    (8080, "app.example:8080"): {
        "/r/plain": "http://app.example:8080/",
        "/r/http": "http://app.example/",
        "/r/https": "https://app.example/",
        "/r/https-host": "https://new.example/",
        "/r/host": "http://new.example:8080/",
        "/r/port": "http://app.example:8083/",
        "/r/port-80": "http://app.example/",
        "/r/port-443": "https://app.example/",
        "/r/http-443": "http://app.example:443/",
        "/r/https?a=%20": "https://app.example/?a=%20",
        "/r/prefix/a%20b?c=d": "https://app.example/new/a%20b?c=d",
        "/r/query?b=2": "https://app.example/new?100%=1",
        "/r/as-it-was/a?b=c": "https://app.example/r/as-it-was/a?b=c",
        "/r/own": "https://own.example/",
    },
}

# envoyproxy/gateway issue 3589: a port that goes without saying, and that of the listener, are not named.
PORT_REDIRECTS = [
    Case(
        f"to the right port, from {port} asked as {host}",
        path,
        status=302,
        host=host,
        port=port,
        answers={"location": location},
    )
    for (port, host), locations in _LOCATIONS.items()
    for path, location in locations.items()
]


def _failures(one: Any) -> list[dict[str, Any]]:
    sound, refused = backend(one), backend(refusal="no such Service")
    return [
        rule(refused, matches=[match("/refused")]),
        rule(matches=[match("/nothing")]),
        rule(backend(), matches=[match("/empty")]),
        rule(backend(), backend(), matches=[match("/all-empty")]),
        rule(backend(one, weight=0), matches=[match("/weightless")]),
        rule(sound, backend(weight=0, refusal="gone"), matches=[match("/refused-without-weight")]),
        rule(sound, refusal="no such object", matches=[match("/rule-refused")]),
        rule(sound, refused, matches=[match("/half-refused")]),
        rule(sound, backend(), matches=[match("/half-empty")]),
        rule(backend(address("127.0.0.1", 1)), matches=[match("/down")]),
    ]


FAILURES = [
    Case("a refused backend", "/refused", status=500),
    Case("no backend at all", "/nothing", status=500),
    Case("a backend without endpoints", "/empty", status=503),
    Case("backends without endpoints", "/all-empty", status=503),
    Case("all weights are zero", "/weightless", status=500),
    Case("a refused backend of weight 0 takes no share", "/refused-without-weight", backend="one"),
    Case("a refused rule", "/rule-refused", status=500),
    Case("a backend that is down", "/down", status=503),
]

_ISOLATED = {
    "empty": "*",
    "wildcard": "*.example.com",
    "deeper": "*.foo.example.com",
    "exact": "abc.foo.example.com",
}


def _isolated(to_one: Any) -> list[ResolvedListener]:
    """Listeners on one port, each with a route of its own under its hostname, and one without a route."""
    return [
        *(
            listener(name, at(_by_path(name, to_one), hostname), port=81, hostname=hostname)
            for name, hostname in _ISOLATED.items()
        ),
        listener("bare", port=81, hostname="bare.example.com"),
    ]


def _by_path(name: str, to_one: Any) -> ResolvedRoute:
    return route(name, rule(to_one, matches=[match(f"/{name}")]))


ISOLATION = [
    Case(
        f"{host} belongs to listener {owner}",
        f"/{name}",
        port=81,
        host=host,
        status=200 if name == owner else 404,
        backend="one" if name == owner else "",
    )
    for host, owner in {
        "bar.com": "empty",
        "bar.example.com": "wildcard",
        "bar.foo.example.com": "deeper",
        "a.b.foo.example.com": "deeper",
        "abc.foo.example.com": "exact",
        "bare.example.com": "bare",
    }.items()
    for name in _ISOLATED
]

CASES = [
    *PATHS,
    *CONDITIONS,
    *HEADERS,
    *REWRITES,
    *REDIRECTS,
    *PORT_REDIRECTS,
    *FAILURES,
    *ISOLATION,
]
