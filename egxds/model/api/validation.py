"""What is wrong at a place inside one object, before it is known which file and line that is. Pure.

The classes of the API raise field errors while they are validated; parsing turns them into problems.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from egxds.problems import Severity

Path = tuple[str | int, ...]
"""Field names, as the file spells them, and list positions; starts at the object, such as `("spec", "rules", 0)`."""

FIELD_ERRORS = "field_errors"
"""Type of the pydantic error that carries field errors of our own, in its context under the same name."""

UNQUOTED = "…"
"""Stands for what may not be quoted."""

_SHOWN_CHARACTERS = 63


@dataclass(frozen=True, slots=True)
class FieldError:
    """Something wrong at a place.

    Attributes:
        path: where, from the value that was checked.
        message: what is wrong and what to do about it; holds no value of a Secret.
        severity: whether the object is refused for it.
    """

    path: Path
    message: str
    severity: Severity = Severity.ERROR

    def below(self, prefix: Path) -> FieldError:
        """Return it as seen from further out."""
        return FieldError((*prefix, *self.path), self.message, self.severity)


def refuse(errors: Iterable[FieldError]) -> None:
    """Refuse the value under validation where anything was found.

    Raises:
        PydanticCustomError: it carries all of them, each with its own path.
    """
    found = tuple(errors)
    if found:
        raise PydanticCustomError(FIELD_ERRORS, "refused", {FIELD_ERRORS: found})


def path_text(path: Path, quotable: Container[str] | None = None) -> str:
    """Write a path as people do: `spec.rules[0].matches`; of a name that is too long to be one, the start.

    Args:
        path: where something is wrong.
        quotable: names that may be shown; None for all.
    """
    if quotable is not None:
        path = tuple(step if isinstance(step, int) or step in quotable else UNQUOTED for step in path)
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:_SHOWN_CHARACTERS]}" for step in path)
    return text.removeprefix(".")
