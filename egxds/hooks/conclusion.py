"""Turns what the stages left of a Gateway into what is published, and into what is remembered. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from egxds import names
from egxds.hooks.denials import deny_configuration
from egxds.hooks.draft import Draft
from egxds.hooks.references import references
from egxds.hooks.result import Accepted, AcceptedPart, HookedGateway, Key, Outcome
from egxds.translate.resource import Resource

_ORDER = {type_url: at for at, type_url in enumerate(names.PUSH_ORDER)}


def conclude(draft: Draft, *, was_hooked: bool) -> HookedGateway:
    """Say what is published for a Gateway.

    Args:
        draft: as the last stage left it.
        was_hooked: whether any extension manager is set up.
    """
    outcome = _outcome(draft)
    if outcome is Outcome.HELD and draft.accepted.resources is not None:
        resources, accepted = draft.accepted.resources, draft.accepted
    else:
        resources = tuple(sorted(_published(draft).values(), key=_order))
        accepted = _remember(draft, resources if outcome is Outcome.ACCEPTED else None)
    return HookedGateway(
        gateway=draft.translation.gateway,
        class_name=draft.translation.class_name,
        resources=resources,
        failures=tuple(draft.problems),
        outcome=outcome,
        accepted=accepted,
        was_hooked=was_hooked,
    )


def _outcome(draft: Draft) -> Outcome:
    if draft.is_held:
        return Outcome.HELD
    policies = {problem.policy for problem in draft.problems}
    if "deny" in policies:
        return Outcome.DENIED
    return Outcome.BYPASSED if policies else Outcome.ACCEPTED


def _order(resource: Resource) -> tuple[int, str]:
    return _ORDER[resource.type_url], resource.name


def _published(draft: Draft) -> dict[Key, Resource]:
    is_listener_denied = bool(draft.denied_listeners)
    published = _accepted_additions(draft) if is_listener_denied else {}
    published |= _indexed((*_listeners(draft), *draft.clusters.values(), *draft.secrets.values()))
    published |= _indexed(draft.translation.endpoints)
    configurations = draft.route_configurations | draft.denied_configurations
    published |= _indexed(item.resource() for item in configurations.values())
    if is_listener_denied:
        _complete(draft, published)
    return published


def _indexed(resources: Iterable[Resource]) -> dict[Key, Resource]:
    return {(resource.type_url, resource.name): resource for resource in resources}


def _listeners(draft: Draft) -> tuple[Resource, ...]:
    """Return the listeners; a denied one as it was accepted last, so that its connections stay."""
    denied = (_deniable(draft, before) for before in draft.denied_listeners.values())
    return (*draft.listeners.values(), *(listener for listener in denied if listener is not None))


def _deniable(draft: Draft, before: Resource) -> Resource | None:
    """Return the version of a denied listener that a denial in RDS reaches.

    An extension may have put routes into the listener itself. Then the version before it did so is taken; a
    listener that an extension added, with routes in it, has none.
    """
    part = draft.part(before)
    versions = [part.resource, before] if part else [before]
    versions += [item for item in draft.translation.listeners if item.name == before.name]
    return next((item for item in versions if not references(item.body).has_inline_routes), None)


def _accepted_additions(draft: Draft) -> dict[Key, Resource]:
    """Return what extensions had added: a listener that stays as it was accepted may refer to it."""
    return {key: part.resource for key, part in draft.accepted.parts.items() if part.source_body is None}


def _complete(draft: Draft, published: dict[Key, Resource]) -> None:
    """Add what only the listeners in force still refer to: secrets as accepted, RouteConfigurations that deny."""
    for listener in tuple(item for item in published.values() if item.type_url == names.LISTENER):
        referred = references(listener.body)
        for name in referred.secrets:
            part = draft.accepted.parts.get((names.SECRET, name))
            if part is not None:
                published.setdefault((names.SECRET, name), part.resource)
        for name in referred.route_configurations:
            denied = deny_configuration(name, listener.sources).resource()
            published.setdefault((names.ROUTE_CONFIGURATION, name), denied)


def _remember(draft: Draft, whole: tuple[Resource, ...] | None) -> Accepted:
    """Return what all hooks have accepted by now.

    Args:
        draft: as the last stage left it.
        whole: what is published, if every hook accepted it.
    """
    previous = draft.accepted
    if whole is not None:
        return Accepted(whole, _accepted_parts(draft))
    if draft.has_failed_translation:
        return previous
    is_listener_failed = bool(draft.denied_listeners or draft.bypassed_listeners)
    kept = previous.parts if is_listener_failed else {}
    return Accepted(previous.resources, {**kept, **_accepted_parts(draft)})


def _accepted_parts(draft: Draft) -> dict[Key, AcceptedPart]:
    """Return each listener, cluster and secret that no hook failed on."""
    translation = draft.translation
    inputs = _indexed((*translation.listeners, *translation.clusters, *translation.secrets))
    listeners = (item for item in draft.listeners.values() if item.name not in draft.bypassed_listeners)
    accepted = _indexed((*listeners, *draft.clusters.values(), *draft.secrets.values()))
    return {key: AcceptedPart(item, inputs[key].body if key in inputs else None) for key, item in accepted.items()}
