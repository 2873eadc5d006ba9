"""healthCheck.passive: endpoints that fail are left out for a while; and what fallbacks need of that. Pure.

Fallbacks take over from backends that cannot be connected to, so these have to be left out at once, all of them if need
be, also where nobody asks for it. A policy says beside that what becomes of answers, and for how long somebody is left
out; which part of the endpoints is left out at most is nothing that could be asked for there.
"""

from __future__ import annotations

from envoy.config.cluster.v3.outlier_detection_pb2 import OutlierDetection
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from egxds.model.api.backend_traffic.health_check import PassiveCheck
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.client_traffic.place import lasting

_LOCAL_FAILURES = 5
_FAILED_CONNECTIONS = 1
_LOOK_INTERVAL_S = 1
_LEFT_OUT_S = 3
_LEFT_OUT_AT_MOST_S = 30


def notice_failure(draft: ClusterDraft) -> None:
    """Have Envoy leave out for a while who cannot be connected to, all of them if need be, so that fallbacks take over.

    Answers count for nothing here: a status 503 is the business of whoever gave it. In panic Envoy would go on with
    those that it has just left out.
    """
    draft.cluster.outlier_detection.CopyFrom(
        OutlierDetection(
            split_external_local_origin_errors=True,
            consecutive_local_origin_failure=_number(_FAILED_CONNECTIONS),
            enforcing_consecutive_local_origin_failure=_number(100),
            enforcing_local_origin_success_rate=_number(0),
            enforcing_consecutive_5xx=_number(0),
            enforcing_success_rate=_number(0),
            interval=Duration(seconds=_LOOK_INTERVAL_S),
            base_ejection_time=Duration(seconds=_LEFT_OUT_S),
            max_ejection_time=Duration(seconds=_LEFT_OUT_AT_MOST_S),
            max_ejection_percent=_number(100),
        )
    )


def write_passive_check(draft: ClusterDraft, asked: PassiveCheck) -> None:
    """Write what has an endpoint left out, and for how long; where there are fallbacks, over what these need."""
    found = draft.cluster.outlier_detection
    found.consecutive_5xx.CopyFrom(_number(asked.consecutive5xx_errors))
    found.ClearField("enforcing_consecutive_5xx")
    found.base_ejection_time.CopyFrom(lasting(asked.base_ejection_time))
    found.ClearField("max_ejection_time")
    if asked.consecutive_gateway_errors:
        found.consecutive_gateway_failure.CopyFrom(_number(asked.consecutive_gateway_errors))
        found.enforcing_consecutive_gateway_failure.CopyFrom(_number(100))
    if asked.failure_percentage_threshold is not None:
        found.failure_percentage_threshold.CopyFrom(_number(asked.failure_percentage_threshold))
        found.enforcing_failure_percentage.CopyFrom(_number(100))
    if asked.always_eject_one_endpoint:
        found.always_eject_one_host.CopyFrom(BoolValue(value=True))
    if not draft.has_fallbacks:
        found.split_external_local_origin_errors = asked.split_external_local_origin_errors
        failures = asked.consecutive_local_origin_failures
        found.consecutive_local_origin_failure.CopyFrom(_number(_LOCAL_FAILURES if failures is None else failures))
        found.max_ejection_percent.CopyFrom(_number(asked.max_ejection_percent))
        found.interval.CopyFrom(lasting(asked.interval))
    elif asked.consecutive_local_origin_failures:
        found.consecutive_local_origin_failure.CopyFrom(_number(asked.consecutive_local_origin_failures))


def _number(value: int) -> UInt32Value:
    return UInt32Value(value=value)
