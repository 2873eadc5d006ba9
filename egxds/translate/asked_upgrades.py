"""Which upgrades some route of a Gateway leads on: each Listener of it has to look at them. Pure.

Envoy passes an upgrade over, or does not, in its connection manager, before any route is known. So what comes first, or
goes last, of one kind is a change of Listeners; which of the routes lead it on is not.
"""

from __future__ import annotations

from egxds.model.resolve.features.upgrades import HTTP_UPGRADE, Upgrades
from egxds.translate.asked_for import AskedFor


class AskedUpgrades:
    """Knows what is asked for at one Gateway.

    Attributes:
        asked: is told of routes and listeners.
        looked_at: words for what is asked for beside WebSockets, sorted.
    """

    def __init__(self) -> None:
        """Start without listeners."""
        self.asked = AskedFor(HTTP_UPGRADE.field, Upgrades)
        self.looked_at: tuple[str, ...] = ()
        self._known: dict[str, Upgrades] = {}

    def update(self) -> bool:
        """Take over what is asked now; tell whether Listeners are to look at others than before."""
        now, gone = self.asked.changes()
        if not now and not gone:
            return False
        self._known = {name: each for name, each in self._known.items() if name not in gone} | {**now}
        before = self.looked_at
        self.looked_at = tuple(sorted({word for each in self._known.values() for word in each.looked_at}))
        return self.looked_at != before
