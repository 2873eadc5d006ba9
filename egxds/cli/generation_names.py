"""How people name generations: `gen:12`, `gen:head`, `gen:head~1`, `gen:candidate`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from egxds.published.layout import LAST_GENERATION

_NAME = re.compile(r"gen:(?:(?P<number>[1-9][0-9]{0,9})|head(?:~(?P<back>[0-9]{1,10}))?|(?P<candidate>candidate))")


@dataclass(frozen=True, slots=True)
class GenerationName:
    """A generation by its number, as so many before the one in force, or as what some nodes are served first.

    Attributes:
        number: its number; 0 where it is told by what is in force.
        back: how many before that.
        is_candidate: whether it is what some nodes are served first; neither of the others says anything then.
    """

    number: int = 0
    back: int = 0
    is_candidate: bool = False

    @staticmethod
    def of(path: Path | str) -> GenerationName | None:
        """Read a name; None where it is another word, such as the path of a file."""
        found = _NAME.fullmatch(str(path))
        if found is None:
            return None
        return GenerationName(int(found["number"] or 0), int(found["back"] or 0), found["candidate"] is not None)

    @staticmethod
    def of_word(word: str) -> GenerationName | None:
        """Read a name where nothing else can be meant, so that `12` does, too."""
        return GenerationName.of(word) or GenerationName.of(f"gen:{word}")

    def resolved(self, head: int) -> int:
        """Return the number of the generation where another one is in force; one that never was for none.

        Args:
            head: the one in force; 0 for none.
        """
        return min(self.number or max(0, head - self.back), LAST_GENERATION)
