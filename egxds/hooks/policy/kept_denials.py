"""Keeps denied what is denied inside a RouteConfiguration, whatever later hooks make of it. Pure.

A denied route and the `error_vhost` are part of what the VirtualHost and Translation hooks are shown: without them
their view would have holes. What they reply about them counts for nothing. So a reply is mended where that can be done
without a guess, and refused, as any reply that cannot be taken, where it cannot:

    a denied route is changed, renamed, dropped, moved     put back as it was, at its turn
    a virtual host with a denied route gives up a domain   the domain moves into `error_vhost`; the next wider virtual
    or is gone                                             host, or the one of all domains, would serve it else
    the `error_vhost` is changed or gone                   put back as it was
    another virtual host claims a domain of either         refused
    a match tree where routes are denied                   refused: Envoy takes a tree or routes, not both

The turn of a denied route is behind the routes that came before it and before all else: before every route that came
behind it, and one with the same match as any of those or as its own. Only denied routes move, and they answer nothing
but 500. To move others would be to decide who serves what: an extension's own denial could end up behind a route.

The boundary: an extension that answers is trusted with what it adds elsewhere, as it is when nothing fails. So it may
put a route of its own before those that come before a denied one, or add a virtual host of a narrower domain, and what
it says of a RouteConfiguration or a virtual host as a whole is taken. It answers for them; the hook that failed never
would have been asked about them. `egxds.hooks.policy.detours` is about listeners.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from envoy.config.route.v3 import route_components_pb2

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.denials import deny_domains
from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost


def has_denied_routes(host: VirtualHost) -> bool:
    """Say whether a hook failed on any route of a virtual host."""
    return any(route.is_denied for route in host.routes)


def holds_denials(configuration: RouteConfiguration) -> bool:
    """Say whether anything in a RouteConfiguration is denied."""
    return any(True for _ in _denied_hosts(configuration))


def unkept(before: RouteConfiguration, after: RouteConfiguration) -> str:
    """Say why what is denied cannot be kept denied in what a reply made of a RouteConfiguration; empty if it can."""
    denied = {host.name: host for host in _denied_hosts(before)}
    owners = {domain.lower(): name for name, host in denied.items() for domain in host.domains}
    for host in after.virtual_hosts if denied else ():
        for domain in host.domains:
            if owners.get(domain.lower(), host.name) != host.name:
                return f"domain {domain!r} of {before.name} is denied, and virtual host {host.name!r} claims it"
        if host.name in denied and has_match_tree(host):
            return tree_beside_denied(host)
    return ""


def has_match_tree(host: VirtualHost) -> bool:
    """Say whether a virtual host finds its routes by a tree and not one after the other."""
    has_tree: bool = route_components_pb2.VirtualHost.FromString(host.head).HasField("matcher")
    return has_tree


def tree_beside_denied(host: VirtualHost) -> str:
    """Say why a match tree cannot be taken."""
    return f"virtual host {host.name!r} has a match tree, and routes of it are denied"


def keep_denied(before: RouteConfiguration, after: RouteConfiguration) -> RouteConfiguration:
    """Return a RouteConfiguration with everything denied that was.

    Args:
        before: before the hook.
        after: as the hook would have it; `unkept` has nothing against it.
    """
    denied = tuple(_denied_hosts(before))
    if not denied:
        return after
    hosts = after.virtual_hosts.by_name
    changed: dict[str, VirtualHost] = {}
    lost: set[str] = set()
    sources: set[ObjectKey] = set()
    for host in denied:
        edited = hosts.get(host.name)
        if host.name == names.ERROR_VIRTUAL_HOST:
            changed[host.name] = host
        elif edited is not host:
            lost |= _given_up(host, edited)
            sources |= host.all_sources()
            if edited is not None:
                changed[host.name] = _with_denied_routes(host, edited)
    kept = replace(after, virtual_hosts=after.virtual_hosts.edited(changed))
    return deny_domains(kept, lost, sources) if lost else kept


def _denied_hosts(configuration: RouteConfiguration) -> Iterator[VirtualHost]:
    """Yield the virtual hosts that are denied or have denied routes."""
    for host in configuration.virtual_hosts:
        if host.name == names.ERROR_VIRTUAL_HOST or has_denied_routes(host):
            yield host


def _given_up(before: VirtualHost, after: VirtualHost | None) -> set[str]:
    kept = {domain.lower() for domain in after.domains} if after else set()
    return {domain for domain in before.domains if domain.lower() not in kept}


def _with_denied_routes(before: VirtualHost, after: VirtualHost) -> VirtualHost:
    """Put the denied routes of a virtual host back, each at its turn."""
    # The usual reply adds a header or a filter to the whole, and leaves the routes.
    if [route.body for route in after.routes] == [route.body for route in before.routes]:
        return replace(after, routes=before.routes)
    denied = {at: route for at, route in enumerate(before.routes) if route.is_denied}
    taken = {route.name for route in denied.values()}
    others = [route for route in after.routes if route.name not in taken]
    routes: list[Route] = []
    done = 0
    for turn, route in zip(_turns(before.routes, others, tuple(denied)), denied.values(), strict=True):
        routes += [*others[done:turn], route]
        done = turn
    return replace(after, routes=(*routes, *others[done:]))


def _turns(before: Sequence[Route], others: Sequence[Route], denied: Sequence[int]) -> list[int]:
    """Return before which of the other routes each denied one comes; the order of the denied ones stays."""
    ranks = _ranks(before, others)
    highest_so_far = list(accumulate(ranks, max))
    known = [math.inf if rank < 0 else rank for rank in reversed(ranks)]
    lowest_from_here = list(accumulate(known, min))[::-1]
    # Behind the last that came before it, but before the first that did not.
    return [min(bisect_left(lowest_from_here, at), bisect_left(highest_so_far, at)) for at in denied]


def _ranks(before: Sequence[Route], others: Sequence[Route]) -> list[int]:
    """Return where each route came before the hook, by its name or else by its match; -1 where it is new."""
    by_name = {route.name: at for at, route in enumerate(before) if route.name}
    by_match = {_match(route): at for at, route in enumerate(before)}
    return [by_name[route.name] if route.name in by_name else by_match.get(_match(route), -1) for route in others]


def _match(route: Route) -> bytes:
    match = route_components_pb2.Route.FromString(route.body).match
    body: bytes = match.SerializeToString(deterministic=True)
    return body
