"""What a route does with a request that it takes. Pure."""

from __future__ import annotations

from typing import Any

from egxds import names
from egxds.inspect.explain.answers import Backend, Outcome, Taking
from egxds.inspect.explain.backends import backends_of, weighted
from egxds.inspect.explain.origins import origin_of
from egxds.inspect.explain.question import Question
from egxds.inspect.explain.rewriting import location_of, redirect_status, rewritten, seen_host_of
from egxds.resources.error_virtual_host import DENIED_STATUS
from egxds.snapshot.snapshot import Snapshot

_UNAVAILABLE = 503
_MISDIRECTED = 421
_NOT_FOUND_STATUS = (503, 404, 500)
"""By the numbers of `RouteAction.ClusterNotFoundResponseCode`."""


def taking_of(route: Any, question: Question, snapshot: Snapshot) -> Taking:
    """Return what becomes of a request.

    Args:
        route: the Route message that takes it.
        question: the request, as routes see it.
        snapshot: what is in force.
    """
    kind = route.WhichOneof("action")
    if kind == "route":
        return _forwarded(route, question, snapshot)
    if kind == "redirect":
        status, location = redirect_status(route.redirect), location_of(route, question)
        return _taking(route, Outcome.REDIRECTED, f"redirected to {location}", status, location=location)
    if kind == "direct_response":
        return _answered(route, route.direct_response.status)
    return _taking(route, Outcome.UNKNOWN, "in the hands of a filter (the route has no action that is read here)", None)


def _answered(route: Any, status: int) -> Taking:
    if route.name == names.MISDIRECTED_ROUTE:
        text = "the name belongs to another listener of the port; a client that asks for it by TLS gets there"
        return _taking(route, Outcome.MISDIRECTED, text, status)
    if status == DENIED_STATUS:
        text = "denied: what it refers to, or what decides on it, cannot be used as it is written, or failed"
        return _taking(route, Outcome.DENIED, text, status)
    if status == _UNAVAILABLE:
        return _taking(route, Outcome.FAILS, "there is nobody to send it to", status)
    return _taking(route, Outcome.ANSWERED, "answered by Envoy itself", status)


def _forwarded(route: Any, question: Question, snapshot: Snapshot) -> Taking:
    action = route.route
    shares = tuple(weighted(action))
    backends = backends_of(snapshot, shares)
    more = {
        "path": rewritten(action, route.match, question.path),
        "host": seen_host_of(action, question),
        "backends": backends,
    }
    if not shares:
        kind = action.WhichOneof("cluster_specifier")
        return _taking(
            route, Outcome.UNKNOWN, f"sent to a cluster that is chosen for each request ({kind})", None, **more
        )
    at_work = [each for each, (_, weight) in zip(backends, shares, strict=True) if weight]
    if at_work and all(each.fault for each in at_work):
        status = _fault_status(action, at_work[0], snapshot)
        return _taking(route, Outcome.FAILS, at_work[0].fault, status, **more)
    return _taking(route, Outcome.FORWARDED, f"sent to {', '.join(map(_told, at_work))}", None, **more)


def _fault_status(action: Any, backend: Backend, snapshot: Snapshot) -> int:
    if backend.cluster in snapshot.of(names.CLUSTER):
        return _UNAVAILABLE
    return _NOT_FOUND_STATUS[action.cluster_not_found_response_code]


def _told(backend: Backend) -> str:
    """Name a backend by what its user calls it."""
    name = ", ".join(backend.objects) or backend.cluster
    where = f" at {', '.join(backend.endpoints)}" if backend.endpoints else ""
    more = f" and {backend.count - len(backend.endpoints)} more" if backend.count > len(backend.endpoints) else ""
    share = f" ({backend.share})" if backend.share else ""
    fault = f" ({backend.fault})" if backend.fault else ""
    return f"{name}{where}{more}{share}{fault}"


def stream_taking(shares: tuple[tuple[str, int], ...], snapshot: Snapshot, name: str) -> Taking:
    """Return what becomes of a connection, or of datagrams, that are forwarded as a whole.

    Args:
        shares: the clusters that they go to.
        snapshot: what is in force.
        name: of the filter chain, or of the Listener.
    """
    backends = backends_of(snapshot, shares)
    origin = origin_of(name) or next((found for each, _ in shares if (found := origin_of(each))), None)
    if any(cluster == names.EMPTY_CLUSTER for cluster, _ in shares):
        text = "denied: a hook that decides on it failed, so that it is closed"
        return Taking(Outcome.DENIED, text, name=name, origin=origin, backends=backends)
    if all(each.fault for each in backends):
        text = backends[0].fault if backends else "nothing takes it"
        return Taking(Outcome.FAILS, f"closed: {text}", name=name, origin=origin, backends=backends)
    text = f"sent to {', '.join(map(_told, backends))}"
    return Taking(Outcome.FORWARDED, text, name=name, origin=origin, backends=backends)


def _taking(route: Any, outcome: Outcome, text: str, status: int | None, **more: Any) -> Taking:
    return Taking(outcome, text, status, name=route.name, origin=origin_of(route.name), **more)
