"""Text of a stranger in a length that we choose, and that it was cut. Cellar, pure.

Whoever connects says who it is, what it wants and why it refuses, in as many bytes as a message may have. What is
logged, kept or shown of that is cut here; what was cut ends with `…(1048576 bytes)`, the length that it had.
"""

from __future__ import annotations

import hashlib

_DIGEST_HEX_DIGITS = 16


def cut(text: str, most: int) -> str:
    """Return a text as it is, or its beginning and the length that it had.

    Args:
        text: what a stranger said.
        most: characters that are shown.
    """
    return text if len(text) <= most else f"{text[:most]}…({_bytes_of(text)} bytes)"


def cut_identity(text: str, most: int) -> str:
    """Return a name as it is, or cut so that two names that differ anywhere still differ.

    Args:
        text: what a stranger calls itself.
        most: characters that are shown.
    """
    if len(text) <= most:
        return text
    digest = hashlib.sha256(_encoded(text)).hexdigest()[:_DIGEST_HEX_DIGITS]
    return f"{text[:most]}…({_bytes_of(text)} bytes, sha256 {digest})"


def _bytes_of(text: str) -> int:
    return len(_encoded(text))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
