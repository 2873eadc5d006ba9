"""faultInjection → Envoy's filter for faults. Pure.

Envoy lets its runtime say otherwise, by names that have defaults; these go by names that are nobody's (`denial`).
"""

from __future__ import annotations

from envoy.extensions.filters.common.fault.v3.fault_pb2 import FaultDelay
from envoy.extensions.filters.http.fault.v3.fault_pb2 import FaultAbort, HTTPFault
from envoy.type.v3.percent_pb2 import FractionalPercent

from egxds.model.api.backend_traffic.faults import FaultInjection
from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY
from egxds.model.api.scalars import duration_s
from egxds.model.resolve.features.route_traffic import FAULT_INJECTION
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name

_OF_ONE_PERCENT = 10_000


def _write(asked: FaultInjection) -> HTTPFault:
    message = HTTPFault()
    if asked.delay is not None:
        message.delay.CopyFrom(FaultDelay(percentage=_share(asked.delay.percentage)))
        message.delay.fixed_delay.FromMilliseconds(round(duration_s(asked.delay.fixed_delay) * 1000))
    if asked.abort is not None:
        abort, share = asked.abort, _share(asked.abort.percentage)
        if abort.http_status is not None:
            message.abort.CopyFrom(FaultAbort(http_status=abort.http_status, percentage=share))
        elif abort.grpc_status is not None:
            message.abort.CopyFrom(FaultAbort(grpc_status=abort.grpc_status, percentage=share))
    return message


def _share(percent: float) -> FractionalPercent:
    return FractionalPercent(numerator=round(percent * _OF_ONE_PERCENT), denominator=FractionalPercent.MILLION)


FILTER = PolicyFilter(
    name=own_name("envoy.filters.http.fault", BACKEND_TRAFFIC_POLICY.id),
    kind=BACKEND_TRAFFIC_POLICY.id,
    feature=FAULT_INJECTION.field,
    idle=HTTPFault(),
    write=_write,
)
