"""The listener that a route is served by, as far as what is written for it depends on that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ServedAt:
    """How clients reach a listener.

    Attributes:
        gateway: `<namespace>/<name>` of its Gateway.
    """

    gateway: str
    scheme: Literal["http", "https"]
    port: int
