"""What is to be said about a key of settings that are in force. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to be said.

    Attributes:
        key: what is written, such as `extensionManagers[0].failOpen`.
        message: what comes of it here, and which key changes that.
    """

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"
