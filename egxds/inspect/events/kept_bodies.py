"""What Envoys were served before a change and after it, for as long as there is room: for who asks for a diff. Pure.

Bodies are kept by reference. Those of before are nobody else's any more, so that there is a limit to the bytes of all
of them; the oldest change makes room, and the newest is kept whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.snapshot.snapshot import VersionedResource

ROOM_BYTES = 16 * 1024 * 1024

MOST_CHANGES = 256

_BODY_BYTES = 1024
"""What the interpreter needs for a body beside its bytes."""


@dataclass(frozen=True, slots=True)
class ChangedBody:
    """One resource.

    Attributes:
        type_url: its type.
        name: its name.
        before: None where it is new.
        now: None where it is gone.
    """

    type_url: str
    name: str
    before: VersionedResource | None
    now: VersionedResource | None

    @property
    def size_bytes(self) -> int:
        """How much of what is kept is kept for this alone."""
        return self.before.size_bytes + _BODY_BYTES if self.before is not None else _BODY_BYTES


@dataclass(frozen=True, slots=True)
class KeptChange:
    """The bodies of one change.

    Attributes:
        gateway: whose.
        bodies: some of the resources.
        size_bytes: how much is kept for it alone.
    """

    gateway: str
    bodies: tuple[ChangedBody, ...]
    size_bytes: int = 0


class KeptBodies:
    """Remembers the last changes."""

    def __init__(self) -> None:
        """Keep none."""
        self._changes: dict[int, KeptChange] = {}
        self._held_bytes = 0

    def keep(self, generation: int, gateway: str, bodies: tuple[ChangedBody, ...]) -> None:
        """Keep what a change was.

        Args:
            generation: its number.
            gateway: whose.
            bodies: of the resources.
        """
        size_bytes = sum(body.size_bytes for body in bodies)
        self._changes[generation] = KeptChange(gateway, bodies, size_bytes)
        self._held_bytes += size_bytes
        while len(self._changes) > 1 and (self._held_bytes > ROOM_BYTES or len(self._changes) > MOST_CHANGES):
            oldest = next(iter(self._changes))
            self._held_bytes -= self._changes.pop(oldest).size_bytes

    def find(self, generation: int) -> KeptChange | None:
        """Return a change; None where it is not kept any more, or never was."""
        return self._changes.get(generation)
