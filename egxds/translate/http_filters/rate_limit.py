"""rateLimit → Envoy's filter for limits that each Envoy keeps by itself. Pure.

A rule is a bucket, and the actions that a request has to pass to come to it. Each route has buckets of its own (Envoy
Gateway), also where the limit stands at a head: the name of the route is part of what tells buckets apart, by an
expression, since Envoy has no other word for it.

    descriptor    rule, each of its conditions, the value of those that are distinct, route
    rest          "no rule is for it", route: what a rule without selectors is for

Actions can say no to one condition and not to several together, so whether no rule is for a request is an expression,
too (`rest_expression`). All buckets are full again when the RouteConfiguration changes: Envoy makes them anew with it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TypeAlias

from envoy.config.core.v3.base_pb2 import RuntimeFractionalPercent
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher, RateLimit
from envoy.extensions.common.ratelimit.v3.ratelimit_pb2 import (
    DRAFT_VERSION_03,
    OFF,
    LocalRateLimitDescriptor,
    RateLimitDescriptor,
)
from envoy.extensions.filters.http.local_ratelimit.v3.local_rate_limit_pb2 import LocalRateLimit
from envoy.extensions.rate_limit_descriptors.expr.v3.expr_pb2 import Descriptor
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.v3.percent_pb2 import FractionalPercent
from envoy.type.v3.token_bucket_pb2 import TokenBucket
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value, UInt64Value

from egxds.ip_text import ip_text
from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY
from egxds.model.api.backend_traffic.rate_limit import (
    ClientSelector,
    DistinctMatch,
    RateLimitCostOf,
    RateLimitRule,
    RateLimitValue,
    SourceCondition,
)
from egxds.model.resolve.features.rate_limit import RATE_LIMIT, LocalLimits
from egxds.resources.encoding import pack
from egxds.translate.http_filters.path_patterns import path_pattern
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.rest_expression import method_condition, rest_expression

_STAT_PREFIX = "http_local_rate_limiter"
_MANY_BUCKETS = 50_000
"""Of one rule, for its distinct values and all routes; the one that is used least goes first, and is full again."""
_DAY_S = 24 * 60 * 60
_UNITS_S = {"Second": 1, "Minute": 60, "Hour": 3600, "Day": _DAY_S, "Month": 30 * _DAY_S, "Year": 365 * _DAY_S}
_UNLIMITED = RateLimitValue(requests=4_294_967_295, unit="Second")
_ALWAYS = RuntimeFractionalPercent(default_value=FractionalPercent(numerator=100))
_ROUTE, _REST, _TRUE = "route", "rest", "true"

_Action: TypeAlias = RateLimit.Action
_Entry: TypeAlias = RateLimitDescriptor.Entry
_Step = tuple[_Action, _Entry]
"""What a request has to pass, and what that leaves in its descriptor."""


def _write(found: LocalLimits) -> LocalRateLimit:
    rules = [rule for _, rule in found.rules] + ([found.rest] if found.rest is not None else [])
    message = LocalRateLimit(
        stat_prefix=_STAT_PREFIX,
        token_bucket=_bucket(_UNLIMITED),
        filter_enabled=_ALWAYS,
        filter_enforced=_ALWAYS,
        enable_x_ratelimit_headers=OFF if all(rule.is_silent for rule in rules) else DRAFT_VERSION_03,
        always_consume_default_token_bucket=BoolValue(value=False),
        max_dynamic_descriptors=UInt32Value(value=_MANY_BUCKETS),
    )
    for at, rule in found.rules:
        if not rule.shadow_mode:
            _add(message, rule, [_numbered(at), *_conditions(rule.client_selectors), _route()])
    if found.rest is not None and not found.rest.shadow_mode:
        selectors = [rule.client_selectors for _, rule in found.rules]
        _add(message, found.rest, [_expression(_REST, rest_expression(selectors), _TRUE), _route()])
    return message


def _add(message: LocalRateLimit, rule: RateLimitRule, steps: list[_Step]) -> None:
    limit = RateLimit(actions=[action for action, _ in steps])
    if rule.cost.request is not None:
        limit.hits_addend.CopyFrom(_cost(rule.cost.request))
    message.rate_limits.append(limit)
    message.descriptors.append(
        LocalRateLimitDescriptor(entries=[entry for _, entry in steps], token_bucket=_bucket(rule.limit))
    )


def _bucket(limit: RateLimitValue) -> TokenBucket:
    return TokenBucket(
        max_tokens=limit.requests,
        tokens_per_fill=UInt32Value(value=limit.requests),
        fill_interval=Duration(seconds=_UNITS_S[limit.unit]),
    )


def _cost(cost: RateLimitCostOf) -> RateLimit.HitsAddend:
    if cost.metadata is not None:
        return RateLimit.HitsAddend(format=f"%DYNAMIC_METADATA({cost.metadata.namespace}:{cost.metadata.key})%")
    return RateLimit.HitsAddend(number=UInt64Value(value=1 if cost.number is None else cost.number))


def _numbered(at: int) -> _Step:
    """Tell a rule from others that ask for the same."""
    entry = _Entry(key="rule", value=str(at))
    return _Action(generic_key=_Action.GenericKey(descriptor_key=entry.key, descriptor_value=entry.value)), entry


def _route() -> _Step:
    return _expression(_ROUTE, "xds.route_name", "")


def _expression(key: str, text: str, value: str) -> _Step:
    action = _Action()
    action.extension.name = key
    action.extension.typed_config.CopyFrom(pack(Descriptor(descriptor_key=key, text=text)))
    return action, _Entry(key=key, value=value)


def _conditions(selectors: tuple[ClientSelector, ...]) -> Iterator[_Step]:
    for at, selector in enumerate(selectors):
        for number, header in enumerate(selector.headers):
            yield _header(f"selector/{at}/header/{number}", header)
        if selector.methods:
            pattern, is_met = method_condition(selector.methods)
            yield _of_header(f"selector/{at}/methods", ":method", pattern, is_met=is_met)
        if selector.path is not None:
            pattern = path_pattern(selector.path.type, selector.path.value)
            yield _of_header(f"selector/{at}/path", ":path", pattern, is_met=not selector.path.invert)
        if selector.source_cidr is not None:
            yield from _source(selector.source_cidr)
        for number, parameter in enumerate(selector.query_params):
            yield _parameter(f"selector/{at}/query/{number}", parameter)


def _header(key: str, header: DistinctMatch) -> _Step:
    if header.type == "Distinct":
        distinct = _Action.RequestHeaders(header_name=header.name, descriptor_key=key)
        return _Action(request_headers=distinct), _Entry(key=key)
    matcher = HeaderMatcher(name=header.name, string_match=_text(header))
    return _matched(key, matcher, is_met=not header.invert)


def _of_header(key: str, name: str, pattern: str, *, is_met: bool) -> _Step:
    matcher = HeaderMatcher(name=name, string_match=StringMatcher(safe_regex=RegexMatcher(regex=pattern)))
    return _matched(key, matcher, is_met=is_met)


def _matched(key: str, matcher: HeaderMatcher, *, is_met: bool) -> _Step:
    match = _Action.HeaderValueMatch(
        descriptor_key=key, descriptor_value=_TRUE, expect_match=BoolValue(value=is_met), headers=[matcher]
    )
    return _Action(header_value_match=match), _Entry(key=key, value=_TRUE)


def _parameter(key: str, parameter: DistinctMatch) -> _Step:
    if parameter.type == "Distinct":
        distinct = _Action.QueryParameters(query_parameter_name=parameter.name, descriptor_key=key)
        return _Action(query_parameters=distinct), _Entry(key=key)
    match = _Action.QueryParameterValueMatch(
        descriptor_key=key,
        descriptor_value=_TRUE,
        expect_match=BoolValue(value=not parameter.invert),
        query_parameters=[QueryParameterMatcher(name=parameter.name, string_match=_text(parameter))],
    )
    return _Action(query_parameter_value_match=match), _Entry(key=key, value=_TRUE)


def _text(match: DistinctMatch) -> StringMatcher:
    if match.type == "RegularExpression":
        return StringMatcher(safe_regex=RegexMatcher(regex=match.value))
    return StringMatcher(exact=match.value)


def _source(source: SourceCondition) -> Iterator[_Step]:
    network = ipaddress.ip_network(source.value, strict=False)
    mask = UInt32Value(value=network.prefixlen)
    masked = _Action.MaskedRemoteAddress(**{f"v{network.version}_prefix_mask_len": mask})
    text = f"{ip_text(network.network_address)}/{network.prefixlen}"
    yield _Action(masked_remote_address=masked), _Entry(key="masked_remote_address", value=text)
    if source.type == "Distinct":
        yield _Action(remote_address=_Action.RemoteAddress()), _Entry(key="remote_address")


FILTER = PolicyFilter(
    name=own_name("envoy.filters.http.local_ratelimit", BACKEND_TRAFFIC_POLICY.id),
    kind=BACKEND_TRAFFIC_POLICY.id,
    feature=RATE_LIMIT.field,
    idle=LocalRateLimit(stat_prefix=_STAT_PREFIX),
    write=_write,
)
