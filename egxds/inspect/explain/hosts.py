"""Which virtual host has a name, by Envoy's order of domains, and which names are near. Pure.

An exact domain comes first, then the longest that starts with a wildcard, then the longest that ends with one, then
`*`. There is no way back: where the virtual host has no route for a request, no other is looked at.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

ANY = "*"
_PORT = re.compile(r":[0-9]*$")
_MOST_COMPARED = 20_000
"""Domains that are looked at for a near one: comparing takes some 20 µs each."""

_NEAR = 0.8
_SHOWN = 3


def seen_host(authority: str, manager: Any, configuration: Any) -> str:
    """Return the Host of a request as domains are compared with it.

    Args:
        authority: as the client sends it.
        manager: the HttpConnectionManager message.
        configuration: the RouteConfiguration message.
    """
    host = authority.lower()
    port = _PORT.search(host)
    name, tail = (host[: port.start()], port[0]) if port else (host, "")
    if manager.strip_trailing_host_dot:
        name = name.removesuffix(".")
    if manager.strip_any_host_port or configuration.ignore_port_in_host_matching:
        tail = ""
    return name + tail


def find_host(configuration: Any, host: str) -> tuple[Any, str] | None:
    """Return the virtual host that has a name, and its domain that does; None where none has.

    Args:
        configuration: the RouteConfiguration message.
        host: as `seen_host` returns it.
    """
    best: tuple[tuple[int, int], Any, str] | None = None
    for virtual_host in configuration.virtual_hosts:
        for domain in virtual_host.domains:
            rank = _rank(domain.lower(), host)
            if rank is not None and (best is None or rank > best[0]):
                best = (rank, virtual_host, domain)
    return (best[1], best[2]) if best is not None else None


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
        domains: that there are; of very many, those that begin or end like the name are looked at.
    """
    known = [domain for domain in dict.fromkeys(domains) if domain not in (ANY, name)]
    if len(known) > _MOST_COMPARED:
        known = [each for each in known if each[:2] == name[:2] or each[-4:] == name[-4:]][:_MOST_COMPARED]
    return difflib.get_close_matches(name, known, n=_SHOWN, cutoff=_NEAR)
