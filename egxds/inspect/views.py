"""What people see of where objects come from and of other replicas, and can have done about it: who knows that. Pure.

Each says that there is nothing to be seen before somebody is there who knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

Json = Mapping[str, object]


async def _nothing() -> Json | None:
    return None


async def _nothing_to_go_back_to(_number: int, _back: int, _author: str, _message: str) -> Json | None:
    return None


def _nothing_known() -> Json | None:
    return None


@dataclass(frozen=True, slots=True)
class SourceView:
    """Where objects come from.

    Attributes:
        described: returns how that is doing, as the admin API shows it; None where there is nothing to say.
        follow_anyway: has it followed though it has gone back in time, and returns what came of that; None where it
            cannot do so.
        roll_back: has an earlier generation in force: takes its number, or 0 and how many before that in force it was;
            who wants it, and what for. Returns what came of that; None where it cannot be done here.
    """

    described: Callable[[], Json | None] = _nothing_known
    follow_anyway: Callable[[], Awaitable[Json | None]] = _nothing
    roll_back: Callable[[int, int, str, str], Awaitable[Json | None]] = _nothing_to_go_back_to


@dataclass(frozen=True, slots=True)
class FleetView:
    """Other replicas.

    Attributes:
        replicas: returns all as the admin API shows them; None where none are known.
        envoys: returns their Envoys, likewise.
        candidate: returns the generation that some nodes are served before the others, likewise; None for none.
    """

    replicas: Callable[[], Awaitable[Json | None]] = _nothing
    envoys: Callable[[], Awaitable[Json | None]] = _nothing
    candidate: Callable[[], Json | None] = _nothing_known
