"""Who is sent telemetry by gRPC, as Envoy has it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3.base_pb2 import HeaderValue
from envoy.config.core.v3.grpc_service_pb2 import GrpcService


def grpc_service(cluster: str, authority: str, headers: Iterable[tuple[str, str]] = ()) -> GrpcService:
    """Write who is spoken to.

    Args:
        cluster: by which Envoy knows them.
        authority: what they are called.
        headers: of what is sent, each with its value.
    """
    return GrpcService(
        envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=cluster, authority=authority),
        initial_metadata=[HeaderValue(key=name, value=value) for name, value in headers],
    )
