"""What a client may ask of the xDS server at most, beyond the size of a message. Pure.

Each default lets a thousand Envoys with ten thousand names each come back at once over one address, or two thousand
through a proxy on one connection.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from egxds.settings.quantities import ByteSize, DurationSeconds, SettingsModel

_Count = Annotated[int, Field(ge=1)]


class XdsLimits(SettingsModel):
    """Limits of the xDS port. A rate is of one connection, which may run ahead of it by ten seconds' worth.

    Attributes:
        connections: open at the same time, in all.
        connections_per_peer: of them, from one address; a Unix socket has no addresses.
        streams: open at the same time, in all.
        streams_per_second: that are opened or reset.
        pings_per_second: PING frames.
        settings_per_second: values in SETTINGS frames.
        frames_per_second: other frames that carry little, for the connection and for each fifty of its streams; one
            more for each KiB that the client was sent.
        receive_bytes: held of messages that are not finished, in all; at least `maxReceiveMessageSize`.
        send_bytes: held of responses that clients have not taken yet, in all.
        unread_bytes: received and not read yet, in all; two thousand Envoys with a full window each.
        unwritten_bytes: written to connections and not taken by their sockets, in all.
        name_bytes: of the names that one stream asks for and reports; ten thousand of 200 bytes, asked for and
            reported, are a tenth of it.
        message_timeout: seconds that the next bytes of a message may take that was begun.
    """

    connections: _Count = 10_000
    connections_per_peer: _Count = 5_000
    streams: _Count = 20_000
    streams_per_second: _Count = 400
    pings_per_second: _Count = 100
    settings_per_second: _Count = 20
    frames_per_second: _Count = 200
    receive_bytes: ByteSize = 256 * 1024 * 1024
    send_bytes: ByteSize = 256 * 1024 * 1024
    unread_bytes: ByteSize = 256 * 1024 * 1024
    unwritten_bytes: ByteSize = 256 * 1024 * 1024
    name_bytes: ByteSize = 64 * 1024 * 1024
    message_timeout: Annotated[DurationSeconds, Field(gt=0)] = 10.0
