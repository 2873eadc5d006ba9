"""Wire room: which of the log lines about streams are written, and which are only counted. Pure.

What a client does is written, line by line, and a client may do ten thousand odd things in a second, or come back a
hundred times. So each client has some lines of each event, which come back with time:

    first line of a client      one of those that its address has for clients that are new
    any line                    one of those that the client has for the event
    none left                   counted, and said with the next line of that client and event that is written

A client is an address without its port, and a node. It chooses its node, so new ones are few by address; one that is
known keeps its own lines, whatever others at its address do. Of what is known the oldest makes room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

_KNOWN = 4096
"""Clients, and addresses, that are told apart; a thousand Envoys are four thousand with room for strangers."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many lines there are.

    Attributes:
        burst: at once.
        per_s: that come back in a second.
    """

    burst: int
    per_s: float


NEW_CLIENTS = Rate(50, 1.0)
"""Clients of one address that nobody knew."""

USUAL = Rate(5, 0.1)
"""Lines of one client and event."""

OF_EVENT: Mapping[str, Rate] = {"session.push": Rate(50, 2.0), "session.nack": Rate(20, 0.5)}
"""Events with other rates: an edit is a push of several types, and a refusal names its resource."""


class Line(NamedTuple):
    """What tells a line from others.

    Attributes:
        host: address of the client, without its port.
        node: its node id, of a length that no client chooses; empty before it is known.
        event: name of the event.
    """

    host: str
    node: str
    event: str


@dataclass(slots=True)
class _Allowance:
    left: float
    at_s: float
    unwritten: int = 0

    def take(self, rate: Rate, now_s: float) -> bool:
        self.left = min(rate.burst, self.left + (now_s - self.at_s) * rate.per_s)
        self.at_s = now_s
        if self.left < 1:
            self.unwritten += 1
            return False
        self.left -= 1
        return True

    def told(self) -> int:
        unwritten, self.unwritten = self.unwritten, 0
        return unwritten


class ClientLines:
    """The lines of all streams of a server."""

    def __init__(self) -> None:
        """Start with no client known."""
        self._hosts: OrderedDict[str, _Allowance] = OrderedDict()
        self._clients: OrderedDict[tuple[str, str], dict[str, _Allowance]] = OrderedDict()

    def unwritten(self, line: Line, now_s: float) -> int | None:
        """Say whether a line is to be written, and count it otherwise.

        Args:
            line: whose it is, and of what.
            now_s: monotonic seconds.

        Returns:
            How many were not written since the last one that was; None where this one is not to be written either.
        """
        who = (line.host, line.node)
        host = _recent(self._hosts, line.host) or _kept(self._hosts, line.host, _Allowance(NEW_CLIENTS.burst, now_s))
        events = _recent(self._clients, who)
        if events is None:
            if not host.take(NEW_CLIENTS, now_s):
                return None
            events = _kept(self._clients, who, {})
        rate = OF_EVENT.get(line.event, USUAL)
        allowance = events.setdefault(line.event, _Allowance(rate.burst, now_s))
        return allowance.told() + host.told() if allowance.take(rate, now_s) else None


def _recent(known: OrderedDict[KeyT, ValueT], key: KeyT) -> ValueT | None:
    found = known.get(key)
    if found is not None:
        known.move_to_end(key)
    return found


def _kept(known: OrderedDict[KeyT, ValueT], key: KeyT, value: ValueT) -> ValueT:
    known[key] = value
    if len(known) > _KNOWN:
        known.popitem(last=False)
    return value
