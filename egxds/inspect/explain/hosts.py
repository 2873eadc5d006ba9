"""Which virtual host has a name, by Envoy's order of domains, and which names are near. Pure.

An exact domain comes first, then the longest that starts with a wildcard, then the longest that ends with one, then
`*`. There is no way back: where the virtual host has no route for a request, no other is looked at.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable, Iterator
from typing import Any

from egxds.inspect.explain.question import Question, split_port

ANY = "*"
_COMPARED = 200
_SLIP = 3
"""Characters that a name may be longer or shorter for a slip of the hand."""

_NEAR = 0.8
_SHOWN = 3


def seen_host(question: Question, manager: Any, configuration: Any) -> str | None:
    """Return the Host of a request as domains are compared with it; None where it lacks the header that is one.

    Args:
        question: the request.
        manager: the HttpConnectionManager message.
        configuration: the RouteConfiguration message.
    """
    if configuration.vhost_header:
        values = question.values(configuration.vhost_header.lower())
        return values[0].lower() if values else None
    host = question.authority.lower()
    name, port = split_port(host)
    tail = host[len(name) :]
    if manager.strip_trailing_host_dot:
        name = name.removesuffix(".")
    is_own_port = manager.strip_matching_host_port and port == str(question.port)
    if is_own_port or manager.strip_any_host_port or configuration.ignore_port_in_host_matching:
        tail = ""
    return name + tail


def find_hosts(configuration: Any, host: str) -> list[tuple[Any, str]]:
    """Return the virtual hosts that have a name, each with its domain that does; the first is asked, and no other.

    Args:
        configuration: the RouteConfiguration message.
        host: as `seen_host` returns it.
    """
    found = [
        (rank, virtual_host, domain)
        for virtual_host in configuration.virtual_hosts
        for domain in virtual_host.domains
        if (rank := _rank(domain.lower(), host)) is not None
    ]
    return [(virtual_host, domain) for _, virtual_host, domain in sorted(found, key=lambda each: each[0], reverse=True)]


def _rank(domain: str, host: str) -> tuple[int, int] | None:
    """Return how closely a domain fits a host; None where it does not. A wildcard stands for one character or more."""
    if domain == ANY:
        return (0, 0)
    if domain.startswith(ANY):
        fits = len(host) >= len(domain) and host.endswith(domain[1:])
        return (2, len(domain)) if fits else None
    if domain.endswith(ANY):
        fits = len(host) >= len(domain) and host.startswith(domain[:-1])
        return (1, len(domain)) if fits else None
    return (3, 0) if domain == host else None


def domains_of(configuration: Any) -> Iterator[str]:
    """Yield all domains of a RouteConfiguration."""
    return (domain for virtual_host in configuration.virtual_hosts for domain in virtual_host.domains)


def near_names(name: str, domains: Iterable[str]) -> list[str]:
    """Return the domains that somebody may have meant, the nearest first.

    Args:
        name: that was asked for.
        domains: that there are. A slip leaves what stands before it and behind it: of many, those with the most of that
            are compared, which takes a hundred times as long.
    """
    known = {domain for domain in domains if domain not in (ANY, name) and abs(len(domain) - len(name)) <= _SLIP}
    likely = heapq.nlargest(_COMPARED, sorted(known), key=lambda domain: kept(name, domain) + kept(name, domain, -1))
    return difflib.get_close_matches(name, likely, n=_SHOWN, cutoff=_NEAR)


def kept(name: str, domain: str, step: int = 1) -> int:
    """Count the characters that two names, or paths, begin with alike.

    Args:
        name: one of them.
        domain: the other.
        step: -1 for those that they end with.
    """
    pairs = zip(name[::step], domain[::step], strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(name), len(domain)))
