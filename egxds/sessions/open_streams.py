"""The open streams: opened and closed by the wire, listed for whoever describes them. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.in_order import InOrderByType
from egxds.sessions.named_resources import NameLimits
from egxds.sessions.used_unacked import UsedUnackedByNode

MAX_CLIENTS = 10_000
"""Streams at one time; each costs memory for the names it holds."""


def _nothing() -> None:
    """Wake nobody, before anybody asks."""


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
        is_canary: it is served a candidate, and not the head.
        wake: has its session asked for what is due.
    """

    stream: int
    peer: str
    since_s: float
    session: DeltaSession
    gateways: tuple[str, ...] = ()
    is_fallback: bool = False
    is_canary: bool = False
    wake: Callable[[], None] = _nothing


class Clients:
    """The open streams."""

    def __init__(self, max_response_bytes: int | None = None, limits: NameLimits | None = None) -> None:
        """Prepare for streams.

        Args:
            max_response_bytes: size over which their responses are cut; None where there is no limit.
            limits: how much each of them may name; None for what is usual.
        """
        self._limits = limits
        self._max_response_bytes = max_response_bytes
        self._used_unacked = UsedUnackedByNode()
        self._in_order = InOrderByType()
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
        session = DeltaSession(fixed_type, self._used_unacked, self._max_response_bytes, self._in_order, self._limits)
        client = Client(next(self._numbers), peer, now_s, session)
        self._open[client.stream] = client
        return client

    def close(self, client: Client) -> None:
        """Forget a stream that has ended."""
        self._open.pop(client.stream, None)

    def all(self) -> tuple[Client, ...]:
        """Return the open streams, the oldest first."""
        return tuple(self._open.values())

    def try_again(self, node_id: str | None, now_s: float) -> Mapping[str, int]:
        """Have what clients refused sent once more at once: somebody knows that the cause is gone.

        Args:
            node_id: of the clients; None for all.
            now_s: monotonic seconds.

        Returns:
            Node id → how many resources that is, of each client that is meant.
        """
        tried: Counter[str] = Counter()
        for client in self._open.values():
            node = client.session.node
            if node is not None and node_id in (None, node.id):
                tried[node.id] += client.session.try_again(now_s)
                client.wake()
        return tried
