"""Goes on from the last run: what changed went through the hooks alone, and takes its place in what is published. Pure.

The hooks that are called about one thing each are taken through what changed (`changed_part`), and what they make of it
takes its place in what they had left (`merging`); that goes through the Translation hooks (`translated`), and where it
differs from what was published, something else is published. The result is what a run over everything would come to
with the same replies, byte for byte. That holds where every call was answered and taken, before and now, and nothing
that is judged together came out otherwise for it:

- no two virtual hosts of a RouteConfiguration claim one domain (`indices`);
- nothing that an edit refers to is missing, and nothing is gone that an edit refers to;
- a Translation hook takes away nothing more than it did, and nothing that changed refers to what it takes away.

Where it does not hold, nothing is said here, and everything is gone through as if there had been no last run
(`order`): whom to refuse, and what to deny, can depend on all that there is. So can a state in which something is not
as all hooks would have it; after that there is no basis to go on from.

What the interpreter does over all of a Gateway: a copy of each mapping that is edited, the join of each
RouteConfiguration that changed, and what `translated` names.
"""

from __future__ import annotations

from collections.abc import Mapping

from egxds import names
from egxds.hooks.calls import THE_WHOLE, Unit
from egxds.hooks.plan.call_memo import CallMemo
from egxds.hooks.plan.changed_part import ChangedPart
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
from egxds.hooks.policy.last_run import Basis, Claim, LastRun, Said, Translated
from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome, PublishedParts
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.resources.references import Reference
from egxds.resources.resource import Resources
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager


def go_on(
    accepted: Accepted,
    part: ChangedPart,
    came_to: tuple[GatewayTranslation, tuple[Translated, ...]],
    memo: CallMemo,
    managers: tuple[ExtensionManager, ...],
) -> HookedGateway | None:
    """Return the Gateway with what changed of it; nothing where everything has to be gone through.

    Args:
        accepted: what the last run returned as such.
        part: what changed since.
        came_to: what the hooks about one thing each made of it all, and what the Translation hooks did then.
        memo: what was said about it.
        managers: the extensions, in declared order.
    """
    last, before = accepted.last_run, accepted.resources
    if last.basis is None or before is None:
        return None
    edited, translated = came_to
    said_now = {unit: said for unit, said in memo.said().items() if unit != THE_WHOLE}
    said_before = {unit: last.said[unit] for unit in part.units() if unit in last.said}
    claims = _claims(last.basis, part, (said_before, said_now), claimants(managers))
    if claims is None:
        return None
    new = references_of(said_now.values())
    references = edited_references(last.basis.references, references_of(said_before.values()), new)
    left = translated[-1].after if translated else edited
    resources = _published(before, last.basis.left, left)
    removed = still_removed(last.basis, translated, resources)
    basis = Basis(part.now, edited, translated, claims, references, removed)
    if not are_kept((last.basis, basis), (before, resources), new, managers):
        return None
    said = last.said.edited({**said_now, **_said_of_the_whole(last, translated)}, said_before)
    return HookedGateway(
        gateway=part.now.gateway,
        class_name=part.now.class_name,
        resources=resources,
        failures=(),
        outcome=Outcome.ACCEPTED,
        accepted=Accepted(resources, PublishedParts(resources, part.now), LastRun(last.epochs, said, basis)),
        was_hooked=bool(managers),
    )


def basis_of(
    hooked: HookedGateway, draft: Draft, said: Mapping[Unit, Said], managers: tuple[ExtensionManager, ...]
) -> Basis | None:
    """Return what the next run can go on from; nothing where it has to go through everything.

    Args:
        hooked: what came of a run over everything.
        draft: of everything, after all hooks.
        said: what was said and taken.
        managers: the extensions, in declared order.
    """
    if hooked.outcome is not Outcome.ACCEPTED:
        return None
    edited, translated = steps_of(draft, hooked.resources)
    removed = removed_by(translated, hooked.resources)
    # A reference to nothing that is nobody's fault: whose it becomes depends on everything else.
    referred = frozenset[Reference]().union(*(edit.references for edit in draft.applied))
    if not all_exist(hooked.resources, referred, managers) or is_any_missed(draft, removed):
        return None
    translation = draft.translation
    hosts = {name: item.virtual_hosts.by_name for name, item in translation.route_configurations.items()}
    claims = claims_of(translation, hosts, said, claimants(managers))
    references = references_of(about_one for unit, about_one in said.items() if unit != THE_WHOLE)
    return Basis(translation, edited, translated, Revision(claims), Revision(references), removed)


def _claims(
    basis: Basis, part: ChangedPart, said: tuple[SaidByUnit, SaidByUnit], extensions: tuple[str, ...]
) -> Revision[Claim, str] | None:
    before, now = said
    former = claims_of(part.before, part.hosts, before, extensions)
    return edited_claims(basis.claims, former, claims_of(part.now, part.hosts, now, extensions), part.hosts)


def _said_of_the_whole(last: LastRun, translated: tuple[Translated, ...]) -> dict[Unit, Said]:
    """Return what the Translation hooks said, if any of them was asked something else than before."""
    said = tuple((step.key, step.edit) for step in translated)
    is_same = [key for key, _ in said] == [key for key, _ in last.said.get(THE_WHOLE, ())]
    return {} if is_same else {THE_WHOLE: said}


def _published(
    before: Mapping[str, Resources], former: GatewayTranslation, now: GatewayTranslation
) -> Mapping[str, Resources]:
    """Return what is published; of what differs from before each mapping knows where.

    Args:
        before: what was published.
        former: what all hooks had left then.
        now: what they leave now.
    """
    changed = now.route_configurations.changed_since(former.route_configurations)
    configurations = {name: now.route_configurations[name] for name in changed if name in now.route_configurations}
    published = before[names.ROUTE_CONFIGURATION]
    joined = {name: keep_equal(published.get(name), item.resource()) for name, item in configurations.items()}
    groups = {
        names.LISTENER: now.listeners,
        names.CLUSTER: now.clusters,
        names.ENDPOINT: now.endpoints,
        names.SECRET: now.secrets,
        names.ROUTE_CONFIGURATION: published.edited(joined, changed),
    }
    is_same = all(before[type_url] is resources for type_url, resources in groups.items())
    return before if is_same else {**before, **groups}
