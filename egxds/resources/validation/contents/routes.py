"""Contents of routes and virtual hosts. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from egxds.resources.validation.contents.formats import fixed_header_faults
from egxds.resources.validation.contents.plain import inline

_MAX_BODY_BYTES = 4096
_MAX_WEIGHT = 2**32 - 1
_NANOSECONDS = 10**9
_TEMPLATE = re.compile(r"/(?:[^{}]|\{[a-zA-Z]\w*(?:=[^{}]*)?\})*")
_LISTS_OF_REMOVALS = ("request_headers_to_remove", "response_headers_to_remove")


def nanoseconds(duration: Any) -> int:
    """Return how long a `google.protobuf.Duration` is."""
    return int(duration.seconds) * _NANOSECONDS + int(duration.nanos)


def back_off_faults(strategy: Any) -> Iterator[str]:
    """Yield what is wrong with a pause that grows from `base_interval` to `max_interval`."""
    if strategy.HasField("max_interval") and nanoseconds(strategy.max_interval) < nanoseconds(strategy.base_interval):
        yield "max_interval: must be at least base_interval"


def repeated(names: Iterable[str]) -> Iterator[str]:
    """Yield the names that are there more than once, in lower case."""
    yield from (name for name, count in Counter(name.lower() for name in names).items() if count > 1)


def _wrong_removals(message: Any) -> Iterator[str]:
    return fixed_header_faults(message, *_LISTS_OF_REMOVALS)


def _wrong_host(host: Any) -> Iterator[str]:
    yield from _wrong_removals(host)
    if host.routes and host.HasField("matcher"):
        yield "matcher: cannot stand beside routes"


def _wrong_configuration(configuration: Any) -> Iterator[str]:
    yield from _wrong_removals(configuration)
    domains = repeated(domain for host in configuration.virtual_hosts for domain in host.domains)
    yield from (f"virtual_hosts: domain {name!r} is there more than once" for name in domains)


def _wrong_virtual_cluster(cluster: Any) -> Iterator[str]:
    if not cluster.headers:
        yield "headers: must have an entry"


def _wrong_weights(weighted: Any) -> Iterator[str]:
    total = sum(cluster.weight.value for cluster in weighted.clusters)
    if weighted.clusters and not 0 < total <= _MAX_WEIGHT:
        yield f"clusters: the sum of their weights must be from 1 to {_MAX_WEIGHT}"


def _wrong_weighted_cluster(cluster: Any) -> Iterator[str]:
    yield from _wrong_removals(cluster)
    yield from _not_one_of(cluster, "name", "cluster_header")


def _wrong_mirror(policy: Any) -> Iterator[str]:
    yield from _not_one_of(policy, "cluster", "cluster_header")


def _not_one_of(message: Any, *fields: str) -> Iterator[str]:
    if sum(bool(getattr(message, field)) for field in fields) != 1:
        yield f"{fields[0]}: give exactly one of {' and '.join(fields)}"


def _wrong_direct_response(answer: Any) -> Iterator[str]:
    size = len(inline(answer.body))
    # A limit of the RouteConfiguration's head may raise it; a reply about a route does not know that one.
    if size > _MAX_BODY_BYTES:
        yield f"body: has {size} bytes, and may have {_MAX_BODY_BYTES}"


def _wrong_route_action(action: Any) -> Iterator[str]:
    rewrites = ("prefix_rewrite", "regex_rewrite", "path_rewrite_policy")
    given = [field for field in rewrites if _is_given(action, field)]
    if len(given) > 1:
        yield f"{given[1]}: cannot stand beside {given[0]}"
    for upgrade in action.upgrade_configs:
        if upgrade.HasField("connect_config") and upgrade.upgrade_type.upper() not in ("CONNECT", "CONNECT-UDP"):
            yield f"upgrade_configs: connect_config is for CONNECT, and not for {upgrade.upgrade_type}"
    upgrades = repeated(upgrade.upgrade_type for upgrade in action.upgrade_configs)
    yield from (f"upgrade_configs: {name!r} is there more than once" for name in upgrades)


def _wrong_internal_redirect(policy: Any) -> Iterator[str]:
    return fixed_header_faults(policy, "response_headers_to_copy")


def _is_given(message: Any, field: str) -> bool:
    return any(descriptor.name == field for descriptor, _ in message.ListFields())


def _wrong_template(text: str) -> bool:
    """Tell whether a path with variables cannot be read; in a permission of RBAC it ends an Envoy 1.40 (seen)."""
    return _TEMPLATE.fullmatch(text) is None


def _wrong_template_match(policy: Any) -> Iterator[str]:
    if _wrong_template(policy.path_template):
        yield "path_template: must start with a slash, and have whole variables, such as /a/{b}"


def _wrong_template_rewrite(policy: Any) -> Iterator[str]:
    if _wrong_template(policy.path_template_rewrite):
        yield "path_template_rewrite: must start with a slash, and have whole variables, such as /a/{b}"


_ROUTE = "envoy.config.route.v3"

ROUTE_CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig": _wrong_template_match,
    "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig": _wrong_template_rewrite,
    f"{_ROUTE}.DirectResponseAction": _wrong_direct_response,
    f"{_ROUTE}.InternalRedirectPolicy": _wrong_internal_redirect,
    f"{_ROUTE}.RetryPolicy.RetryBackOff": back_off_faults,
    f"{_ROUTE}.Route": _wrong_removals,
    f"{_ROUTE}.RouteAction": _wrong_route_action,
    f"{_ROUTE}.RouteAction.RequestMirrorPolicy": _wrong_mirror,
    f"{_ROUTE}.RouteConfiguration": _wrong_configuration,
    f"{_ROUTE}.VirtualCluster": _wrong_virtual_cluster,
    f"{_ROUTE}.VirtualHost": _wrong_host,
    f"{_ROUTE}.WeightedCluster": _wrong_weights,
    f"{_ROUTE}.WeightedCluster.ClusterWeight": _wrong_weighted_cluster,
}
"""Type of message → what finds out what is wrong in one."""
