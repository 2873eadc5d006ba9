"""The time of a certificate. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Validity:
    """The time of a certificate: from when on it is valid, and until when."""

    begins: datetime
    ends: datetime

    def fault(self, now: datetime) -> str:
        """Say that the certificate is expired or not yet valid; empty where it is in its time.

        Args:
            now: the time to judge by, with its zone.
        """
        if now > self.ends:
            return f"the certificate expired at {self.ends.isoformat()}; renew it"
        if now < self.begins:
            return f"the certificate is not valid before {self.begins.isoformat()}"
        return ""
