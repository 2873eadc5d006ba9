"""Why an Envoy, or an extension, refuses something, without what its words quote of that. Pure.

Envoy quotes freely (seen with 1.40): a field that breaks a rule of the API comes with the whole message around it, a
script with the line that is wrong, a URI, a format or a regular expression with its text. What says where and why is
kept; what stands in the resource is in the dump, where it is redacted by field. All of this is linear in the length of
a text that a stranger may have made, and the text is cut first.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from egxds.resources.sensitive import REDACTED, without_secrets

MAX_CHARACTERS = 64 * 1024
"""Of a refusal; the rest is cut off. Names of what is refused stand in it, and Envoy's own are far shorter."""

_CUT = "… (cut)"
_DUMP = "goo.gle/debug"
_AFTER_DUMP = re.compile(r"Proto constraint validation failed|Protobuf message \(type|Unknown field")
_LINE_OF_SCRIPT = re.compile(r'"\]:([0-9]{1,9}):')


def _of_script(found: re.Match[str]) -> str:
    """Of what Lua says, keep the line: around it are the start of the script, and what a script says of itself."""
    line = _LINE_OF_SCRIPT.search(found[0])
    return f"line {line[1]} of the script: {REDACTED}" if line else REDACTED


_QUOTED: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"-----BEGIN [^-]*-----[^-]*(?:-----END [^-]*-----)?"), REDACTED),
    (re.compile(r'\[string "[^\n]*'), _of_script),
    # Protobuf puts more or fewer blanks into its words, so that nobody relies on them.
    (re.compile(r"(reason [A-Z_]+:|JSON +in|parse +JSON|last +read:|JSON +supplied)[^\n]*"), rf"\1 {REDACTED}"),
    (re.compile(r"(Incorrect configuration: )[^\n]*"), rf"\1{REDACTED}"),
    (re.compile(r"((?:credential|api) key: )[^\n]*", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"(invalid URI: )[^\n]*", re.IGNORECASE), rf"\1{REDACTED}"),
    # RE2, in its words for what is wrong with an expression.
    (
        re.compile(
            r"((?:missing [])]|unexpected \)|trailing \\|no argument for repetition operator|bad repetition operator"
            r"|invalid (?:escape sequence|character class(?: range)?|perl operator|named capture group|UTF-8"
            r"|repetition size)|invalid nested repetition operator): )[^\n]*"
        ),
        rf"\1{REDACTED}",
    ),
    # A field of a message that is written out, as text or as JSON.
    (re.compile(r'(\b[a-z_A-Z]{1,64}"?: ?)"(?:[^"\\\n]|\\.)*"?'), rf'\1"{REDACTED}"'),
)


def without_quotes(text: str) -> str:
    """Return a refusal without what it quotes.

    Args:
        text: as an Envoy, or whoever says to be one, sent it.
    """
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS] + _CUT
    text = _without_dumps(text)
    for pattern, instead in _QUOTED:
        text = pattern.sub(instead, text)
    return without_secrets(text)


def _without_dumps(text: str) -> str:
    """Cut out messages that are written out: from where each starts to what is said of it."""
    kept, position = list[str](), 0
    while (start := text.find(_DUMP, position)) >= 0:
        kept.append(text[position:start] + REDACTED)
        found = _AFTER_DUMP.search(text, start)
        if found is None:
            return "".join(kept)
        kept.append(": ")
        position = found.start()
    return "".join(kept) + text[position:]
