"""What was decided against the objects in force, as problems with their file and line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egxds.model.api.gateway import GATEWAY, GatewaySpec
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.validation import path_text
from egxds.model.resolve.backends import BackendVerdict
from egxds.model.resolve.class_conflicts import ClassConflict
from egxds.model.resolve.dynamic_backends import closed_dynamic
from egxds.model.resolve.fallbacks import useless_fallbacks
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.gateway_classes import ClassVerdict
from egxds.model.resolve.idle_backends import idle_backends
from egxds.model.resolve.listener_sets import StraySet
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.parameters import Proxy
from egxds.model.resolve.proxies.book import ProxyVerdict
from egxds.model.resolve.verdicts import Classless, RouteVerdict, listener_faults
from egxds.model.status.gateway import JudgedGateway
from egxds.model.status.listener_set import JudgedListenerSet
from egxds.model.status.listeners import JudgedListeners, bound_by, closed_streams, conflict_message
from egxds.model.status.policy import policy_doubts, policy_faults
from egxds.model.status.policy_verdicts import PolicyVerdict
from egxds.model.status.route_doubts import route_doubts
from egxds.model.status.shadows import route_locator, shadow_faults
from egxds.model.store.state import GatewayState
from egxds.problems import Location, Problem, Severity, error, warning
from egxds.settings.client_traffic import ClientTrafficSettings


def problems_of(judged: object, state: GatewayState, traffic: ClientTrafficSettings) -> tuple[Problem, ...]:
    """Report every negative decision about an object once, at the part of it that caused it.

    Args:
        judged: what was decided about the object.
        state: knows where everything stands.
        traffic: how requests are taken.
    """
    return tuple(sorted(set(_problems(judged, state, traffic)), key=problem_order))


def problem_order(problem: Problem) -> tuple[Location, str, str]:
    """Return a key that sorts problems by place."""
    return problem.location, problem.subject, problem.message


def _problems(judged: object, state: GatewayState, traffic: ClientTrafficSettings) -> Iterator[Problem]:
    match judged:
        case ClassVerdict(item, faults):
            yield from _errors(item, faults, state)
        case BackendVerdict(item, faults, doubts):
            yield from _errors(item, faults, state)
            yield from _warnings(item, doubts, state)
        case ProxyVerdict(item, errors):
            yield from _errors(item, errors, state)
            yield from _warnings(item, _notes(item), state)
        case Classless(gateway):
            yield _no_class(gateway, state)
        case JudgedGateway(verdict, listeners):
            yield from _errors(verdict.gateway, verdict.faults(), state)
            yield from _errors(verdict.gateway, closed_streams(listeners), state)
            yield from _class_conflicts(verdict.gateway, listeners, state)
        case JudgedListenerSet(admission, _, listeners):
            refusals = [admission.refusal] if admission.refusal is not None else []
            yield from _errors(admission.listener_set, refusals or listener_faults(listeners.verdicts), state)
            yield from _errors(admission.listener_set, closed_streams(listeners), state)
            yield from _class_conflicts(admission.listener_set, listeners, state)
        case StraySet(listener_set, fault):
            yield from _warnings(listener_set, (fault,), state)
        case RouteVerdict():
            yield from _route_problems(judged, state)
            yield from _route_warnings(judged, state, traffic)
        case PolicyVerdict():
            yield from _policy_problems(judged, state)


def _errors(item: ApiObject[ApiModel], faults: Iterable[Fault], state: GatewayState) -> Iterator[Problem]:
    return (error(state.locate(item, fault.path), fault.message, str(item.key)) for fault in faults)


def _warnings(item: ApiObject[ApiModel], doubts: Iterable[Fault], state: GatewayState) -> Iterator[Problem]:
    return (warning(state.locate(item, doubt.path), doubt.message, str(item.key)) for doubt in doubts)


def _notes(item: Proxy) -> Iterator[Fault]:
    for note in item.content.notes():
        path = ("spec", *note.path)
        yield Fault(Reason.UNSUPPORTED_VALUE, f"{path_text(path)}: {note.message}", path)


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
    yield from _errors(route, verdict.followed.dropped, state)
    if verdict.parents:
        yield from _errors(route, verdict.followed.faults, state)
        resolved = verdict.followed.resolved
        for parent in verdict.parents:
            yield from _errors(route, closed_dynamic(resolved, parent), state)
        yield from _warnings(route, (*idle_backends(resolved), *useless_fallbacks(resolved)), state)
    yield from _warnings(route, shadow_faults(verdict, route_locator(state)), state)
    for fault in verdict.orphaned:
        yield Problem(Severity.WARNING, state.locate(route, fault.path), fault.message, str(route.key))


def _route_warnings(verdict: RouteVerdict, state: GatewayState, traffic: ClientTrafficSettings) -> Iterator[Problem]:
    for doubt in route_doubts(verdict.route.content, traffic):
        path = ("spec", *doubt.path)
        message = f"{path_text(path)}: {doubt.message}"
        yield Problem(doubt.severity, state.locate(verdict.route, path), message, str(verdict.route.key))


def _policy_problems(verdict: PolicyVerdict, state: GatewayState) -> Iterator[Problem]:
    policy = verdict.policy
    yield from _errors(policy, policy_faults(verdict), state)
    yield from _warnings(policy, policy_doubts(verdict), state)


def _class_conflicts(item: ApiObject[ApiModel], listeners: JudgedListeners, state: GatewayState) -> Iterator[Problem]:
    for conflict in listeners.conflicts:
        at = next(each for each in listeners.verdicts if bound_by(each) == (conflict.port, conflict.transport))
        yield _class_conflict(item, at, conflict, state)


def _class_conflict(
    loser: ApiObject[ApiModel], listener: ListenerVerdict, conflict: ClassConflict, state: GatewayState
) -> Problem:
    winner = state.of(GATEWAY)[conflict.winner]
    location = state.locate(loser, listener.path)
    # No error: each Gateway is served whole to Envoys of its own.
    return warning(location, f"{conflict_message(conflict)} (the other is at {state.locate(winner)})", str(loser.key))
