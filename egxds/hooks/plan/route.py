"""Route hook: one call for each route that objects of the extension concern: named by its rule, or policies. Pure.

All other routes are none of its business, and cost no call: a Gateway may have thousands. A route that was denied has
no such objects any more, so no extension after that is asked about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.plan.call_memo import Stage
from egxds.hooks.plan.requests import place_of, route_call
from egxds.hooks.policy.draft import AppliedEdit, Draft
from egxds.hooks.replies.check import CallResult, RouteEdit
from egxds.resources.denials import deny_route
from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost
from egxds.settings.extensions import ExtensionManager

_Place = tuple[str, str, int]
"""(RouteConfiguration, name of the virtual host, index of the route)."""


def route_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change routes; a denied route is not called for again."""
    targets = _targets(draft, manager)
    results = yield tuple(call for _, _, call in targets)
    edited: dict[str, dict[str, dict[int, Route]]] = defaultdict(lambda: defaultdict(dict))
    for ((name, host, index), route, call), result in zip(targets, results, strict=True):
        edited[name][host][index] = _apply(draft, manager, route, (call, result))
    for name, hosts in edited.items():
        draft.route_configurations[name] = _with_hosts(draft.route_configurations[name], hosts)


def _targets(draft: Draft, manager: ExtensionManager) -> list[tuple[_Place, Route, HookCall]]:
    targets, context = [], draft.translation.context
    for configuration in draft.route_configurations.values():
        for host in configuration.virtual_hosts:
            for index, route in enumerate(host.routes):
                # Most routes concern no extension, and there may be thousands.
                is_extended = route.extension_resources or route.extension_policies
                unit = (configuration.name, host.name)
                call = route_call(manager, unit, route, context, place_of(context, host)) if is_extended else None
                if call is not None:
                    targets.append(((configuration.name, host.name, index), route, call))
    return targets


def _apply(draft: Draft, manager: ExtensionManager, route: Route, answer: tuple[HookCall, CallResult]) -> Route:
    call, result = answer
    if isinstance(result, HookFailure):
        return deny_route(route) if draft.fail(manager, call, result) == "deny" else route
    if not isinstance(result, RouteEdit):
        return route
    draft.applied.append(AppliedEdit(call, result.references))
    return replace(route, body=result.body)


def _with_hosts(configuration: RouteConfiguration, edited: Mapping[str, Mapping[int, Route]]) -> RouteConfiguration:
    hosts = configuration.virtual_hosts
    changed = {name: _with_routes(hosts.by_name[name], routes) for name, routes in edited.items()}
    return replace(configuration, virtual_hosts=hosts.edited(changed))


def _with_routes(host: VirtualHost, edited: Mapping[int, Route]) -> VirtualHost:
    routes = tuple(edited.get(index, route) for index, route in enumerate(host.routes))
    return replace(host, routes=routes)
