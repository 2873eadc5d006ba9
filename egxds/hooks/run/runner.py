"""All extensions: started, followed, watched and closed, and the runs of the input in force. Awaits and logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from egxds.hooks.health.reports import HookReport
from egxds.hooks.remote.pem import SecretFinder, no_secrets
from egxds.hooks.run.described import described
from egxds.hooks.run.extension import Extension
from egxds.hooks.run.extension_set import Extensions, start_all
from egxds.hooks.run.runs import HookRuns, Locate
from egxds.hooks.run.series import begin_series
from egxds.hooks.shared.answers import Share, unshared
from egxds.object_key import ObjectKey
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import Metrics


def _nowhere(_key: ObjectKey) -> None:
    """Know of no place, where there are no files."""


def _not_yet(_extension: Extension) -> None:
    """Leave what is adopted to `watch`, which has not begun."""


class HookRunner(HookRuns):
    """All extensions, and the way of every Gateway in force through them."""

    def __init__(
        self,
        managers: tuple[ExtensionManager, ...],
        metrics: Metrics,
        base: Path = Path(),
        secrets: SecretFinder = no_secrets,
        locate: Locate = _nowhere,
        share: Share = unshared,
    ) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            managers: the extensions, in declared order.
            metrics: counts the calls.
            base: directory that relative paths of the settings start from.
            secrets: finds Secrets that the settings name.
            locate: finds where an object stands.
            share: has answers shared with other replicas.
        """
        extensions = Extensions(managers, lambda manager: Extension(manager, metrics, base, secrets, share))
        super().__init__(extensions, metrics, locate)
        self._live: Callable[[Extension], None] = _not_yet
        self._beside: list[HookRuns] = []
        begin_series(managers, metrics)

    async def start(self) -> None:
        """Get ready for the first run.

        Raises:
            StartError: the settings name a file or a Python object that cannot be used.
        """
        await start_all(tuple(self.extensions.current.by_name.values()))

    def follow(self, managers: tuple[ExtensionManager, ...]) -> bool:
        """Take every Gateway through others from its next run on, where those were adopted that an input is made for.

        Which objects are an extension's is known to what made the input. Under an extension that has come or gone
        since, a route could be served without the hook that guards it. Runs that go on end as they began, and those of
        another input beside this one wait until that has been made for these, too.

        Args:
            managers: that the input was made for, which is to be taken through the hooks from now on.

        Returns:
            Whether there are others now.
        """
        before = self.extensions.current
        if not self.extensions.follow(managers):
            return False
        now = self.extensions.current
        begin_series(now.managers, self._metrics)
        for runs in (self, *self._beside):
            runs.go_by(now.managers)
        for runs in self._beside:
            runs.outdate()
        for extension in before.beside(now):
            extension.retire()
        for extension in now.beside(before):
            self._live(extension)
        return True

    @property
    def awaited(self) -> tuple[str, ...]:
        """Extensions of which an answer is awaited, in declared order."""
        return tuple(name for name in self.extensions.current.by_name if self.pending[name])

    async def watch(self, on_recovery: Callable[[], None], on_renewal: Callable[[], None]) -> None:
        """While an extension fails, look for its return, and for the end of what may be held; until cancelled.

        Args:
            on_recovery: starts `run` over for every Gateway whose last outcome was not ACCEPTED.
            on_renewal: has every Gateway ask again what was said under other `epochs`.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.watch_holds, on_recovery, name="watch holds")

            def live(extension: Extension) -> None:
                tasks.start_soon(extension.live, on_recovery, on_renewal, name=f"extension {extension.manager.name}")

            self._live = live
            for extension in self.extensions.current.by_name.values():
                live(extension)

    @contextmanager
    def runs_beside(self, name: str, locate: Locate) -> Iterator[HookRuns]:
        """Have runs of another input meanwhile; see `HookRuns.beside`."""
        runs = self.beside(name, locate)
        self._beside.append(runs)
        try:
            yield runs
        finally:
            self._beside.remove(runs)
            runs.forget_all()

    def forget_replies(self, manager: str | None = None) -> None:
        """Let nothing hold that was said so far.

        Args:
            manager: by this extension; None for all.
        """
        for name, extension in self.extensions.current.by_name.items():
            if manager in (None, name):
                extension.forget_replies()

    def reload(self) -> None:
        """Have the code of all extensions loaded again that run beside us."""
        for extension in self.extensions.current.by_name.values():
            extension.reload()

    def states(self) -> tuple[HookReport, ...]:
        """Say how each hook is doing, in declared order."""
        since_s = time.time() - anyio.current_time()
        return tuple(
            self.with_failed(described(extension, hook, since_s))
            for extension in self.extensions.current.by_name.values()
            for hook in extension.counts
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self.extensions.aclose()
