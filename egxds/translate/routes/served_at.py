"""The listener that a route is served by, as far as what is written for it depends on that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from egxds.translate.host_without_port import DEFAULT_PORTS


@dataclass(frozen=True, slots=True)
class ServedAt:
    """How clients reach a listener."""

    scheme: Literal["http", "https"]
    port: int

    @property
    def has_default_port(self) -> bool:
        """Whether clients need not name the port."""
        return self.port == DEFAULT_PORTS[self.scheme]
