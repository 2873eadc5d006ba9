"""Which Envoys are let go so that they find another replica. Draws lots; reads no clock.

An Envoy goes with all of its streams or with none: some clients have one for each type, and an Envoy that restarts has
two processes of one id. Whoever is in the middle of something stays: it would have the rest of it later, by way of a
reconnect.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol


class PartingStream(Protocol):
    """A stream, as far as that is concerned."""

    @property
    def node_id(self) -> str:
        """Of its Envoy; empty before that has said who it is."""
        ...

    def is_at_rest(self, now_s: float) -> bool:
        """Tell whether its Envoy has all that there is for it, and nothing was said for a while."""
        ...

    def let_go(self) -> None:
        """End the stream, and with the last one its connection."""
        ...


def let_go(streams: Iterable[PartingStream], most: int, may_go: Callable[[str], bool], now_s: float) -> tuple[str, ...]:
    """End the streams of some Envoys.

    Args:
        streams: all that are open.
        most: how many Envoys.
        may_go: tells of a node id whether it is one of those that may be let go.
        now_s: monotonic seconds.

    Returns:
        The node ids of those that were.
    """
    nodes: defaultdict[str, list[PartingStream]] = defaultdict(list)
    for stream in streams:
        nodes[stream.node_id].append(stream)
    at_rest = [
        node for node, own in nodes.items() if node and may_go(node) and all(stream.is_at_rest(now_s) for stream in own)
    ]
    chosen = tuple(random.sample(at_rest, min(most, len(at_rest))))
    for node in chosen:
        for stream in nodes[node]:
            stream.let_go()
    return chosen
