"""Whether the others still hear a member: beside a watch it is asked what it has to ask them. Awaits.

    HEARD ---- a read is answered, or refused for another reason ----> HEARD, from when it was sent
    HEARD ---- 7.6 s without any such answer -------------------------> LEFT ALONE: the watch ends with an error

A member that is cut off from the others, and not from its clients, answers questions for progress, and what it tells
is that nothing has happened. It ends a watch by itself once it has missed its leader for some election timeouts: after
4 to 6 s with the timeout that etcd comes with, and after 20 s where somebody has set it to 5 s. A read of what is
newest is something that it cannot answer without a majority.

An election is waited for like that, too: errors are no answers. Nor does a member answer that hangs, which is noticed
here or by its silence, whichever is first.
"""

from __future__ import annotations

from functools import partial

import anyio
from grpclib.exceptions import GRPCError

from egxds.etcd.attempts import Use
from egxds.etcd.errors import EtcdError, OutcomeUnknownError, UnavailableError
from egxds.etcd.failures import failure
from egxds.generated.etcdserverpb import KvStub, RangeRequest, RequestOp, TxnRequest
from egxds.grpc.own_task import in_own_task

PROVE_S = 3.8
"""Between two reads, of which each costs 0.7 ms of CPU here: a fiftieth of a percent of a core for each watch."""

MOST_UNPROVEN_S = 7.6
"""As long as a member may be silent."""


async def until_left_alone(use: Use, keys: tuple[bytes, bytes]) -> EtcdError:
    """Ask a member time and again; return the error once it is left alone, or cannot be asked any more.

    Args:
        use: the connection of the watch.
        keys: the first one that is watched, and the first after it that is not: whoever may watch them may read them.
    """
    first, end = keys
    read = RequestOp(request_range=RangeRequest(key=first, range_end=end, limit=1, keys_only=True))
    proven_s = anyio.current_time()
    while (left_s := proven_s + MOST_UNPROVEN_S - anyio.current_time()) > 0:
        await anyio.sleep(min(PROVE_S, left_s))
        asked_s = anyio.current_time()
        with anyio.CancelScope(deadline=proven_s + MOST_UNPROVEN_S):
            try:
                if await _is_heard(use, TxnRequest(success=[read])):
                    proven_s = asked_s
            except Exception as err:  # noqa: BLE001 a connection that closes under grpclib has errors of any kind
                return UnavailableError(f"{use.where}: {err or type(err).__name__}")
    return UnavailableError(f"{use.where}: no answer for {MOST_UNPROVEN_S:g} s to what it has to ask the other members")


async def _is_heard(use: Use, request: TxnRequest) -> bool:
    """Return whether a majority had to do with an answer: what it is does not matter."""
    try:
        await in_own_task(partial(use.calls.stub(KvStub).txn, request, metadata=use.metadata))
    except GRPCError as err:
        return not isinstance(failure(err, use.where), UnavailableError | OutcomeUnknownError)
    return True
