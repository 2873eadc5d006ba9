"""What people are told at once: what is served otherwise than it is written, and why there may be nothing to serve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from egxds.app.current_build import CurrentBuild
from egxds.app.fleet import Fleet
from egxds.app.last_good_report import last_good_notes
from egxds.app.live_settings import LiveSettings
from egxds.app.pipeline import Build
from egxds.app.source import Source
from egxds.hooks.shared.replies import SharedReplies
from egxds.problems import Problem
from egxds.wire.grpc.server import XdsServer


@dataclass(frozen=True, slots=True)
class ServedNotes:
    """Gathers it from whoever knows.

    Attributes:
        current: what the files came to last.
        live: the settings.
        source: where documents come from.
        replies: what is shared of what extensions say.
        fleet: knows other replicas.
        xds: serves Envoys.
    """

    current: CurrentBuild
    live: LiveSettings
    source: Source
    replies: SharedReplies
    fleet: Fleet
    xds: XdsServer

    def lines(self) -> tuple[str, ...]:
        """Return all of it, each in a line."""
        read = _notes_on(self.current.build) if self.current.build else ()
        told = (self.source.notes(), self.replies.notes(), self.fleet.notes())
        return (*map(str, self.live.problems()), *(line for notes in told for line in notes), *read)

    def problems(self, now: datetime) -> tuple[Problem, ...]:
        """Return what is wrong that stands in no file that was read."""
        return (*self.xds.problems(now), *self.source.problems(), *self.fleet.problems())


def _notes_on(build: Build) -> tuple[str, ...]:
    """Say what is served that the files do not say, and why there may be nothing to serve though all was read."""
    state = build.state
    if build.translations or state.held:
        return last_good_notes(state)
    if not state.files and state.unreadable:
        return tuple(f"no source has been read: {problem}" for problem in state.unreadable[:1])
    return ("no Gateway of ours is defined: there is nothing to serve",)
