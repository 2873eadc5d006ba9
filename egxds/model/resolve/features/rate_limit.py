"""rateLimit: limits that each Envoy keeps by itself. Pure; there is nothing to follow.

    a rule without selectors    is for every request that no other rule is for
    one with selectors          is for those that it selects; of several that are for a request each counts

Limits that all Envoys keep together need a server to count, which is not served here yet. Source: Envoy Gateway v1.9,
LocalRateLimit, and what it makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.api.backend_traffic.rate_limit import LocalRateLimit, RateLimit, RateLimitRule
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext


@dataclass(frozen=True, slots=True)
class LocalLimits:
    """Limits of requests.

    Attributes:
        rules: those with selectors, by their positions.
        rest: what is for all requests that they are not for; None where these have no limit.
    """

    rules: tuple[tuple[int, RateLimitRule], ...]
    rest: RateLimitRule | None


def _resolve(asked: RateLimit, context: FeatureContext) -> LocalLimits | Fault:
    message = next(_faults(asked), "")
    if message or asked.local is None:
        return Fault(Reason.INVALID, message, context.path)
    rules = tuple((at, rule) for at, rule in enumerate(asked.local.rules) if rule.client_selectors)
    return LocalLimits(rules, next((rule for rule in asked.local.rules if not rule.client_selectors), None))


def _faults(asked: RateLimit) -> Iterator[str]:
    if asked.type == "Global" or asked.global_ is not None:
        yield "global limits are not served here yet: there is no limit; use local, which each Envoy keeps by itself"
    elif asked.local is None:
        yield "local is missing: there is no limit"
    else:
        yield from _faults_of(asked.local)


def _faults_of(local: LocalRateLimit) -> Iterator[str]:
    if sum(not rule.client_selectors for rule in local.rules) > 1:
        yield "local can have one rule without clientSelectors, which is for what no other is for, and has more"
    for at, rule in enumerate(local.rules):
        if rule.limit.from_metadata is not None:
            yield f"rules[{at}].limit.fromMetadata is for global limits"
        if rule.limit.requests == 0:
            yield f"rules[{at}].limit.requests is 0; at least one has to be let through"
        if any(selector.source_cidr is not None and selector.source_cidr.invert for selector in rule.client_selectors):
            yield f"rules[{at}] has a sourceCIDR with invert, which Envoy cannot tell"


RATE_LIMIT = Feature("rateLimit", "rate_limit", _resolve, is_deciding=False)
