"""Since when an Envoy cannot connect to an endpoint: what its counters were, look by look. Pure.

An Envoy counts, and does not say when. So what it counts is kept from look to look, and compared:

- failures grew, and no request got onto a connection: it cannot connect, since the first such look;
- a request got onto a connection: it can, whatever failed beside it;
- neither: as it was. An endpoint that nobody asks for stays as it was found last.

Counters that fell are those of an Envoy that started anew: it is known as little as at the first look. At that one,
failures without one request say that it cannot connect, and for how long is not known: at least since then. What an
Envoy does not list any more is forgotten, so that there is never more than its last page had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from egxds.inspect.envoy_clusters import EndpointCounts


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint, and how long it has been like that.

    Attributes:
        counts: at the last look.
        base: failures before the first that belongs to this fault.
        failing_since_s: time of the first look that found it failing, in seconds since 1970; None where it is not.
        is_older: it may have been failing before that.
        last_failure_s: of the last look at which failures had grown.
    """

    counts: EndpointCounts
    base: int = 0
    failing_since_s: float | None = None
    is_older: bool = False
    last_failure_s: float = 0.0

    @property
    def failures(self) -> int:
        """Connections that did not come about, of this fault."""
        return self.counts.failures - self.base


_Key = tuple[str, str, str]
States = dict[_Key, EndpointState]


def looked(before: States, found: Iterable[EndpointCounts], now_s: float) -> States:
    """Return the states after a look.

    Args:
        before: those of the look before; empty at the first one.
        found: what the Envoy says now.
        now_s: when, in seconds since 1970.
    """
    states = {}
    for counts in found:
        key = (counts.cluster, counts.address, counts.hostname)
        states[key] = _after(before.get(key), counts, now_s)
    return states


def _after(before: EndpointState | None, counts: EndpointCounts, now_s: float) -> EndpointState:
    if before is None or counts.failures < before.counts.failures or counts.requests < before.counts.requests:
        if counts.failures and not counts.requests:
            return EndpointState(counts, 0, now_s, is_older=True, last_failure_s=now_s)
        return EndpointState(counts)
    if counts.requests > before.counts.requests:
        return EndpointState(counts)
    if counts.failures == before.counts.failures:
        return replace(before, counts=counts)
    if before.failing_since_s is None:
        return EndpointState(counts, before.counts.failures, now_s, last_failure_s=now_s)
    return replace(before, counts=counts, last_failure_s=now_s)
