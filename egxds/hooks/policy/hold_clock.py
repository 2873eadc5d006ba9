"""Knows for how long the hooks of one Gateway have been failing that hold it, and when that is too long. Pure.

    ACCEPTED ----- a run in which it fails, at t ----> HOLDING since t
    HOLDING ------ a run in which it fails ----------> HOLDING since t: another failure does not start it over
    HOLDING ------ t + holdFor is over --------------> EXPIRED: it denies from now on
    either ------- a run without a failure of it ----> ACCEPTED

Each extension has its own clock, for each Gateway: one that comes and goes does not use up the time of another.
Without `holdFor` a hold never expires. Times are seconds since 1970: they are kept over a restart, so that a restart
does not start `holdFor` over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from egxds.hooks.policy.outcome import HookedGateway
from egxds.settings.extensions import ExtensionManager


class HoldClock:
    """One Gateway's time under `hold`, for each extension on its own."""

    def __init__(self, managers: Iterable[ExtensionManager], failing_since: Mapping[str, float]) -> None:
        """Start, or go on after a restart.

        Args:
            managers: all extensions.
            failing_since: name of an extension → since when it has been failing; what `failing_since` returned.
        """
        self._limits_s = {manager.name: manager.hold_for for manager in managers if manager.failure_policy == "hold"}
        self._since_s = {name: since_s for name, since_s in failing_since.items() if name in self._limits_s}

    @property
    def failing_since(self) -> Mapping[str, float]:
        """Since when each extension has been failing that holds the Gateway."""
        return dict(self._since_s)

    def run_ended(self, hooked: HookedGateway, now_s: float) -> None:
        """Take note of what failed in a run.

        Args:
            hooked: what came of it.
            now_s: the time.
        """
        failing = {problem.manager for problem in hooked.failures} & self._limits_s.keys()
        # Whatever policy was followed: an extension that has expired, and denies, still fails, and is not to hold
        # again.
        self._since_s = {name: self._since_s.get(name, now_s) for name in sorted(failing)}

    def expired(self, now_s: float) -> frozenset[str]:
        """Return the extensions that have held the Gateway for longer than they may."""
        return frozenset(name for name, at_s in self._expiries() if at_s <= now_s)

    def next_expiry_s(self, now_s: float) -> float | None:
        """Return when the next extension will have held the Gateway for too long, if one will."""
        return min((at_s for _, at_s in self._expiries() if at_s > now_s), default=None)

    def _expiries(self) -> Iterable[tuple[str, float]]:
        for name, since_s in self._since_s.items():
            limit_s = self._limits_s[name]
            if limit_s is not None:
                yield name, since_s + limit_s
