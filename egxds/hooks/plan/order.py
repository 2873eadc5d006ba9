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

Where the last run was accepted by all hooks, the same stages are first taken through what changed since, alone, and
what they make of it is put in its place in what they had made; only the Translation hooks see all that there is, and
only where something of what they are shown changed (`incremental`). That costs what changed, and what those hooks are
sent, and is how nearly every edit ends. The run over everything is for the rest: the first one, a failure, something to
be refused, and an extension whose connection is another. It goes by the same memo, so that no call is made twice, and
it is what the other is measured by: both come to the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from egxds.hooks.calls import THE_WHOLE, CallKey, HookCall
from egxds.hooks.plan.backends import cluster_stage, endpoints_stage
from egxds.hooks.plan.call_memo import CallMemo, Stage
from egxds.hooks.plan.changed_part import changed_part
from egxds.hooks.plan.dangling_references import dangling_replies
from egxds.hooks.plan.failing import failing_in
from egxds.hooks.plan.incremental import basis_of, go_on, units_of
from egxds.hooks.plan.listener import listener_stage
from egxds.hooks.plan.merging import merged
from egxds.hooks.plan.route import route_stage
from egxds.hooks.plan.subjects import objects_of
from egxds.hooks.plan.translated import translate_on
from egxds.hooks.plan.translation import translation_stage
from egxds.hooks.plan.virtual_host import virtual_host_stage
from egxds.hooks.policy.draft import Draft
from egxds.hooks.policy.last_run import Failing
from egxds.hooks.policy.outcome import Accepted, HookedGateway, HookProblem
from egxds.hooks.policy.publication import publication
from egxds.hooks.policy.taken_back import Nack, remembering, take_back
from egxds.hooks.replies.check import CallResult
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook

_Stages = tuple[tuple[Hook, Callable[[Draft, ExtensionManager], Stage]], ...]

STAGES_OF_ONE: _Stages = (
    (Hook.ROUTE, route_stage),
    (Hook.ENDPOINTS, endpoints_stage),
    (Hook.CLUSTER, cluster_stage),
    (Hook.VIRTUAL_HOST, virtual_host_stage),
    (Hook.HTTP_LISTENER, listener_stage),
)
"""The hooks that are called about one thing each."""

STAGES: _Stages = (*STAGES_OF_ONE, (Hook.TRANSLATION, translation_stage))
"""Hooks in the order in which they are called (Envoy Gateway, xDS translator)."""

Run = Generator[tuple[HookCall, ...], tuple[CallResult, ...], HookedGateway]


def run(
    translation: GatewayTranslation,
    managers: tuple[ExtensionManager, ...],
    accepted: Accepted | None,
    epochs: Mapping[str, int],
    nacks: tuple[Nack, ...] = (),
) -> Run:
    """Take one Gateway through its hooks.

    Args:
        translation: the Gateway before any hook.
        managers: the extensions, in declared order.
        accepted: what the last run for this Gateway returned as such; None where there was none.
        epochs: name of each extension → its connection and health, as a number. What it said holds until its input
            changes, or this does.
        nacks: what Envoys refuse of what the last run published.

    Yields:
        Batches of calls that may run in parallel, some of them empty; to be sent what came of each call, in the
        same order.

    Returns:
        What is to be published. Under `hold` it comes as soon as a batch with a failure is over.
    """
    accepted = take_back(accepted or Accepted(), nacks)
    memo = CallMemo(accepted.last_run.refused)
    hooked = yield from _run_what_changed(translation, managers, accepted, epochs, memo)
    hooked = hooked or (yield from _run_everything(translation, managers, accepted, epochs, memo))
    problems = tuple(replace(each, objects=objects_of(translation, each.call)) for each in hooked.failures)
    hooked = replace(remembering(hooked, accepted, memo.refused), failures=problems)
    late = _late(hooked.accepted.last_run.late, accepted, translation, memo)
    return replace(hooked, accepted=replace(hooked.accepted, late=late))


