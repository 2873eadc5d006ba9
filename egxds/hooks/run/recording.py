"""Runs hooks and keeps what each call came to, for whoever looks at hooks and not at what is published. Awaits."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from egxds.hooks.calls import CallKey, HookCall
from egxds.hooks.health.circuit_breaker import CircuitBreaker
from egxds.hooks.remote.pem import SecretFinder
from egxds.hooks.replies.check import CallResult
from egxds.hooks.run.extension_set import ExtensionSet
from egxds.hooks.run.runner import HookRunner
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import Metrics

Made = tuple[HookCall, CallResult]


class RecordingRunner(HookRunner):
    """A runner that remembers the calls that it made; one Gateway at a time."""

    def __init__(
        self, managers: tuple[ExtensionManager, ...], metrics: Metrics, base: Path, secrets: SecretFinder
    ) -> None:
        """Prepare, as `HookRunner` does."""
        super().__init__(managers, metrics, base, secrets)
        self._made: list[Made] = []

    def take_calls(self) -> tuple[Made, ...]:
        """Return the calls since the last time, in the order in which hooks are called."""
        made, self._made = tuple(self._made), []
        return made

    async def _ask_all(
        self,
        asked: ExtensionSet,
        calls: tuple[HookCall, ...],
        breaker: CircuitBreaker,
        refused: Collection[CallKey],
    ) -> tuple[CallResult, ...]:
        results = await super()._ask_all(asked, calls, breaker, refused)
        self._made.extend(zip(calls, results, strict=True))
        return results
