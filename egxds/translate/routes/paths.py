"""Path modifiers of redirects and rewrites → Envoy's fields for them. Pure.

Envoy replaces a matched prefix as text: replacing `/foo` by `/` would make `//bar` of `/foo/bar`, and replacing
`/` by `/xyz` would make `/xyzbar` of `/bar`. The table of HTTPPathModifier.replacePrefixMatch (Gateway API)
wants one slash in both.
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RedirectAction, RouteAction
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher

from egxds.model.api.http_filters import HttpPathModifier
from egxds.model.resolve.match_order import path_prefix

_WHOLE_PATH = "^/.*$"


def rewrite_path(action: RouteAction, path: HttpPathModifier, matched_prefix: str) -> None:
    """Write how the path changes on the way to the backend.

    Args:
        action: gets the change.
        path: the change.
        matched_prefix: the prefix that the match asks for, as the user wrote it.
    """
    if path.replace_full_path is not None:
        substitute_path(action, _absolute(path.replace_full_path))
    else:
        _replace_prefix(action, matched_prefix, path.replace_prefix_match or "")


def redirect_path(action: RedirectAction, path: HttpPathModifier, matched_prefix: str) -> None:
    """Write how the path changes in the Location that a client is sent to; arguments as in `rewrite_path`."""
    if path.replace_full_path is not None:
        action.path_redirect = _absolute(path.replace_full_path)
    else:
        _replace_prefix(action, matched_prefix, path.replace_prefix_match or "")


def substitute_path(action: RouteAction | RedirectAction, path: str) -> None:
    """Have a path, taken literally, replace that of the request, whose query stays."""
    action.regex_rewrite.CopyFrom(_substitute(_WHOLE_PATH, path.replace("\\", "\\\\")))


def _replace_prefix(action: RouteAction | RedirectAction, matched_prefix: str, replacement: str) -> None:
    prefix, new = path_prefix(matched_prefix), path_prefix(_absolute(replacement))
    if prefix and new:
        action.prefix_rewrite = new
    elif new:
        action.prefix_rewrite = new + "/"
    elif prefix:
        # Counting path elements keeps the expression small: Envoy limits its size, not that of a prefix.
        elements = prefix.count("/")
        action.regex_rewrite.CopyFrom(_substitute(f"^(?:/[^/]+){{{elements}}}/*", "/"))


def _substitute(regex: str, substitution: str) -> RegexMatchAndSubstitute:
    return RegexMatchAndSubstitute(pattern=RegexMatcher(regex=regex), substitution=substitution)


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"
