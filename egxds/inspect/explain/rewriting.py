"""What becomes of path, host and Location: Envoy's rewrites and redirects. Pure."""

from __future__ import annotations

import re
from typing import Any

import re2

from egxds.inspect.explain.question import Part, Question, split_port

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_CODES = (301, 302, 303, 307, 308)
"""By the numbers of `RedirectAction.RedirectResponseCode`."""

_OPERATOR = re.compile(r"%%|%DYNAMIC_METADATA\(egxds\.redirect:host\)%|%REQ\(:path\)%|%REQ\(:authority\)%")


def rewritten(action: Any, match: Any, path: str) -> str:
    """Return a path, with its query, as a RouteAction or a RedirectAction leaves it.

    Args:
        action: with `prefix_rewrite`, or `regex_rewrite`, or neither.
        match: the RouteMatch that took the request.
        path: as it came.
    """
    asked, mark, query = path.partition("?")
    if action.HasField("regex_rewrite"):
        asked = re2.sub(action.regex_rewrite.pattern.regex, action.regex_rewrite.substitution, asked)
    elif action.prefix_rewrite:
        asked = action.prefix_rewrite + asked[len(_matched(match, asked)) :]
    return f"{asked}{mark}{query}"


def seen_host_of(action: Any, question: Question) -> str:
    """Return the Host that a backend sees, as far as that is in the route."""
    kind = action.WhichOneof("host_rewrite_specifier")
    if kind == "host_rewrite_literal":
        return str(action.host_rewrite_literal)
    return f"as {kind} says" if kind else question.authority


def redirect_status(redirect: Any) -> int:
    """Return the status of a redirect."""
    return _CODES[redirect.response_code]


def location_of(route: Any, question: Question) -> str:
    """Return the Location of a redirect.

    Args:
        route: the Route message.
        question: the request, as routes see it.
    """
    path = rewritten(route.redirect, route.match, question.path)
    headers = [each.header.value for each in route.response_headers_to_add if each.header.key.lower() == "location"]
    if headers:
        return _formatted(headers[-1], question, path)
    return _redirected(route.redirect, question, path)


def _redirected(redirect: Any, question: Question, path: str) -> str:
    (was,) = question.values(Part.SCHEME.value)
    scheme = redirect.scheme_redirect or ("https" if redirect.https_redirect else was)
    host, port = split_port(question.authority)
    if redirect.port_redirect:
        port = str(redirect.port_redirect)
    elif redirect.host_redirect or (scheme != was and port == _DEFAULT_PORTS.get(was)):
        port = ""
    if redirect.path_redirect:
        query = path.partition("?")[2] if "?" not in redirect.path_redirect else ""
        path = redirect.path_redirect + (f"?{query}" if query else "")
    if redirect.strip_query:
        path = path.partition("?")[0]
    return f"{scheme}://{redirect.host_redirect or host.removesuffix('.')}{f':{port}' if port else ''}{path}"


def _formatted(text: str, question: Question, path: str) -> str:
    """Fill in a header that takes parts of the request; what else Envoy would fill in stays as it is."""
    host = split_port(question.authority)[0]
    values = {"%%": "%", "%REQ(:path)%": path, "%REQ(:authority)%": question.authority}
    return _OPERATOR.sub(lambda found: values.get(found[0], host.removesuffix(".")), text)


def _matched(match: Any, asked: str) -> str:
    kind = match.WhichOneof("path_specifier")
    return asked if kind in ("safe_regex", "path", None) else asked[: len(getattr(match, kind, ""))]
