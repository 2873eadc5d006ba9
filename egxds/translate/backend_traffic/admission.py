"""admissionControl: a filter of the cluster, which counts what becomes of the requests that go there. Pure.

Envoy takes no configuration of it at routes, and one at a listener would count what goes to all backends together.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.extensions.filters.http.admission_control.v3.admission_control_pb2 import AdmissionControl
from envoy.type.v3.range_pb2 import Int32Range

from egxds.model.api.backend_traffic import admission
from egxds.resources.encoding import pack
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.client_traffic.place import lasting


def write_admission_control(draft: ClusterDraft, asked: admission.AdmissionControl) -> None:
    """Write when requests are refused because others fail."""
    message = AdmissionControl()
    message.enabled.default_value.value = True
    if asked.sampling_window is not None:
        message.sampling_window.CopyFrom(lasting(asked.sampling_window))
    if asked.min_success_rate is not None:
        message.sr_threshold.default_value.value = asked.min_success_rate
    if asked.rejection_aggression is not None:
        message.aggression.default_value = asked.rejection_aggression
    if asked.min_request_rate is not None:
        message.rps_threshold.default_value = asked.min_request_rate
    if asked.max_rejection_percent is not None:
        message.max_rejection_probability.default_value.value = asked.max_rejection_percent
    criteria = message.success_criteria
    criteria.SetInParent()
    if asked.success_criteria.http.status_codes:
        criteria.http_criteria.http_success_status.extend(_ranges(asked.success_criteria.http.status_codes))
    numbers = map(admission.GRPC_STATUSES.index, asked.success_criteria.grpc.status_codes)
    if asked.success_criteria.grpc.status_codes:
        criteria.grpc_criteria.grpc_success_status.extend(numbers)
    draft.http.http_filters.add(name="envoy.filters.http.admission_control", typed_config=pack(message))


def _ranges(statuses: tuple[int, ...]) -> Iterator[Int32Range]:
    return (Int32Range(start=status, end=status + 1) for status in statuses)
