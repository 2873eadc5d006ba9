"""Carries hook calls to one extension server over gRPC. Awaits, and keeps a connection.

Every attempt of a call shares its one deadline. A connection on which a call ran out of time is not used for new
calls, because nobody can tell a slow server from a connection that leads nowhere; calls under way may finish.
"""

from __future__ import annotations

import random
import struct

import anyio
from grpclib.client import Channel, Stream
from grpclib.const import Cardinality, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError
from grpclib.metadata import Deadline, decode_metadata

from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.settings import ExtensionManager, FqdnAddress, Hook, IpAddress, RetrySettings, UnixAddress

_SERVICE = "/envoygateway.extension.EnvoyGatewayExtension/"
_METHODS = {
    Hook.ROUTE: _SERVICE + "PostRouteModify",
    Hook.VIRTUAL_HOST: _SERVICE + "PostVirtualHostModify",
    Hook.HTTP_LISTENER: _SERVICE + "PostHTTPListenerModify",
    Hook.TRANSLATION: _SERVICE + "PostTranslateModify",
}
_PREFIX = struct.Struct(">?I")
_JITTER = 0.2
_DEADLINE_SLACK_S = 1.0
"""What the extension is told beyond our deadline, which is kept here: grpclib's own clock must not race it."""


class _OversizeReplyError(Exception):
    """A reply is announced that is larger than allowed."""


class _RawCodec(CodecBase):
    """Messages are bytes already."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: type[bytes]) -> bytes:  # noqa: ARG002 as grpclib calls it
        return message

    def decode(self, data: bytes, message_type: type[bytes]) -> bytes:  # noqa: ARG002 as grpclib calls it
        return data


_CODEC = _RawCodec()


class _BoundedCall(Stream[bytes, bytes]):
    """One unary call that looks at the announced size of the reply before it takes any of it in."""

    def __init__(self, channel: Channel, call: HookCall, limit_bytes: int, timeout_s: float) -> None:
        super().__init__(
            channel,
            _METHODS[call.hook],
            decode_metadata([]),
            Cardinality.UNARY_UNARY,
            bytes,
            bytes,
            codec=_CODEC,
            status_details_codec=None,
            dispatch=channel.__dispatch__,
            deadline=Deadline.from_timeout(timeout_s + _DEADLINE_SLACK_S),
        )
        self._limit_bytes = limit_bytes

    async def recv_message(self) -> bytes | None:
        await self.recv_initial_metadata()
        with self._wrapper:
            prefix = await self._stream.recv_data(_PREFIX.size)
            if not prefix:
                return None
            is_compressed, size = _PREFIX.unpack(prefix)
            if is_compressed:
                raise GRPCError(Status.INTERNAL, "the reply is compressed, which was not asked for")
            if size > self._limit_bytes:
                raise _OversizeReplyError(f"the reply has {size} bytes and maxMessageSize is {self._limit_bytes}")
            return await self._stream.recv_data(size)


class _Connection:
    """A channel and how many calls are using it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.calls = 0


def _open(address: FqdnAddress | IpAddress | UnixAddress) -> Channel:
    match address:
        case UnixAddress():
            return Channel(path=address.path, codec=_CODEC)
        case IpAddress():
            return Channel(address.address, address.port, codec=_CODEC)
        case FqdnAddress():
            return Channel(address.hostname, address.port, codec=_CODEC)


class ExtensionClient:
    """Calls the hooks of one extension."""

    def __init__(self, manager: ExtensionManager) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            manager: where the extension is, and how long and how often it is asked.
        """
        self._manager = manager
        self._retry = manager.service.retry
        self._connection: _Connection | None = None

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call, with its retries, within the manager's `timeout`.

        Returns:
            The reply as it came; or why there is none, which is never an exception.
        """
        deadline_s = anyio.current_time() + self._manager.timeout
        with anyio.CancelScope(deadline=deadline_s):
            return await self._attempts(call, deadline_s)
        return HookFailure(FailureReason.DEADLINE, f"no reply within {self._manager.timeout:g} s")

    async def aclose(self) -> None:
        """Close the connection; calls under way fail."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.channel.close()

    async def _attempts(self, call: HookCall, deadline_s: float) -> HookReply | HookFailure:
        for attempt in range(1, self._retry.max_attempts):
            outcome = await self._attempt(call, deadline_s)
            pause_s = _pause_s(self._retry, attempt)
            if not self._is_retryable(outcome) or anyio.current_time() + pause_s >= deadline_s:
                return outcome
            await anyio.sleep(pause_s)
        return await self._attempt(call, deadline_s)

    def _is_retryable(self, outcome: HookReply | HookFailure) -> bool:
        if isinstance(outcome, HookReply):
            return False
        return outcome.reason is FailureReason.CONNECT or outcome.status in self._retry.retryable_status_codes

    async def _attempt(self, call: HookCall, deadline_s: float) -> HookReply | HookFailure:
        """Make one attempt, in a task of its own.

        grpclib ends a call on a broken connection by cancelling its task and never takes the cancellation back,
        after which no cancel scope around it could be trusted.
        """
        outcomes: list[HookReply | HookFailure] = []

        async def attempt() -> None:
            outcomes.append(await self._exchange(call, deadline_s))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(attempt)
        return outcomes[0]

    async def _exchange(self, call: HookCall, deadline_s: float) -> HookReply | HookFailure:
        connection = self._borrow()
        try:
            return await self._request(connection.channel, call, deadline_s - anyio.current_time())
        except anyio.get_cancelled_exc_class():
            if anyio.current_time() >= deadline_s:
                self._retire(connection)
            raise
        except _OversizeReplyError as err:
            return HookFailure(FailureReason.OVERSIZE, str(err))
        except GRPCError as err:
            return HookFailure(FailureReason.STATUS, f"{err.status.name}: {err.message or ''}", err.status.name)
        except Exception as err:  # noqa: BLE001 grpclib meets a connection that closes under it with errors of any kind
            self._retire(connection)
            where = self._manager.service.address
            return HookFailure(FailureReason.CONNECT, f"no connection to {where}: {err or type(err).__name__}")
        finally:
            self._give_back(connection)

    async def _request(self, channel: Channel, call: HookCall, timeout_s: float) -> HookReply | HookFailure:
        async with _BoundedCall(channel, call, self._manager.max_message_size, timeout_s) as stream:
            await stream.send_message(call.request, end=True)
            reply = await stream.recv_message()
        if reply is None:
            return HookFailure(FailureReason.INVALID, "invalid reply: it holds no message")
        return HookReply(reply)

    def _borrow(self) -> _Connection:
        if self._connection is None:
            self._connection = _Connection(_open(self._manager.service.address))
        self._connection.calls += 1
        return self._connection

    def _give_back(self, connection: _Connection) -> None:
        connection.calls -= 1
        if connection is not self._connection and connection.calls == 0:
            connection.channel.close()

    def _retire(self, connection: _Connection) -> None:
        """Let new calls have a new connection; this one closes when its last call has ended."""
        if connection is self._connection:
            self._connection = None


def _pause_s(retry: RetrySettings, attempt: int) -> float:
    """Return the seconds after a failed attempt, the first being 1."""
    base = retry.initial_backoff * retry.backoff_multiplier.value ** (attempt - 1)
    jitter = 1 - _JITTER + 2 * _JITTER * random.random()  # noqa: S311 it spreads attempts and guards nothing
    return min(base, retry.max_backoff) * jitter
