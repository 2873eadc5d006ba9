"""The client against a real extension server, in every way in which one can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.remote.client import ExtensionClient
from egxds.hooks.replies.check import RouteEdit, check_reply
from egxds.settings.extensions import Hook
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port
from tests.unit.hooks.crossroads import crossroads
from tests.unit.hooks.extensions import manager, record, unchanged
from tests.unit.hooks.gateways import translation
from tests.unit.hooks.scripted_server import Script, scripted_server

pytestmark = pytest.mark.anyio

CALLS = {call.hook: call for batch in record(translation(), (manager(),), unchanged)[1] for call in batch}
CALL = CALLS[Hook.ROUTE]
EXPECTED_METHODS = {
    Hook.ROUTE: "PostRouteModify",
    Hook.ENDPOINTS: "PostEndpointsModify",
    Hook.CLUSTER: "PostClusterModify",
    Hook.VIRTUAL_HOST: "PostVirtualHostModify",
    Hook.HTTP_LISTENER: "PostHTTPListenerModify",
    Hook.TRANSLATION: "PostTranslateModify",
}


def client_of(extension: ExtensionHandle, **settings: Any) -> ExtensionClient:
    """Make a client of the server; without other settings it gives up after one attempt."""
    once = {"retry": {"maxAttempts": 1}}
    return ExtensionClient(manager(service=extension.service | settings.pop("service", once), **settings))


async def order(extension: ExtensionHandle, mode: str, **details: Any) -> None:
    """Set the mode of the server without holding up the event loop."""
    await to_thread.run_sync(lambda: extension.set_mode(mode, **details))


@pytest.mark.parametrize("hook", Hook)
async def test_a_working_extension_is_understood(extension: ExtensionHandle, hook: Hook) -> None:
    """Messages with Envoy's own types on one end and bytes on the other are the same on the wire."""
    client = client_of(extension)
    reply = await client.call(CALLS[hook])
    assert isinstance(reply, HookReply)
    assert not isinstance(check_reply(CALLS[hook], reply), HookFailure)
    await client.aclose()


@pytest.mark.parametrize(
    ("mode", "details", "reason", "message"),
    [
        ("unavailable", {}, FailureReason.STATUS, "UNAVAILABLE: told to be unavailable"),
        ("internal", {}, FailureReason.STATUS, "INTERNAL: told to be internal"),
        ("failed-precondition", {}, FailureReason.REFUSED, "refused: told to be failed-precondition"),
        ("permission-denied", {}, FailureReason.REFUSED, "refused: told to be permission-denied"),
        ("hang", {}, FailureReason.DEADLINE, "no reply within 2 s"),
        ("slow", {"ms": 60_000}, FailureReason.DEADLINE, "no reply within 2 s"),
        ("refuse", {}, FailureReason.CONNECT, "no connection to 127.0.0.1:"),
        ("oversize", {"size": 5000}, FailureReason.OVERSIZE, "5000 bytes and maxMessageSize is 4096"),
    ],
)
async def test_every_failure_has_its_reason(
    extension: ExtensionHandle, mode: str, details: dict[str, int], reason: FailureReason, message: str
) -> None:
    """What goes wrong is told apart, and the same client works again when the extension does."""
    client = client_of(extension, timeout="2s", maxMessageSize=4096)
    await order(extension, mode, **details)
    outcome = await client.call(CALL)
    assert isinstance(outcome, HookFailure)
    assert (outcome.reason, message in outcome.message) == (reason, True), outcome
    await order(extension, "ok")
    assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()


async def test_a_reply_that_is_no_message_is_refused(extension: ExtensionHandle) -> None:
    """Garbage is a failed call, after which the connection goes on being used."""
    client = client_of(extension)
    await order(extension, "garbage")
    outcome = await client.call(CALL)
    assert isinstance(outcome, HookFailure)
    assert (outcome.reason, "invalid reply: " in outcome.message) == (FailureReason.INVALID, True)
    await order(extension, "ok")
    assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()


