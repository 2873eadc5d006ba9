"""authorization → Envoy's RBAC filter, with one matcher for each rule. Pure.

The first matcher that holds decides, as the first rule does. The address of a client is that of the connection, unless
the connection manager trusts what a proxy before it says. A path is compared without its query, which would open or
close what is behind it: Envoy's matchers see both, so each pattern is written for a path with any query behind it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TypeAlias

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.rbac.v3 import rbac_pb2 as rules
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC, RBACPerRoute
from envoy.extensions.matching.common_inputs.network.v3.network_inputs_pb2 import SourceIPInput
from envoy.extensions.matching.input_matchers.ip.v3.ip_pb2 import Ip
from envoy.type.matcher.v3.http_inputs_pb2 import HttpRequestHeaderMatchInput
from google.protobuf.wrappers_pb2 import UInt32Value
from xds.type.matcher.v3.matcher_pb2 import Matcher
from xds.type.matcher.v3.regex_pb2 import RegexMatcher
from xds.type.matcher.v3.string_pb2 import StringMatcher

from egxds.ip_text import ip_text
from egxds.model.api.authorization import AuthorizationRule, Operation, OperationPath, Principal
from egxds.model.api.security_policy import SECURITY_POLICY
from egxds.model.resolve.features.authorization import AUTHORIZATION, NamedRules
from egxds.translate.http_filters.path_patterns import path_pattern
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.predicates import Predicate, all_of, any_of, named
from egxds.translate.http_filters.token_predicates import token_predicates

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_ACTIONS = {
    "Allow": rules.Action(name="ALLOW", action=rules.RBAC.Action.ALLOW),
    "Deny": rules.Action(name="DENY", action=rules.RBAC.Action.DENY),
}


def access_matcher(found: NamedRules) -> Matcher:
    """Write who gets through, of requests or of connections."""
    matcher = Matcher(on_no_match=_on_match("default", found.default_action))
    for name, rule in found.rules:
        matcher.matcher_list.matchers.add(predicate=all_of(_predicates(rule)), on_match=_on_match(name, rule.action))
    return matcher


def _write(found: NamedRules) -> RBACPerRoute:
    return RBACPerRoute(rbac=RBAC(matcher=access_matcher(found)))


def _on_match(name: str, action: str) -> Matcher.OnMatch:
    return Matcher.OnMatch(action=named(name, _ACTIONS[action]))


def _predicates(rule: AuthorizationRule) -> Iterator[Predicate]:
    if rule.operation is not None:
        yield from _of_operation(rule.operation)
    if rule.principal is not None:
        yield from _of_principal(rule.principal)


def _of_operation(operation: Operation) -> Iterator[Predicate]:
    if operation.methods:
        yield any_of(_of_header(":method", StringMatcher(exact=method)) for method in operation.methods)
    if operation.path is not None:
        held = _of_header(":path", _path(operation.path))
        yield Predicate(not_matcher=held) if operation.path.invert else held


def _of_principal(principal: Principal) -> Iterator[Predicate]:
    if principal.client_cidrs:
        ranges = Ip(stat_prefix="client_ip", cidr_ranges=map(cidr_range, map(network_of, principal.client_cidrs)))
        single = Predicate.SinglePredicate(
            input=named("client_ip", SourceIPInput()), custom_match=named("ip_matcher", ranges)
        )
        yield Predicate(single_predicate=single)
    for header in principal.headers:
        yield any_of(_of_header(header.name, StringMatcher(exact=value)) for value in header.values)
    if principal.jwt is not None:
        yield from token_predicates(principal.jwt)


def _of_header(name: str, value: StringMatcher) -> Predicate:
    single = Predicate.SinglePredicate(
        input=named("http_header", HttpRequestHeaderMatchInput(header_name=name)), value_match=value
    )
    return Predicate(single_predicate=single)


def network_of(cidr: str) -> Network:
    """Read a range of addresses that the API has taken."""
    return ipaddress.ip_network(cidr, strict=False)


def cidr_range(network: Network) -> CidrRange:
    """Write a range of addresses."""
    return CidrRange(address_prefix=ip_text(network.network_address), prefix_len=UInt32Value(value=network.prefixlen))


def _path(path: OperationPath) -> StringMatcher:
    pattern = path_pattern(path.type, path.value)
    return StringMatcher(safe_regex=RegexMatcher(google_re2=RegexMatcher.GoogleRE2(), regex=pattern))


FILTER = PolicyFilter(
    name=own_name("envoy.filters.http.rbac", SECURITY_POLICY.id),
    kind=SECURITY_POLICY.id,
    feature=AUTHORIZATION.field,
    idle=RBAC(),
    write=_write,
)
