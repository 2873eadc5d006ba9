"""The code blocks of a page, each with the comment above it, which says what is to be done with it.

<!-- story: run -->
```sh
egxds extension new greetings
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).absolute().parents[2]
HOOKS = ROOT / "docs" / "hooks.md"

_BLOCK = re.compile(r"(?ms)^(?:<!-- ([^\n]*?) -->\n)?```(\w*)\n(.*?)^```$")
PICTURE = "text"
"""Language of a block that is to be looked at."""


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        marker: the comment above it; empty where there is none.
        language: as the page has it.
        text: what is in it.
    """

    marker: str
    language: str
    text: str

    @property
    def kind(self) -> str:
        """The first word of the marker."""
        return self.marker.partition(":")[0]

    @property
    def detail(self) -> str:
        """What follows it."""
        return self.marker.partition(":")[2].strip()


def blocks(page: Path = HOOKS) -> list[Block]:
    """Return the blocks of a page, in order."""
    return [Block(found[1] or "", found[2], found[3]) for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def task(name: str) -> str:
    """Return the code of a task."""
    (found,) = (each for each in blocks() if (each.kind, each.detail) == ("task", name))
    return found.text
