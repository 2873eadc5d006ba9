"""What the files say otherwise than before, as the log names it: the first of the objects, and their files. Pure.

A Gateway is published behind its hooks, and may have been cancelled for newer input before: what has changed for it
since it was published last is kept until then. To name it costs what changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey

SHOWN = 10
"""Objects that a line names, and files."""


@dataclass(frozen=True, slots=True)
class WhatChanged:
    """Objects that are others than before.

    Attributes:
        objects: the first of them.
        files: where those stand, or stood; sorted.
        count: how many there are.
    """

    objects: tuple[ObjectKey, ...] = ()
    files: tuple[str, ...] = ()
    count: int = 0

    def fields(self) -> dict[str, Any]:
        """Return it as fields of a log line."""
        shown = [str(key) for key in self.objects]
        return {"objects": shown, "files": list(self.files), "more": self.count - len(shown)}

    def followed_by(self, other: WhatChanged) -> WhatChanged:
        """Return both; an object that is in both counts twice where it is not one of the first."""
        objects = sorted({*self.objects, *other.objects})
        count = self.count + other.count - (len(self.objects) + len(other.objects) - len(objects))
        return WhatChanged(tuple(objects[:SHOWN]), tuple(sorted({*self.files, *other.files})[:SHOWN]), count)


NOTHING = WhatChanged()


def what_changed(before: GatewayState, now: GatewayState) -> WhatChanged:
    """Compare what is in force with what was.

    Args:
        before: the state before.
        now: the state now.
    """
    keys = frozenset(now.changes_since(before))
    objects = tuple(nsmallest(SHOWN, keys))
    places = (now.places.get(key) or before.places.get(key) for key in objects)
    return WhatChanged(objects, tuple(sorted({place.document.file for place in places if place})), len(keys))


class Unpublished:
    """What has changed for each Gateway since it was published last."""

    def __init__(self) -> None:
        """Know of nothing."""
        self._of: dict[str, WhatChanged] = {}

    def add(self, gateways: Iterable[str], changed: WhatChanged) -> None:
        """Take note of what changed.

        Args:
            gateways: those that came out otherwise by it.
            changed: what it was.
        """
        for gateway in gateways:
            known = self._of.get(gateway)
            self._of[gateway] = known.followed_by(changed) if known is not None else changed

    def take(self, gateway: str) -> WhatChanged:
        """Return what changed for a Gateway that is published now; nothing where its hooks alone did it."""
        return self._of.pop(gateway, NOTHING)
