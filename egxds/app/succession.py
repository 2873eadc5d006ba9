"""Gateways that go because others take their place: made before break. Pure.

Where all Gateways of a class come to be served as one, or are so no more, an Envoy of the class would be emptied in
between: what is new takes its way through the hooks, while what has gone is gone at once. So what goes stays until all
that comes in its place is published. Anything else that goes does so at once, whatever comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Succession:
    """Knows who goes when whose place is taken."""

    def __init__(self) -> None:
        self._awaited: dict[str, set[str]] = {}

    def leave(self, gateway: str, class_name: str, coming: Mapping[str, str]) -> bool:
        """Note that a Gateway is to go.

        Args:
            gateway: its name.
            class_name: its class.
            coming: what is not published yet → its class.

        Returns:
            Whether it is to stay for now.
        """
        awaited = {name for name, of in coming.items() if of == class_name and _is_whole(name) != _is_whole(gateway)}
        if awaited:
            self._awaited[gateway] = awaited
        return bool(awaited)

    def stay(self, gateway: str) -> None:
        """Note that a Gateway is there again, or is gone."""
        self._awaited.pop(gateway, None)

    def settle(self, gateway: str) -> Iterable[str]:
        """Note that a Gateway is published, or will not be; return those that may go now."""
        over = []
        for leaving, awaited in self._awaited.items():
            awaited.discard(gateway)
            if not awaited:
                over.append(leaving)
        for leaving in over:
            del self._awaited[leaving]
        return over


def _is_whole(name: str) -> bool:
    """Tell whether a name is that of all Gateways of a class (`names.merged_name`)."""
    return name.startswith("/")
