"""Whether something holds for a request, by Envoy's rules; texts, regular expressions and shares. Pure.

A condition either holds, or says why it does not, or says what it depends on that a request does not tell.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import re2

from egxds.cut_text import cut
from egxds.re2_syntax import check_regex
from egxds.resources.sensitive import REDACTED, is_telling_header

_DENOMINATORS = (100, 10_000, 1_000_000)
"""By the numbers of `FractionalPercent.DenominatorType`."""


SHOWN_CHARACTERS = 300
"""Of a value of the request that is told, once for each route that does not take it."""


class Holds(enum.Enum):
    """What is known of a condition."""

    YES = "yes"
    NO = "no"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a condition comes to.

    Attributes:
        holds: whether it does.
        text: why not, or on what it depends; empty where it holds.
    """

    holds: Holds = Holds.YES
    text: str = ""


HOLDS = Finding()


def no(text: str) -> Finding:
    """Return that a condition does not hold, and why."""
    return Finding(Holds.NO, text)


def depends(text: str) -> Finding:
    """Return that it depends, and on what."""
    return Finding(Holds.DEPENDS, text)


def is_full_match(regex: str, value: str) -> bool:
    """Tell whether a regular expression matches a whole text; Envoy refuses what is none, so it matches nothing."""
    try:
        return re2.fullmatch(check_regex(regex), value) is not None
    except ValueError:
        return False


def text_matches(matcher: Any, value: str) -> bool | None:
    """Tell whether a StringMatcher takes a value; None where that is left to an extension of Envoy."""
    kind = matcher.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return is_full_match(matcher.safe_regex.regex, value)
    if kind == "custom":
        return None
    wanted = getattr(matcher, kind) if kind else ""
    if matcher.ignore_case:
        wanted, value = wanted.lower(), value.lower()
    return {
        "exact": value == wanted,
        "prefix": value.startswith(wanted),
        "suffix": value.endswith(wanted),
        "contains": wanted in value,
    }.get(kind or "exact", False)


def text_wanted(matcher: Any) -> str:
    """Say what a StringMatcher wants, to stand behind "is not"."""
    kind = matcher.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return f"matched by {matcher.safe_regex.regex!r}"
    if kind == "custom":
        return "what an extension of Envoy wants"
    wanted = getattr(matcher, kind) if kind else ""
    return repr(wanted) if kind in ("exact", None) else f"one with {kind} {wanted!r}"


def shown_value(name: str, value: str) -> str:
    """Return the value of a header or parameter as it may be shown."""
    return REDACTED if is_telling_header(name) else cut(value, SHOWN_CHARACTERS)


def share_of(fraction: Any) -> tuple[int, int]:
    """Return numerator and denominator of a FractionalPercent."""
    return fraction.numerator, _DENOMINATORS[fraction.denominator]


def percent(numerator: int, denominator: int) -> str:
    """Return a share for people, such as `25 %`."""
    return f"{100 * numerator / denominator:.4g} %"
