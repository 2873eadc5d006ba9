"""Wire room: who is connected, for the admin API. Streams come in and go, what they say of themselves goes out."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
from anyio.lowlevel import checkpoint

from egxds.names import SHORT_NAMES
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.status import ResourceStatus, TypeStatus
from egxds.sessions.unrecorded import Unrecorded

MAX_CLIENTS = 10_000
"""Streams at one time; each costs memory for the names it holds."""

_MAX_REFUSED = 20
_DIGEST_HEX_DIGITS = 8

Json = dict[str, object]


@dataclass(slots=True, eq=False)
class Client:
    """One open stream.

    Attributes:
        stream: number of the stream, unique in this process.
        peer: address it comes from.
        since_s: when it was opened, in seconds since 1970.
        session: its state.
        gateways: the Gateways it is served.
        is_fallback: it selects none of them.
    """

    stream: int
    peer: str
    since_s: float
    session: DeltaSession
    gateways: tuple[str, ...] = ()
    is_fallback: bool = False


class Clients:
    """The open streams."""

    def __init__(self, max_response_bytes: int | None = None) -> None:
        """Prepare for streams.

        Args:
            max_response_bytes: size over which their responses are cut; None where there is no limit.
        """
        self._max_response_bytes = max_response_bytes
        self._unrecorded = Unrecorded()
        self._open: dict[int, Client] = {}
        self._numbers = itertools.count(1)

    @property
    def is_full(self) -> bool:
        """Whether one more stream would be too many."""
        return len(self._open) >= MAX_CLIENTS

    def open(self, peer: str, now_s: float, fixed_type: str | None) -> Client:
        """Take note of a new stream.

        Args:
            peer: address it comes from.
            now_s: the time, in seconds since 1970.
            fixed_type: its one type; None where it is aggregated.
        """
        session = DeltaSession(fixed_type, self._unrecorded, self._max_response_bytes)
        client = Client(next(self._numbers), peer, now_s, session)
        self._open[client.stream] = client
        return client

    def close(self, client: Client) -> None:
        """Forget a stream that has ended."""
        self._open.pop(client.stream, None)

    def all(self) -> tuple[Client, ...]:
        """Return the open streams, the oldest first."""
        return tuple(self._open.values())

    async def describe(self) -> list[Json]:
        """Return every client as the admin API shows it, letting the streams work in between."""
        described = []
        for client in self.all():
            described.append(_describe(client, anyio.current_time()))
            await checkpoint()
        return described


def _describe(client: Client, now_s: float) -> Json:
    node = client.session.node
    return {
        "id": node.id if node else "",
        "cluster": node.cluster if node else "",
        "userAgent": node.user_agent if node else "",
        "peer": client.peer,
        "stream": client.stream,
        "connectedSince": datetime.fromtimestamp(client.since_s, UTC).isoformat(timespec="seconds"),
        "gateways": list(client.gateways),
        "fallback": client.is_fallback,
        "types": [_describe_type(status, now_s) for status in client.session.status()],
    }


def _describe_type(status: TypeStatus, now_s: float) -> Json:
    resources = status.resources.values()
    return {
        "type": SHORT_NAMES.get(status.type_url, status.type_url),
        "typeUrl": status.type_url,
        "state": status.state.value,
        "wildcard": status.is_wildcard,
        "subscribed": status.subscribed,
        "sent": status.sent,
        "acked": status.acked,
        "nacked": status.nacked,
        "lastSentNonce": status.last_sent_nonce,
        "lastAckedNonce": status.last_acked_nonce,
        "lastError": status.last_error,
        "secondsSinceAck": None if status.last_acked_at_s is None else round(now_s - status.last_acked_at_s, 1),
        "versions": {
            "sent": _digest((name, one.sent_version) for name, one in status.resources.items()),
            "acked": _digest((name, one.acked_version) for name, one in status.resources.items()),
        },
        "resources": {
            "held": sum(bool(one.sent_version) for one in resources),
            "acked": sum(_is_acked(one) for one in resources),
            "nacked": sum(bool(one.nacked_version) for one in resources),
        },
        "refused": [
            {"name": name, "version": one.nacked_version, "error": one.error}
            for name, one in itertools.islice(_refused(status), _MAX_REFUSED)
        ],
    }


def _digest(versions: Iterable[tuple[str, str]]) -> str:
    """Return a word for a set of resources in their versions: Envoys that hold the same have the same."""
    listed = "".join(f"{name}@{version}\n" for name, version in sorted(versions) if version)
    return hashlib.sha256(listed.encode()).hexdigest()[:_DIGEST_HEX_DIGITS] if listed else ""


def _is_acked(resource: ResourceStatus) -> bool:
    return bool(resource.sent_version) and resource.acked_version == resource.sent_version


def _refused(status: TypeStatus) -> list[tuple[str, ResourceStatus]]:
    return [(name, one) for name, one in sorted(status.resources.items()) if one.nacked_version]
