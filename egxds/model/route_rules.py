"""Rules of an HTTPRoute's matches, references and timeouts that no single field can state. Pure.

The rules are those of the HTTPRoute's CRD (Gateway API v1.6, validation rules of HTTPRouteSpec and below),
and what Envoy's own configuration would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

from egxds.model.findings import Finding
from egxds.model.scalars import check_regex, duration_s

if TYPE_CHECKING:
    from egxds.model.route_objects import (
        HttpBackendRef,
        HttpHeaderMatch,
        HttpPathMatch,
        HttpQueryParamMatch,
        HttpRouteSpec,
        HttpRouteTimeouts,
        ParentReference,
    )

_MAX_MATCHES = 128
_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_NOT_IN_A_PATH = ("//", "/./", "/../", "%2f", "%2F", "#")
_NOT_AT_THE_END = ("/..", "/.")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_NamedT = TypeVar("_NamedT", bound=_Named)


def first_of_each_header(entries: tuple[_NamedT, ...]) -> tuple[_NamedT, ...]:
    """Keep the first entry for each header name; header names compare without case."""
    return _first_of_each(entries, str.lower)


def first_of_each_parameter(entries: tuple[_NamedT, ...]) -> tuple[_NamedT, ...]:
    """Keep the first entry for each query parameter name."""
    return _first_of_each(entries, str)


def _first_of_each(entries: tuple[_NamedT, ...], fold: Callable[[str], str]) -> tuple[_NamedT, ...]:
    first: dict[str, _NamedT] = {}
    for entry in entries:
        first.setdefault(fold(entry.name), entry)
    return tuple(first.values())


def path_findings(path: HttpPathMatch) -> Iterator[Finding]:
    """Check the path of a match."""
    if path.type == "RegularExpression":
        yield from _regex_findings(path.value)
        return
    if not path.value.startswith("/"):
        yield Finding(("value",), f"must start with '/' in a path of type {path.type}")
    for part in _NOT_IN_A_PATH:
        if part in path.value:
            yield Finding(("value",), f"must not contain '{part}' in a path of type {path.type}")
    for part in _NOT_AT_THE_END:
        if path.value.endswith(part):
            yield Finding(("value",), f"must not end with '{part}' in a path of type {path.type}")
    if "#" not in path.value and not _PATH.fullmatch(path.value):
        yield Finding(("value",), "holds a character that no path may: write it as % and two hexadecimal digits")


def value_findings(match: HttpHeaderMatch | HttpQueryParamMatch) -> Iterator[Finding]:
    """Check the value of a header or query parameter match."""
    if match.type == "RegularExpression":
        yield from _regex_findings(match.value)


def _regex_findings(value: str) -> Iterator[Finding]:
    if not value:
        yield Finding(("value",), "is empty; write .* to match everything")
        return
    try:
        check_regex(value)
    except ValueError as err:
        yield Finding(("value",), str(err))


def backend_ref_findings(ref: HttpBackendRef) -> Iterator[Finding]:
    """Check a reference to a backend."""
    if (ref.group, ref.kind) == ("", "Service") and ref.port is None:
        yield Finding((), f"port is missing: name the port of Service {ref.name} that gets the traffic")


def timeout_findings(timeouts: HttpRouteTimeouts) -> Iterator[Finding]:
    """Check the timeouts of a rule; a request timeout of zero means none."""
    if timeouts.request is None or timeouts.backend_request is None:
        return
    limit = duration_s(timeouts.request)
    if limit and duration_s(timeouts.backend_request) > limit:
        message = f"is longer than timeouts.request ({timeouts.request}), of which it is a part"
        yield Finding(("backendRequest",), message)


def route_findings(route: HttpRouteSpec) -> Iterator[Finding]:
    """Check what the rules, and the parentRefs, of a route must not have in common."""
    if sum(len(rule.matches) for rule in route.rules) > _MAX_MATCHES:
        yield Finding(("rules",), f"hold more than {_MAX_MATCHES} matches together; split the route")
    yield from _equal_rule_names(route)
    yield from _indistinct_parents(route)


def _equal_rule_names(route: HttpRouteSpec) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, rule in enumerate(route.rules):
        if rule.name is not None and rule.name in seen:
            yield Finding(("rules", index, "name"), f"another rule is named {rule.name} too; rename one")
        seen.update([rule.name] if rule.name is not None else ())


def _indistinct_parents(route: HttpRouteSpec) -> Iterator[Finding]:
    first: dict[tuple[str, str, str | None, str], ParentReference] = {}
    seen: set[tuple[object, ...]] = set()
    for index, ref in enumerate(route.parent_refs):
        target = (ref.group, ref.kind, ref.namespace or None, ref.name)
        section = (*target, ref.section_name, ref.port)
        if section in seen:
            yield Finding(("parentRefs", index), "names the same parent as an entry before; delete one")
        elif not _has_equal_form(first.setdefault(target, ref), ref):
            message = f"every parentRef to {ref.name} must give sectionName, or port, as soon as one of them does"
            yield Finding(("parentRefs", index), message)
        seen.add(section)


def _has_equal_form(one: ParentReference, other: ParentReference) -> bool:
    same_section = (one.section_name is None) == (other.section_name is None)
    return same_section and (one.port is None) == (other.port is None)
