"""What is closed because a policy covers it that decides on access and that nobody serves. Pure.

a policy for                      closes
a route, a rule of it             the rules: 500
a Gateway, a listener of it,      the listeners, whatever is asked of them: 500 (`listener_denials`)
or a ListenerSet, one of it
a GatewayClass                    every listener of its Gateways: 500
a Service, a port of it, or       that backend: its share of a rule answers 500
a Backend

Where no requests are looked at nothing can be answered: connections are closed, datagrams dropped. That goes for the
policies of extensions, too, on a route that looks at none: hooks are told of requests alone (Envoy Gateway's protocol),
so nobody would do what such a policy asks; and for what is asked of requests here (`effective_policies`), but not for
what is asked of the traffic to backends, nor of connections (`connection_access`), as far as that can be done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from egxds.model.api.backends import SERVICE
from egxds.model.api.object import ApiObject
from egxds.model.api.routes import RouteSpec
from egxds.model.api.validation import Path
from egxds.model.resolve.effective_policies import EffectivePolicy, PoliciesInForce
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_targets import policies_covering
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import ObjectKey


def rule_denials(
    route: ApiObject[RouteSpec], position: int, policies: PolicyBook, in_force: PoliciesInForce
) -> tuple[str, ...]:
    """Say why a rule of a route is closed; empty where it is not.

    Args:
        route: whose rule it is.
        position: of the rule, 0 for the first.
        policies: knows what is on the route.
        in_force: what policies for the rule, or for the route, ask of requests.
    """
    rules = [rule.name or "" for rule in route.content.rules]
    kind = ROUTE_KINDS[route.key.group_kind]
    unserved = denials_at(route.key, (rules[position],), rules, policies, kind.denied)
    if kind.reads_requests:
        return (*unserved, *_broken(route.key, in_force))
    of_requests = [
        each
        for each in in_force
        if not APPLIED_KINDS[each.kind].is_for_backends
        and not (kind.authorizes_connections and APPLIED_KINDS[each.kind].decides_on_connections)
    ]
    handed_on = policies_covering(policies.on(route.key), (rules[position],), rules)
    unseen = f"is for {route.key}, of which no requests are looked at: {kind.denied}"
    return (
        *unserved,
        *_broken(route.key, (each for each in in_force if each not in of_requests)),
        *(f"{each.policies[0]} {unseen}" for each in of_requests),
        *(f"{each.key} is for {route.key}, which no hook is told of: {kind.denied}" for each in handed_on),
    )


def _broken(route: ObjectKey, in_force: Iterable[EffectivePolicy]) -> Iterator[str]:
    denied = ROUTE_KINDS[route.group_kind].denied
    return (f"{each.denial}: {route} {denied}" for each in in_force if each.faults)


def backend_denial(
    backend: ObjectKey, port: int | None, path: Path, index: ObjectIndex, policies: PolicyBook
) -> Fault | None:
    """Say why a backend is closed; None where it is not.

    Args:
        backend: a Service, a Backend, or an object of an extension.
        port: that of a Service which is meant.
        path: where the route refers to it.
        index: finds the Service.
        policies: knows what is on it.
    """
    service = index.state.of(SERVICE).get(backend)
    ports = service.content.ports if service is not None else ()
    meant = [each.name for each in ports if each.port == port]
    found = denials_at(backend, meant, [each.name for each in ports], policies, "answers 500")
    return Fault(Reason.UNSUPPORTED_PROTOCOL, "; ".join(found), path) if found else None


def denials_at(
    key: ObjectKey, sections: Collection[str], all_sections: Collection[str], policies: PolicyBook, consequence: str
) -> tuple[str, ...]:
    """Say which policies deny some sections of an object; empty where none does.

    Args:
        key: of the object.
        sections: names of those in question; none where only policies for all of the object are.
        all_sections: names of all of them.
        policies: knows what is on the object.
        consequence: what becomes of the traffic, in words that a subject stands before.
    """
    attachments = policies.denying(key)
    if not attachments:
        return ()
    return tuple(
        f"{policy.key} is for {key} and decides on {policies.asked(policy)}, which is not done here: {consequence}"
        for policy in policies_covering(attachments, sections, all_sections)
    )
