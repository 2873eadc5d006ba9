"""What YAML scalars mean: the core schema of YAML 1.2."""

from __future__ import annotations

import math

import pytest

from egxds.yaml_input.scalars import CORE_TAG, is_scalar_tag, plain_value, tagged_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nUll", "nUll"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("-0x1", "-0x1"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1e3", -1000.0),
        ("1.2.3", "1.2.3"),
        ("10.0.0.1", "10.0.0.1"),
        ("2001-12-14", "2001-12-14"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("inf", "inf"),
        (".", "."),
        ("-", "-"),
        ("...", "..."),
        ("\u0661", "\u0661"),
        ("10s", "10s"),
    ],
)
def test_plain_scalar_follows_the_core_schema(text: str, value: object) -> None:
    """A scalar without quotes means what YAML 1.2 says, type included."""
    found = plain_value(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number() -> None:
    """`.nan` is the float that equals nothing."""
    found = plain_value(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_integer_of_too_many_digits_is_refused() -> None:
    """Turning endless digits into a number costs the square of their count."""
    with pytest.raises(ValueError, match="5000 digits"):
        plain_value("9" * 5000)


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [
        ("12", "str", "12"),
        ("12", "int", 12),
        ("0x10", "int", 16),
        ("12", "float", 12.0),
        ("1.5", "float", 1.5),
        ("true", "bool", True),
        ("", "null", None),
    ],
)
def test_core_tags_are_honoured(text: str, tag: str, value: object) -> None:
    """A tag of the core schema decides what its scalar is, quoted or not."""
    found = tagged_value(text, CORE_TAG + tag)
    assert found == value
    assert type(found) is type(value)


def test_tag_without_a_name_means_a_string() -> None:
    """The non-specific tag `!` keeps a scalar from being resolved."""
    assert tagged_value("12", "!") == "12"


@pytest.mark.parametrize("tag", [CORE_TAG + "binary", "!secret", "int", CORE_TAG])
def test_other_tags_are_no_scalars(tag: str) -> None:
    """What is not of the core schema is not guessed at."""
    assert not is_scalar_tag(tag)


@pytest.mark.parametrize(
    ("text", "tag", "said"),
    [
        ("x", CORE_TAG + "int", "!!int"),
        ("true", CORE_TAG + "int", "!!int"),
        ("yes", CORE_TAG + "bool", "!!bool"),
        ("x", CORE_TAG + "null", "!!null"),
        ("x", CORE_TAG + "float", "!!float"),
    ],
)
def test_wrong_values_are_refused(text: str, tag: str, said: str) -> None:
    """A tag that its value does not fit is an error that names it."""
    with pytest.raises(ValueError, match=said):
        tagged_value(text, tag)
