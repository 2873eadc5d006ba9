"""The order of the hooks: a translated Gateway in, calls out, what came of them in, a hooked Gateway out. Pure.

Route, Endpoints, Cluster, VirtualHost, HTTPListener, Translation; within a hook the extensions in declared order, the
output of one being the input of the next. It is Envoy Gateway's order, from the inside to the outside: a virtual host
is shown with its routes as the Route hooks left them, and the Translation hook is shown everything.

A hook runs for the whole Gateway before the next one starts, so that its calls, which do not depend on each other, can
run in parallel: a run costs as many round trips as there are hooks and extensions, and not as there are routes.

    draft ---> Route ---> Endpoints ---> ... ---> Translation ---> does anything refer to nothing?
      ^          |            |                       |                 | yes              | no
      |          '------------'---- a failure under hold --------------------------------> publication
      '------------------ once more, with those replies refused --------'

Going through it all again is what keeps the outcome simple: it is as if the refused reply had failed at once, whatever
later hooks had made of it. It ends, since what a stage asks is decided by the stages before it, and a reply can be
refused only once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from egxds.hooks.calls import HookCall
from egxds.hooks.plan.backends import cluster_stage, endpoints_stage
from egxds.hooks.plan.call_memo import CallMemo, Stage
from egxds.hooks.plan.dangling_references import dangling_replies
from egxds.hooks.plan.listener import listener_stage
from egxds.hooks.plan.route import route_stage
from egxds.hooks.plan.translation import translation_stage
from egxds.hooks.plan.virtual_host import virtual_host_stage
from egxds.hooks.policy.draft import Draft
from egxds.hooks.policy.outcome import Accepted, HookedGateway
from egxds.hooks.policy.publication import publication
from egxds.hooks.replies.check import CallResult
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook

STAGES: tuple[tuple[Hook, Callable[[Draft, ExtensionManager], Stage]], ...] = (
    (Hook.ROUTE, route_stage),
    (Hook.ENDPOINTS, endpoints_stage),
    (Hook.CLUSTER, cluster_stage),
    (Hook.VIRTUAL_HOST, virtual_host_stage),
    (Hook.HTTP_LISTENER, listener_stage),
    (Hook.TRANSLATION, translation_stage),
)
"""Hooks in the order in which they are called (Envoy Gateway, xDS translator)."""

Run = Generator[tuple[HookCall, ...], tuple[CallResult, ...], HookedGateway]


def run(translation: GatewayTranslation, managers: tuple[ExtensionManager, ...], accepted: Accepted | None) -> Run:
    """Take one Gateway through its hooks.

    Where a reply turns out to leave a reference to nothing, which shows only at the end, everything is gone through
    once more with that reply refused; what was asked already is not asked again.

    Args:
        translation: the Gateway before any hook.
        managers: the extensions, in declared order.
        accepted: what the last run for this Gateway returned as such; None where there was none.

    Yields:
        Batches of calls that may run in parallel, some of them empty; to be sent what came of each call, in the
        same order.

    Returns:
        What is to be published. Under `hold` it comes as soon as a batch with a failure is over.
    """
    memo = CallMemo()
    while True:
        draft = Draft(translation, accepted or Accepted())
        yield from _go_through(draft, managers, memo)
        # What is held is a state that was looked at when it was accepted.
        refused = () if draft.is_held else dangling_replies(draft, managers)
        if not refused:
            return publication(draft, was_hooked=bool(managers))
        memo.refuse(refused)


def _go_through(draft: Draft, managers: tuple[ExtensionManager, ...], memo: CallMemo) -> Stage:
    for hook, stage in STAGES:
        for manager in managers:
            if hook in manager.hooks.xds_translator.post:
                yield from memo.through(stage(draft, manager))
            # Nothing that the others say can matter any more, so they are not asked.
            if draft.is_held:
                return
