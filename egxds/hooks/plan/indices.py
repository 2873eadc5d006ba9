"""What of a Gateway is global, kept so that an edit updates it: who has which domain, who refers to what. Pure.

Both follow from what was translated and what was said, unit by unit, and from nothing else. So a unit that changes has
its former entries taken out and its new ones put in, and none of the others is looked at.

A claim is by extension, for the VirtualHost hooks are judged one after the other: a domain that the second extension
gives up was nobody else's to have after the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from egxds.hooks.calls import HookFailure, Unit
from egxds.hooks.policy.last_run import Claim, Said
from egxds.hooks.replies.check import Unchanged, VirtualHostEdit
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.resources.references import Reference
from egxds.resources.route_configuration import VirtualHost
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook

SaidByUnit = Mapping[Unit, Said]


def claimants(managers: Iterable[ExtensionManager]) -> tuple[str, ...]:
    """Return the extensions with a VirtualHost hook, in declared order."""
    return tuple(one.name for one in managers if Hook.VIRTUAL_HOST in one.hooks.xds_translator.post)


def claims_of(
    translation: GatewayTranslation,
    hosts: Mapping[str, Iterable[str]],
    said: SaidByUnit,
    extensions: Sequence[str],
    keeping: Collection[Unit] = (),
) -> list[tuple[Claim, str]]:
    """Return the claims of some virtual hosts, each with the virtual host's name.

    Args:
        translation: the Gateway before any hook.
        hosts: RouteConfiguration → names of virtual hosts; those that the Gateway does not have claim nothing.
        said: what was said about them.
        extensions: what `claimants` returned.
        keeping: virtual hosts that have a denied route, and so keep the domains that they give up.
    """
    found: list[tuple[Claim, str]] = []
    for name in hosts if extensions else ():
        configuration = translation.route_configurations.get(name)
        for host_name in hosts[name] if configuration else ():
            host = configuration.virtual_hosts.by_name.get(host_name) if configuration else None
            unit = (name, host_name)
            claims = _claims(name, host, said.get(unit, ()), extensions, unit in keeping) if host else ()
            found.extend((claim, host_name) for claim in claims)
    return found


def edited_claims(
    claims: Revision[Claim, str],
    former: Iterable[tuple[Claim, str]],
    now: Sequence[tuple[Claim, str]],
    hosts: Mapping[str, frozenset[str]],
) -> Revision[Claim, str] | None:
    """Return the claims after some virtual hosts changed; nothing where one domain is claimed by two.

    Args:
        claims: before.
        former: those of these virtual hosts before.
        now: those of these virtual hosts now.
        hosts: RouteConfiguration → their names.
    """
    owners = {claim: claims.get(claim) for claim, _ in now}
    if len(owners) < len(now) or any(owner not in (None, *hosts[claim[1]]) for claim, owner in owners.items()):
        return None
    # The very name of before where it is the same one, lest a copy be made of all claims for nothing.
    added = {claim: keep_equal(owners[claim], name) for claim, name in now}
    return claims.edited(added, [claim for claim, _ in former])


def references_of(said: Iterable[Said]) -> Counter[Reference]:
    """Count what the edits refer to that were made on what was said."""
    return Counter(
        reference
        for about_one in said
        for _, edit in about_one
        if not isinstance(edit, Unchanged | HookFailure)
        for reference in edit.references
    )


def edited_references(
    references: Revision[Reference, int], former: Counter[Reference], now: Counter[Reference]
) -> Revision[Reference, int]:
    """Return the references after some edits changed.

    Args:
        references: before.
        former: those of these edits before.
        now: those of these edits now.
    """
    counts = {found: references.get(found, 0) - former[found] + now[found] for found in former | now}
    used = {found: count for found, count in counts.items() if count}
    return references.edited(used, counts.keys() - used.keys())


def _claims(name: str, host: VirtualHost, said: Said, extensions: Sequence[str], keeps_all: bool) -> Iterator[Claim]:
    """Yield what one virtual host claims after each VirtualHost hook."""
    edits = {key[0]: edit.host.domains for key, edit in said if isinstance(edit, VirtualHostEdit)}
    domains = host.domains
    for extension in extensions:
        new = edits.get(extension, domains)
        domains = (*domains, *new) if keeps_all else new
        yield from {(extension, name, domain.lower()): None for domain in domains}
