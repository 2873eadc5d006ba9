"""http2 and useClientProtocol: which HTTP is spoken to backends, and how. Pure."""

from __future__ import annotations

from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext

from egxds.model.api.client_traffic.requests import Http2
from egxds.resources.encoding import pack
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.client_traffic.http2 import write_http2_options


def write_http2(draft: ClusterDraft, asked: Http2) -> None:
    """Write how HTTP/2 is spoken, where it is."""
    write_http2_options(draft.http2, asked)


def write_client_protocol(draft: ClusterDraft, asked: bool) -> None:
    """Have backends spoken to as the client speaks, HTTP/1.1 or HTTP/2; in TLS that is what is agreed on."""
    if not asked:
        return
    draft.http.use_downstream_protocol_config.SetInParent()
    config = draft.cluster.transport_socket.typed_config
    if config.Is(UpstreamTlsContext.DESCRIPTOR):
        # Where nothing is named, Envoy names what it is about to speak on a connection.
        context = UpstreamTlsContext.FromString(config.value)
        context.common_tls_context.ClearField("alpn_protocols")
        config.CopyFrom(pack(context))
