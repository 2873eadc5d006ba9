"""The door through which documents come in: what the pipeline and the daemon need of wherever they come from.

Behind it nobody knows where that is. In front of it stand `egxds.app.file_source`, and whatever else documents are read
from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from egxds.app.candidates import Candidates
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import Scope
from egxds.problems import Problem
from egxds.settings.daemon import Settings

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RollBack:
    """What somebody wants: that an earlier generation is in force again.

    Attributes:
        number: of the generation; 0 where it is told by what is in force.
        back: how many before that.
        author: who wants it.
        message: what for.
    """

    number: int
    back: int
    author: str
    message: str


class Trees(Protocol):
    """What a pass of the pipeline reads, in a worker thread."""

    @property
    def removal_delay_s(self) -> float:
        """For how many seconds an object stays in force that nothing defines any more."""
        ...

    def read(self, scope: Scope) -> FileTree:
        """Return all documents there are; one that did not change is the same object again.

        Args:
            scope: what may have changed, and how closely the rest is looked at.
        """
        ...

    def go_by(self, settings: Settings) -> None:
        """Read by other settings from the next time on."""
        ...

    def resume(self, known: Mapping[str, FileDocuments], last: FileTree) -> None:
        """Go on from what another process has read, before anything is read here.

        Args:
            known: file → what is known of what it held.
            last: what that process found last.
        """
        ...


class Source(Protocol):
    """What the daemon does about where documents come from."""

    @property
    def trees(self) -> Trees:
        """What is read."""
        ...

    @property
    def candidates(self) -> Candidates:
        """What there is for some Envoys first."""
        ...

    async def begin(self, awaited: Callable[[str], None]) -> None:
        """Return when it makes sense to read for the first time; what another process has kept is known by then.

        Args:
            awaited: is told what is waited for.
        """
        ...

    async def watch(self, wake: Callable[[Scope], None]) -> None:
        """Say each time that something may have changed; until cancelled.

        Args:
            wake: is told what to read.
        """
        ...

    def follow(self, settings: Settings) -> None:
        """Watch by other settings from now on; what changes until then is found by the look that follows."""
        ...

    def look_again(self) -> None:
        """Look whether something has changed, though nothing says so: somebody wants it."""
        ...

    def took(self, scope: Scope, seconds: float, now_s: float) -> None:
        """Take note of how long it took to read something.

        Args:
            scope: what was read.
            seconds: how long that took.
            now_s: monotonic seconds, when it was done.
        """
        ...

    def accepted(self, origin: str) -> None:
        """Take note of what is in force.

        Args:
            origin: of the tree that it is of.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """Say what people are told at once of how the source is doing, each in a line; nothing where all is well."""
        ...

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the source."""
        ...

    def described(self) -> Json | None:
        """Return how the source is doing, as the admin API shows it; None where there is nothing to say."""
        ...

    async def follow_anyway(self) -> Json | None:
        """Follow it though it has gone back in time, and return what came of that; None where it cannot do so."""
        ...

    async def roll_back(self, wanted: RollBack) -> Json | None:
        """Have an earlier generation in force, and return what came of that; None where that is not done here."""
        ...

    async def keep(self) -> None:
        """Write what is to be kept of it on this machine; until cancelled."""
        ...

    async def flush(self) -> None:
        """Write what of that has not been written."""
        ...
