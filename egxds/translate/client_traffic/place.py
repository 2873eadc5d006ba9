"""Where requests are taken, and how long something lasts: what the files of this folder have in common. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from egxds.model.api.scalars import duration_s
from egxds.settings.client_traffic import ClientTrafficSettings


@dataclass(frozen=True, slots=True)
class ManagerPlace:
    """Where a connection manager stands.

    Attributes:
        defaults: what the settings ask of all.
        hostname: of the listener; `*` where it names none.
    """

    defaults: ClientTrafficSettings
    hostname: str


def lasting(text: str) -> Duration:
    """Return a duration as Envoy has it."""
    found = Duration()
    found.FromMilliseconds(round(duration_s(text) * 1000))
    return found
