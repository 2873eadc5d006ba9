"""What comes of asking the functions of an extension: an answer, or why there is none. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from egxds.extension.forms import Answer
from egxds.settings.extensions import Hook


class FaultKind(enum.Enum):
    """Why a function gave no answer.

    RAISED: it raised. UNFIT: what it returned is no answer. REFUSED: it said no, on purpose. OVERDUE: it did not
    return in time. BLOCKED: it never began, for all threads are blocked by others. MISSING: there is no such function.
    """

    RAISED = "raised"
    UNFIT = "unfit"
    REFUSED = "refused"
    OVERDUE = "overdue"
    BLOCKED = "blocked"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a function gave no answer.

    Attributes:
        kind: of which kind that is.
        message: for people.
    """

    kind: FaultKind
    message: str


class Asked(Protocol):
    """Whatever asks the functions of an extension."""

    async def ask(self, hook: Hook, request: bytes, timeout_s: float) -> Answer | Fault:
        """Ask one function.

        Args:
            hook: which.
            request: the encoded request of a call, well formed.
            timeout_s: how long it may take once it has begun.

        Returns:
            What came of it; raises nothing.
        """
