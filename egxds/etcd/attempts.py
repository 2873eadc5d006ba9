"""One call of one member: a connection, a cluster that is the right one, a token, and what comes of it. Awaits.

A member is asked of which cluster it is before it is asked for anything else on a connection: a transaction is not to
be applied by another cluster. A token that is over is replaced once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio
from grpclib.exceptions import GRPCError, StreamTerminatedError

from egxds.errors import NoConnectionError
from egxds.etcd.credentials import Credentials
from egxds.etcd.errors import (
    EtcdError,
    OutcomeUnknownError,
    ReplyTooLargeError,
    TimedOutError,
    UnavailableError,
    WrongClusterError,
)
from egxds.etcd.failures import PassingError, TokenRefusedError, failure
from egxds.etcd.members import Member
from egxds.etcd.messages import header_of
from egxds.generated.etcdserverpb import MaintenanceStub, ResponseHeader, StatusRequest
from egxds.grpc.client_stream import BoundedCalls, OversizeMessageError
from egxds.grpc.connections import Connection
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.own_task import in_own_task

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Of one reply: chunks of files are asked for 64 at a time, each half a MiB at most."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Use:
    """What a call is made with.

    Attributes:
        calls: stands in for the channel in stubs.
        metadata: of the call.
        limit: its time; a call that is to go on beyond that moves the deadline.
        where: the member, for messages.
        has_old_token: whether its token was asked for before, and may be over.
    """

    calls: BoundedCalls
    metadata: dict[str, str]
    limit: anyio.CancelScope
    where: str
    has_old_token: bool


Call = Callable[[Use], Awaitable[_T]]
"""Makes one call; raises what grpclib does, or an EtcdError."""


class BrokenOffError(EtcdError):
    """A call that had begun to answer is over, so that no other member is tried.

    Attributes:
        error: why.
    """

    def __init__(self, error: EtcdError) -> None:
        self.error = error
        super().__init__(str(error))


@dataclass(frozen=True, slots=True)
class Times:
    """When a member has to be there, ready to be asked, and when it has to have answered: seconds of the loop."""

    ready_s: float
    answered_s: float


class _Attempt:
    """How far an attempt is."""

    def __init__(self, limit: anyio.CancelScope, times: Times) -> None:
        self.limit = limit
        self.times = times
        self.connection: Connection | None = None
        self.is_sent = False

    def begin(self) -> None:
        """Take note that etcd is asked from now on."""
        self.is_sent = True
        self.limit.deadline = self.times.answered_s


class Attempts:
    """Makes calls.

    Attributes:
        cluster_id: the one that is spoken to; 0 until the first has answered.
    """

    def __init__(self, credentials: Credentials, cluster_id: int) -> None:
        """Prepare.

        Args:
            credentials: as whom.
            cluster_id: the only one that is spoken to; 0 for the first that answers.
        """
        self.cluster_id = cluster_id
        self._credentials = credentials

    def check_cluster(self, header: ResponseHeader | None) -> ResponseHeader:
        """Return the header of a reply.

        Raises:
            WrongClusterError: another cluster sends it.
            MalformedMessageError: it does not say which.
        """
        found = header_of(header)
        self.cluster_id = self.cluster_id or found.cluster_id
        if found.cluster_id != self.cluster_id:
            raise WrongClusterError(self.cluster_id, found.cluster_id)
        return found

    async def make(self, member: Member, call: Call[_T], may_repeat: Callable[[], bool], times: Times) -> _T:
        """Make a call.

        Args:
            member: of whom.
            call: makes it.
            may_repeat: tells whether it may be made again where nobody knows what came of it.
            times: how long it may take.

        Raises:
            UnavailableError: it may be made of another member.
            EtcdError: it is refused; or nobody knows (OutcomeUnknownError).
        """
        attempt = _Attempt(anyio.CancelScope(deadline=times.ready_s), times)
        try:
            with attempt.limit:
                return await self._made(member, call, attempt)
            if attempt.connection is not None:
                member.retire(attempt.connection)
            is_unknown, said = attempt.is_sent and not may_repeat(), f"{member.endpoint}: no answer in time"
            raise OutcomeUnknownError(said) if is_unknown else TimedOutError(said)
        except OutcomeUnknownError as err:
            if attempt.is_sent and not may_repeat():
                raise
            raise PassingError(str(err)) from err
        except OversizeMessageError as err:
            said = f"{member.endpoint}: a reply is larger than {MAX_REPLY_BYTES} bytes"
            raise ReplyTooLargeError(said) if may_repeat() else OutcomeUnknownError(said) from err

    async def _made(self, member: Member, call: Call[_T], attempt: _Attempt) -> _T:
        try:
            return await in_own_task(partial(self._borrowed, member, call, attempt))
        except StreamTerminatedError as err:
            if attempt.connection is not None:
                member.retire(attempt.connection)
            raise OutcomeUnknownError(f"no connection to {member.endpoint}: {err}") from err

    async def _borrowed(self, member: Member, call: Call[_T], attempt: _Attempt) -> _T:
        try:
            connection = attempt.connection = await member.borrow()
        except NoConnectionError as err:
            raise UnavailableError(str(err)) from err
        try:
            return await self._greeted(member, connection, call, attempt)
        except BrokenOffError as err:
            if isinstance(err.error, UnavailableError):
                member.retire(connection)
            raise
        except (EtcdError, OversizeMessageError):
            raise
        except GRPCError as err:
            raise failure(err, str(member.endpoint)) from err
        except MalformedMessageError as err:
            raise OutcomeUnknownError(f"{member.endpoint}: a reply cannot be read: {err}") from err
        except Exception as err:
            # grpclib meets a connection that closes under it with errors of any kind.
            member.retire(connection)
            raise OutcomeUnknownError(f"no connection to {member.endpoint}: {err or type(err).__name__}") from err
        finally:
            member.give_back(connection)

    async def _greeted(self, member: Member, connection: Connection, call: Call[_T], attempt: _Attempt) -> _T:
        calls = BoundedCalls(connection.channel, MAX_REPLY_BYTES)
        if member.greeted is not connection:
            self.check_cluster((await calls.stub(MaintenanceStub).status(StatusRequest())).header)
            member.greeted = connection
        use = await self._use(member, calls, attempt)
        try:
            return await self._sent(call, use, attempt)
        except TokenRefusedError:
            if not use.has_old_token:
                raise
        self._credentials.forget(use.metadata.get("token", ""))
        return await self._sent(call, await self._use(member, calls, attempt), attempt)

    async def _sent(self, call: Call[_T], use: Use, attempt: _Attempt) -> _T:
        attempt.begin()
        try:
            return await call(use)
        except GRPCError as err:
            raise failure(err, use.where) from err

    async def _use(self, member: Member, calls: BoundedCalls, attempt: _Attempt) -> Use:
        is_old = self._credentials.has_token
        token = await self._credentials.token(calls)
        # Without a leader a member is to say so at once, and not to wait for one.
        metadata = {"hasleader": "true"} | ({"token": token} if token else {})
        return Use(calls, metadata, attempt.limit, str(member.endpoint), has_old_token=is_old)
