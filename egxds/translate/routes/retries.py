"""The retries of a rule → Envoy's retry policy. Pure.

Source: Gateway API v1.6, HTTPRouteRetry. Beside the statuses that are given, a request is tried again where there was
no answer: no connection, one that broke, or `timeouts.backendRequest`, which is the time of one attempt. Each further
attempt goes to another endpoint where there is one.
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RetryPolicy, RouteAction
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.model.api.http_route import HttpRouteRetry
from egxds.model.api.scalars import duration_s
from egxds.translate.backend_traffic.retries import prefer_other_hosts

_RETRY_ON = "connect-failure,refused-stream,reset,retriable-status-codes"
_ATTEMPTS = 2
"""What is left to implementations; Envoy Gateway's."""


def write_retries(action: RouteAction, retry: HttpRouteRetry, attempt_s: float) -> None:
    """Write how often a request is tried again.

    Args:
        action: gets the policy.
        retry: what the rule says.
        attempt_s: most seconds of one attempt; 0 for no limit of its own.
    """
    policy = RetryPolicy(
        retry_on=_RETRY_ON,
        retriable_status_codes=retry.codes,
        num_retries=UInt32Value(value=_ATTEMPTS if retry.attempts is None else retry.attempts),
    )
    prefer_other_hosts(policy)
    if attempt_s:
        policy.per_try_timeout.CopyFrom(_duration(attempt_s))
    if retry.backoff is not None and (base_s := duration_s(retry.backoff)):
        policy.retry_back_off.base_interval.CopyFrom(_duration(base_s))
    action.retry_policy.CopyFrom(policy)


def _duration(value_s: float) -> Duration:
    message = Duration()
    message.FromMilliseconds(round(value_s * 1000))
    return message
