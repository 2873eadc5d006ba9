"""What is wrong at a place inside one object, before it is known which file and line that is. Pure.

The classes of the API raise findings while they are validated; parsing turns them into problems.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from egxds.problems import Severity

Path = tuple[str | int, ...]
"""Field names, as the file spells them, and list positions; starts at the object, such as `("spec", "rules", 0)`."""

FINDINGS_ERROR = "findings"
"""Type of the pydantic error that carries findings of our own, in its context under the same name."""

_SHOWN_CHARACTERS = 63


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place.

    Attributes:
        path: where, from the value that was checked.
        message: what is wrong and what to do about it; holds no value of a Secret.
        severity: whether the object is refused for it.
    """

    path: Path
    message: str
    severity: Severity = Severity.ERROR

    def below(self, prefix: Path) -> Finding:
        """Return the finding as seen from further out."""
        return Finding((*prefix, *self.path), self.message, self.severity)


def refuse(findings: Iterable[Finding]) -> None:
    """Refuse the value under validation where anything was found.

    Raises:
        PydanticCustomError: it carries all the findings, each with its own path.
    """
    found = tuple(findings)
    if found:
        raise PydanticCustomError(FINDINGS_ERROR, "refused", {FINDINGS_ERROR: found})


def path_text(path: Path) -> str:
    """Write a path as people do: `spec.rules[0].matches`; of a name that is too long to be one, the start."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:_SHOWN_CHARACTERS]}" for step in path)
    return text.removeprefix(".")
