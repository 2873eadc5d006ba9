"""Filters of a rule, HTTPRouteFilters among them, that cannot be done together. Pure.

Envoy Gateway v1.9: of filters that change the same, or that answer, one goes; matches are those of one HTTPRouteFilter.
Where it lets one of two win in silence (two answers, two credentials, a redirect beside a rewrite), the rule is dropped
here as well: no filter may be skipped (Gateway API, HTTPRouteFilter.type).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from egxds.model.api.filters import RouteFilter
from egxds.model.api.http_route_filter import UrlRewrite
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.route_filters import CONSEQUENCE, RuleFilter

_Told = tuple[Reason, str]


def filter_conflicts(filters: Sequence[RouteFilter], found: Sequence[RuleFilter], path: Path) -> Iterator[Fault]:
    """Say what of some filters cannot be done together, where HTTPRouteFilters are among them.

    Args:
        filters: those of a rule; for a backendRef, those of the backendRef behind them.
        found: what their HTTPRouteFilters come to.
        path: where they stand.
    """
    if not found:
        return
    told: list[_Told] = [*_several(found), *_rewrites(filters, found), *_answers(filters, found)]
    for reason, message in told:
        yield Fault(reason, f"{message} ({CONSEQUENCE})", path)


def _several(found: Sequence[RuleFilter]) -> Iterator[_Told]:
    parts = (
        ("matches", [each for each in found if each.cookies]),
        ("a directResponse", [each for each in found if each.answer is not None]),
        ("a credentialInjection", [each for each in found if each.injection is not None]),
        ("a urlRewrite", [each for each in found if each.rewrite is not None and _changes(each.rewrite)]),
    )
    for what, having in parts:
        if len(having) > 1:
            names = " and ".join(each.key.name for each in having)
            message = f"a rule takes one HTTPRouteFilter with {what}, and {names} have some; keep one"
            yield Reason.UNSUPPORTED_VALUE, message


def _rewrites(filters: Sequence[RouteFilter], found: Sequence[RuleFilter]) -> Iterator[_Told]:
    rewrites = [each.rewrite for each in found if each.rewrite is not None]
    changed = {name for each in rewrites for name in ("hostname", "path") if getattr(each, name) is not None}
    core = [each.content for each in filters if each.type == "URLRewrite"]
    for name in sorted(changed):
        if any(getattr(each, name) is not None for each in core):
            message = f"{name} is rewritten by a filter of type URLRewrite, and by an HTTPRouteFilter; keep one"
            yield Reason.UNSUPPORTED_VALUE, message
    if changed and _redirects(filters):
        message = "RequestRedirect and urlRewrite of an HTTPRouteFilter cannot be used together; keep one"
        yield Reason.UNSUPPORTED_VALUE, message


def _answers(filters: Sequence[RouteFilter], found: Sequence[RuleFilter]) -> Iterator[_Told]:
    if all(each.answer is None for each in found):
        return
    if _redirects(filters):
        message = "RequestRedirect and directResponse of an HTTPRouteFilter both answer; keep one"
        yield Reason.INCOMPATIBLE_FILTERS, message
    if any(entry.request_mirror is not None for entry in filters):
        message = "RequestMirror needs requests that go to a backend, and directResponse answers them; keep one"
        yield Reason.INCOMPATIBLE_FILTERS, message


def _changes(rewrite: UrlRewrite) -> bool:
    return rewrite.hostname is not None or rewrite.path is not None


def _redirects(filters: Sequence[RouteFilter]) -> bool:
    return any(each.type == "RequestRedirect" for each in filters)
