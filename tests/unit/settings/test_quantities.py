"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from egxds.settings.quantities import ByteSize, DurationSeconds, seconds, size_bytes

DURATION: TypeAdapter[float] = TypeAdapter(DurationSeconds)
SIZE: TypeAdapter[int] = TypeAdapter(ByteSize)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10s", 10.0),
        ("500ms", 0.5),
        ("0.5s", 0.5),
        ("1m30s", 90.0),
        ("1h", 3600.0),
        ("0s", 0.0),
        ("1m1ms", 60.001),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("0", 0.0),
        ("250us", 0.00025),
        ("3\u00b5s", 3e-6),
        ("7ns", 7e-9),
    ],
)
def test_durations(text: str, value: float) -> None:
    """A duration is a sum of numbers with units."""
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "10", "s", "-1s", "1 s", "1d", "1e3s", ".s", "1s\n", "10s1", "1.2.3s", "1S", "\u0661s"]
)
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused with an example of what to write."""
    with pytest.raises(ValueError, match="write 500ms, 10s or 1m30s"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4096", 4096),
        ("1k", 1000),
        ("1M", 10**6),
        ("2G", 2 * 10**9),
        ("512Ki", 524288),
        ("32Mi", 33554432),
        ("1Gi", 2**30),
        ("1Ti", 2**40),
        ("1Pi", 2**50),
        ("1Ei", 2**60),
        ("1T", 10**12),
        ("1P", 10**15),
        ("1E", 10**18),
        ("1e6", 10**6),
        ("1.5E3", 1500),
        ("5000e-3", 5),
        ("1.5Mi", 1572864),
        (".5Ki", 512),
        ("2.", 2),
        ("+1", 1),
        ("4096000m", 4096),
        ("1500u", 1),
        ("1n", 1),
    ],
)
def test_sizes(text: str, value: int) -> None:
    """A size is a number as Kubernetes takes it: a decimal or binary unit, or an exponent."""
    assert size_bytes(text) == value


@pytest.mark.parametrize("text", ["", "Mi", "-1", "1e", "1e999", "1MiB", ".", "1Mi\n", "1 Mi", "1mi", "1KB", "0x10"])
def test_what_is_no_size(text: str) -> None:
    """Anything else is refused with an example of what to write."""
    with pytest.raises(ValueError, match="write 4096, 512Ki or 32Mi"):
        size_bytes(text)


@pytest.mark.parametrize(("value", "expected"), [("10s", 10.0), (0, 0.0), (0.25, 0.25)])
def test_duration_fields(value: object, expected: float) -> None:
    """A field takes a duration with its unit, a plain 0, or seconds as a float."""
    assert DURATION.validate_python(value) == expected


@pytest.mark.parametrize("value", [10, -1, True, False, None, [], -0.5, float("inf"), float("nan")])
def test_what_is_no_duration_field(value: object) -> None:
    """A number without a unit is ambiguous; a negative or endless time is none."""
    with pytest.raises(ValidationError, match="a duration needs its unit"):
        DURATION.validate_python(value)


@pytest.mark.parametrize(("value", "expected"), [("32Mi", 33554432), (4096, 4096), (0, 0)])
def test_size_fields(value: object, expected: int) -> None:
    """A field takes a size with a unit or a plain number of bytes."""
    assert SIZE.validate_python(value) == expected


@pytest.mark.parametrize("value", [-1, True, None, [], 1.5])
def test_what_is_no_size_field(value: object) -> None:
    """Bytes are whole and not negative, and true is no number."""
    with pytest.raises(ValidationError):
        SIZE.validate_python(value)
