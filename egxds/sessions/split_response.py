"""How a response that would be too large is cut. Pure.

Envoy takes a response of any size (30 MB were sent in one); a gRPC client, or an Envoy with Google's gRPC library,
refuses one over 4 MiB and comes back for the same one for ever (rules 107, 108).

Nothing is cut unless the settings say so, because parts cost something: an Envoy that starts takes the first part of
the clusters for all of them, goes on to its Listeners, and answers 503 for clusters of later parts. So parts follow
each other with no other type between them, from one snapshot, and removals are in the last.
"""

from __future__ import annotations

from egxds.sessions.client_state import Difference

_HEAD_BYTES = 512
"""Type URL, nonce and control plane, generously."""

_NAME_BYTES = 6
"""What a removed name costs beside its letters: its field number and its length."""


def split_response(difference: Difference, limit_bytes: int | None) -> tuple[Difference, Difference]:
    """Divide what a client is to be told into what fits one response, and the rest.

    Args:
        difference: all of it.
        limit_bytes: size of a response; None where there is no limit.

    Returns:
        A part and the rest: resources before removals, so that the removals come last. A resource or a name that is
        too large for any response is a part of its own.
    """
    nothing = Difference((), ())
    if limit_bytes is None:
        return difference, nothing
    sizes = [
        *(resource.size_bytes for resource in difference.updated),
        *(len(name.encode()) + _NAME_BYTES for name in difference.removed),
    ]
    fitting = _fitting(sizes, limit_bytes - _HEAD_BYTES)
    updated, removed = difference.updated, difference.removed
    names = max(fitting - len(updated), 0)
    return Difference(updated[:fitting], removed[:names]), Difference(updated[fitting:], removed[names:])


def _fitting(sizes: list[int], limit_bytes: int) -> int:
    """Return how many of these fit; one always does."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        # A resource over the limit goes alone: it may be refused, but the others get through.
        if total > limit_bytes and count:
            return count
    return len(sizes)
