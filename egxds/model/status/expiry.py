"""Certificates that are served outside of their time. Pure: the time is given."""

from __future__ import annotations

from datetime import datetime

from egxds.model.api.certificates import CERTIFICATE_ENTRY, validity_fault
from egxds.model.resolve.resolved import Resolution
from egxds.problems import Problem, warning


def certificate_warnings(resolution: Resolution, now: datetime) -> tuple[Problem, ...]:
    """Warn of every served certificate that is expired or not yet valid; Envoy serves it all the same.

    Args:
        resolution: what is served.
        now: the time to judge by, with its zone.
    """
    served = {
        secret.key: secret
        for gateway in resolution.gateways
        for listener in gateway.listeners
        for secret in listener.certificates
    }
    found = ((secret, validity_fault(secret.content.data[CERTIFICATE_ENTRY], now)) for secret in served.values())
    return tuple(warning(secret.location, fault, str(secret.key)) for secret, fault in found if fault)
