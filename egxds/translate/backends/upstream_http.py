"""What HTTP to backends takes from the TLS that it is spoken inside of. Pure."""

from __future__ import annotations

from egxds.model.resolve.upstreams import AskedBy, UpstreamProtocol, UpstreamTls
from egxds.translate.backend_traffic.draft import ClusterDraft


def follow_tls(draft: ClusterDraft, tls: UpstreamTls) -> None:
    """Have HTTP go by what TLS agrees on, and TLS by the host of requests, where that is asked for.

    Args:
        draft: the cluster; what policies ask of its protocol comes over this.
        tls: that its backends are spoken to inside of.
    """
    if tls.agreed.settings.alpn_protocols and draft.protocol is UpstreamProtocol.HTTP1:
        draft.http.auto_config.SetInParent()
    if tls.asked_by is AskedBy.REQUEST and not draft.protocol.is_plain:
        draft.http.upstream_http_protocol_options.auto_sni = True
        draft.http.upstream_http_protocol_options.auto_san_validation = tls.authorities is not None