def _late(
    late: Collection[CallKey], before: Accepted, translation: GatewayTranslation, memo: CallMemo
) -> tuple[HookProblem, ...]:
    """Return why what is late could not be asked again; of what was not tried in this run, what was told before."""
    if late is before.last_run.late:
        return before.late
    tried = (
        HookProblem(call, failure.reason, failure.message, "keep", objects_of(translation, call))
        for call, failure in memo.stood_in
    )
    found = {problem.call.key(): problem for problem in (*before.late, *tried)}
    return tuple(found[key] for key in late if key in found)


def _run_what_changed(
    translation: GatewayTranslation,
    managers: tuple[ExtensionManager, ...],
    accepted: Accepted,
    epochs: Mapping[str, int],
    memo: CallMemo,
) -> Generator[tuple[HookCall, ...], tuple[CallResult, ...], HookedGateway | None]:
    """Go on from the last run; where that cannot be, what was said all the same is in the memo."""
    last = accepted.last_run
    if last.basis is None or not last.holds_under(epochs):
        return None
    part = changed_part(last.basis.translation, translation, last.basis.failing.units)
    units = (*units_of(last.basis, part), THE_WHOLE)
    memo.learn(dict(chain.from_iterable(last.said.get(unit, ()) for unit in units)))
    draft = Draft(part.translation, accepted)
    failing: Failing | None = Failing()
    for stage, manager in _stages(managers, STAGES_OF_ONE):
        yield from memo.through(stage(draft, manager))
        failing = failing_in(draft, memo.failed(), draft.route_configurations.values())
        # What to do about it is for a run over everything, which asks what others are to be asked.
        if failing is None or not failing.guarded <= last.basis.failing.guarded:
            return None
    edited = merged(last.basis.edited, part, draft)
    translated = yield from translate_on(last.basis.translated, edited, managers, draft, memo)
    if translated is None or failing is None:
        return None
    return go_on(part, draft, (edited, translated, failing), memo, managers)


def _run_everything(
    translation: GatewayTranslation,
    managers: tuple[ExtensionManager, ...],
    accepted: Accepted,
    epochs: Mapping[str, int],
    memo: CallMemo,
) -> Run:
    """Go through all hooks with all that there is.

    Where a reply turns out to leave a reference to nothing, which shows only at the end, everything is gone through
    once more with that reply refused; what was asked already is not asked again. Where that, or a failure, is for an
    answer that is another than before, the one of before takes its place.
    """
    memo.start_over()
    holding, lapsed = accepted.last_run.said_under(epochs)
    memo.learn(holding)
    memo.fall_back_on(lapsed)
    while True:
        draft = Draft(translation, accepted)
        yield from _go_through(draft, managers, memo)
        # What is held is a state that was looked at when it was accepted.
        refused = () if draft.is_held else dangling_replies(draft, managers)
        if memo.go_back(refused):
            continue
        if not refused:
            break
        memo.start_over(refused)
    if not draft.is_held:
        memo.forget_unasked()
    hooked = publication(draft, was_hooked=bool(managers))
    said = memo.said({problem.call for problem in draft.problems})
    last = accepted.last_run.followed_by(said, epochs, memo.fresh, is_cut_short=draft.is_held)
    # What an Envoy does not take was said and is not in force: that is for a run over everything.
    is_any_refused = any(not answer.is_acquitted for answer in memo.refused.values())
    basis = None if is_any_refused else basis_of(hooked, draft, (said, memo.failed()), managers)
    last = replace(last, basis=basis)
    return replace(hooked, accepted=replace(hooked.accepted, last_run=last))


def _go_through(draft: Draft, managers: tuple[ExtensionManager, ...], memo: CallMemo) -> Stage:
    for stage, manager in _stages(managers, STAGES):
        yield from memo.through(stage(draft, manager))
        # Nothing that the others can say matters any more, so they are not asked.
        if draft.is_held:
            return


def _stages(
    managers: tuple[ExtensionManager, ...], stages: _Stages
) -> Iterator[tuple[Callable[[Draft, ExtensionManager], Stage], ExtensionManager]]:
    for hook, stage in stages:
        for manager in managers:
            if hook in manager.hooks.xds_translator.post:
                yield stage, manager
