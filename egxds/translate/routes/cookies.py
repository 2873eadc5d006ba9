"""Cookies that a rule asks for → matchers of the Cookie header. Pure.

A cookie is looked for between the semicolons, with quotation marks around its value or without. A regular expression
that takes a semicolon itself may go on into what follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from egxds.model.api.http_route_filter import CookieMatch
from egxds.model.resolve.cookie_requests import Cookies
from egxds.translate.routes.matches import Match

_HEADER = "cookie"


def with_cookies(matches: Iterable[Match], lists: tuple[Cookies, ...]) -> Iterator[Match]:
    """Yield matches of a rule with each of some lists of cookies; as they are where there is none."""
    for match in matches:
        for at, cookies in enumerate(lists):
            message = RouteMatch()
            message.CopyFrom(match.message)
            message.headers.extend(map(_matcher, cookies))
            index = max(match.index, 0) * len(lists) + at
            yield replace(match, index=index, rank=match.rank._replace(fewer_cookies=-len(cookies)), message=message)
        if not lists:
            yield match


def _matcher(cookie: CookieMatch) -> HeaderMatcher:
    value = re.escape(cookie.value) if cookie.type == "Exact" else f"(?:{cookie.value})"
    pattern = rf'(?:[^;]*;)*[ \t]*{re.escape(cookie.name)}[ \t]*=[ \t]*"?{value}"?[ \t]*(?:;.*)?'
    return HeaderMatcher(name=_HEADER, string_match=StringMatcher(safe_regex=RegexMatcher(regex=pattern)))
