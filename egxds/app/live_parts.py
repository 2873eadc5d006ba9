"""Which part of a daemon does something about which setting when that changes: a table, a row for each part.

What may be refused comes first, and is refused before anything has been done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from egxds.app.candidate import Candidate
from egxds.app.envoy_looks import EnvoyLooks
from egxds.app.fleet import Fleet
from egxds.app.held_states import HeldStates
from egxds.app.pipeline import Pipeline
from egxds.app.source import Source
from egxds.errors import StartError
from egxds.hooks.run.runner import HookRunner
from egxds.hooks.shared.replies import SharedReplies
from egxds.settings.daemon import Settings
from egxds.settings.effects import Change
from egxds.telemetry import configure_logging
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer


@dataclass(frozen=True, slots=True)
class LiveParts:
    """The parts.

    Attributes:
        base: directory that relative paths of the settings start from.
        pipeline: from files to translations.
        runner: calls the extensions.
        held: keeps what they accepted.
        envoy_looks: asks Envoys.
        xds: serves them.
        admin: answers people.
        source: where documents come from.
        replies: what is shared of what extensions say.
        fleet: knows other replicas.
        candidate: what some Envoys are served first.
    """

    base: Path
    pipeline: Pipeline
    runner: HookRunner
    held: HeldStates
    envoy_looks: EnvoyLooks
    xds: XdsServer
    admin: AdminServer
    source: Source
    replies: SharedReplies
    fleet: Fleet
    candidate: Candidate

    async def take(self, settings: Settings, changes: Iterable[Change]) -> None:
        """Put settings in force.

        Args:
            settings: all of them.
            changes: which of them are others than before.

        Raises:
            StartError: they name what cannot be used; nothing has been done.
        """
        changed = [change.key for change in changes]
        if any(is_of(key, _PATHS) for key in changed):
            await to_thread.run_sync(_check_there, self.base, settings)
        prepared = await self.runner.extensions.prepare(settings.extensions)
        try:
            for keys, act in STEPS:
                if any(is_of(key, keys) for key in changed):
                    act(self, settings)
        except StartError:
            await self.runner.extensions.discard(prepared)
            raise
        await self.runner.extensions.adopt(prepared)


def _check_there(base: Path, settings: Settings) -> None:
    """Refuse a path that is misspelt: what was read below the one before would be gone."""
    missing = [path for path in settings.sources.in_files.paths if not (base / path).exists()]
    if missing:
        raise StartError(f"sources.files.paths: there is no {missing[0]}: make it, or name another")


def is_of(key: str, keys: Iterable[str]) -> bool:
    """Tell whether a key is one of some, or stands below one."""
    return any(key == each or key.startswith((f"{each}.", f"{each}[")) for each in keys)


_EXTENSIONS = ("extensionManagers", "extensionManager")
_PATHS = ("sources.files.paths",)
_SOURCE = (*_PATHS, "sources.files.pollInterval", "sources.etcd", "history")
_TRANSLATED = (
    "sources.files.paths",
    "sources.files.removalDelay",
    "controllerName",
    "addresses.pool",
    "backends",
    "clientTraffic",
    "extensionApis",
    "envoys",
    *_EXTENSIONS,
)

STEPS: tuple[tuple[tuple[str, ...], Callable[[LiveParts, Settings], None]], ...] = (
    (("xds.tls",), lambda parts, now: parts.xds.follow(now.xds.below(parts.base).tls)),
    (_EXTENSIONS, lambda parts, now: parts.held.follow(now)),
    (("logging",), lambda _, now: configure_logging(now.logging)),
    (_TRANSLATED, lambda parts, now: parts.pipeline.adopt(now)),
    (_TRANSLATED, lambda parts, now: parts.candidate.adopt(now)),
    (("envoys",), lambda parts, now: parts.envoy_looks.follow(now.envoys)),
    (("admin.allowedHosts",), lambda parts, now: parts.admin.answer_to(now.admin.allowed_hosts)),
    (_SOURCE, lambda parts, now: parts.source.follow(now)),
    (("sources.etcd",), lambda parts, now: parts.replies.follow(now.sources.etcd)),
    (("sources.etcd", "xds.spread", "envoys"), lambda parts, now: parts.fleet.follow(now)),
)
"""Keys of settings, and what is done where one of them changes."""
