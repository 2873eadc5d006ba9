"""How many resources one stream may name, and with how many bytes. Pure.

What a client asks for is remembered while its stream lasts, whether there is such a thing or not: who asks for ever
more would have ever more of it kept. What it reports to hold counts as long: it is forgotten with the first answer,
and a client that takes no answer has it kept, type by type.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egxds.errors import RemoteProtocolError
from egxds.sessions.events import Request
from egxds.sessions.subscription import size_of

if TYPE_CHECKING:
    from egxds.sessions.type_state import TypeState

BYTES_SETTING = "xds.limits.nameBytes"

_RESOURCE_EXHAUSTED = 8


@dataclass(frozen=True, slots=True)
class NameLimits:
    """What one stream may name.

    Attributes:
        count: of resources: an Envoy that reconnects names each twice.
        size_bytes: of their names.
    """

    count: int = 1_000_000
    size_bytes: int = 64 * 1024 * 1024


class NamedResources:
    """What one stream names."""

    def __init__(self, limits: NameLimits) -> None:
        """Start with nothing.

        Args:
            limits: how much it may be.
        """
        self._limits = limits
        self._reported_bytes = 0

    def take(self, types: Collection[TypeState], request: Request, *, is_first: bool) -> None:
        """Look at a request, and remember the size of what it reports.

        Args:
            types: what the stream has asked for.
            request: what is to come on top.
            is_first: whether it is the first of its type, which alone reports something.

        Raises:
            RemoteProtocolError: it would be too much.
        """
        count = sum(state.subscribed_count for state in types)
        if count + len(request.subscribe) + len(request.initial_versions) > self._limits.count:
            raise RemoteProtocolError(_RESOURCE_EXHAUSTED, f"one stream may name {self._limits.count} resources")
        reported = size_of(request.initial_versions) + size_of(request.initial_versions.values())
        size = self._reported_bytes + reported + sum(state.name_bytes for state in types) + size_of(request.subscribe)
        if size > self._limits.size_bytes:
            text = f"the names of one stream may have {self._limits.size_bytes} bytes ({BYTES_SETTING})"
            raise RemoteProtocolError(_RESOURCE_EXHAUSTED, text, BYTES_SETTING)
        if is_first:
            self._reported_bytes += reported
