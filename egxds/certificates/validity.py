"""The time of a certificate. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_EARLIEST = timedelta(days=30)
_LATEST = timedelta(days=2)
_LAST_PART = 3
"""A third of its time is left when a certificate is renewed, as those who issue short ones have it."""


@dataclass(frozen=True, slots=True)
class Validity:
    """The time of a certificate: from when on it is valid, and until when."""

    begins: datetime
    ends: datetime

    def fault(self, now: datetime) -> str:
        """Say that the certificate is expired, not yet valid or about to end; empty where there is nothing to say.

        Args:
            now: the time to judge by, with its zone.
        """
        if now > self.ends:
            return f"the certificate expired at {self.ends.isoformat()}; renew it"
        if now < self.begins:
            return f"the certificate is not valid before {self.begins.isoformat()}"
        if now > self.renewal:
            return f"the certificate ends at {self.ends.isoformat()}; renew it before"
        return ""

    @property
    def renewal(self) -> datetime:
        """From when on it should be renewed.

        That is 30 days before its end, or with a third of its time left where it is a short one, and no later than two
        days before: one that ends tomorrow is mentioned whatever it is.
        """
        return self.ends - max(_LATEST, min(_EARLIEST, (self.ends - self.begins) / _LAST_PART))

    @property
    def moments(self) -> tuple[datetime, ...]:
        """When `fault` says something else than before, in their order."""
        return tuple(sorted((self.begins, self.renewal, self.ends)))
