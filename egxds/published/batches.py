"""How much goes to a store at once. Pure.

etcd refuses a transaction of more than 128 operations, and a request of more than 1.5 MiB, where nobody has it take
more. What it answers it sends in one piece, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

MOST_WRITES = 100
MOST_WRITTEN_BYTES = 1024 * 1024
MOST_READS = 64
MOST_READ_BYTES = 2 * 1024 * 1024

_T = TypeVar("_T")


def batches(items: Iterable[_T], size_of: Callable[[_T], int], most_items: int, most_bytes: int) -> Iterator[list[_T]]:
    """Put things together, in their order, that go at once; one that is larger than what may go, by itself.

    Args:
        items: all of them.
        size_of: tells how many bytes one has.
        most_items: that go at once.
        most_bytes: of those together.
    """
    batch: list[_T] = []
    size_bytes = 0
    for item in items:
        item_bytes = size_of(item)
        if batch and (len(batch) >= most_items or size_bytes + item_bytes > most_bytes):
            yield batch
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += item_bytes
    if batch:
        yield batch