async def test_what_is_in_a_reply_is_left_to_the_check(extension: ExtensionHandle) -> None:
    """The client looks at the form of a reply, and at nothing that it asks for."""
    client = client_of(extension)
    await order(extension, "wrong-name")
    reply = await client.call(CALL)
    assert isinstance(reply, HookReply)
    result = check_reply(CALL, reply)
    assert isinstance(result, HookFailure)
    assert result.reason is FailureReason.INVALID
    await client.aclose()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(Script(), FailureReason.INVALID, id="no message"),
        pytest.param(Script(b"\x01\x00\x00\x00\x00"), FailureReason.STATUS, id="compressed"),
        pytest.param(Script(b"\x00\x00\x00\x00\x09abc"), FailureReason.CONNECT, id="less than announced"),
        pytest.param(Script(b"\x00\x00"), FailureReason.CONNECT, id="half a prefix"),
        pytest.param(Script(status="503"), FailureReason.STATUS, id="a proxy without upstream"),
        pytest.param(Script(headers=(("content-type", "text/html"),)), FailureReason.STATUS, id="not gRPC"),
        pytest.param(Script(b"\x00\x00\x00\x00\x00", trailers=(("x", "y"),)), FailureReason.STATUS, id="no status"),
    ],
)
async def test_an_answer_that_breaks_the_protocol_is_a_failure(script: Script, reason: FailureReason) -> None:
    """Whatever listens at the address, a call ends with a value and in time."""
    async with scripted_server(script) as service:
        client = ExtensionClient(manager(service=service | {"retry": {"maxAttempts": 1}}, timeout="20s"))
        outcome = await client.call(CALL)
        await client.aclose()
    assert isinstance(outcome, HookFailure)
    assert outcome.reason is reason, outcome


async def test_an_extension_that_dies_in_a_call_is_a_broken_connection(extension: ExtensionHandle) -> None:
    """The call fails at once, and a new process on the same address is found."""
    client = client_of(extension)
    await order(extension, "die-mid-call")
    outcome = await client.call(CALL)
    assert isinstance(outcome, HookFailure)
    assert outcome.reason is FailureReason.CONNECT
    await to_thread.run_sync(extension.wait_dead)
    await to_thread.run_sync(extension.launch)
    assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()


@pytest.mark.parametrize(
    ("mode", "codes", "attempts"),
    [
        ("unavailable", ["UNAVAILABLE"], 3),
        ("internal", ["UNAVAILABLE"], 1),
        ("internal", ["INTERNAL"], 3),
        ("unavailable", [], 1),
        ("ok", ["UNAVAILABLE"], 1),
    ],
)
async def test_what_is_retryable_is_tried_as_often_as_the_settings_say(
    extension: ExtensionHandle, mode: str, codes: list[str], attempts: int
) -> None:
    """The first attempt counts as one."""
    retry = {"maxAttempts": 3, "initialBackoff": "1ms", "RetryableStatusCodes": codes}
    client = client_of(extension, service={"retry": retry})
    await order(extension, mode)
    before = (await to_thread.run_sync(extension.calls))["Route"]
    await client.call(CALL)
    assert (await to_thread.run_sync(extension.calls))["Route"] - before == attempts
    await client.aclose()


async def test_pauses_beyond_every_number_are_the_longest_that_is_allowed(extension: ExtensionHandle) -> None:
    """A pause that grows out of all bounds, as it does over a thousand attempts, ends no call with an exception."""
    retry = {
        "maxAttempts": 4,
        "initialBackoff": "1ms",
        "maxBackoff": "1ms",
        "backoffMultiplier": {"numerator": 10**200},
    }
    client = client_of(extension, service={"retry": retry | {"RetryableStatusCodes": ["INTERNAL"]}})
    await order(extension, "internal")
    assert isinstance(await client.call(CALL), HookFailure)
    await client.aclose()


async def test_a_connection_that_breaks_is_tried_again_within_the_call(extension: ExtensionHandle) -> None:
    """A restart of the extension within the deadline costs no call."""
    retry = {"maxAttempts": 10, "initialBackoff": "50ms", "backoffMultiplier": {"numerator": 100}}
    client = client_of(extension, service={"retry": retry}, timeout="30s")
    await order(extension, "refuse")
    outcomes: list[HookReply | HookFailure] = []

    async def call() -> None:
        outcomes.append(await client.call(CALL))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await order(extension, "ok")
    assert isinstance(outcomes[0], HookReply)
    await client.aclose()


async def test_a_deadline_holds_after_a_broken_connection() -> None:
    """An attempt that hangs after one that broke still ends at the deadline, as a value and not as an exception."""
    retry = {"maxAttempts": 2, "initialBackoff": "1ms"}
    async with crossroads("break", "swallow") as here:
        client = ExtensionClient(manager(service=here.service | {"retry": retry}, timeout="500ms"))
        outcome = await client.call(CALL)
        await client.aclose()
    assert isinstance(outcome, HookFailure)
    assert (outcome.reason, here.connections) == (FailureReason.DEADLINE, 2)


