"""Hostnames with wildcards: which of them cover each other, and what two sets have in common. Pure.

A wildcard is a suffix match: `*.example.com` covers `a.example.com` and `a.b.example.com`, but not `example.com`
(Gateway API, Hostname). Two hostnames are either disjoint or one covers the other, so what they have in
common is the narrower one, and never something third. On that rests that a domain of a virtual host can always be one
that somebody has written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egxds.model.resolve.resolved import ANY_HOST


def covers(pattern: str, hostname: str) -> bool:
    """Tell whether every name that a hostname stands for is one that a pattern stands for, too.

    Args:
        pattern: a hostname, a wildcard, or `*`.
        hostname: the same.
    """
    if pattern in (ANY_HOST, hostname):
        return True
    return pattern.startswith("*.") and hostname != ANY_HOST and hostname.endswith(pattern[1:])


def patterns_of(hostname: str) -> Iterator[str]:
    """Yield every pattern that covers a hostname, the narrowest first: itself, and the wildcards above it."""
    if hostname == ANY_HOST:
        yield ANY_HOST
        return
    yield hostname
    rest = hostname.removeprefix("*.")
    while "." in rest:
        _, _, rest = rest.partition(".")
        yield f"*.{rest}"
    yield ANY_HOST


def intersection(listener: str, hostnames: Iterable[str]) -> tuple[str, ...]:
    """Return the hostnames under which a route is reached at a listener, sorted.

    Args:
        listener: the listener's hostname, `*` where it has none.
        hostnames: the route's; none means all.

    Returns:
        The narrower hostname of each pair that has something in common; empty where no pair has.
    """
    wanted = tuple(hostnames) or (ANY_HOST,)
    common = {hostname for hostname in wanted if covers(listener, hostname)}
    if any(covers(hostname, listener) for hostname in wanted):
        common.add(listener)
    return tuple(sorted(common))
