"""The kinds that people mean by what they type: `httproute`, `gateways`, `HTTPRoute`. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def find_kind(text: str, kinds: Iterable[str]) -> str | None:
    """Return the kind that is meant, in any case and perhaps in the plural; None where there is none.

    Args:
        text: what somebody typed.
        kinds: those that there are.
    """
    named = {kind.lower(): kind for kind in kinds}
    plurals = {_plural(lower): kind for lower, kind in named.items()}
    return named.get(text.lower()) or plurals.get(text.lower())


def unknown_kind(text: str, kinds: Iterable[str]) -> str:
    """Say that there is no such kind, and which may have been meant."""
    known = sorted(kinds)
    near = difflib.get_close_matches(text.lower(), [kind.lower() for kind in known], n=1)
    hint = next((f"did you mean {kind}?" for kind in known if near and kind.lower() == near[0]), "")
    return f"no kind {text!r}; {hint or 'there are: ' + ', '.join(known)}"


def _plural(word: str) -> str:
    return (
        f"{word[:-1]}ies"
        if word.endswith("y") and word[-2:-1] not in "aeiou"
        else f"{word}s"
        if word[-1] != "s"
        else f"{word}es"
    )
