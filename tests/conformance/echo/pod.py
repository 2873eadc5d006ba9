"""A pod of a Deployment: who it is, where it listens, what it wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass
class Pod:
    """One pod.

    Attributes:
        name: `<deployment>-<hash>-<hash>`.
        labels: of the Deployment's template.
        address: on the loopback network.
        service: the name that it says its Service has.
        log: its lines.
        attempts: uuid of a retried request → how many of its attempts failed.
    """

    name: str
    namespace: str
    labels: dict[str, str]
    address: str
    service: str = ""
    log: list[str] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)

    @property
    def context(self) -> dict[str, str]:
        """Who answers, as it says in JSON."""
        return {"namespace": self.namespace, "ingress": "", "service": self.service, "pod": self.name}


def seconds(text: str) -> float:
    """Read a duration such as `1s` or `250ms`."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text)
    if parts is None:
        raise ValueError(f"no duration: {text!r}")
    return float(parts[1]) * _UNITS_S[parts[2]]
