"""Quantities as people write them in YAML: durations such as `10s`, sizes such as `32Mi`. Pure."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

_DURATION = re.compile(r"^(?:[0-9]+(?:\.[0-9]+)?(?:ms|h|m|s))+$")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SIZE = re.compile(r"^([0-9]+)(Ki|Mi|Gi|k|M|G|)$")
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def seconds(text: str) -> float:
    """Return the seconds of a duration such as `1m30s`, `500ms` or `0.5s`.

    Raises:
        ValueError: the text is not a duration.
    """
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is not a duration: write 500ms, 10s or 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def size_bytes(text: str) -> int:
    """Return the bytes of a size such as `32Mi` or `4096`.

    Raises:
        ValueError: the text is not a size.
    """
    match = _SIZE.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a size: write 4096, 512Ki or 32Mi")
    return int(match[1]) * _BYTES[match[2]]


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
    if isinstance(value, bool) or (isinstance(value, int) and value < 0):
        raise ValueError("a size is a number of bytes: write 4096, 512Ki or 32Mi")
    return value


DurationSeconds = Annotated[float, BeforeValidator(_duration)]
"""Seconds; written with a unit."""

ByteSize = Annotated[int, BeforeValidator(_size)]
"""Bytes; written as a plain number or with a unit."""


class SettingsModel(BaseModel):
    """Base of all settings: camelCase in the file, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="forbid")
