"""A route that is edited, added or deleted: what a change of traffic costs."""

from __future__ import annotations

from functools import partial

from egxds import names
from tests.bench import documents
from tests.bench.changes import Change, Saved, measure
from tests.bench.delta_client import Arrival
from tests.bench.measurements import Row
from tests.bench.parameters import Layout
from tests.bench.probes import Answer, until_answered
from tests.bench.scenario import Bench
from tests.bench.site import Site

_NOT_FOUND = 404


def save_edit(site: Site, word: str) -> Saved:
    """Edit the first route."""
    return saved_route(site.files.save("route-0", documents.route(0, word, "own")), documents.host(0), word)


def save_added(site: Site, word: str) -> Saved:
    """Add a route."""
    return _add(site, f"added-{word}", word)


def save_short_lived(site: Site, word: str) -> Saved:
    """Add a route that is about to be deleted."""
    return _add(site, f"short-lived-{word}", word)


def save_deleted(site: Site, word: str) -> Saved:
    """Delete that route."""
    at = site.files.delete(f"short-lived-{word}")
    return Saved(at, _is_routes, partial(_until_status, documents.host(f"short-lived-{word}"), _NOT_FOUND))


def _add(site: Site, name: str, word: str) -> Saved:
    return saved_route(site.files.save(name, documents.route(name, word)), documents.host(name), word)


EDIT = Change(save_edit)
ADD = Change(save_added)
DELETE = Change(save_deleted, prepare=save_short_lived)


def edit(bench: Bench, size: int, layout: Layout) -> Row:
    """Edit one route of many."""
    return _row(bench, size, layout, EDIT)


def add(bench: Bench, size: int, layout: Layout) -> Row:
    """Add a route to many."""
    return _row(bench, size, layout, ADD)


def delete(bench: Bench, size: int, layout: Layout) -> Row:
    """Delete one route of many."""
    return _row(bench, size, layout, DELETE)


def _row(bench: Bench, size: int, layout: Layout, change: Change) -> Row:
    found = measure(bench.site(size, layout), change, bench.parameters.samples)
    return Row(size, layout, found.figures(), f"sent: {found.note()}")


def tells_of(word: str) -> bytes:
    """Return how a value stands in an encoded RouteConfiguration: its length, and it."""
    return bytes([len(word)]) + word.encode()


def saved_route(at: float, host: str, word: str, path: str = "/") -> Saved:
    """Return what to wait for once the answers of a route are to carry the word."""
    mark = tells_of(word)

    def is_on_wire(arrival: Arrival) -> bool:
        return _is_routes(arrival) and mark in arrival.message

    return Saved(at, is_on_wire, partial(_until_answered_with, host, path, word))


def _is_routes(arrival: Arrival) -> bool:
    return arrival.type_url == names.ROUTE_CONFIGURATION


def _until_answered_with(host: str, path: str, word: str, http_port: int, _https_port: int) -> float:
    def is_it(answer: Answer) -> bool:
        return answer[1].get(documents.CONTENT) == word

    return until_answered(http_port, host, path, is_it)


def _until_status(host: str, status: int, http_port: int, _https_port: int) -> float:
    return until_answered(http_port, host, "/", lambda answer: answer[0] == status)
