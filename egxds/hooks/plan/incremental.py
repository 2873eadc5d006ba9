"""Goes on from the last run: what changed went through the hooks alone, and takes its place in what is published. Pure.

The result is what a run over everything would come to with the same replies, byte for byte. That holds where every
call was answered and taken, before and now, and nothing that is judged together came out otherwise for it:

- no two virtual hosts of a RouteConfiguration claim one domain (`indices`);
- nothing that an edit refers to is missing, and nothing is gone that an edit refers to.

Where it does not hold, nothing is said here, and everything is gone through as if there had been no last run
(`order`): whom to refuse, and what to deny, can depend on all that there is. So does a Translation hook, and a state
in which something is not as all hooks would have it; after those there is no basis to go on from.

What the interpreter does over all of a Gateway: a copy of each mapping that is edited, and the join of each
RouteConfiguration that changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from egxds import names
from egxds.hooks.calls import Unit
from egxds.hooks.plan.call_memo import CallMemo
from egxds.hooks.plan.changed_part import ChangedPart
from egxds.hooks.plan.dangling_references import always_there
from egxds.hooks.plan.indices import (
    SaidByUnit,
    claimants,
    claims_of,
    edited_claims,
    edited_references,
    references_of,
)
from egxds.hooks.policy.draft import Draft
from egxds.hooks.policy.last_run import Basis, Claim, LastRun, Said
from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome, PublishedParts
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.resources.references import Reference
from egxds.resources.resource import Resource, Resources
from egxds.resources.route_configuration import RouteConfiguration, VirtualHosts
from egxds.settings.extensions import ExtensionManager, Hook


def go_on(
    accepted: Accepted, part: ChangedPart, draft: Draft, memo: CallMemo, managers: tuple[ExtensionManager, ...]
) -> HookedGateway | None:
    """Return the Gateway with what changed of it; nothing where everything has to be gone through.

    Args:
        accepted: what the last run returned as such.
        part: what changed since.
        draft: of what changed, after all hooks.
        memo: what was said about it.
        managers: the extensions, in declared order.
    """
    last, before = accepted.last_run, accepted.resources
    basis = last.basis
    if basis is None or before is None or draft.problems:
        return None
    said_now = memo.said()
    said_before = {unit: last.said[unit] for unit in part.units() if unit in last.said}
    now = references_of(said_now.values())
    claims = _claims(basis, part, (said_before, said_now), claimants(managers))
    references = edited_references(basis.references, references_of(said_before.values()), now)
    configurations = _configurations(basis.route_configurations, part, draft)
    resources = _resources(before, part, draft, (basis.route_configurations, configurations))
    if claims is None or not _all_exist(resources, {*now, *_in_question(part, references)}, managers):
        return None
    run = LastRun(
        last.epochs, last.said.edited(said_now, said_before), Basis(part.now, configurations, claims, references)
    )
    return HookedGateway(
        gateway=part.now.gateway,
        class_name=part.now.class_name,
        resources=resources,
        failures=(),
        outcome=Outcome.ACCEPTED,
        accepted=Accepted(resources, PublishedParts(resources, part.now), run),
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
    asks_for_all = any(Hook.TRANSLATION in manager.hooks.xds_translator.post for manager in managers)
    references = references_of(said.values())
    # A reference to nothing that is nobody's fault: whose it becomes depends on everything else.
    is_sound = hooked.outcome is Outcome.ACCEPTED and _all_exist(hooked.resources, references, managers)
    if asks_for_all or not is_sound:
        return None
    translation = draft.translation
    hosts = {name: item.virtual_hosts.by_name for name, item in translation.route_configurations.items()}
    claims = claims_of(translation, hosts, said, claimants(managers))
    return Basis(translation, Revision(draft.route_configurations), Revision(claims), Revision(references))


def _claims(
    basis: Basis, part: ChangedPart, said: tuple[SaidByUnit, SaidByUnit], extensions: tuple[str, ...]
) -> Revision[Claim, str] | None:
    before, now = said
    former = claims_of(part.before, part.hosts, before, extensions)
    return edited_claims(basis.claims, former, claims_of(part.now, part.hosts, now, extensions), part.hosts)


def _configurations(
    before: Revision[str, RouteConfiguration], part: ChangedPart, draft: Draft
) -> Revision[str, RouteConfiguration]:
    edited = {
        name: _configuration(before.get(name), item, part.hosts[name])
        for name, item in draft.route_configurations.items()
    }
    return before.edited(edited, part.hosts)


def _configuration(
    before: RouteConfiguration | None, changed: RouteConfiguration, names_in_question: Iterable[str]
) -> RouteConfiguration:
    """Put virtual hosts in the place of those before; what comes out equal is the very object of before."""
    hosts = before.virtual_hosts if before else VirtualHosts()
    new = {host.name: keep_equal(hosts.by_name.get(host.name), host) for host in changed.virtual_hosts}
    edited = replace(changed, virtual_hosts=hosts.edited(new, names_in_question))
    is_same = before is not None and edited.virtual_hosts is hosts
    return before if before and is_same and (before.head, before.sources) == (edited.head, edited.sources) else edited


def _resources(
    before: Mapping[str, Resources],
    part: ChangedPart,
    draft: Draft,
    configurations: tuple[Revision[str, RouteConfiguration], Revision[str, RouteConfiguration]],
) -> Mapping[str, Resources]:
    configurations_before, configurations_now = configurations
    changed = configurations_now.changed_since(configurations_before)
    joined = {name: configurations_now[name].resource() for name in changed if name in configurations_now}
    groups = {
        names.LISTENER: (draft.listeners, before[names.LISTENER] if part.names[names.LISTENER] else ()),
        names.CLUSTER: (draft.clusters, part.names[names.CLUSTER]),
        names.ENDPOINT: (draft.endpoints, part.names[names.ENDPOINT]),
        names.SECRET: (draft.secrets, part.names[names.SECRET]),
        names.ROUTE_CONFIGURATION: (joined, changed),
    }
    edited = {type_url: _edited(before[type_url], *groups[type_url]) for type_url in groups}
    is_same = all(before[type_url] is resources for type_url, resources in edited.items())
    return before if is_same else {**before, **edited}


def _edited(before: Resources, now: Mapping[str, Resource], in_question: Iterable[str]) -> Resources:
    return before.edited({name: keep_equal(before.get(name), item) for name, item in now.items()}, in_question)


def _in_question(part: ChangedPart, references: Mapping[Reference, int]) -> Iterator[Reference]:
    """Yield what edits refer to and may be gone."""
    changed = (*((type_url, name) for type_url, found in part.names.items() for name in found),)
    configurations = ((names.ROUTE_CONFIGURATION, name) for name in part.hosts)
    return (found for found in (*changed, *configurations) if found in references)


def _all_exist(
    resources: Mapping[str, Resources], references: Iterable[Reference], managers: Iterable[ExtensionManager]
) -> bool:
    always = always_there(managers)
    return all(found in always or found[1] in resources.get(found[0], ()) for found in references)