async def test_a_connection_that_leads_nowhere_is_left(extension: ExtensionHandle) -> None:
    """After a call has run out of time on a connection, the next call has another one."""
    port = int(extension.address.rpartition(":")[2])
    async with crossroads("swallow", "forward", to_port=port) as here:
        client = ExtensionClient(manager(service=here.service, timeout="2s"))
        assert isinstance(await client.call(CALL), HookFailure)
        assert isinstance(await client.call(CALL), HookReply)
        await client.aclose()


async def test_many_calls_share_one_connection(extension: ExtensionHandle) -> None:
    """Parallel calls do not dial once each."""
    port = int(extension.address.rpartition(":")[2])
    async with crossroads("forward", to_port=port) as here:
        client = ExtensionClient(manager(service=here.service, timeout="30s"))
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(client.call, CALL)
        await client.aclose()
    assert here.connections == 1


async def test_a_request_that_is_too_large_is_not_sent(extension: ExtensionHandle) -> None:
    """The limit holds both ways, and the message has both sizes."""
    client = client_of(extension, maxMessageSize=8)
    before = await to_thread.run_sync(extension.calls)
    outcome = await client.call(CALL)
    assert outcome == HookFailure(
        FailureReason.OVERSIZE, f"the request has {len(CALL.request)} bytes and maxMessageSize is 8"
    )
    assert await to_thread.run_sync(extension.calls) == before
    await client.aclose()


async def test_cancelling_a_call_ends_its_stream(extension: ExtensionHandle) -> None:
    """A superseded call leaves nothing behind, and the connection goes on being used."""
    client = client_of(extension, timeout="30s")
    await client.call(CALL)
    await order(extension, "hang", hook="Route")
    with anyio.move_on_after(0.1) as scope:
        await client.call(CALL)
    assert scope.cancelled_caught
    await order(extension, "ok")
    assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()


async def test_an_extension_is_reached_by_the_name_of_its_host(extension: ExtensionHandle) -> None:
    """`service.fqdn` names a host."""
    port = int(extension.address.rpartition(":")[2])
    client = ExtensionClient(manager(service={"fqdn": {"hostname": "localhost", "port": port}}))
    assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()


async def test_an_extension_on_a_unix_socket_is_reached(tmp_path: Path) -> None:
    """`service.unix` names a socket."""
    handle = await to_thread.run_sync(lambda: ExtensionHandle.start(tmp_path / "ext.sock"))
    try:
        client = client_of(handle)
        reply = await client.call(CALL)
        assert isinstance(reply, HookReply)
        assert isinstance(check_reply(CALL, reply), RouteEdit)
        await client.aclose()
    finally:
        await to_thread.run_sync(handle.stop)


@pytest.mark.parametrize(
    "service",
    [
        pytest.param({"ip": {"address": "127.0.0.1", "port": free_port()}}, id="refused"),
        pytest.param({"unix": {"path": "/no/such/socket"}}, id="no socket"),
    ],
)
async def test_what_cannot_be_reached_fails_before_the_deadline(service: dict[str, object]) -> None:
    """A refused connection does not burn the time of a call once its attempts are used up."""
    client = ExtensionClient(
        manager(service=service | {"retry": {"maxAttempts": 2, "initialBackoff": "1ms"}}, timeout="60s")
    )
    with anyio.fail_after(30):
        outcome = await client.call(HookCall("authz", Hook.ROUTE, "r", b""))
    assert isinstance(outcome, HookFailure)
    assert outcome.reason is FailureReason.CONNECT
    await client.aclose()


@pytest.mark.parametrize("hook", Hook)
async def test_a_method_that_is_not_there_is_named_with_its_path(hook: Hook) -> None:
    """envoyproxy/gateway PR 8240: a server of older days does not have every hook; and a proxy may lead elsewhere."""
    missing = Script(trailers=(("grpc-status", "12"), ("grpc-message", "unknown method")))
    elsewhere = Script(status="404")
    for script in (missing, elsewhere):
        async with scripted_server(script) as service:
            client = ExtensionClient(manager(service=service | {"retry": {"maxAttempts": 1}}))
            outcome = await client.call(CALLS[hook])
            await client.aclose()
        assert isinstance(outcome, HookFailure)
        assert outcome.message.startswith("UNIMPLEMENTED: ")
        method = EXPECTED_METHODS[hook]
        path = f"/envoygateway.extension.EnvoyGatewayExtension/{method}"
        assert f"was asked for {method} at {path}; serve it, or take {hook.value} out of post" in outcome.message
