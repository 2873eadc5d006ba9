"""How TLS is agreed on with clients, and with backends, and what is noticed of it. Pure.

Who is let in, and trusted, is the business of `egxds.translate.tls`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsParameters
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, DownstreamTlsContext
from google.protobuf.wrappers_pb2 import BoolValue

from egxds.model.api.client_traffic.client_tls import ClientTls
from egxds.model.api.tls_settings import TlsSettings

_VERSIONS: Mapping[str, TlsParameters.TlsProtocol.ValueType] = {
    "Auto": TlsParameters.TLS_AUTO,
    "1.0": TlsParameters.TLSv1_0,
    "1.1": TlsParameters.TLSv1_1,
    "1.2": TlsParameters.TLSv1_2,
    "1.3": TlsParameters.TLSv1_3,
}


def tls_inspector(asked: Iterable[Mapping[str, Any]]) -> TlsInspector:
    """Write what looks at what clients say first, before anybody knows which listener they want.

    Args:
        asked: of each listener of the port; a fingerprint that one of them wants is taken of all connections.
    """
    wanted = {each for traffic in asked if "tls" in traffic for each in traffic["tls"].fingerprints}
    inspector = TlsInspector()
    if "JA3" in wanted:
        inspector.enable_ja3_fingerprinting.CopyFrom(BoolValue(value=True))
    if "JA4" in wanted:
        inspector.enable_ja4_fingerprinting.CopyFrom(BoolValue(value=True))
    return inspector


def agree(common: CommonTlsContext, asked: TlsSettings) -> None:
    """Write versions, ciphers and the like; protocols (ALPN) only where they are given."""
    common.tls_params.CopyFrom(
        TlsParameters(
            tls_minimum_protocol_version=_VERSIONS[asked.lowest_version],
            tls_maximum_protocol_version=_VERSIONS[asked.highest_version],
            cipher_suites=asked.ciphers,
            ecdh_curves=asked.ecdh_curves,
            signature_algorithms=asked.signature_algorithms,
        )
    )
    if asked.alpn_protocols is not None:
        del common.alpn_protocols[:]
        common.alpn_protocols.extend(asked.alpn_protocols)


def write_agreement(context: DownstreamTlsContext, asked: ClientTls) -> None:
    """Write versions, ciphers and the like.

    Sessions are taken up again only by the ways that are asked for: who does so shows no certificate again.
    """
    agree(context.common_tls_context, asked)
    resumption = asked.session.resumption
    context.disable_stateless_session_resumption = resumption.stateless is None
    context.disable_stateful_session_resumption = resumption.stateful is None
