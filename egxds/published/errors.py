"""What is wrong with what a store holds of published generations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egxds.cut_text import cut
from egxds.errors import EgxdsError

if TYPE_CHECKING:
    from egxds.published.record import Record

_SHOWN_CHARACTERS = 300


class PublishedContentError(EgxdsError):
    """What stands at a key is not what is to stand there, or what it leads to is not there.

    Attributes:
        key: where it stands.
        fault: what is wrong with it.
        generation: the one that it was read for; 0 where none is known.
    """

    def __init__(self, key: str, fault: str, generation: int = 0) -> None:
        self.key = key
        self.fault = cut(fault, _SHOWN_CHARACTERS)
        self.generation = generation
        of = f" of generation {generation}" if generation else ""
        super().__init__(f"{key}{of}: {self.fault}")


class ConflictError(EgxdsError):
    """Somebody else published in between, so that nothing was done.

    Attributes:
        now: what is in force; None where that is nothing any more.
    """

    def __init__(self, now: Record | None) -> None:
        self.now = now
        who = f" by {now.author}" if now and now.author else ""
        why = f" ({now.message})" if now and now.message else ""
        what = f"generation {now.generation}{who}{why}" if now else "nothing"
        super().__init__(f"somebody else published in between: {what} is in force")


class SweptError(EgxdsError):
    """What was counted on to be there was removed again and again meanwhile."""

    def __init__(self) -> None:
        super().__init__("what no generation needs was removed again and again meanwhile: try again")


class NoGenerationError(EgxdsError):
    """A generation is not kept any more, or never was.

    Attributes:
        generation: its number.
    """

    def __init__(self, generation: int) -> None:
        self.generation = generation
        super().__init__(f"generation {generation} is not kept: `egxds history` lists those that are")
