"""What a source has for some Envoys before all others: what the daemon needs of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from egxds.published.candidate import FollowedCandidate
from egxds.published.ending_candidate import Missed, Promoted, Withdrawn
from egxds.published.standing import Standing


class Candidates(Protocol):
    """Candidates, of which there is one at a time."""

    @property
    def candidate(self) -> FollowedCandidate | None:
        """What is to be served to some nodes first; None where there is none, or it cannot be served here."""
        ...

    @property
    def standing(self) -> Standing:
        """What stands in the store, for all and for some."""
        ...

    def watch_candidate(self, told: Callable[[], None]) -> None:
        """Have somebody told when there is another candidate, none any more, or it stands otherwise."""
        ...

    async def promote(self) -> Promoted | Missed | None:
        """Have it in force for all, as whoever is first does; None where there is none.

        Raises:
            EtcdError: the store cannot be asked, or does not take it.
            SweptError: something was removed again and again meanwhile.
        """
        ...

    async def take_back(self, why: str, by: str) -> Withdrawn | Missed | None:
        """Have it served to nobody, on any replica; None where there is none.

        Args:
            why: the reason, for people.
            by: the name of this replica.

        Raises:
            EtcdError: the store cannot be asked, or does not take it.
        """
        ...


class NoCandidates:
    """Of files there are none: all that stands in them is for all."""

    candidate = None
    standing = Standing()

    def watch_candidate(self, _told: Callable[[], None]) -> None:
        """Tell nobody."""

    async def promote(self) -> None:
        """Do nothing."""

    async def take_back(self, _why: str, _by: str) -> None:
        """Do nothing."""
