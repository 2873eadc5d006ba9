"""httpUpgrade: the protocols that requests of a rule may turn to, in the place of WebSockets. Pure.

A protocol is one word, in any case; of two entries that name the same one the first counts, since Envoy takes no more.
None of it decides on access.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.backend_traffic.upgrades import CONNECT, HttpUpgrade
from egxds.model.resolve.features.feature import Feature, FeatureContext

WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Upgrades:
    """Protocols that requests may turn to.

    Attributes:
        asked: each once.
    """

    asked: tuple[HttpUpgrade, ...]

    @property
    def name(self) -> str:
        """What tells it from others that a listener has to know."""
        return ",".join(self.looked_at)

    @property
    def leads_websockets_on(self) -> bool:
        """Whether WebSockets are among them."""
        return any(each.type.lower() == WEBSOCKET for each in self.asked)

    @property
    def tunnel(self) -> HttpUpgrade | None:
        """What is asked of requests for a tunnel; None where they are not led on."""
        return next((each for each in self.asked if each.type.upper() == CONNECT), None)

    @property
    def looked_at(self) -> tuple[str, ...]:
        """Those that no listener looks at by itself, sorted, in small letters.

        Requests for a tunnel have a method of their own, and no word that could be passed over.
        """
        words = {each.type.lower() for each in self.asked}
        return tuple(sorted(words - {WEBSOCKET, CONNECT.lower()}))


def _each_once(asked: tuple[HttpUpgrade, ...], _context: FeatureContext) -> Upgrades:
    return Upgrades(tuple({each.type.lower(): each for each in reversed(asked)}.values())[::-1])


HTTP_UPGRADE = Feature("httpUpgrade", "http_upgrade", _each_once, is_deciding=False)
