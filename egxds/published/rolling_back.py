"""A generation that was in force comes into force again, as a new one. Waits for the store.

Nothing is uploaded: all of it is there while its record is kept, which is one of the conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from egxds.etcd.operations import Unchanged
from egxds.published.candidate import Candidate
from egxds.published.errors import NoGenerationError
from egxds.published.reading import Generations
from egxds.published.record import Origin, Record
from egxds.published.swapping import Pause, Swap, swap, until_nothing_is_swept


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What came of it.

    Attributes:
        record: what is in force.
        is_new: whether it is another one than before.
        ended: the candidate that came to its end by that, as far as it was seen.
    """

    record: Record
    is_new: bool
    ended: Candidate | None = None


InsteadOf = Callable[[Record], int | None]
"""Tells in the place of which generation a record comes into force; None where it does so for good."""


def _for_good(_record: Record) -> None:
    return None


async def roll_back(
    generations: Generations,
    number: int,
    origin: Origin,
    pause: Pause = anyio.sleep,
    instead_of: InsteadOf = _for_good,
) -> RolledBack:
    """Have the files of an earlier generation in force.

    Args:
        generations: where.
        number: of the earlier one.
        origin: who wants it, and what for.
        pause: waits while something is swept.
        instead_of: tells of the earlier one whether it comes into force in the place of another, and of which.

    Raises:
        NoGenerationError: it is not kept, or there is nothing before it.
        ConflictError: somebody else published meanwhile.
        SweptError: something was removed again and again meanwhile.
    """

    async def attempt() -> RolledBack | None:
        seen = await generations.look()
        found = await generations.kept((number,))
        if not found or seen.head is None:
            raise NoGenerationError(number)
        (old,) = found
        if old.record.digest == seen.head.digest:
            return RolledBack(seen.head, is_new=False)
        again = {name: getattr(old.record, name) for name in ("digest", "buckets", "files", "size_bytes")}
        parent = seen.head.generation
        in_place_of = instead_of(old.record)
        came = {"parent": parent, "rolled_back_to": number, "instead_of": in_place_of, **again, **origin.fields()}
        record = Record.model_validate({"generation": parent + 1, **came}, by_name=True)
        condition = Unchanged(generations.layout.generation(number), old.mod_revision)
        done = await swap(generations, Swap(seen, record, conditions=(condition,)))
        return RolledBack(record, is_new=True, ended=seen.candidate) if done is not None else None

    return await until_nothing_is_swept(attempt, pause)
