"""A policy that cannot be done → the filter that answers 500 to every request that it is in force for. Pure.

It is Envoy's filter for faults, which aborts all of them: so that closing a Gateway of 10,000 routes, and opening it
again, is a change of one head in RDS (`table`), and a route with a policy of its own stays open. Each kind of policy
has one, since a policy of another kind on a route does not replace it. Envoy lets requests through a fault filter
beyond a number of them that its runtime names, and by a share that it names; so these go by names that are nobody's.
"""

from __future__ import annotations

from envoy.extensions.filters.http.fault.v3.fault_pb2 import FaultAbort, HTTPFault
from envoy.type.v3.percent_pb2 import FractionalPercent

from egxds.object_key import GroupKind
from egxds.resources.error_virtual_host import DENIED_STATUS
from egxds.translate.http_filters.policy_filter import PolicyFilter

DENIAL_FILTER = "egxds.filters.http.denial"
"""How the names of these filters begin."""

_ALL = FractionalPercent(numerator=100)
_RUNTIME = "egxds.denial"


def denial_filter(kind: GroupKind) -> PolicyFilter:
    """Return the filter that denies what policies of a kind are in force for."""
    return PolicyFilter(
        name=f"{DENIAL_FILTER}/{kind[1]}", kind=kind, feature="", idle=HTTPFault(), write=lambda _: DENIAL
    )


DENIAL = HTTPFault(
    abort=FaultAbort(http_status=DENIED_STATUS, percentage=_ALL),
    abort_percent_runtime=f"{_RUNTIME}.abort_percent",
    abort_http_status_runtime=f"{_RUNTIME}.abort_http_status",
    max_active_faults_runtime=f"{_RUNTIME}.max_active_faults",
)
"""Answers 500 to every request."""
