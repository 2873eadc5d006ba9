"""Wire room: what is wrong with the certificates of the xDS port, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from egxds.certificates.validity import Validity
from egxds.problems import Location, Problem, error, warning
from egxds.settings.daemon import XdsTls


def certificate_problems(
    settings: XdsTls, fault: str, validities: Mapping[str, Validity], now: datetime
) -> Iterator[Problem]:
    """Yield what is wrong: an error where Envoys cannot connect, or are served with what is not in the files.

    Args:
        settings: where the files are.
        fault: why they cannot be used as they are; empty where they can.
        validities: the time of what is in force, by the key of the settings.
        now: the time to judge by, with its zone.
    """
    files = {"certFile": settings.cert_file, "clientCAFile": settings.client_ca_file or ""}
    if fault:
        kept = f"{fault}; what was read before stays in force"
        yield error(Location(_named(fault, settings), 0), kept)
    for key, validity in validities.items():
        said = validity.fault(now)
        if said:
            report = error if not validity.begins <= now <= validity.ends else warning
            yield report(Location(files[key], 0), f"xds.tls.{key}: {said}")


def _named(fault: str, settings: XdsTls) -> str:
    """Return the file that a fault is about."""
    return next((path for path in reversed(settings.files) if path in fault), settings.cert_file)
