"""Rules of an HTTPRoute's filters that no single field can state. Pure.

The rules are those of the HTTPRoute's CRD (Gateway API v1.6, validation rules of HTTPRouteFilter and
HTTPRouteRule), and what Envoy's own configuration would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egxds.model.findings import Finding

if TYPE_CHECKING:
    from egxds.model.route_objects import HttpHeaderFilter, HttpPathModifier, HttpRouteFilter, HttpRouteRule

_FIELD_OF_TYPE = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestRedirect": "requestRedirect",
    "URLRewrite": "urlRewrite",
    "ExtensionRef": "extensionRef",
}
_ONCE = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite")
_NOT_SERVED = ("CORS", "ExternalAuth", "RequestMirror")
_HOST_HEADER = "host"
"""Envoy refuses a whole RouteConfiguration that changes this header (router, header parser)."""


def check_is_served(type_: object) -> object:
    """Refuse the filters of Gateway API that are not served here; a filter must never be skipped.

    Raises:
        ValueError: it is one of them.
    """
    if type_ in _NOT_SERVED:
        raise ValueError(f"filters of type {type_} are not served here; delete the filter")
    return type_


def header_filter_findings(headers: HttpHeaderFilter) -> Iterator[Finding]:
    """Check which headers a filter changes."""
    named = [(("set", index, "name"), header.name) for index, header in enumerate(headers.set)]
    named += [(("add", index, "name"), header.name) for index, header in enumerate(headers.add)]
    for path, name in named:
        if name.lower() == _HOST_HEADER:
            yield Finding(path, "the Host header cannot be changed here; use a URLRewrite filter with hostname")
    for index, name in enumerate(headers.remove):
        if name.lower() == _HOST_HEADER:
            yield Finding(("remove", index), "the Host header cannot be removed")


def path_modifier_findings(path: HttpPathModifier) -> Iterator[Finding]:
    """Check that a path modifier has the field of its type and no other."""
    fields = {"ReplaceFullPath": path.replace_full_path, "ReplacePrefixMatch": path.replace_prefix_match}
    names = {"ReplaceFullPath": "replaceFullPath", "ReplacePrefixMatch": "replacePrefixMatch"}
    for type_, value in fields.items():
        if type_ == path.type and value is None:
            yield Finding((), f"{names[type_]} is missing; type {path.type} needs it")
        if type_ != path.type and value is not None:
            yield Finding((names[type_],), f"does not go with type {path.type}; delete it or change the type")


def filter_findings(entry: HttpRouteFilter) -> Iterator[Finding]:
    """Check that a filter has the field of its type and no other."""
    fields = {
        "requestHeaderModifier": entry.request_header_modifier,
        "responseHeaderModifier": entry.response_header_modifier,
        "requestRedirect": entry.request_redirect,
        "urlRewrite": entry.url_rewrite,
        "extensionRef": entry.extension_ref,
    }
    wanted = _FIELD_OF_TYPE[entry.type]
    for name, value in fields.items():
        if name == wanted and value is None:
            yield Finding((), f"{name} is missing; type {entry.type} needs it")
        if name != wanted and value is not None:
            yield Finding((name,), f"does not go with type {entry.type}; delete it or change the type")


def rule_filter_findings(rule: HttpRouteRule) -> Iterator[Finding]:
    """Check the filters of a rule against each other, its matches and its backends."""
    yield from _repeated_filters(rule)
    types = {entry.type for entry in rule.filters}
    if {"RequestRedirect", "URLRewrite"} <= types:
        yield Finding(("filters",), "RequestRedirect and URLRewrite cannot be used together; keep one")
    if "RequestRedirect" in types and rule.backend_refs:
        yield Finding(("backendRefs",), "a rule with RequestRedirect takes no backendRefs; delete one of the two")
    yield from _prefix_replacements(rule)


def _repeated_filters(rule: HttpRouteRule) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, entry in enumerate(rule.filters):
        if entry.type in seen and entry.type in _ONCE:
            yield Finding(("filters", index), f"{entry.type} is used more than once in this rule; merge them")
        seen.add(entry.type)


def _prefix_replacements(rule: HttpRouteRule) -> Iterator[Finding]:
    if len(rule.matches) == 1 and rule.matches[0].path.type == "PathPrefix":
        return
    if not rule.matches:
        return
    for index, entry in enumerate(rule.filters):
        changed = entry.request_redirect or entry.url_rewrite
        if changed is not None and changed.path is not None and changed.path.type == "ReplacePrefixMatch":
            message = "ReplacePrefixMatch needs a rule with exactly one match, of type PathPrefix"
            yield Finding(("filters", index), message)
