"""Which hooks fail for some Gateway: told when that begins and when it is over. Pure; counted as runs end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from egxds.settings.extensions import Hook

ManagerHook = tuple[str, Hook]
"""Name of an extension, and a hook of it."""


class FailingHooks:
    """Remembers what failed in the last run for each Gateway."""

    def __init__(self) -> None:
        """Know of no failure."""
        self._failed: dict[str, frozenset[ManagerHook]] = {}
        self._gateways: Counter[ManagerHook] = Counter()

    def run_ended(self, gateway: str, failed: Iterable[ManagerHook]) -> Mapping[ManagerHook, bool]:
        """Take note of the end of a run.

        Args:
            gateway: for which it was.
            failed: what failed in it; nothing where the Gateway is gone.

        Returns:
            What fails now and did not (True), and what did and does not any more (False), of all Gateways.
        """
        before, now = self._failed.pop(gateway, frozenset[ManagerHook]()), frozenset(failed)
        if now:
            self._failed[gateway] = now
        were = {hook: bool(self._gateways[hook]) for hook in before ^ now}
        self._gateways.update(now - before)
        self._gateways.subtract(before - now)
        return {hook: not was for hook, was in were.items() if was != bool(self._gateways[hook])}

    def now(self) -> tuple[ManagerHook, ...]:
        """Return what fails for some Gateway, sorted."""
        failing = (hook for hook, gateways in self._gateways.items() if gateways)
        return tuple(sorted(failing, key=lambda one: (one[0], one[1].value)))
