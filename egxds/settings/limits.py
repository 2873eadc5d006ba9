"""What a client may ask of the xDS server and of the admin port at most, beyond the size of a message. Pure.

Each default of the xDS server lets a thousand Envoys with ten thousand names each come back at once over one address,
or two thousand through a proxy on one connection.
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
        streams_per_peer: of them, from one address; a Unix socket has no addresses.
        watches: of them, of the health check and of client status, each.
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
    streams_per_peer: _Count = 10_000
    watches: _Count = 1_000
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


class AdminLimits(SettingsModel):
    """Limits of the admin port. Where all connections are taken, the one makes room that was silent for longest.

    Attributes:
        connections: open at the same time, in all.
        connections_per_peer: of them, from one address; a Unix socket has no addresses.
        request_timeout: seconds from the start of a request, or of the connection, to its end.
        idle_timeout: seconds between an answer and the next request on the same connection.
        head_bytes: of a request's target and headers.
        url_bytes: of them, the target.
        body_bytes: of a request's body.
        answers_at_once: below `/api/v1`, that are made, one at a time, or wait for it; half of them for one
            address.
        listeners: to `/api/v1/events`; half of them from one address.
        answer_timeout: seconds in which something of an answer has to be taken.
        unsent_bytes: held of answers that were not taken, in all; the one that was begun first makes room.
    """

    connections: _Count = 256
    connections_per_peer: _Count = 128
    request_timeout: Annotated[DurationSeconds, Field(gt=0)] = 10.0
    idle_timeout: Annotated[DurationSeconds, Field(gt=0)] = 60.0
    head_bytes: Annotated[ByteSize, Field(ge=1024)] = 16 * 1024
    url_bytes: Annotated[ByteSize, Field(ge=256)] = 4 * 1024
    body_bytes: ByteSize = 1024
    answers_at_once: _Count = 16
    listeners: _Count = 32
    answer_timeout: Annotated[DurationSeconds, Field(gt=0)] = 60.0
    unsent_bytes: ByteSize = 256 * 1024 * 1024
