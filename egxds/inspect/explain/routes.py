"""Whether a route takes a request, and at what it misses it: Envoy's RouteMatch. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from egxds.cut_text import cut
from egxds.inspect.explain.matching import (
    HOLDS,
    SHOWN_CHARACTERS,
    Finding,
    Holds,
    depends,
    is_full_match,
    no,
    percent,
    share_of,
    shown_value,
    text_matches,
    text_wanted,
)
from egxds.inspect.explain.question import Question
from egxds.resources.sensitive import is_telling_header

_GRPC = "application/grpc"
_CONNECT = "CONNECT"
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")


def findings(match: Any, question: Question) -> list[Finding]:
    """Return what keeps a route from taking a request, or what that depends on; nothing where it takes it.

    Args:
        match: its RouteMatch message.
        question: the request, its path as the connection manager has left it.
    """
    return [each for each in _all(match, question) if each.holds is not Holds.YES]


def path_holds(match: Any, question: Question) -> bool:
    """Tell whether the path of a route fits a request, whatever else it asks for."""
    return _path(match, question).holds is not Holds.NO


def path_text(match: Any) -> str:
    """Say which paths a route takes."""
    kind = match.WhichOneof("path_specifier")
    match kind:
        case "prefix" | "path" | "path_separated_prefix":
            word = {"prefix": "prefix", "path": "path", "path_separated_prefix": "prefix"}[kind]
            return f"{word} {getattr(match, kind)}"
        case "safe_regex":
            return f"regular expression {match.safe_regex.regex}"
        case "connect_matcher":
            return "CONNECT"
        case _:
            return "a path that an extension of Envoy knows"


def _all(match: Any, question: Question) -> Iterator[Finding]:
    yield _path(match, question)
    for matcher in match.headers:
        yield _header(matcher, question)
    for matcher in match.query_parameters:
        yield _parameter(matcher, _parameters(question.path))
    if match.HasField("grpc"):
        yield _grpc(question)
    if match.HasField("tls_context"):
        yield depends("on the client's certificate")
    if match.dynamic_metadata:
        yield depends("on metadata that filters set")
    if match.filter_state:
        yield depends("on state that filters set")
    if match.HasField("runtime_fraction"):
        yield _fraction(match.runtime_fraction.default_value)


def _path(match: Any, question: Question) -> Finding:
    kind = match.WhichOneof("path_specifier")
    if (question.method == _CONNECT) != (kind == "connect_matcher"):
        return no("it takes CONNECT" if kind == "connect_matcher" else "it takes no CONNECT")
    if kind == "path_match_policy":
        return depends("on a path pattern that an extension of Envoy reads")
    asked = question.path.partition("?")[0]
    return (
        HOLDS
        if kind == "connect_matcher" or _takes_path(match, kind, asked)
        else no(f"its path is not {cut(asked, SHOWN_CHARACTERS)}: it takes {path_text(match)}")
    )


def _takes_path(match: Any, kind: str | None, asked: str) -> bool:
    if kind == "safe_regex":
        return is_full_match(match.safe_regex.regex, asked)
    wanted = getattr(match, kind) if kind else ""
    if match.HasField("case_sensitive") and not match.case_sensitive.value:
        wanted, asked = wanted.lower(), asked.lower()
    if kind == "path":
        return asked == wanted
    if kind == "path_separated_prefix":
        return asked == wanted or asked.startswith(f"{wanted}/")
    return asked.startswith(wanted)


def _header(matcher: Any, question: Question) -> Finding:
    """Look at each value of a header by itself: one that fits is enough, or too many where the match is inverted."""
    name = matcher.name.lower()
    values = question.values(name)
    told = f"header {name}" if not name.startswith(":") else name.removeprefix(":")
    kind = matcher.WhichOneof("header_match_specifier")
    if kind in (None, "present_match"):
        wanted = matcher.present_match if kind else True
        holds = (bool(values) == wanted) != matcher.invert_match
        return HOLDS if holds else no(f"{told} is {'there' if values else 'missing'}")
    if not values and not matcher.treat_missing_header_as_empty:
        return no(f"{told} is missing")
    found = [_takes_value(matcher, kind, value) for value in values or ("",)]
    if True not in found and None in found:
        return depends(f"on what an extension of Envoy thinks of {told}")
    if (True in found) != matcher.invert_match:
        return HOLDS
    return no(_missed(matcher, kind, told, cut(", ".join(values), SHOWN_CHARACTERS)))


def _takes_value(matcher: Any, kind: str, value: str) -> bool | None:
    wanted = getattr(matcher, kind)
    if kind == "string_match":
        return text_matches(wanted, value)
    if kind == "safe_regex_match":
        return is_full_match(wanted.regex, value)
    if kind == "range_match":
        number = int(value) if _NUMBER.fullmatch(value) else None
        return number is not None and wanted.start <= number < wanted.end
    old: dict[str, bool] = {"exact_match": value == wanted, "prefix_match": value.startswith(wanted)}
    return {**old, "suffix_match": value.endswith(wanted), "contains_match": wanted in value}[kind]


def _missed(matcher: Any, kind: str, told: str, value: str) -> str:
    """Say at what a header misses; what is secret of it, on either side, is not said."""
    if is_telling_header(matcher.name):
        return f"{told} has another value"
    if matcher.invert_match:
        return f"{told} is {value!r}, which it does not take"
    match kind:
        case "string_match":
            return f"{told} is {value!r} and not {text_wanted(matcher.string_match)}"
        case "safe_regex_match":
            return f"{told} is {value!r} and not matched by {matcher.safe_regex_match.regex!r}"
        case "range_match":
            return f"{told} is {value!r} and not from {matcher.range_match.start} to below {matcher.range_match.end}"
        case _:
            wanted = getattr(matcher, kind)
            return f"{told} is {value!r} and not {kind.removesuffix('_match')} {wanted!r}"


@lru_cache(maxsize=1)  # a request is asked of each route in turn
def _parameters(path: str) -> Mapping[str, str]:
    """Return the first value of each parameter of a query, not decoded: so Envoy compares them."""
    query = path.partition("?")[2].partition("#")[0]
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(name, value)
    return found


def _parameter(matcher: Any, parameters: Mapping[str, str]) -> Finding:
    value = parameters.get(matcher.name)
    told = f"query parameter {matcher.name}"
    if matcher.WhichOneof("query_parameter_match_specifier") != "string_match":
        wanted = matcher.present_match or not matcher.WhichOneof("query_parameter_match_specifier")
        is_there = value is not None
        return HOLDS if is_there == wanted else no(f"{told} is {'there' if is_there else 'missing'}")
    if value is None:
        return no(f"{told} is missing")
    found = text_matches(matcher.string_match, value)
    if found is None:
        return depends(f"on what an extension of Envoy thinks of {told}")
    if found:
        return HOLDS
    if is_telling_header(matcher.name):
        return no(f"{told} has another value")
    return no(f"{told} is {shown_value(matcher.name, value)!r} and not {text_wanted(matcher.string_match)}")


def _grpc(question: Question) -> Finding:
    if any(value == _GRPC or value.startswith(f"{_GRPC}+") for value in question.values("content-type")):
        return HOLDS
    return no("it takes gRPC only (content-type application/grpc)")


def _fraction(fraction: Any) -> Finding:
    numerator, denominator = share_of(fraction)
    if numerator >= denominator:
        return HOLDS
    if not numerator:
        return no("it takes no share of the requests")
    return depends(f"on chance: {percent(numerator, denominator)} of the requests, with those of the routes before it")
