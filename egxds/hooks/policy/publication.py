"""Turns what the stages left of a Gateway into what is published, and into what is remembered. Pure.

What is published must be something that Envoy can take whole: every name that it asks for is there. Where a listener
is denied that takes work, because the listener stays as it was accepted last (so that its connections stay), while
everything else is as of now. So, later ones replacing earlier ones of the same name:

1. what extensions had added and a kept listener may refer to;
2. listeners: as they are, or of a denied one the version that a denial in RDS reaches;
3. secrets, clusters, endpoints: as they are, or of one that a hook failed on as it was accepted for the same input;
   configurations of filters: as they are, since no hook is told of them;
4. RouteConfigurations: as they are, with routes to a denied cluster denied, or denied as a whole;
5. what the listeners refer to and is not there yet: secrets as accepted, RouteConfigurations that deny. A name that
   RDS does not know keeps a listener from ever starting;
6. listeners whose connections are taken as a whole, those of which are denied going nowhere (`denied_streams`).

Routes that an extension has put into a listener itself, or that it has Envoy fetch from elsewhere (a file, another
server), are beyond the reach of a denial in RDS. Of a listener of ours, the version before it did so is published, and
denied. A listener that the extension added has no such version: its routes are replaced by an answer 500 where they
are. Both change filter chains, and so drain their connections; between that and serving what a failed hook would have
decided on, deny denies.

What is remembered comes in two sizes. `hold` needs a whole state, because parts of different runs may not fit
together. `deny` needs parts: a hook that refuses one listener for days must not freeze the others in the state of the
last whole success. Where the Translation hook failed nothing is remembered: what the hooks before it left is not what
all of them accepted. A state that is held is its own memory, and is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from egxds import names
from egxds.hooks.policy.draft import Draft, by_key
from egxds.hooks.policy.outcome import (
    PART_TYPES,
    Accepted,
    AcceptedPart,
    HookedGateway,
    Outcome,
    PublishedParts,
    inputs_of,
)
from egxds.incremental.identity import keep_equal
from egxds.resources.denials import deny_configuration, deny_in_place, deny_users, has_routes_out_of_reach
from egxds.resources.references import resource_references
from egxds.resources.resource import Key, Resource, Resources
from egxds.resources.route_configuration import RouteConfiguration
from egxds.translate.denied_streams import deny_stream_users, deny_streams, empty_cluster

_NONE = Resources()


def publication(draft: Draft, *, was_hooked: bool) -> HookedGateway:
    """Say what is published for a Gateway.

    Args:
        draft: as the last stage left it.
        was_hooked: whether any extension manager is set up.
    """
    outcome = outcome_of(draft)
    if outcome is Outcome.HELD and draft.accepted.resources is not None:
        resources, accepted = draft.accepted.resources, draft.accepted
    else:
        resources = _by_type(_published(draft), draft.accepted.resources or {})
        resources |= {names.EXTENSION_CONFIG: draft.translation.extension_configs}
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


def outcome_of(draft: Draft) -> Outcome:
    """Say what kind of state the stages have left."""
    if draft.is_held:
        return Outcome.HELD
    policies = {problem.policy for problem in draft.problems}
    if "deny" in policies:
        return Outcome.DENIED
    return Outcome.BYPASSED if policies else Outcome.ACCEPTED


def _by_type(published: Mapping[Key, Resource], before: Mapping[str, Resources]) -> dict[str, Resources]:
    """Sort resources by type; what equals its accepted version is that very object."""
    found: dict[str, dict[str, Resource]] = {type_url: {} for type_url in names.PUSH_ORDER}
    for (type_url, name), resource in published.items():
        found[type_url][name] = keep_equal(before.get(type_url, _NONE).get(name), resource)
    return {type_url: before.get(type_url, _NONE).renewed(resources) for type_url, resources in found.items()}


def _published(draft: Draft) -> dict[Key, Resource]:
    is_listener_denied = bool(draft.denied_listeners)
    published = _accepted_additions(draft) if is_listener_denied else {}
    published |= by_key((*_listeners(draft), *draft.secrets.values()))
    published |= by_key((*draft.clusters.values(), *draft.endpoints.values(), *_denied_backends(draft)))
    configurations = (*_configurations(draft), *draft.denied_configurations.values())
    published |= by_key(item.resource() for item in configurations)
    # Last, when it is known which versions of the listeners are in force.
    if is_listener_denied:
        _complete(draft, published)
    return published | _denied_streams(draft, published)


def _denied_streams(draft: Draft, published: Mapping[Key, Resource]) -> dict[Key, Resource]:
    """Return the listeners of which connections are denied as a whole, and where those go."""
    clusters = draft.denied_clusters.keys() | draft.denied_endpoints.keys()
    if not clusters and not draft.denied_listeners:
        return {}
    listeners = {key: item for key, item in published.items() if item.type_url == names.LISTENER}
    denied = {
        # What is no listener of the draft is a denied one, or what an extension had added to such.
        key: deny_stream_users(item, clusters) if item.name in draft.listeners else deny_streams(item)
        for key, item in listeners.items()
    }
    changed = {key: item for key, item in denied.items() if item is not listeners[key]}
    if not changed:
        return {}
    nowhere = empty_cluster(source for item in changed.values() for source in item.sources)
    return {(names.CLUSTER, names.EMPTY_CLUSTER): nowhere, **changed}


def _listeners(draft: Draft) -> tuple[Resource, ...]:
    """Return the listeners; a denied one as it was accepted last, so that its connections stay."""
    denied = (_deniable(draft, before) for before in draft.denied_listeners.values())
    return (*draft.listeners.values(), *denied)


def _deniable(draft: Draft, before: Resource) -> Resource:
    """Return the version of a denied listener that a denial in RDS reaches.

    An extension may have put routes out of reach. Then the version before it did so is taken; a listener that an
    extension added has none: its routes are denied where they are.
    """
    part = draft.part(before)
    versions = [part.resource, before] if part else [before]
    original = draft.translation.listeners.get(before.name)
    versions += [original] if original else []
    # From the newest that was in force to the oldest: connections stay where the listener does not change.
    reached = (item for item in versions if not has_routes_out_of_reach(item))
    return next(reached, None) or deny_in_place(versions[0])


def _denied_backends(draft: Draft) -> Iterator[Resource]:
    """Yield the clusters and endpoints that a hook failed on, as they were accepted last for the same input."""
    denied = (*draft.denied_clusters.values(), *draft.denied_endpoints.values())
    return (draft.last_accepted(item) for item in denied)


def _configurations(draft: Draft) -> Iterator[RouteConfiguration]:
    """Yield the RouteConfigurations; a route to a cluster that a hook failed on, or failed on its endpoints, denied."""
    denied = draft.denied_clusters.keys() | draft.denied_endpoints.keys()
    for configuration in draft.route_configurations.values():
        yield deny_users(configuration, denied) if denied else configuration


def _accepted_additions(draft: Draft) -> dict[Key, Resource]:
    """Return what extensions had added: a listener that stays as it was accepted may refer to it.

    An added listener is one of those that the failed hook decides on, so its routes out of reach are denied in place;
    of its RouteConfigurations `_complete` takes care.
    """
    added = (part.resource for part in draft.accepted.parts.values() if part.source_body is None)
    return by_key(_within_reach(item) if item.type_url == names.LISTENER else item for item in added)


def _within_reach(listener: Resource) -> Resource:
    return deny_in_place(listener) if has_routes_out_of_reach(listener) else listener


def _complete(draft: Draft, published: dict[Key, Resource]) -> None:
    """Add what only the listeners in force still refer to: secrets as accepted, RouteConfigurations that deny."""
    for listener in tuple(item for item in published.values() if item.type_url == names.LISTENER):
        for key in resource_references(listener) - published.keys():
            type_url, name = key
            part = draft.accepted.parts.get(key)
            if type_url == names.ROUTE_CONFIGURATION:
                published[key] = deny_configuration(name, listener.sources).resource()
            elif type_url == names.SECRET and part is not None:
                published[key] = part.resource


def _remember(draft: Draft, whole: Mapping[str, Resources] | None) -> Accepted:
    """Return what all hooks have accepted by now.

    Args:
        draft: as the last stage left it.
        whole: what is published, if every hook accepted it.
    """
    previous = draft.accepted
    # Without the earlier parts: what is not in this state any more, the user or an extension has taken away.
    if whole is not None:
        return Accepted(whole, PublishedParts(whole, draft.translation))
    if draft.has_failed_translation:
        return previous
    return Accepted(previous.resources, {**_kept_parts(draft), **_accepted_parts(draft)})


def _kept_parts(draft: Draft) -> dict[Key, AcceptedPart]:
    """Return the parts accepted before that stay so: what a hook failed on now, and what its listeners may need."""
    failed = {*by_key((*draft.denied_clusters.values(), *draft.denied_endpoints.values())), *draft.bypassed}
    # A kept listener may refer to any of them, so all stay; run after run, or the second failure would lose them.
    is_listener_failed = draft.denied_listeners or any(type_url == names.LISTENER for type_url, _ in draft.bypassed)
    previous = draft.accepted.parts.items()
    return {key: part for key, part in previous if is_listener_failed or key in failed}


def _accepted_parts(draft: Draft) -> dict[Key, AcceptedPart]:
    """Return each listener, cluster, secret and set of endpoints that no hook failed on."""
    inputs = by_key(item for kind in PART_TYPES for item in inputs_of(draft.translation, kind).values())
    backends = (*draft.clusters.values(), *draft.endpoints.values())
    accepted = by_key((*draft.listeners.values(), *backends, *draft.secrets.values()))
    return {
        key: AcceptedPart(item, inputs[key].body if key in inputs else None)
        for key, item in accepted.items()
        if key not in draft.bypassed
    }
