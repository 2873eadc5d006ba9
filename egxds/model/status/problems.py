"""What was decided against the objects in force, as problems with their file and line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from egxds.model.api.certificates import CERTIFICATE_ENTRY, validity_fault
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.resolve.class_conflicts import ClassConflict
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.decisions import Decisions
from egxds.model.status.gateway import conflict_message
from egxds.model.status.policy import PolicyVerdict
from egxds.model.store.state import GatewayState
from egxds.problems import Problem, Severity, error, warning


def problems_of(decisions: Decisions, state: GatewayState) -> tuple[Problem, ...]:
    """Report every negative decision once, at the part of the object that caused it.

    Args:
        decisions: what was decided.
        state: knows where everything stands.
    """
    found = {
        *_class_problems(decisions, state),
        *(_no_class(gateway, state) for gateway in decisions.ours.classless),
        *(
            problem
            for verdict in decisions.gateways.values()
            for problem in _errors(verdict.gateway, verdict.faults(), state)
        ),
        *(problem for verdict in decisions.routes for problem in _route_problems(verdict, state)),
        *(_class_conflict(conflict, state) for conflict in decisions.conflicts),
        *(problem for verdict in decisions.policies for problem in _policy_problems(verdict, state)),
    }
    return tuple(sorted(found, key=lambda problem: (problem.location, problem.subject, problem.message)))


def _errors(item: ApiObject[ApiModel], faults: Iterable[Fault], state: GatewayState) -> Iterator[Problem]:
    return (error(state.locate(item, fault.path), fault.message, str(item.key)) for fault in faults)


def _class_problems(decisions: Decisions, state: GatewayState) -> Iterator[Problem]:
    for verdict in decisions.ours.classes:
        yield from _errors(verdict.item, verdict.faults, state)


def _no_class(gateway: ApiObject[GatewaySpec], state: GatewayState) -> Problem:
    name = gateway.content.gateway_class_name
    message = (
        f"no accepted document defines its GatewayClass {name}, so it is not served; define it, or no class at all"
    )
    return warning(state.locate(gateway), message, str(gateway.key))


def _route_problems(verdict: RouteVerdict, state: GatewayState) -> Iterator[Problem]:
    route = verdict.route
    refusals = (parent.refusal for parent in verdict.parents if parent.refusal is not None)
    yield from _errors(route, refusals, state)
    if verdict.parents:
        yield from _errors(route, verdict.followed.faults, state)
    for fault in verdict.orphaned:
        yield Problem(Severity.WARNING, state.locate(route, fault.path), fault.message, str(route.key))


def _policy_problems(verdict: PolicyVerdict, state: GatewayState) -> Iterator[Problem]:
    policy = verdict.policy
    yield from _errors(policy, verdict.faults, state)
    for fault in verdict.doubts:
        yield warning(state.locate(policy, fault.path), fault.message, str(policy.key))


def _class_conflict(conflict: ClassConflict, state: GatewayState) -> Problem:
    loser, winner = conflict.loser.gateway, conflict.winner.gateway
    listeners = loser.content.listeners
    position = next(index for index, listener in enumerate(listeners) if listener.port == conflict.port)
    location = state.locate(loser, ("spec", "listeners", position))
    return error(location, f"{conflict_message(conflict)} (the other is at {state.locate(winner)})", str(loser.key))
