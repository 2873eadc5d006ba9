"""Which routes of a RouteConfiguration take a request, and which were near to it. Pure."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from egxds.inspect.explain.actions import taking_of
from egxds.inspect.explain.answers import Outcome, Step, Taking
from egxds.inspect.explain.hosts import ANY, domains_of, find_hosts, kept, near_names, seen_host
from egxds.inspect.explain.matching import SHOWN_CHARACTERS, Finding, Holds
from egxds.inspect.explain.origins import origin_of
from egxds.inspect.explain.paths import seen_path
from egxds.inspect.explain.question import Question
from egxds.inspect.explain.routes import findings, path_holds, path_text
from egxds.snapshot.snapshot import Snapshot

_NOT_FOUND = 404
_REDIRECT = 307
_LOST = 5
"""Routes that are told of as near."""

_LESS = "its domain {} is less close; it is not asked, whatever the closest one has"

_LOOKED_AT = 200
"""Routes of which the nearest are chosen: those asked first, or those whose paths begin like its own."""


@dataclass(slots=True)
class Routed:
    """What becomes of a request in a RouteConfiguration.

    Attributes:
        taken_by: messages that may say what HTTP filters do with it: of each route that takes it the route, its virtual
            host and the RouteConfiguration.
    """

    takings: list[Taking] = field(default_factory=list)
    way: list[Step] = field(default_factory=list)
    lost: list[Step] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    taken_by: list[tuple[Any, Any, Any]] = field(default_factory=list)


def route_request(question: Question, manager: Any, configuration: Any, snapshot: Snapshot) -> Routed:
    """Follow a request.

    Args:
        question: as the client sends it.
        manager: the HttpConnectionManager message.
        configuration: its RouteConfiguration message.
        snapshot: what is in force.
    """
    routed = Routed()
    path = seen_path(question.path, manager)
    if path.status is not None:
        routed.takings.append(_at_the_door(path.status, path.path))
        return routed
    host = seen_host(question, manager, configuration)
    if host is None:
        text = f"it lacks the header {configuration.vhost_header}, by which virtual hosts are chosen"
        routed.takings.append(Taking(Outcome.NOT_FOUND, text, _NOT_FOUND))
        return routed
    found = find_hosts(configuration, host)
    if not found:
        _miss_host(routed, host, configuration)
        return routed
    virtual_host, domain = found[0]
    why = f"its domain {domain} is the closest to {host}" if ANY in domain else f"its domain is {domain}"
    routed.way.append(Step("virtual host", virtual_host.name, why))
    if virtual_host.HasField("matcher"):
        routed.takings.append(Taking(Outcome.UNKNOWN, "its matcher is not read here", name=virtual_host.name))
    elif virtual_host.require_tls and not question.scheme.is_tls:
        routed.takings.append(Taking(Outcome.REDIRECTED, "the virtual host takes TLS only", 301))
    else:
        takers = _choose(routed, virtual_host, replace(question, path=_compared(path.path, configuration)), snapshot)
        routed.taken_by += ((route, virtual_host, configuration) for route in takers)
    routed.lost += (Step("virtual host", each.name, _LESS.format(less)) for each, less in found[1:_LOST])
    if ANY in domain and routed.takings[-1].outcome is Outcome.NOT_FOUND:
        _hint_near(routed, host, configuration)
    return routed


def _compared(path: str, configuration: Any) -> str:
    """Return a path as routes are compared with it: perhaps without parameters, which start at a semicolon."""
    if not configuration.ignore_path_parameters_in_path_matching:
        return path
    asked, mark, query = path.partition("?")
    return f"{asked.partition(';')[0]}{mark}{query}"


def _at_the_door(status: int, path: str) -> Taking:
    if status == _REDIRECT:
        return Taking(Outcome.REDIRECTED, f"redirected to {path}: the path has an escaped slash", status, location=path)
    return Taking(Outcome.REFUSED, "the path has an escaped slash, and the settings say to refuse that", status)


def _miss_host(routed: Routed, host: str, configuration: Any) -> None:
    routed.takings.append(Taking(Outcome.NOT_FOUND, f"no virtual host has the name {host}", _NOT_FOUND))
    _hint_near(routed, host, configuration)


def _hint_near(routed: Routed, host: str, configuration: Any) -> None:
    """Name the hosts that somebody may have meant, and the routes that have them: one of the two is misspelt."""
    near = near_names(host, domains_of(configuration))
    if not near:
        return
    routed.hints.append(f"{host} is nobody's; {', '.join(near)} {'is' if len(near) == 1 else 'are'}")
    for virtual_host in configuration.virtual_hosts:
        domain = next((one for one in near if one in virtual_host.domains), None)
        if domain is not None:
            origin = origin_of(virtual_host.routes[0].name) if virtual_host.routes else None
            named = replace(origin, path=("spec", "hostnames"), text=str(origin.key)) if origin is not None else None
            routed.lost.append(Step("virtual host", virtual_host.name, f"its domain is {domain}", named))


def _choose(routed: Routed, virtual_host: Any, question: Question, snapshot: Snapshot) -> list[Any]:
    """Go through the routes of a virtual host in their order, and return those that may take the request."""
    takers: list[Any] = []
    missed: list[tuple[Any, list[Finding]]] = []
    taken: Any = None
    for route in virtual_host.routes:
        found = findings(route.match, question)
        kept_out = [each for each in found if each.holds is Holds.NO]
        if taken is not None or kept_out:
            missed.append((route, kept_out))
            continue
        takers.append(route)
        taking = taking_of(route, question, snapshot)
        routed.takings.append(taking.only_if(", and ".join(each.text for each in found)))
        taken = None if found else route
    if taken is None:
        text = f"no route of the virtual host takes {question.method} {question.path}"
        routed.takings.append(Taking(Outcome.NOT_FOUND, text, _NOT_FOUND))
    routed.lost += _nearest(missed, question, taken)
    return takers


def _nearest(missed: Sequence[tuple[Any, list[Finding]]], question: Question, taken: Any) -> Iterator[Step]:
    """Yield the routes that were nearest to taking a request, and why they do not: first those asked before others."""
    told = [(route, found) for route, found in missed if path_holds(route.match, question)]
    if not told and taken is None:
        told = _alike(missed, question.path.partition("?")[0])
    for route, found in sorted(told[:_LOOKED_AT], key=lambda each: len(each[1]) or _LOOKED_AT)[:_LOST]:
        why = "; ".join(each.text for each in found) or _behind(route, taken)
        yield Step("route", route.name, why, origin_of(route.name))


def _behind(route: Any, taken: Any) -> str:
    """Say why a route that would take the request comes behind the one that does."""
    if route.match == taken.match:
        return "it is shadowed: it asks for the same as the one that takes it, which comes first"
    return f"it stands behind the one that takes it: it takes {path_text(route.match)}"


def _alike(missed: Sequence[tuple[Any, list[Finding]]], path: str) -> list[tuple[Any, list[Finding]]]:
    """Return the routes whose paths are most like one: of those that begin like it, as to compare all takes long."""
    asked = path[:SHOWN_CHARACTERS]
    likely = heapq.nlargest(_LOOKED_AT, missed, key=lambda each: kept(asked, _wanted_path(each[0].match)))
    compared = difflib.SequenceMatcher(b=asked)

    def likeness(each: tuple[Any, list[Finding]]) -> float:
        compared.set_seq1(_wanted_path(each[0].match)[:SHOWN_CHARACTERS])
        return compared.ratio()

    return sorted(likely, key=likeness, reverse=True)


def _wanted_path(match: Any) -> str:
    kind = match.WhichOneof("path_specifier")
    return getattr(match, kind) if kind in ("path", "prefix", "path_separated_prefix") else ""
