"""What is wrong with what a store holds of published generations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egxds.cut_text import cut
from egxds.errors import EgxdsError

if TYPE_CHECKING:
    from egxds.published.candidate import Candidate
    from egxds.published.record import Record

_SHOWN_CHARACTERS = 300
_SHOWN_NODES = 5


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
        super().__init__(f"somebody else published in between: {_named(now) if now else 'nothing'} is in force")


class CandidateConflictError(EgxdsError):
    """There is another candidate, so that nothing was done.

    Attributes:
        now: the one that there is.
    """

    def __init__(self, now: Candidate) -> None:
        self.now = now
        nodes = ", ".join(now.nodes[:_SHOWN_NODES])
        more = f" and {len(now.nodes) - _SHOWN_NODES} more" if len(now.nodes) > _SHOWN_NODES else ""
        super().__init__(
            f"{_named(now.record)} is a candidate already, for {nodes}{more}: `egxds promote` has it in force for all, "
            "`egxds rollback --candidate` takes it back"
        )


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


class TooManyNodesError(EgxdsError):
    """A candidate is larger than what goes to a store at once, so that nothing was done."""

    def __init__(self) -> None:
        super().__init__("the ids of its nodes are too long, all together: name fewer")


class NoCandidateError(EgxdsError):
    """Nothing is served to some nodes first."""

    def __init__(self) -> None:
        super().__init__("there is no candidate: `egxds history` shows one that was taken back, with the reason")


def _named(record: Record) -> str:
    who = f" by {record.author}" if record.author else ""
    why = f" ({record.message})" if record.message else ""
    return f"generation {record.generation}{who}{why}"
