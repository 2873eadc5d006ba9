"""Wire room: how large the headers of a call may be, and what of them a connection keeps.

h2 takes lists of 64 KiB, which may be 1,800 headers of two bytes and 8 ms of work; it joins a megabyte of CONTINUATION
and decodes a string in it whole before it looks at sizes (0.13 s); and its encoder keeps a table as large as the
client asks for, which it walks along for each header that it writes. An Envoy sends a
dozen headers, and perhaps a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2.settings import SettingCodes
from hpack import Encoder

if TYPE_CHECKING:
    from h2.connection import H2Connection

HEADER_LIST_BYTES = 16 * 1024
"""As RFC 9113, section 6.5.2, counts them: with 32 for each. gRPC's own libraries take as much."""

TABLE_BYTES = 4096


class _BoundedEncoder(Encoder):
    """Keeps a table no larger than HTTP/2 begins with, whatever the client allows (RFC 7541, section 4.2)."""

    @property
    def header_table_size(self) -> int:
        return self.header_table.maxsize

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        self.header_table.maxsize = min(value, TABLE_BYTES)
        if self.header_table.resized:
            self.table_size_changes.append(self.header_table.maxsize)


def limit_headers(h2: H2Connection) -> None:
    """Bound the headers of a connection both ways.

    Args:
        h2: of a server; its SETTINGS are sent with the next bytes.
    """
    h2.encoder = _BoundedEncoder()
    # h2 itself would wait for the client to say that it has heard of it.
    h2.decoder.max_header_list_size = HEADER_LIST_BYTES
    h2.update_settings({SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES})
