"""How much is taken of a generation. Pure."""

from __future__ import annotations

from dataclasses import replace

from egxds.files.reading.content import ReadLimits
from egxds.files.reading.reader import LIMITS
from egxds.settings.etcd import EtcdSource


def limits_of(source: EtcdSource) -> ReadLimits:
    """Return what the settings of a store say, and the limits of files for the rest."""
    return replace(LIMITS, file_bytes=source.limits.file_bytes, total_bytes=source.limits.total_bytes)
