"""Which failures a run can be gone on from: those that are about single virtual hosts. Pure.

A Route or VirtualHost hook that fails on a virtual host denies or bypasses what is in it, and all that comes of that is
in its RouteConfiguration: denied routes, or domains in the `error_vhost`. So a virtual host that a hook failed on is
gone through again in every run (`changed_part`), and with all of them in the changed part, what is denied in a
RouteConfiguration comes out of it as it comes out of a run over everything. An edit costs what it changes, and what a
hook fails on.

All other failures are gone through whole, because what comes of them is elsewhere, or is a judgement about several:

- a cluster or endpoints: every route that uses them is denied;
- a listener: its RouteConfigurations are denied as a whole, and what it refers to has to stay;
- a Translation hook: all is denied;
- under `hold` what is published stays, and nothing of what changed is gone through to its end;
- a reply that is refused for what others say: another edit can make it right, or be refused for it;
- a RouteConfiguration in which nothing was denied before: listeners are judged anew by what is denied
  (`policy.detours`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from egxds.hooks.calls import HookCall
from egxds.hooks.policy.draft import Draft
from egxds.hooks.policy.kept_denials import holds_denials
from egxds.hooks.policy.last_run import Failing
from egxds.resources.route_configuration import RouteConfiguration
from egxds.settings.extensions import Hook

MOST = 64
"""Virtual hosts: where hooks fail on more, to go through all costs no more than to try it with these."""

_ABOUT_ONE_HOST = frozenset({Hook.ROUTE, Hook.VIRTUAL_HOST})


def failing_in(
    draft: Draft, failed: Collection[HookCall], configurations: Iterable[RouteConfiguration]
) -> Failing | None:
    """Return what hooks failed on; nothing where everything has to be gone through for it.

    Args:
        draft: after the hooks that are about one thing each, or after all.
        failed: the calls that failed by themselves.
        configurations: the RouteConfigurations as the hooks about one thing each have left them.
    """
    problems = draft.problems
    if not problems:
        return Failing()
    units = frozenset(problem.call.unit for problem in problems)
    if draft.is_held or len(units) > MOST:
        return None
    if not all(problem.hook in _ABOUT_ONE_HOST and problem.call in failed for problem in problems):
        return None
    denied = (problem for problem in problems if problem.hook is Hook.ROUTE and problem.policy == "deny")
    guarded = frozenset(item.name for item in configurations if holds_denials(item))
    return Failing(units, frozenset(problem.call.unit for problem in denied), guarded)
