"""What a route says that has no effect, or not the one that its author may expect. Pure; made when somebody looks.

    entries of one name        the first counts                           Gateway API (`named_entries`)
    a match on a header        that no request has when it is matched     Envoy takes such headers out, or refuses the
                                                                          request: the match never holds
    a header that is set       but belongs to the connection              Envoy has connections of its own

The headers in the tables were tried on Envoy 1.40 (`tests/unit/translate/test_headers_on_envoy.py`). `connection` and
`upgrade` are no such headers for matches: those of a WebSocket's request stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from egxds.model.api.filters import HttpHeaderFilter
from egxds.model.api.matches import RouteMatch
from egxds.model.api.named_entries import repeated_headers, repeated_parameters
from egxds.model.api.routes import RouteRule, RouteSpec
from egxds.model.api.validation import FieldError
from egxds.problems import Severity
from egxds.settings.client_traffic import ClientTrafficSettings

OF_CONNECTIONS = frozenset({"keep-alive", "proxy-connection", "transfer-encoding"})
"""Headers of HTTP/1 that Envoy takes out before it looks for a route."""

OF_ENVOY = frozenset(
    {
        "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-force-trace",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-internal",
        "x-envoy-ip-tags",
        "x-envoy-max-retries",
        "x-envoy-original-host",
        "x-envoy-original-path",
        "x-envoy-retriable-header-names",
        "x-envoy-retriable-status-codes",
        "x-envoy-retry-grpc-on",
        "x-envoy-retry-on",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-rq-timeout-ms",
        "x-forwarded-client-cert",
    }
)
"""Headers by which Envoys tell each other things; what a client says in them is taken out."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "upgrade"})
_UNDERSCORES = {"RejectRequest": "answers requests that have one with 400", "DropHeader": "takes them out"}


def route_doubts(route: RouteSpec, traffic: ClientTrafficSettings) -> Iterator[FieldError]:
    """Say what of a route has no effect.

    Args:
        route: what its author wrote.
        traffic: how requests are taken.

    Returns:
        Warnings, with paths that start in the spec.
    """
    for index, rule in enumerate(route.rules):
        yield from (doubt.below(("rules", index)) for doubt in _rule_doubts(rule, traffic))


def _rule_doubts(rule: RouteRule, traffic: ClientTrafficSettings) -> Iterator[FieldError]:
    for index, match in enumerate(rule.matches):
        yield from (doubt.below(("matches", index)) for doubt in _match_doubts(match, traffic))
    for index, entry in enumerate(rule.filters):
        for name, changes in (
            ("requestHeaderModifier", entry.request_header_modifier),
            ("responseHeaderModifier", entry.response_header_modifier),
        ):
            if changes is not None:
                yield from (doubt.below(("filters", index, name)) for doubt in _header_change_doubts(changes))


def _match_doubts(match: RouteMatch, traffic: ClientTrafficSettings) -> Iterator[FieldError]:
    for index in repeated_headers(header.name for header in match.headers):
        yield _matched_twice(("headers", index), f"header {match.headers[index].name}")
    for index in repeated_parameters(parameter.name for parameter in match.parameters):
        yield _matched_twice(("queryParams", index), f"query parameter {match.parameters[index].name}")
    for index, header in enumerate(match.headers):
        why = _why_it_never_holds(header.name.lower(), traffic)
        if why:
            yield _doubt(("headers", index, "name"), f"no request matches this: header {header.name} {why}")


def _why_it_never_holds(name: str, traffic: ClientTrafficSettings) -> str:
    action = _UNDERSCORES.get(traffic.headers.with_underscores_action)
    if "_" in name and action is not None:
        setting = "clientTraffic.headers.withUnderscoresAction: Allow in the settings file lets them in"
        return f"has an underscore, and Envoy {action}; rename it, with '-', or {setting}"
    if name in OF_CONNECTIONS:
        return "belongs to the connection, and Envoy takes it out first; delete the match"
    if name in OF_ENVOY:
        return "is one that Envoys alone send each other, and is taken out of what a client sends; rename it"
    return ""


def _header_change_doubts(changes: HttpHeaderFilter) -> Iterator[FieldError]:
    for field, headers in (("set", changes.set), ("add", changes.add)):
        for index in repeated_headers(header.name for header in headers):
            message = f"{field} names header {headers[index].name} before, and that one counts; this one has no effect"
            yield _doubt((field, index), f"{message}: write both values in one entry, separated by a comma")
        for index, header in enumerate(headers):
            if header.name.lower() in _HOP_BY_HOP:
                message = f"header {header.name} belongs to a connection, and Envoy's connections are its own"
                yield _doubt((field, index, "name"), f"{message}; delete it")
    for index in repeated_headers(changes.remove):
        yield _doubt(("remove", index), f"header {changes.remove[index]} is removed already; delete this entry")


def _matched_twice(path: tuple[str | int, ...], what: str) -> FieldError:
    message = f"{what} is matched before, and that one counts; this one has no effect: merge the two"
    return _doubt(path, message)


def _doubt(path: tuple[str | int, ...], message: str) -> FieldError:
    return FieldError(path, message, Severity.WARNING)
