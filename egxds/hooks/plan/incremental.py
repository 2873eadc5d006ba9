"""Goes on from the last run: what changed went through the hooks alone, and takes its place in what is published. Pure.

The hooks that are called about one thing each are taken through what changed (`changed_part`), and what they make of it
takes its place in what they had left (`merging`); that goes through the Translation hooks (`translated`), and where it
differs from what was published, something else is published. The result is what a run over everything would come to
with the same replies, byte for byte. That holds where every call was answered and taken, before and now, or failed on a
single virtual host (`failing`), and nothing that is judged together came out otherwise for it:

- no two virtual hosts of a RouteConfiguration claim one domain (`indices`);
- nothing that an edit refers to is missing, and nothing is gone that an edit refers to;
- a Translation hook takes away nothing more than it did, and nothing that changed refers to what it takes away.

Where it does not hold, nothing is said here, and everything is gone through as if there had been no last run
(`order`): whom to refuse, and what to deny, can depend on all that there is. After a run with any other failure there
is no basis to go on from.

What the interpreter does over all of a Gateway: a copy of each mapping that is edited, the join of each
RouteConfiguration that changed, and what `translated` names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from egxds import names
from egxds.hooks.calls import THE_WHOLE, HookCall, Unit
from egxds.hooks.plan.call_memo import CallMemo
from egxds.hooks.plan.changed_part import ChangedPart
from egxds.hooks.plan.failing import failing_in
from egxds.hooks.plan.indices import (
    SaidByUnit,
    claimants,
    claims_of,
    edited_claims,
    edited_references,
    references_of,
)
from egxds.hooks.plan.kept_references import all_exist, are_kept, is_any_missed, removed_by, still_removed
from egxds.hooks.plan.translated import steps_of
from egxds.hooks.policy.draft import Draft
from egxds.hooks.policy.last_run import Basis, Claim, Failing, LastRun, Said, Translated
from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome, PublishedParts
from egxds.hooks.policy.publication import outcome_of
from egxds.incremental.revision import Revision
from egxds.resources.parts import SourcesWithin
from egxds.resources.references import Reference
from egxds.resources.resource import Resource, Resources
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager


def units_of(basis: Basis, part: ChangedPart) -> Iterator[Unit]:
    """Iterate over what is gone through again; with the listeners also those that extensions have added to them."""
    yield from part.units()
    if part.names[names.LISTENER]:
        added = basis.edited.listeners.keys() - part.names[names.LISTENER]
        yield from ((names.LISTENER, name) for name in sorted(added))


def go_on(
    part: ChangedPart,
    draft: Draft,
    came_to: tuple[GatewayTranslation, tuple[Translated, ...], Failing],
    memo: CallMemo,
    managers: tuple[ExtensionManager, ...],
) -> HookedGateway | None:
    """Return the Gateway with what changed of it; nothing where everything has to be gone through.

    Args:
        part: what changed since the last run.
        draft: of what changed, after the hooks about one thing each.
        came_to: what those hooks made of it all, what the Translation hooks did then, and what they failed on.
        memo: what was said about it.
        managers: the extensions, in declared order.
    """
    last = draft.accepted.last_run
    before = last.basis
    if before is None:
        return None
    edited, translated, failing = came_to
    refused = {problem.call for problem in draft.problems}
    said_now = {unit: said for unit, said in memo.said(refused).items() if unit != THE_WHOLE}
    said_before = {unit: last.said[unit] for unit in units_of(before, part) if unit in last.said}
    claims = _claims((before, failing), part, (said_before, said_now), claimants(managers))
    if claims is None:
        return None
    new = references_of(said_now.values())
    references = edited_references(before.references, references_of(said_before.values()), new)
    published = _published(before, translated[-1].after if translated else edited)
    removed = still_removed(before, translated, published)
    basis = Basis(part.now, edited, translated, published, failing, claims, references, removed)
    if not are_kept(before, basis, new, managers):
        return None
    of_the_whole = _said_of_the_whole(last, translated)
    said_before |= {unit: last.said.get(unit, ()) for unit in of_the_whole}
    last_run = last.gone_on_from((said_before, {**said_now, **of_the_whole}), memo.fresh, basis)
    return _hooked(draft, last_run, basis, managers)


def basis_of(
    hooked: HookedGateway,
    draft: Draft,
    heard: tuple[Mapping[Unit, Said], Collection[HookCall]],
    managers: tuple[ExtensionManager, ...],
) -> Basis | None:
    """Return what the next run can go on from; nothing where it has to go through everything.

    Args:
        hooked: what came of a run over everything.
        draft: of everything, after all hooks.
        heard: what was said and taken, and the calls that failed by themselves.
        managers: the extensions, in declared order.
    """
    said, failed = heard
    shown = draft.translated[0].before if draft.translated else draft.contents()
    failing = failing_in(draft, failed, shown.route_configurations.values())
    if failing is None:
        return None
    edited, translated = steps_of(draft, hooked.resources)
    removed = removed_by(translated, hooked.resources)
    # A reference to nothing that is nobody's fault: whose it becomes depends on everything else.
    referred = frozenset[Reference]().union(*(edit.references for edit in draft.applied))
    if not all_exist(hooked.resources, referred, managers) or is_any_missed(draft, removed):
        return None
    translation = draft.translation
    hosts = {name: item.virtual_hosts.by_name for name, item in translation.route_configurations.items()}
    claims = claims_of(translation, hosts, said, claimants(managers), failing.with_denied_routes)
    references = references_of(about_one for unit, about_one in said.items() if unit != THE_WHOLE)
    published = hooked.resources
    return Basis(translation, edited, translated, published, failing, Revision(claims), Revision(references), removed)


def _hooked(draft: Draft, last_run: LastRun, basis: Basis, managers: tuple[ExtensionManager, ...]) -> HookedGateway:
    outcome, resources = outcome_of(draft), basis.published
    whole = resources if outcome is Outcome.ACCEPTED else draft.accepted.resources
    return HookedGateway(
        gateway=basis.translation.gateway,
        class_name=basis.translation.class_name,
        resources=resources,
        failures=tuple(draft.problems),
        outcome=outcome,
        accepted=Accepted(whole, PublishedParts(resources, basis.translation), last_run),
        was_hooked=bool(managers),
    )


def _claims(
    failing: tuple[Basis, Failing], part: ChangedPart, said: tuple[SaidByUnit, SaidByUnit], extensions: tuple[str, ...]
) -> Revision[Claim, str] | None:
    basis, now = failing
    former = claims_of(part.before, part.hosts, said[0], extensions, basis.failing.with_denied_routes)
    new = claims_of(part.now, part.hosts, said[1], extensions, now.with_denied_routes)
    return edited_claims(basis.claims, former, new, part.hosts)


def _said_of_the_whole(last: LastRun, translated: tuple[Translated, ...]) -> dict[Unit, Said]:
    """Return what the Translation hooks said, if any of them was asked something else than before."""
    said = tuple((step.key, step.edit) for step in translated)
    is_same = [key for key, _ in said] == [key for key, _ in last.said.get(THE_WHOLE, ())]
    return {} if is_same else {THE_WHOLE: said}


def _joined(before: Resource | None, now: RouteConfiguration) -> Resource:
    """Return a RouteConfiguration as one resource; the one before where it is of an equal one."""
    is_kept = before is not None and isinstance(before.sources, SourcesWithin) and before.sources.are_of(now)
    return before if before is not None and is_kept else now.resource()


def _published(basis: Basis, now: GatewayTranslation) -> Mapping[str, Resources]:
    """Return what is published; each mapping knows where it differs from what was.

    Args:
        basis: before.
        now: what all hooks leave now.
    """
    before = basis.published
    changed = now.route_configurations.changed_since(basis.left.route_configurations)
    configurations = {name: now.route_configurations[name] for name in changed if name in now.route_configurations}
    published = before[names.ROUTE_CONFIGURATION]
    joined = {name: _joined(published.get(name), item) for name, item in configurations.items()}
    groups = {
        names.LISTENER: now.listeners,
        names.CLUSTER: now.clusters,
        names.ENDPOINT: now.endpoints,
        names.SECRET: now.secrets,
        names.EXTENSION_CONFIG: now.extension_configs,
        names.ROUTE_CONFIGURATION: published.edited(joined, changed),
    }
    is_same = all(before[type_url] is resources for type_url, resources in groups.items())
    return before if is_same else {**before, **groups}
