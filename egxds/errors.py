"""Every exception of egxds.

A user's mistake in a watched file is data (see `egxds.problems`), not an exception. What is raised here stops
the one operation that raised it: a command, a hook call, a stream.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from egxds.problems import Problem


class EgxdsError(Exception):
    """Base of every error that egxds raises on purpose."""


class SettingsError(EgxdsError):
    """The settings file cannot be used.

    Attributes:
        problems: every fault found, each with its file and line.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class StartError(EgxdsError):
    """The daemon cannot start: a port is taken, a binary is missing, a key cannot be read."""


class YamlRefused(EgxdsError):  # noqa: N818 the text is at fault, nothing failed
    """A text is not YAML, or YAML of a kind that is not taken.

    Attributes:
        message: what is wrong and what to do about it.
        line: where, counted as the caller asked for.
    """

    def __init__(self, message: str, line: int) -> None:
        self.message = message
        self.line = line
        super().__init__(f"line {line}: {message}")


class UnreadableMessageError(EgxdsError):
    """Bytes are not an encoded message of the type they are said to be."""


class NoConnectionError(EgxdsError):
    """A server could not be connected to; the message says which and why."""


class CertificateError(EgxdsError):
    """Certificates or a key cannot be used; the message says which and why, and holds no value."""


class FailureReason(enum.Enum):
    """Why a hook call failed. The values are the `reason` label of the hook metrics.

    REFUSED: the author of the hook wants it so. ENVOY: an Envoy does not take what came of the reply.
    """

    DEADLINE = "deadline"
    CONNECT = "connect"
    STATUS = "status"
    OVERSIZE = "oversize"
    INVALID = "invalid"
    REFUSED = "refused"
    ENVOY = "envoy"

    @property
    def is_settled(self) -> bool:
        """Whether it stays so for the same input, so that to ask again is in vain."""
        return self in (FailureReason.REFUSED, FailureReason.ENVOY)


class RemoteProtocolError(EgxdsError):
    """A client broke the xDS protocol; its stream ends with this gRPC status.

    Attributes:
        status: gRPC status code, such as 3 for INVALID_ARGUMENT.
        message: what the client did wrong.
        limit: name of the setting that it went over; empty where it was something else.
    """

    def __init__(self, status: int, message: str, limit: str = "") -> None:
        self.status = status
        self.message = message
        self.limit = limit
        super().__init__(message)
