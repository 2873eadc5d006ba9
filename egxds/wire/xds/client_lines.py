"""Wire room: which of the log lines about streams are written, and which are only counted. Pure.

What a client does is written, line by line, and a client may do ten thousand odd things in a second, or come back a
hundred times. So each client has some lines of each event, which come back with time:

    first line of a client      one of those that its address has for clients that are new
    any line                    one of those that the client has for the event, and of those that its address has
    none left                   counted, and said with the next line of that client and event that is written

    a client was cut off        what its streams do is written once in a while for its address, and counted in between

A client is an address without its port, and a node. It chooses its node, so new ones are few by address; one that is
known keeps its own lines, whatever others at its address ask that is odd. Of what is known the oldest makes room.

Who is cut off, for what it does or for what it does not take, comes back, and is cut off again: slowly, as a stream may
stall for a minute, and so within any rate that leaves an honest client its lines. Hence the third rule.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from egxds.wire.repeated_lines import RepeatedLines

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

OF_ADDRESS = Rate(500, 2.0)
"""All lines of the clients of one address."""

CUT_OFF_S = 600.0
"""How long a client is one that was cut off, and how seldom its streams are written about then."""

_OF_STREAMS = frozenset({"session.open", "session.push", "session.refused", "session.close", "session.last_lost"})

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


@dataclass(frozen=True, slots=True)
class _Host:
    """What the clients of one address share."""

    new_clients: _Allowance
    lines: _Allowance

    @classmethod
    def seen(cls, now_s: float) -> _Host:
        return cls(_Allowance(NEW_CLIENTS.burst, now_s), _Allowance(OF_ADDRESS.burst, now_s))


class ClientLines:
    """The lines of all streams of a server."""

    def __init__(self) -> None:
        """Start with no client known."""
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self._clients: OrderedDict[tuple[str, str], dict[str, _Allowance]] = OrderedDict()
        self._cut_off_s: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._seldom = RepeatedLines(CUT_OFF_S)

    def cut_off(self, host: str, node: str, now_s: float) -> None:
        """Note that the server ended a stream for what its client did.

        Args:
            host: address of the client, without its port.
            node: its node id, likewise as in its lines.
            now_s: monotonic seconds.
        """
        who = (host, node)
        _recent(self._cut_off_s, who)
        _kept(self._cut_off_s, who, now_s)

    def unwritten(self, line: Line, now_s: float) -> int | None:
        """Say whether a line is to be written, and count it otherwise.

        Args:
            line: whose it is, and of what.
            now_s: monotonic seconds.

        Returns:
            How many were not written since the last one that was; None where this one is not to be written either.
        """
        who = (line.host, line.node)
        cut_off_s = self._cut_off_s.get(who)
        if line.event in _OF_STREAMS and cut_off_s is not None and now_s - cut_off_s < CUT_OFF_S:
            return self._seldom.unwritten((line.host, line.event), now_s)
        host = _recent(self._hosts, line.host) or _kept(self._hosts, line.host, _Host.seen(now_s))
        events = _recent(self._clients, who)
        if events is None:
            if not host.new_clients.take(NEW_CLIENTS, now_s):
                return None
            events = _kept(self._clients, who, {})
        rate = OF_EVENT.get(line.event, USUAL)
        allowance = events.setdefault(line.event, _Allowance(rate.burst, now_s))
        if not allowance.take(rate, now_s) or not host.lines.take(OF_ADDRESS, now_s):
            return None
        return allowance.told() + host.new_clients.told() + host.lines.told()


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
