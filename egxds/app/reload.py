"""What a reload (SIGHUP) comes to, and the line of the log that says it.

A reload is one more look at everything that a start looks at. It is over when the files have been read and what they
come to is known; what hooks are asked again, and what an Envoy had refused, goes on behind that, as for an edit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from egxds.app.live_settings import SettingsRead
from egxds.app.what_changed import NOTHING, WhatChanged
from egxds.settings.effects import Change
from egxds.telemetry import log

_SHOWN = 20
"""Settings that a line names."""

_SAME_FILES = "the files come to nothing else than before"


@dataclass(frozen=True, slots=True)
class Reload:
    """What was done for one SIGHUP, or for several at once, before the files were read.

    Attributes:
        number: of the last SIGHUP that it is for.
        settings: what came of the settings file.
        certificates: what came of those of the xDS port; empty where it has none.
        asked_again: names of the extensions that are asked everything again.
    """

    number: int
    settings: SettingsRead
    certificates: str
    asked_again: tuple[str, ...]

    def behind(self, other: Reload | None) -> Reload:
        """Return both as one, where another was not followed by a look at the files yet."""
        if other is None:
            return self
        settings = replace(self.settings, changed=(*other.settings.changed, *self.settings.changed))
        return replace(self, settings=settings)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of all of it.

    Attributes:
        reload: what was done.
        files_read: how many files hold what is in force.
        changed: what of that is otherwise than before.
    """

    reload: Reload
    files_read: int = 0
    changed: WhatChanged = NOTHING


def say_reloaded(reloaded: Reloaded, result: str) -> None:
    """Log what came of a reload.

    Args:
        reloaded: what was done, and what is otherwise by it.
        result: what came of the look at the files, in a word.
    """
    reload, settings = reloaded.reload, reloaded.reload.settings
    log.info(
        "app.reloaded",
        result=result,
        detail="" if reloaded.changed.count else _SAME_FILES,
        files_read=reloaded.files_read,
        **reloaded.changed.fields(),
        settings=settings.result.value,
        settings_changed=_named(settings.changed),
        needs_restart=_named(settings.waiting),
        certificates=reload.certificates,
        asked_again=list(reload.asked_again),
    )


def _named(changes: tuple[Change, ...]) -> list[str]:
    """Name the first of some settings, and how many more there are."""
    named = [str(change) for change in changes[:_SHOWN]]
    return [*named, f"and {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else named
