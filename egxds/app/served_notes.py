"""What people are told at once about what a look at the files came to: what is served that they do not say. Pure."""

from __future__ import annotations

from egxds.app.last_good_report import last_good_notes
from egxds.app.pipeline import Build


def notes_on(build: Build) -> tuple[str, ...]:
    """Say what is served that the files do not say, and why there may be nothing to serve though all was read."""
    state = build.state
    if build.translations or state.held:
        return last_good_notes(state)
    if not state.files and state.unreadable:
        return tuple(f"no source has been read: {problem}" for problem in state.unreadable[:1])
    return ("no Gateway of ours is defined: there is nothing to serve",)
