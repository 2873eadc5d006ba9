"""What a text must be like, as Envoy has it. Pure."""

from __future__ import annotations

from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from egxds.model.api.client_traffic.scalars import TextMatch


def text_matcher(match: TextMatch) -> StringMatcher:
    """Write what a text must be like."""
    match match.type:
        case "Exact":
            return StringMatcher(exact=match.value)
        case "Prefix":
            return StringMatcher(prefix=match.value)
        case "Suffix":
            return StringMatcher(suffix=match.value)
        case "RegularExpression":
            return StringMatcher(safe_regex=RegexMatcher(regex=match.value))
