"""What authors are told of what their code raises: their own line, its causes, and the members of groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

from egxds.extension.places import MAX_CHARACTERS, OwnFiles

OWN = OwnFiles((f"{Path(__file__).parent}/",))
HERE = str(Path(__file__))


def library() -> NoReturn:
    """Fail in a library."""
    json.loads("{")
    raise AssertionError


def caused() -> NoReturn:
    """Fail because of something."""
    try:
        library()
    except ValueError as err:
        raise RuntimeError("no settings") from err


def handling() -> NoReturn:
    """Fail while handling something."""
    try:
        library()
    except ValueError:
        raise KeyError("x")  # noqa: B904 it is what is looked at


def grouped() -> NoReturn:
    """Fail in several ways."""
    raise ExceptionGroup("two", [ValueError("a"), ExceptionGroup("inner", [TypeError("b")])])


class NamelessError(Exception):
    """It fails when it is looked at."""

    def __str__(self) -> str:
        """Fail."""
        raise SystemExit


def nameless() -> NoReturn:
    """Raise it."""
    raise NamelessError


def endless() -> NoReturn:
    """Say very much."""
    raise ValueError("x" * 100_000)


def described(function: object) -> str:
    """Return what is said of what a function raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 whatever it is
        function()  # type: ignore[operator]
    return OWN.describe(caught.value)


def test_the_place_is_in_the_authors_file() -> None:
    """And not in the library that it led to."""
    said = described(library)
    assert said.startswith("JSONDecodeError: Expecting property name")
    assert said.endswith(f"({HERE}:{line_of('json.loads')} in library)")


def test_causes_are_said() -> None:
    """Each with its place."""
    said = described(caused)
    assert said.startswith(
        f"RuntimeError: no settings ({HERE}:{line_of('raise RuntimeError')} in caused), caused by JSON"
    )
    assert said.endswith(f"({HERE}:{line_of('json.loads')} in library)")
    assert ", raised while handling JSONDecodeError: " in described(handling)


def test_members_of_groups_are_said() -> None:
    """Also those of groups in groups."""
    said = described(grouped)
    assert ", in a group with ValueError: a" in said
    assert said.endswith(", in a group with TypeError: b")


def test_what_cannot_be_shown_is_said_to_be_so() -> None:
    """And what is too long is cut."""
    assert described(nameless).startswith("NamelessError: <its __str__ raised SystemExit> (")
    assert len(described(endless)) < MAX_CHARACTERS + 100


def test_a_cause_that_is_its_own_cause_ends() -> None:
    """Nothing is described for ever."""
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert OWN.describe(first).count("ValueError") == 5


def line_of(text: str) -> int:
    """Return the first line of this file that has a text."""
    return next(at for at, line in enumerate(Path(__file__).read_text().splitlines(), 1) if f"    {text}" in line)
