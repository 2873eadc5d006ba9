"""Resources that a client drops unless it hears of them again in time. Pure.

A resource with a time to live is kept alive by its name and version, without its body, as long as the stream lives
(xDS protocol, TTL). Only what this stream was sent can be kept alive that way, and only in the version it was sent
(rule 97): a heartbeat of a version that the client does not hold has no body to go by, and is refused.

A heartbeat changes nothing that is known of the client and is not the one push that may be out (rule 99). What it is
good for was seen: a cluster or a Listener that expires goes as if it were removed; routes, endpoints and secrets in
use stay. Clients need not say that they know of TTLs: Envoy does not say so on a delta stream, and honours them (rule
98).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from egxds.snapshot.snapshot import VersionedResource

_PART_OF_TTL = 0.4
"""When a heartbeat goes out: before half of the time to live is over, so that one may be late."""


@dataclass(frozen=True, slots=True)
class _Beat:
    resource: VersionedResource
    due_at_s: float


class Heartbeats:
    """What one client is to be reminded of, of one type."""

    def __init__(self) -> None:
        self._beats: dict[str, _Beat] = {}

    def start(self, resources: Collection[VersionedResource], now_s: float) -> None:
        """Keep these alive from now on, as far as they need it; each has just been sent, or reminded of."""
        if self._beats:
            self.stop(resource.name for resource in resources)
        for resource in [resource for resource in resources if resource.ttl_s is not None]:
            self._beats[resource.name] = _Beat(resource, now_s + (resource.ttl_s or 0) * _PART_OF_TTL)

    def stop(self, names: Iterable[str]) -> None:
        """Let these go."""
        if self._beats:
            for name in names:
                self._beats.pop(name, None)

    def due(self, now_s: float) -> tuple[VersionedResource, ...]:
        """Return what the client is to be reminded of now, sorted by name."""
        due = [beat.resource for beat in self._beats.values() if beat.due_at_s <= now_s]
        return tuple(sorted(due, key=lambda resource: resource.name))

    def next_at_s(self) -> float:
        """Return when the next heartbeat is due; infinity where there is none."""
        return min((beat.due_at_s for beat in self._beats.values()), default=math.inf)
