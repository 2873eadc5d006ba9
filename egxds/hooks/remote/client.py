"""Carries hook calls to one extension server over gRPC. Awaits.

Every attempt of a call shares its one deadline.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
from betterproto2 import Message
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from grpclib.metadata import Deadline

from egxds.errors import FailureReason, NoConnectionError
from egxds.generated.envoygateway.extension import EnvoyGatewayExtensionStub
from egxds.grpc.client_stream import BoundedCalls, OversizeMessageError
from egxds.grpc.connections import Connection
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.own_task import in_own_task
from egxds.hooks.calls import REFUSING_STATUSES, HookCall, HookFailure, HookReply, refusal
from egxds.hooks.remote.connections import ServerConnections
from egxds.hooks.remote.pem import SecretFinder, no_secrets
from egxds.hooks.remote.server_health import ServerHealth
from egxds.hooks.replies.check import invalid
from egxds.settings.extension_service import RetrySettings
from egxds.settings.extensions import ExtensionManager, Hook

_SERVICE = "envoygateway.extension.EnvoyGatewayExtension"
_METHODS: dict[Hook, tuple[str, Callable[..., Awaitable[Message]]]] = {
    Hook.ROUTE: ("PostRouteModify", EnvoyGatewayExtensionStub.post_route_modify),
    Hook.ENDPOINTS: ("PostEndpointsModify", EnvoyGatewayExtensionStub.post_endpoints_modify),
    Hook.CLUSTER: ("PostClusterModify", EnvoyGatewayExtensionStub.post_cluster_modify),
    Hook.VIRTUAL_HOST: ("PostVirtualHostModify", EnvoyGatewayExtensionStub.post_virtual_host_modify),
    Hook.HTTP_LISTENER: ("PostHTTPListenerModify", EnvoyGatewayExtensionStub.post_http_listener_modify),
    Hook.TRANSLATION: ("PostTranslateModify", EnvoyGatewayExtensionStub.post_translate_modify),
}
"""Methods of the service, each with that of the stub; a request is given to it as the bytes it is encoded in."""

_JITTER = 0.2
_DEADLINE_SLACK_S = 1.0
"""What the extension is told beyond our deadline, which is kept here: grpclib's own clock must not race it."""


class ExtensionClient:
    """Calls the hooks of one extension.

    Attributes:
        fault: nothing; what is wrong with the code of a server shows in its calls.
    """

    fault = ""

    def __init__(
        self,
        manager: ExtensionManager,
        base: Path = Path(),
        secrets: SecretFinder = no_secrets,
        connections: ServerConnections | None = None,
    ) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            manager: where the extension is, and how long and how often it is asked.
            base: directory that relative paths of certificates start from.
            secrets: finds Secrets with certificates.
            connections: the way to it, where it is none that the settings describe.
        """
        self._manager = manager
        self._retry = manager.service.retry
        self._connections = connections or ServerConnections(manager, base, secrets)
        self._health = ServerHealth(self._connections)

    @property
    def says_not_serving(self) -> bool:
        """Whether the server says of itself that it does not serve."""
        return self._health.says_not_serving

    @property
    def losses(self) -> int:
        """How often a connection was lost, or its health came back: another server may answer, or it may say else."""
        return self._connections.losses + self._health.returns

    async def start(self) -> None:
        """Read the certificates, where they are in files.

        Raises:
            StartError: they cannot be used.
        """
        await self._connections.start()

    async def watch(self, on_renewed: Callable[[], None]) -> None:
        """Keep the connection, and listen to what the server says of itself; until cancelled.

        Args:
            on_renewed: called when what the server said before may not hold any more, and it is there to be asked.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._connections.keep)
            await self._health.watch(on_renewed)

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call, with its retries, within the manager's `timeout`.

        Returns:
            The reply, which is well formed; or why there is none, which is never an exception.
        """
        limit_bytes = self._manager.max_message_size
        if len(call.request) > limit_bytes:
            message = f"the request has {len(call.request)} bytes and maxMessageSize is {limit_bytes}"
            return HookFailure(FailureReason.OVERSIZE, message)
        deadline_s = anyio.current_time() + self._manager.call_timeout
        with anyio.CancelScope(deadline=deadline_s):
            return await self._attempts(call, deadline_s)
        return HookFailure(FailureReason.DEADLINE, f"no reply within {self._manager.call_timeout:g} s")

    def attend(self) -> None:
        """Be connected before there is a call."""
        self._connections.want()

    def reload(self) -> None:
        """Do nothing: a server has its own way to newer code."""

    async def aclose(self) -> None:
        """Close the connection; calls under way fail."""
        await self._connections.aclose()

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
        try:
            return await in_own_task(partial(self._exchange, call, deadline_s))
        except StreamTerminatedError as err:
            return HookFailure(FailureReason.CONNECT, f"no connection to {self._manager.service.address}: {err}")

    async def _exchange(self, call: HookCall, deadline_s: float) -> HookReply | HookFailure:
        try:
            connection = await self._connections.borrow()
        except NoConnectionError as err:
            return HookFailure(FailureReason.CONNECT, str(err))
        try:
            return await self._use(connection, call, deadline_s)
        finally:
            self._connections.give_back(connection)

    async def _use(self, connection: Connection, call: HookCall, deadline_s: float) -> HookReply | HookFailure:
        try:
            return await self._request(connection.channel, call, deadline_s - anyio.current_time())
        except anyio.get_cancelled_exc_class():
            if anyio.current_time() >= deadline_s:
                self._connections.suspect(connection)
            raise
        except OversizeMessageError as err:
            return HookFailure(FailureReason.OVERSIZE, str(err))
        except MalformedMessageError as err:
            return invalid(str(err))
        except GRPCError as err:
            if err.status.name in REFUSING_STATUSES:
                return refusal(err.message or "", err.status.name)
            return HookFailure(FailureReason.STATUS, self._describe(err, call), err.status.name)
        except Exception as err:  # noqa: BLE001 grpclib meets a connection that closes under it with errors of any kind
            self._connections.retire(connection)
            where = self._manager.service.address
            return HookFailure(FailureReason.CONNECT, f"no connection to {where}: {err or type(err).__name__}")

    async def _request(self, channel: Channel, call: HookCall, timeout_s: float) -> HookReply:
        calls = BoundedCalls(channel, self._manager.max_message_size)
        stub = calls.stub(EnvoyGatewayExtensionStub)
        deadline = Deadline.from_timeout(timeout_s + _DEADLINE_SLACK_S)
        _, method = _METHODS[call.hook]
        return HookReply(await method(stub, call.request, deadline=deadline), calls.received_bytes)

    def _describe(self, err: GRPCError, call: HookCall) -> str:
        said = f"{err.status.name}: {err.message or ''}"
        if err.status is not Status.UNIMPLEMENTED:
            return said
        method, _ = _METHODS[call.hook]
        asked = f"the server at {self._manager.service.address} was asked for {method} at /{_SERVICE}/{method}"
        return f"{said} ({asked}; serve it, or take {call.hook.value} out of post)"


def _pause_s(retry: RetrySettings, attempt: int) -> float:
    """Return the seconds after a failed attempt, the first being 1."""
    try:
        base = retry.initial_backoff * retry.backoff_multiplier.value ** (attempt - 1)
    except OverflowError:  # no float is so large after a thousand attempts
        base = retry.max_backoff
    jitter = 1 - _JITTER + 2 * _JITTER * random.random()  # noqa: S311 it spreads attempts and guards nothing
    return min(base, retry.max_backoff) * jitter
