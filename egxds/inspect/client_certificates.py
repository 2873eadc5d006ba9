"""When the certificates end that connected Envoys have shown, in the order in which they end. Pure.

Which ends first is known from a sorted list, which the interpreter's own code searches and shifts: a stream that comes
or goes costs no look at others, and neither does a scrape.
"""

from __future__ import annotations

from bisect import bisect_left, insort


class ClientCertificates:
    """Those of the open streams."""

    def __init__(self) -> None:
        """Know of none."""
        self._ends: list[tuple[float, str, int]] = []
        self._by_stream: dict[int, tuple[float, str, int]] = {}

    def opened(self, stream: int, node_id: str, ends_s: float) -> None:
        """Take note of what the client of a stream has shown.

        Args:
            stream: its number.
            node_id: whose it is.
            ends_s: end of the certificate, in seconds since 1970.
        """
        entry = self._by_stream[stream] = (ends_s, node_id, stream)
        insort(self._ends, entry)

    def closed(self, stream: int) -> None:
        """Forget a stream that has ended."""
        entry = self._by_stream.pop(stream, None)
        if entry is not None:
            del self._ends[bisect_left(self._ends, entry)]

    def first(self, most: int) -> tuple[tuple[str, float], ...]:
        """Return node ids with the ends of their certificates, the first to end first.

        Args:
            most: how many.
        """
        return tuple((node_id, ends_s) for ends_s, node_id, _ in self._ends[:most])
