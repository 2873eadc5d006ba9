"""What SecurityPolicies ask of connections that are passed on as a whole: where their clients are. Pure.

Source: Envoy Gateway v1.9, SecurityPolicy for TCPRoutes.

    a policy for a TCPRoute           `authorization` by clientCIDRs, and nothing else
    what is in force at a listener    the same of all routes there, TLSRoutes too; `cors` is passed over, since that is
    of TCP or TLS                     for pages in browsers and keeps nobody from connecting
    a route whose policy says         what is in force at the listener (Envoy Gateway)
    nothing of authorization

Whatever else a policy asks, nobody could do without looking at requests: what it is in force at is closed. Envoy
Gateway leaves it open, as if there were no policy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from egxds.model.api.authorization import AuthorizationRule
from egxds.model.resolve.effective_policies import EffectivePolicy, PoliciesInForce
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.authorization import AUTHORIZATION, NamedRules
from egxds.model.resolve.features.cors import CORS
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.resolved import AttachedRoute, ResolvedRule
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import ObjectKey

_OF_BROWSERS = frozenset({CORS.field})
_NO_REQUESTS = "no requests are looked at here, and connections are told apart by authorization with clientCIDRs alone"


def asked_of_route(route: ObjectKey, in_force: PoliciesInForce) -> PoliciesInForce:
    """Return what policies for a route ask of its connections, where that is what they are asked of.

    One that asks anything else cannot be done there.
    """
    is_of_connections = ROUTE_KINDS[route.group_kind].authorizes_connections
    return tuple(_asked(each, frozenset()) for each in in_force) if is_of_connections else in_force


def asked_at_listener(in_force: PoliciesInForce) -> PoliciesInForce:
    """Return what policies for a listener, or for what it stands in, ask of connections there."""
    return tuple(_asked(each, _OF_BROWSERS) for each in in_force)


def access_at(in_force: PoliciesInForce) -> EffectivePolicy | None:
    """Return the one of some policies that says which connections get through; None where none does."""
    return next((each for each in in_force if APPLIED_KINDS[each.kind].decides_on_connections), None)


def access_of_rule(
    rule: ResolvedRule, attached: AttachedRoute, at_listener: EffectivePolicy | None
) -> EffectivePolicy | None:
    """Return what says which connections of a rule get through at a listener; None where all do.

    Args:
        rule: the rule.
        attached: its route, at the listener.
        at_listener: what says so there of routes that do not say it themselves.
    """
    own = access_at(attached.merged.get(rule.index, rule.in_force))
    says_so = own is not None and (own.faults or AUTHORIZATION.field in own.settings)
    return own if says_so else at_listener


def rules_of(policy: EffectivePolicy) -> NamedRules | None:
    """Return the rules of a policy that has any; None of one that says nothing of it, or cannot be done."""
    found = policy.settings.get(AUTHORIZATION.field)
    return found if isinstance(found, NamedRules) else None


def _asked(policy: EffectivePolicy, passed_over: Collection[str]) -> EffectivePolicy:
    if policy.faults or not APPLIED_KINDS[policy.kind].decides_on_connections:
        return policy
    beyond = sorted(policy.settings.keys() - {AUTHORIZATION.field, *passed_over})
    rules = rules_of(policy)
    strange = (f"{AUTHORIZATION.field}: {each}" for each in (_beyond_addresses(rules) if rules is not None else ()))
    why = ", ".join((*beyond, *strange))
    if why:
        return replace(policy, settings={}, faults=(Fault(Reason.INVALID, f"{why}: {_NO_REQUESTS}"),))
    return replace(policy, settings={AUTHORIZATION.field: rules} if rules is not None else {})


def _beyond_addresses(rules: NamedRules) -> tuple[str, ...]:
    return tuple(
        f"rule {name} asks for {' and '.join(found)}" for name, rule in rules.rules if (found := _of_requests(rule))
    )


def _of_requests(rule: AuthorizationRule) -> list[str]:
    """Return what a rule goes by that a connection does not have."""
    principal = rule.principal
    found = {
        "headers": principal is not None and principal.headers,
        "jwt": principal is not None and principal.jwt,
        "operation": rule.operation,
    }
    return [name for name, asked in found.items() if asked]
