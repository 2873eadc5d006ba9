"""Who goes, where sockets take too little: who took nothing for longest, and of those who holds most."""

from __future__ import annotations

from egxds.wire.grpc.unwritten_bytes import UnwrittenBytes


class Connection:
    """One that is written to."""

    def __init__(self, all_connections: UnwrittenBytes) -> None:
        self.size = self.written = 0
        self.is_ended = False
        self.count = all_connections.open(lambda: self.size, lambda: self.written, self._end)

    def _end(self) -> None:
        self.is_ended = True

    def write(self, size: int, now_s: float) -> None:
        """Write, and nothing of it is taken."""
        self.size += size
        self.written += size
        self.count.look(now_s)


def test_who_took_nothing_for_longest_goes() -> None:
    """Until an eighth of the limit is free; one that takes something, however little, stays."""
    unwritten = UnwrittenBytes(80)
    silent, slow, late = (Connection(unwritten) for _ in range(3))
    silent.write(30, 1.0)
    slow.write(40, 0.0)
    late.write(20, 5.0)
    slow.size -= 1
    unwritten.keep_within_limit(6.0)
    assert [one.is_ended for one in (silent, slow, late)] == [True, False, False]
    assert unwritten.held_bytes == 59


def test_what_was_taken_meanwhile_does_not_count() -> None:
    """All are looked at before one has to go."""
    unwritten = UnwrittenBytes(80)
    one, other = Connection(unwritten), Connection(unwritten)
    one.write(60, 0.0)
    one.size = 0
    other.write(60, 1.0)
    unwritten.keep_within_limit(1.0)
    assert [one.is_ended, other.is_ended] == [False, False]
    assert unwritten.held_bytes == 60


def test_looks_at_all_are_few() -> None:
    """After one, so much has to be written before the next that it costs nothing by comparison."""
    unwritten = UnwrittenBytes(80_000)
    connections = [Connection(unwritten) for _ in range(100)]
    looks = 0
    for number in range(10_000):
        one = connections[number % 100]
        if not one.is_ended:
            one.write(100, float(number))
        looks += unwritten.held_bytes > 80_000
        unwritten.keep_within_limit(float(number))
    assert looks <= 100
