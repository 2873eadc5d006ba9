"""Extensions that need no process: functions from a call to what comes of it, and a driver that asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import betterproto2

from egxds.errors import FailureReason
from egxds.generated.envoygateway import extension
from egxds.grpc.codec import decode
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.plan import order as plan
from egxds.hooks.policy.outcome import Accepted, HookedGateway
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.replies.check import check_reply
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook
from tests.extension_server.edits import EDITS
from tests.extension_server.protocol import METHODS

Extension = Callable[[HookCall], HookReply | HookFailure]

_METHODS = {Hook(method.hook): method for method in METHODS}
_RESPONSES: dict[Hook, type[betterproto2.Message]] = {
    Hook.ROUTE: extension.PostRouteModifyResponse,
    Hook.ENDPOINTS: extension.PostEndpointsModifyResponse,
    Hook.CLUSTER: extension.PostClusterModifyResponse,
    Hook.VIRTUAL_HOST: extension.PostVirtualHostModifyResponse,
    Hook.HTTP_LISTENER: extension.PostHttpListenerModifyResponse,
    Hook.TRANSLATION: extension.PostTranslateModifyResponse,
}
_epochs = count(1)
ALL_HOOKS = tuple(hook.value for hook in Hook)


def manager(
    name: str = "authz", policy: str = "deny", hooks: tuple[str, ...] = ALL_HOOKS, **more: Any
) -> ExtensionManager:
    """Make the settings of an extension that gets everything.

    Args:
        name: its name.
        policy: what happens when it fails.
        hooks: when it is called.
        more: other keys, as in the settings file.
    """
    everything = {"includeAll": True}
    translation = {"listener": everything, "route": everything}
    keys = {
        "name": name,
        "hooks": {"xdsTranslator": {"post": hooks, "translation": more.pop("translation", translation)}},
        "service": {"ip": {"address": "127.0.0.1", "port": 5005}},
        "onFailure": policy,
    }
    return ExtensionManager.model_validate(keys | more)


def shown(*types: str) -> dict[str, object]:
    """Return the setting by which the Translation hook is shown all resources of some types, and none of the others."""
    return {kind: {"includeAll": kind in types} for kind in ("listener", "route", "cluster", "secret")}


def reply_of(hook: Hook, body: bytes) -> HookReply:
    """Read an encoded reply as the client does.

    Raises:
        MalformedMessageError: it is none.
    """
    return HookReply(decode(_RESPONSES[hook], body), len(body))


def edited(call: HookCall, edit: Callable[[Any, Any], None] | None = None) -> HookReply:
    """Answer a call with what the extension server of the tests answers, or with another edit."""
    method = _METHODS[call.hook]
    response = method.response()
    (edit or EDITS[call.hook.value])(method.request.FromString(call.request), response)
    return reply_of(call.hook, response.SerializeToString())


def working(call: HookCall) -> HookReply:
    """Answer as the extension server of the tests."""
    return edited(call)


def unchanged(call: HookCall) -> HookReply:
    """Answer that nothing is to change."""
    return reply_of(call.hook, b"")


def failing(*hooks: Hook, subject: str = "", otherwise: Extension = working) -> Extension:
    """Make an extension that refuses some calls.

    Args:
        hooks: of these hooks.
        subject: about this resource; all where empty.
        otherwise: answers the other calls.
    """

    def answer(call: HookCall) -> HookReply | HookFailure:
        if call.hook in hooks and subject in ("", call.subject):
            return HookFailure(FailureReason.STATUS, "INTERNAL: broken", "INTERNAL")
        return otherwise(call)

    return answer


def drive(
    translation: GatewayTranslation,
    managers: tuple[ExtensionManager, ...],
    extensions: Extension | Mapping[str, Extension],
    accepted: Accepted | None = None,
    epoch: int | None = None,
    nacks: tuple[Nack, ...] = (),
) -> HookedGateway:
    """Take a Gateway through its hooks.

    Args:
        translation: the Gateway.
        managers: its extensions.
        extensions: answers all calls, or by manager.
        accepted: of the run before.
        epoch: of all connections; a new one if it is not given, and then nobody knows what was said before.
        nacks: what Envoys refuse of what the run before published.
    """
    return record(translation, managers, extensions, accepted, epoch, nacks)[0]


def record(
    translation: GatewayTranslation,
    managers: tuple[ExtensionManager, ...],
    extensions: Extension | Mapping[str, Extension],
    accepted: Accepted | None = None,
    epoch: int | None = None,
    nacks: tuple[Nack, ...] = (),
) -> tuple[HookedGateway, list[tuple[HookCall, ...]]]:
    """Take a Gateway through its hooks and return the batches of calls too, without the empty ones."""
    batches: list[tuple[HookCall, ...]] = []
    current = next(_epochs) if epoch is None else epoch
    if epoch is None and accepted is not None:
        accepted = accepted.without({one.name for one in managers})
    run = plan.run(translation, managers, accepted, {one.name: current for one in managers}, nacks)
    try:
        calls = next(run)
        while True:
            if calls:
                batches.append(calls)
            calls = run.send(tuple(_checked(call, extensions) for call in calls))
    except StopIteration as end:
        return end.value, batches


def _checked(call: HookCall, extensions: Extension | Mapping[str, Extension]) -> Any:
    answer = (extensions[call.manager] if isinstance(extensions, Mapping) else extensions)(call)
    return check_reply(call, answer) if isinstance(answer, HookReply) else answer
