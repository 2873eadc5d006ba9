"""healthCheck: how endpoints are found to be down, and what becomes of requests when too many are. Pure."""

from __future__ import annotations

from egxds.model.api.backend_traffic.health_check import BackendHealthCheck
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.translate.backend_traffic.active_checks import write_active_check
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.backend_traffic.passive_checks import write_passive_check


def write_health_check(draft: ClusterDraft, asked: BackendHealthCheck) -> None:
    """Write the checks of a cluster; nobody can be asked over UDP."""
    if asked.active is not None and draft.protocol is not UpstreamProtocol.UDP:
        write_active_check(draft, asked.active)
    if asked.passive is not None:
        write_passive_check(draft, asked.passive)
    if asked.panic_threshold is not None:
        draft.cluster.common_lb_config.healthy_panic_threshold.value = asked.panic_threshold
