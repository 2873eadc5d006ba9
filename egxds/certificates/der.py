"""DER, as far as it takes to look into a certificate: what follows what, and what is within. Pure.

The library that reads certificates reads an extension only together with all others, and refuses all for one that it
does not understand. Envoy looks at a few of them, each by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_LONG_FORM = 0x80


class Element(NamedTuple):
    """One value.

    Attributes:
        tag: what it is.
        content: what is in it.
        whole: itself, tag and length included.
    """

    tag: int
    content: bytes
    whole: bytes


def elements(der: bytes) -> Iterator[Element]:
    """Iterate over values that follow each other.

    Raises:
        ValueError: one of them ends behind the bytes; those before it have been yielded.
    """
    while der:
        found = first_element(der)
        yield found
        der = der[len(found.whole) :]


def first_element(der: bytes) -> Element:
    """Return the first value; what follows is not looked at.

    Raises:
        ValueError: it ends behind the bytes, or there is none.
    """
    if len(der) < 2:
        raise ValueError("no value")
    length, start = der[1], 2
    if length & _LONG_FORM:
        start += length & ~_LONG_FORM
        length = int.from_bytes(der[2:start])
    end = start + length
    if end > len(der):
        raise ValueError("a value that does not end")
    return Element(der[0], der[start:end], der[:end])
