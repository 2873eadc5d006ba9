"""Rules that cannot be served, and what becomes of what they are for. Pure.

What the API takes is accepted, and a rule of it that no Envoy could serve is dropped by itself: the others are served,
and the condition PartiallyInvalid says so (Gateway API v1.6, RouteConditionPartiallyInvalid, "Drop Rule"). What it
matches answers 500 and goes to no rule below it, as far as that can be told:

    a match that can be read                    is closed as it is
    one with a pattern that cannot be read      is closed for every value there, and for every path that starts like it
    one whose path was to tell, and cannot      is not there, or, where the rule decides on access, is closed for all
                                                that it may have been meant for

Where no rule of a route is left the route is not accepted, and its hostnames answer 500 where nothing else serves them.
A filter of a backendRef costs the share of that backend alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from egxds.model.api.filters import RouteFilter
from egxds.model.api.http_route_filter import names_filter_object
from egxds.model.api.matches import RouteMatch
from egxds.model.api.routes import RouteRule
from egxds.model.api.validation import FieldError, Path, path_text
from egxds.model.resolve.faults import Fault, Reason

_DECIDING_FILTERS = frozenset({"ExtensionRef", "ExternalAuth"})
"""Filters that may decide who gets through."""


def unservable_parts(rule: RouteRule, path: Path) -> Iterator[Fault]:
    """Name the parts of a rule that cannot be served, so that it is dropped.

    Args:
        rule: the rule.
        path: where it stands.
    """
    return (
        _fault(each.below(path), "the rule is dropped; what it matches answers 500, as far as that can be read")
        for each in rule.unservable()
    )


def unservable_filters(filters: tuple[RouteFilter, ...], path: Path) -> Iterator[Fault]:
    """Name the parts of a backendRef's filters that cannot be served, so that its share is refused.

    Args:
        filters: all of them.
        path: where the backendRef stands.
    """
    for at, entry in enumerate(filters):
        errors = entry.unservable()
        if entry.extension_ref is not None and not names_filter_object(entry.extension_ref):
            errors = iter(
                (FieldError((), f"filters of type {entry.type} are served here for HTTPRouteFilters alone; delete it"),)
            )
        for each in errors:
            yield _fault(each.below((*path, "filters", at)), "the share of this backend answers 500")


def covered_by(rule: RouteRule, *, decides: bool) -> tuple[RouteMatch | None, ...]:
    """Return what is closed for a rule that is dropped.

    Args:
        rule: the rule.
        decides: whether something beside its filters, and those of its backends, decides who gets through it.

    Returns:
        For each of its matches what is closed; None where nothing is.
    """
    lists = (rule.filters, *map(rule.filters_of, range(len(rule.backend_refs))))
    decides = decides or any(entry.type in _DECIDING_FILTERS for entry in chain.from_iterable(lists))
    return tuple(match.covered() or (match.suspected() if decides else None) for match in rule.matches)


def _fault(found: FieldError, consequence: str) -> Fault:
    return Fault(Reason.UNSUPPORTED_VALUE, f"{path_text(found.path)}: {found.message} ({consequence})", found.path)
