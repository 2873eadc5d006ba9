"""Whatever is called shadowed takes no request, as Envoy is told to route them, and history makes no difference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import re2
from envoy.config.route.v3.route_components_pb2 import RouteMatch, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds import names
from egxds.model.resolve.contenders import RankedRule
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.translate.translator import Translator
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, service, tree
from tests.unit.model.told import problems, statuses
from tests.unit.model.worlds import World

SHARED = (gateway(), service(), endpoint_slice())
HOSTS: tuple[list[str], ...] = ([], ["a.test"], ["*.test", "b.test"])
AGES = ("2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z", None)
PATHS = ("/", "/a", "/a/", "/a/b", "/ab", "/s.T/M", "/s.T/", "/sxT/M", "/a.b", "/axb", "/c", "/a//b", "/s.T/M/x")
VALUES = (None, "1", "2", "11")
METHODS = ("GET", "POST")


@dataclass(frozen=True)
class Asked:
    """A request, as far as matches look at it."""

    path: str
    method: str
    header: str | None
    parameter: str | None
    is_grpc: bool

    def fits(self, match: RouteMatch) -> bool:
        """Tell whether Envoy takes it for a match."""
        return (
            self._has_path(match)
            and (self.is_grpc or not match.HasField("grpc"))
            and all(_is(self._headers.get(each.name), each.string_match) for each in match.headers)
            and all(_is(self._parameters.get(each.name), each.string_match) for each in match.query_parameters)
        )

    @property
    def _headers(self) -> dict[str, str | None]:
        return {":method": self.method, "x": self.header}

    @property
    def _parameters(self) -> dict[str, str | None]:
        return {"q": self.parameter}

    def _has_path(self, match: RouteMatch) -> bool:
        match match.WhichOneof("path_specifier"):
            case "path":
                return bool(self.path == match.path)
            case "prefix":
                return self.path.startswith(match.prefix)
            case "path_separated_prefix":
                return f"{self.path}/".startswith(f"{match.path_separated_prefix}/")
            case _:
                return _fits(match.safe_regex.regex, self.path)


def _is(value: str | None, wanted: StringMatcher) -> bool:
    if value is None:
        return False
    if wanted.WhichOneof("match_pattern") == "exact":
        return bool(value == wanted.exact)
    return _fits(wanted.safe_regex.regex, value)


@cache
def _fits(pattern: str, text: str) -> bool:
    return bool(re2.fullmatch(pattern, text))


REQUESTS = [Asked(*each) for each in product(PATHS, METHODS, VALUES, VALUES[:2], (False, True))]


def _typed(values: st.SearchStrategy[tuple[str, str]], **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return values.map(lambda found: {"type": found[0], "value": found[1], **more})


_PATHS = st.sampled_from(
    [
        *(("PathPrefix", each) for each in ("/", "/a", "/a/", "/a/b")),
        *(("Exact", each) for each in ("/a", "/a/", "/a.b", "/c")),
        *(("RegularExpression", each) for each in ("/a", "/a.b", r"/a\.b", "/.*", ".*", "/a.*", "/a/.*", ".+", "/c")),
        *(("RegularExpression", each) for each in ("/a[", "/a/[", "(")),
    ]
)
_VALUES = st.sampled_from(
    [*(("Exact", each) for each in "12"), *(("RegularExpression", each) for each in ("1", "1+", "("))]
)
_HTTP_MATCH = st.fixed_dictionaries(
    {},
    optional={
        "path": _typed(_PATHS),
        "method": st.sampled_from(METHODS),
        "headers": st.tuples(_typed(_VALUES, name="X") | _typed(_VALUES, name="x")),
        "queryParams": st.tuples(_typed(_VALUES, name="q")),
    },
)
_GRPC_METHOD = st.sampled_from(
    [
        {"service": "s.T"},
        {"method": "M"},
        {"service": "s.T", "method": "M"},
        {"type": "RegularExpression", "service": "s.T", "method": "M"},
        {"type": "RegularExpression", "service": r"s\.T", "method": "M"},
        {"type": "RegularExpression", "method": "M"},
        {"type": "RegularExpression", "service": "(", "method": "M"},
        {"type": "RegularExpression", "method": "("},
    ]
)
_GRPC_MATCH = st.fixed_dictionaries(
    {}, optional={"method": _GRPC_METHOD, "headers": st.tuples(_typed(_VALUES, name="x"))}
)


@st.composite
def _route(draw: st.DrawFn, name: str) -> str:
    kind, match = draw(
        st.sampled_from([("HTTPRoute", _HTTP_MATCH), ("HTTPRoute", _HTTP_MATCH), ("GRPCRoute", _GRPC_MATCH)])
    )
    matches = draw(st.lists(st.lists(match, min_size=1, max_size=3), min_size=1, max_size=3))
    spec = {
        "parentRefs": [{"name": "web"}],
        "hostnames": draw(st.sampled_from(HOSTS)),
        "rules": [{"matches": each, "backendRefs": [{"name": "app", "port": 80}]} for each in matches],
    }
    age = draw(st.sampled_from(AGES))
    return gateway_object(kind, name, json.dumps(spec), generation=1, **({"creationTimestamp": age} if age else {}))


_ROUTES = st.fixed_dictionaries({name: st.none() | _route(name) for name in ("a", "b", "c", "d")})


def _texts(routes: dict[str, str | None]) -> tuple[str, ...]:
    return (*SHARED, *(text for text in routes.values() if text is not None))


def _hosts(resolution: Resolution) -> Iterator[VirtualHost]:
    for translation in Translator().update(resolution).values():
        for configuration in translation.route_configurations.values():
            yield from RouteConfiguration.FromString(configuration.resource().body).virtual_hosts


def _shadows(resolution: Resolution) -> dict[str, str]:
    """Return the names of the Envoy routes that are said to take nothing, each with that which takes it instead."""
    verdicts = [each for each in resolution.report.judged.values() if isinstance(each, RouteVerdict)]
    found = [each for verdict in verdicts for each in verdict.shadows]
    return {_name(each.loser, each.claim.hostname): _name(each.winner, each.claim.hostname) for each in found}


def _name(rule: RankedRule, hostname: str) -> str:
    rule_name = ROUTE_KINDS[rule.route.group_kind].rule_name(rule.route, rule.rule)
    return names.route_name(rule_name, rule.match, hostname)


@given(_ROUTES)
def test_what_is_shadowed_takes_no_request(routes: dict[str, str | None]) -> None:
    """All that fit it fit the one that is said to take them, which is tried first."""
    resolution = World().scan(*_texts(routes))
    shadows = _shadows(resolution)
    there = {each.name for host in _hosts(resolution) for each in host.routes}
    assert shadows.keys() | set(shadows.values()) <= there
    for host in _hosts(resolution):
        tried = [each.name for each in host.routes]
        fitting = {each.name: {request for request in REQUESTS if request.fits(each.match)} for each in host.routes}
        for loser, winner in shadows.items():
            if loser in fitting:
                assert tried.index(winner) < tried.index(loser)
                assert fitting[loser] <= fitting[winner]


@settings(max_examples=60)
@given(st.lists(_ROUTES, min_size=2, max_size=6))
def test_history_makes_no_difference(steps: list[dict[str, str | None]]) -> None:
    """What is said of all after any edits is what is said of the same files by whoever has seen nothing else."""
    world = World()
    for routes in steps:
        files = {f"{name}.yaml": (text,) for name, text in routes.items() if text is not None}
        looked = tree({"shared.yaml": SHARED, **files})
        followed, fresh = world.see(looked), World().see(looked)
        assert statuses(followed) == statuses(fresh)
        assert problems(followed) == problems(fresh)
