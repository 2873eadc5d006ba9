"""retry: when requests are tried again, and how often. Pure.

Each further attempt goes to another endpoint where there is one. Source: Envoy Gateway v1.9, Retry.
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RetryPolicy
from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import PreviousHostsPredicate
from envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2 import (
    PreviousPrioritiesConfig,
)
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.model.api.backend_traffic.retry import BackOff, Retry
from egxds.model.api.scalars import duration_s
from egxds.model.resolve.backend_traffic import BackendTraffic
from egxds.model.resolve.features.retry import RETRY
from egxds.resources.encoding import pack
from egxds.translate.client_traffic.place import lasting

_RETRY_ON = ("connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes")
_STATUSES = (503,)
_OTHER_HOST_ATTEMPTS = 5
_SHORTEST_PAUSE = "25ms"
"""Envoy's own, for which it knows no word where the longest is given."""


NO_RETRIES = RetryPolicy(num_retries=UInt32Value(value=0))
"""What a route says that is to have none, whatever its virtual host has."""


def asked_retries(asked: BackendTraffic) -> RetryPolicy | None:
    """Write what policies ask; None where they ask for no retries."""
    found = asked.settings.get(RETRY.field)
    return _policy(found) if isinstance(found, Retry) else None


def _policy(asked: Retry) -> RetryPolicy:
    policy = RetryPolicy(
        retry_on=",".join(dict.fromkeys(asked.retry_on.triggers or _RETRY_ON)),
        retriable_status_codes=sorted({*(asked.retry_on.http_status_codes or _STATUSES)}),
    )
    policy.num_retries.value = asked.num_retries
    prefer_other_hosts(policy)
    if asked.num_attempts_per_priority:
        policy.retry_priority.name = "envoy.retry_priorities.previous_priorities"
        frequency = PreviousPrioritiesConfig(update_frequency=asked.num_attempts_per_priority)
        policy.retry_priority.typed_config.CopyFrom(pack(frequency))
    if asked.per_retry.timeout is not None:
        policy.per_try_timeout.CopyFrom(lasting(asked.per_retry.timeout))
    _write_pauses(policy, asked.per_retry.back_off)
    return policy


def prefer_other_hosts(policy: RetryPolicy) -> None:
    """Have each further attempt go to an endpoint that has had none, where there is one."""
    policy.retry_host_predicate.add(
        name="envoy.retry_host_predicates.previous_hosts", typed_config=pack(PreviousHostsPredicate())
    )
    policy.host_selection_retry_max_attempts = _OTHER_HOST_ATTEMPTS


def _write_pauses(policy: RetryPolicy, asked: BackOff) -> None:
    """Write the pauses between attempts; one of 0s is as good as none."""
    given = (asked.base_interval, asked.max_interval)
    shortest, longest = (each if each is not None and duration_s(each) else None for each in given)
    if longest is not None:
        shortest = shortest or min(_SHORTEST_PAUSE, longest, key=duration_s)
        policy.retry_back_off.max_interval.CopyFrom(lasting(longest))
    if shortest is not None:
        policy.retry_back_off.base_interval.CopyFrom(lasting(shortest))
