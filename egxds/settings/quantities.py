"""Quantities as people write them in YAML: durations such as `10s`, sizes such as `32Mi`. Pure."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_DURATION_UNIT = "ms|h|m|s|us|\u00b5s|\u03bcs|ns"
_DURATION = re.compile(rf"^(?:0|(?:{_NUMBER}(?:{_DURATION_UNIT}))+)\Z")
_DURATION_PART = re.compile(rf"({_NUMBER})({_DURATION_UNIT})")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ns": 1e-9}
# Kubernetes' resource.Quantity. Two digits of an exponent are more than its largest value has.
_SIZE = re.compile(rf"^\+?({_NUMBER})(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]{{1,2}}))?\Z")
_DECIMAL = {unit: Fraction(1000) ** power for power, unit in enumerate("num kMGTPE", start=-3)}
_BYTES = _DECIMAL | {f"{unit}i": Fraction(1024) ** power for power, unit in enumerate("KMGTPE", start=1)}


def seconds(text: str) -> float:
    """Return the seconds of a duration such as `1m30s`, `500ms` or `0.5s`, as Go writes and reads them.

    Raises:
        ValueError: the text is not a duration.
    """
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is not a duration: write 500ms, 10s or 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def size_bytes(text: str) -> int:
    """Return the bytes of a size such as `32Mi`, `1.5Gi`, `1e6` or `4096`; a part of a byte counts as one.

    Raises:
        ValueError: the text is not a size.
    """
    match = _SIZE.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a size: write 4096, 512Ki or 32Mi")
    scale = Fraction(10) ** int(match[3]) if match[3] else _BYTES[match[2] or " "]
    return math.ceil(Fraction(match[1].removesuffix(".")) * scale)


def _pattern(expression: re.Pattern[str]) -> str:
    """Return an expression as JSON schema has it, which has no end of text but that of a line."""
    return expression.pattern.replace(r"\Z", "$")


def _duration(value: object) -> object:
    if isinstance(value, str):
        return seconds(value)
    if value == 0 and isinstance(value, int) and not isinstance(value, bool):
        return 0.0
    if isinstance(value, float) and 0.0 <= value < math.inf:
        return value
    raise ValueError("a duration needs its unit: write 500ms, 10s or 1m30s")


def _size(value: object) -> object:
    if isinstance(value, str):
        return size_bytes(value)
    # YAML reads `1e6`, which is a quantity too, as a number.
    if isinstance(value, float) and value >= 0 and value.is_integer():
        return int(value)
    if isinstance(value, bool) or (isinstance(value, int) and value < 0):
        raise ValueError("a size is a number of bytes: write 4096, 512Ki or 32Mi")
    return value


def duration_text(value: float) -> str:
    """Write seconds as a file has them; what is written is read as the same number."""
    in_ms = f"{Decimal(repr(value)) * 1000:f}".rstrip("0").rstrip(".") + "ms"
    if 0 < value < 1 and seconds(in_ms) == value:
        return in_ms
    unit = next((unit for unit in ("h", "m") if value and not value % _SECONDS[unit]), None)
    if unit is not None:
        return f"{int(value / _SECONDS[unit])}{unit}"
    return f"{Decimal(repr(value)):f}".removesuffix(".0") + "s"


def size_text(value: int) -> str:
    """Write bytes as a file has them."""
    unit = next((unit for unit in ("Gi", "Mi", "Ki") if value and not value % _BYTES[unit]), "")
    return f"{value // int(_BYTES[unit]) if unit else value}{unit}"


_DURATION_SCHEMA = {"anyOf": [{"type": "string", "pattern": _pattern(_DURATION)}, {"const": 0}]}
_SIZE_SCHEMA = {"anyOf": [{"type": "string", "pattern": _pattern(_SIZE)}, {"type": "integer", "minimum": 0}]}

DurationSeconds = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema(_DURATION_SCHEMA),
]
"""Seconds; written with a unit."""

ByteSize = Annotated[
    int, BeforeValidator(_size), PlainSerializer(size_text, when_used="json"), WithJsonSchema(_SIZE_SCHEMA)
]
"""Bytes; written as a plain number or with a unit."""


class SettingsModel(BaseModel):
    """Base of all settings: camelCase in the file, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="forbid")


class NullableModel(SettingsModel):
    """Base of settings whose schema is Envoy Gateway's: a key without a value counts as absent, as it does there."""

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: object) -> object:
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None}
        return data
