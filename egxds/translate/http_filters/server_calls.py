"""How long, and how often, a server is asked that a policy names. Pure."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import RetryPolicy
from google.protobuf.duration_pb2 import Duration

from egxds.model.resolve.features.policy_servers import Retries


def retry_policy(retries: Retries) -> RetryPolicy:
    """Write how often a server is asked again."""
    policy = RetryPolicy()
    policy.num_retries.value = retries.count
    if retries.least_s is not None and retries.most_s is not None:
        policy.retry_back_off.base_interval.CopyFrom(duration(retries.least_s))
        policy.retry_back_off.max_interval.CopyFrom(duration(retries.most_s))
    return policy


def duration(seconds: float) -> Duration:
    """Write a number of seconds, down to milliseconds."""
    found = Duration()
    found.FromMilliseconds(round(seconds * 1000))
    return found
