"""What is wrong with an input, as data: a problem names the file, the line, and the object it is about.

Some of the words are those of whoever wrote the input. What could move the cursor of a terminal is shown as an escape.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from egxds.shown_text import shown


class Severity(enum.Enum):
    """How much a problem matters: an ERROR keeps something from being used, a WARNING does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file.

    Attributes:
        file: path as the user would write it.
        line: 1 for the first line; 0 where the whole file is meant.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the input.

    Attributes:
        severity: whether the subject is refused or only questioned.
        location: where the cause stands.
        message: what is wrong and what to do about it.
        subject: the object it is about, such as `HTTPRoute shop/cart`; empty where none is known.
    """

    severity: Severity
    location: Location
    message: str
    subject: str = ""

    def __post_init__(self) -> None:
        for name in ("message", "subject"):
            text = getattr(self, name)
            if not text.isprintable():
                object.__setattr__(self, name, shown(text))

    def __str__(self) -> str:
        about = f"{self.subject}: " if self.subject else ""
        return f"{self.location}: {self.severity.value}: {about}{self.message}"


def error(location: Location, message: str, subject: str = "") -> Problem:
    """Report a problem that keeps its subject from being used."""
    return Problem(Severity.ERROR, location, message, subject)


def warning(location: Location, message: str, subject: str = "") -> Problem:
    """Report a problem that its subject survives."""
    return Problem(Severity.WARNING, location, message, subject)
