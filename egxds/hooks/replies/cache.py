"""Remembers replies that passed their check, so that an identical request within its time costs no call. Pure.

What has expired is dropped a little at a time, lest an edit a minute after the start pay for ten thousand replies at
once.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from egxds.hooks.calls import CallKey
from egxds.hooks.replies.check import Edit

DEFAULT_MAX_BYTES = 64 * 2**20
DEFAULT_MAX_ENTRIES = 100_000
DROPPED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Entry:
    edit: Edit
    size_bytes: int
    expires_s: float


class ReplyCache:
    """The newest replies that passed their check, up to a number and a sum of bytes; the least used go first."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES, max_entries: int = DEFAULT_MAX_ENTRIES) -> None:
        """Start empty.

        Args:
            max_bytes: most bytes of all replies together, as they were on the wire.
            max_entries: most replies.
        """
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._entries: OrderedDict[CallKey, _Entry] = OrderedDict()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of all replies that are remembered."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: CallKey, now_s: float) -> Edit | None:
        """Return the reply to an identical request, if there is one that is young enough.

        Args:
            key: of the call.
            now_s: a monotonic time, seconds.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_s <= now_s:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.edit

    def put(self, key: CallKey, edit: Edit, size_bytes: int, expires_s: float) -> None:
        """Remember a reply that passed its check.

        Args:
            key: of the call.
            edit: what it asks for.
            size_bytes: its size on the wire.
            expires_s: when it may no longer be used, on the clock of `get`.
        """
        if key in self._entries:
            self._drop(key)
        self._entries[key] = _Entry(edit, size_bytes, expires_s)
        self._bytes += size_bytes
        while self._bytes > self._max_bytes or len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def drop_expired(self, now_s: float) -> None:
        """Forget some of what may no longer be used, from the least used on until the first that may.

        Args:
            now_s: the time, on the clock of `get`.
        """
        for _ in range(min(DROPPED_AT_ONCE, len(self._entries))):
            key, entry = next(iter(self._entries.items()))
            if entry.expires_s > now_s:
                return
            self._drop(key)

    def _drop(self, key: CallKey) -> None:
        self._bytes -= self._entries.pop(key).size_bytes
