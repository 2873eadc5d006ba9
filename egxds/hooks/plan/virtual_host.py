"""VirtualHost hook: one call for every virtual host. Pure.

Envoy refuses a RouteConfiguration in which one domain stands twice, and with it all of its virtual hosts. So replies
are judged together, as those of the HTTPListener hook are: a domain belongs to whoever had it, two may swap theirs,
and two that want the same one both fail. Domains are compared in lower case, as Envoy does.

A virtual host with a denied route is shown with it, and keeps it whatever the reply says (`policy.kept_denials`); so
its domains are not to be had either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from egxds import names
from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.plan.call_memo import Stage
from egxds.hooks.plan.requests import virtual_host_call
from egxds.hooks.policy.draft import AppliedEdit, Draft
from egxds.hooks.policy.kept_denials import has_denied_routes, has_match_tree, keep_denied, tree_beside_denied
from egxds.hooks.replies.check import CallResult, VirtualHostEdit, invalid
from egxds.resources.denials import deny_virtual_hosts
from egxds.resources.lent_sources import lend_host_sources
from egxds.resources.route_configuration import RouteConfiguration, VirtualHost
from egxds.settings.extensions import ExtensionManager


@dataclass(slots=True)
class _Answer:
    """What an extension says about one virtual host; a later check may still turn it into a failure."""

    host: VirtualHost
    call: HookCall
    result: CallResult
    keeps_denials: bool

    def proposal(self) -> VirtualHost:
        """Return the virtual host as it would be: a failure claims the domains it had."""
        return self.result.host if isinstance(self.result, VirtualHostEdit) else self.host

    def claims(self) -> set[str]:
        """Return the domains that nobody else may have; of a virtual host with a denied route also those given up."""
        kept = self.host.domains if self.keeps_denials else ()
        return {domain.lower() for domain in (*self.proposal().domains, *kept)}


def virtual_host_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change virtual hosts; those that answer 500 or 421 for what is nobody's are not shown to it."""
    context = draft.translation.context
    targets = [
        (configuration.name, host, virtual_host_call(manager, configuration.name, host, context))
        for configuration in draft.route_configurations.values()
        for host in configuration.virtual_hosts
        if host.name not in names.FIXED_VIRTUAL_HOSTS
    ]
    results = yield tuple(call for _, _, call in targets)
    may_hold = draft.may_hold_denials
    answers: dict[str, list[_Answer]] = defaultdict(list)
    for (name, host, call), result in zip(targets, results, strict=True):
        answers[name].append(_Answer(host, call, result, may_hold and has_denied_routes(host)))
    for name, found in answers.items():
        draft.route_configurations[name] = _apply(draft, manager, draft.route_configurations[name], found)


def _apply(
    draft: Draft, manager: ExtensionManager, configuration: RouteConfiguration, answers: list[_Answer]
) -> RouteConfiguration:
    _refuse_trees(answers)
    _refuse_collisions(configuration, answers)
    changed: dict[str, VirtualHost] = {}
    may_hold, denied = draft.may_hold_denials, []
    for answer in answers:
        if isinstance(answer.result, HookFailure):
            if draft.fail(manager, answer.call, answer.result) == "deny":
                denied.append(answer.host)
        elif isinstance(answer.result, VirtualHostEdit):
            changed[answer.host.name] = lend_host_sources(answer.result.host, answer.host)
            draft.applied.append(AppliedEdit(answer.call, answer.result.references))
    edited = replace(configuration, virtual_hosts=configuration.virtual_hosts.edited(changed))
    return deny_virtual_hosts(keep_denied(configuration, edited) if may_hold else edited, denied)


def _refuse_trees(answers: Sequence[_Answer]) -> None:
    for answer in answers:
        is_edit = isinstance(answer.result, VirtualHostEdit)
        if is_edit and answer.keeps_denials and has_match_tree(answer.proposal()):
            answer.result = invalid(tree_beside_denied(answer.host))


def _refuse_collisions(configuration: RouteConfiguration, answers: Sequence[_Answer]) -> None:
    """Refuse edits that claim a domain of another virtual host, until none does.

    A refused one claims its former domains again, which another edit may have taken: hence the repetition. It
    ends, for each round refuses an edit, and without edits there is no collision.
    """
    fixed = [host for host in configuration.virtual_hosts if host.name in names.FIXED_VIRTUAL_HOSTS]
    while colliding := tuple(_colliding(fixed, answers)):
        for answer, domain in colliding:
            answer.result = invalid(f"domain {domain!r} belongs to another virtual host of {configuration.name}")


def _colliding(fixed: Sequence[VirtualHost], answers: Sequence[_Answer]) -> Iterator[tuple[_Answer, str]]:
    claims: dict[str, int] = defaultdict(int)
    taken = {domain.lower() for host in fixed for domain in host.domains}
    for found in (taken, *(answer.claims() for answer in answers)):
        for domain in found:
            claims[domain] += 1
    for answer in answers:
        former = {domain.lower() for domain in answer.host.domains}
        added = {domain.lower() for domain in answer.proposal().domains} - former
        contested = sorted(domain for domain in added if claims[domain] > 1)
        if contested:
            yield answer, contested[0]
