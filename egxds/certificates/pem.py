"""PEM, read as people make it and written as Envoy takes it. Pure.

Envoy is strict about the text around the bytes: a byte order mark, blanks before a line, a missing line end between
two blocks, and it refuses what other software reads (envoyproxy/gateway issue 8519). So blocks are found wherever they
are, and what goes out is written anew from their bytes. What is lost stays lost: a block that does not end, or whose
text is no base64, is a fault, and never passed over.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

_BLOCK = re.compile(rb"-----BEGIN ([^-\r\n]*)-----(.*?)-----END \1-----", re.DOTALL)
_EDGE = re.compile(rb"-----(?:BEGIN|END) ")
_PLAIN_EDGE = re.compile(rb"^-----(?:BEGIN|END) [^-\r\n]*-----[ \t\r]*$", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t\r\n\f\v]+")
_HEADER = re.compile(rb"\s*[A-Za-z0-9-]+:[^\r\n]*(?:\r\n?|\n)")
_ENCRYPTED = b"ENCRYPTED"
_WIDTH = 64


@dataclass(frozen=True, slots=True)
class Block:
    """One block.

    Attributes:
        label: what its lines of dashes name, such as `CERTIFICATE`.
        body: the bytes in it.
        is_encrypted: whether a password is needed to make something of it.
    """

    label: str
    body: bytes = field(repr=False)
    is_encrypted: bool = False


def read_pem(text: bytes) -> tuple[Block, ...] | str:
    """Return the blocks of a text in their order, or what is wrong with them, without any part of them.

    Args:
        text: with whatever stands before, between and after the blocks.
    """
    if _EDGE.search(_BLOCK.sub(b"", text)):
        return "a block of it is cut off: BEGIN and END lines do not belong together"
    found = [_block(match[1], match[2]) for match in _BLOCK.finditer(text)]
    if any(block is None for block in found):
        return "a block of it is not base64"
    return tuple(block for block in found if block is not None)


def is_plain(text: bytes) -> bool:
    """Tell whether each line of dashes stands alone, as Envoy's library asks of a text that is not written anew."""
    return len(_PLAIN_EDGE.findall(text)) == len(_EDGE.findall(text))


def write_pem(label: str, body: bytes) -> bytes:
    """Write a block, its last line ended.

    Args:
        label: such as `CERTIFICATE`.
        body: the bytes in it.
    """
    text = base64.b64encode(body)
    lines = (text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH))
    edge = label.encode()
    return b"\n".join((b"-----BEGIN %s-----" % edge, *lines, b"-----END %s-----\n" % edge))


def _block(label: bytes, text: bytes) -> Block | None:
    """Return a block; nothing where its text is no base64."""
    headers = b""
    while match := _HEADER.match(text):
        headers, text = headers + match[0], text[match.end() :]
    try:
        body = base64.b64decode(_BLANKS.sub(b"", text), validate=True)
    except binascii.Error:
        return None
    return Block(label.decode("latin-1"), body, _ENCRYPTED in label + headers)
