"""circuitBreaker: how much there may be at a time. Pure."""

from __future__ import annotations

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.model.api.backend_traffic.circuit_breaker import CircuitBreaker, RetryBudget
from egxds.translate.backend_traffic.draft import ClusterDraft

_HUNDRED = 100


def write_circuit_breaker(draft: ClusterDraft, asked: CircuitBreaker) -> None:
    """Write the limits of a cluster, and of each of its endpoints."""
    thresholds = CircuitBreakers.Thresholds(
        max_connections=_number(asked.max_connections),
        max_pending_requests=_number(asked.max_pending_requests),
        max_requests=_number(asked.max_parallel_requests),
        max_retries=_number(asked.max_parallel_retries),
    )
    if asked.retry_budget is not None:
        _write_budget(thresholds, asked.retry_budget)
    breakers = CircuitBreakers(thresholds=[thresholds])
    if asked.per_endpoint is not None:
        breakers.per_host_thresholds.add(max_connections=_number(asked.per_endpoint.max_connections))
    draft.cluster.circuit_breakers.CopyFrom(breakers)
    if asked.max_requests_per_connection is not None:
        options = draft.http.common_http_protocol_options
        options.max_requests_per_connection.CopyFrom(_number(asked.max_requests_per_connection))


def _write_budget(thresholds: CircuitBreakers.Thresholds, asked: RetryBudget) -> None:
    thresholds.retry_budget.budget_percent.value = asked.percent.numerator * _HUNDRED / asked.percent.denominator
    if asked.min_retry_concurrency is not None:
        thresholds.retry_budget.min_retry_concurrency.CopyFrom(_number(asked.min_retry_concurrency))


def _number(value: int) -> UInt32Value:
    return UInt32Value(value=value)
