"""Stand-ins for Envoy AI Gateway's extension server and for an endpoint picker, as a process.

    python -m tests.envoy.inference_servers --listen PORT --picker PORT --cert FILE --key FILE

The extension does to an InferencePool what that of envoyproxy/ai-gateway does (internal/extensionserver), by the same
hooks: its cluster goes where a header says, its route is marked, and for the whole of a Gateway a filter is put before
the router that asks the picker, with the cluster of that; routes to anything else have the filter turned off. The
picker is on the loopback address, where there it is at a name of a cluster's DNS.

The picker speaks ext_proc over TLS, and sends each request to the address in its `x-model-server` header.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import HeaderValueOption, Metadata
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.ext_proc.v3 import ext_proc_pb2 as _ext_proc  # noqa: F401 packed by its type URL
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as _tls  # noqa: F401 packed by its type URL
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as _http  # noqa: F401 packed by its type URL
from envoy.service.ext_proc.v3.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from grpclib.const import Cardinality, Handler
from grpclib.server import Server, Stream
from grpclib.utils import graceful_exit

from egxds.generated.envoygateway.extension import (
    EnvoyGatewayExtensionBase,
    ExtensionResource,
    PostClusterModifyRequest,
    PostClusterModifyResponse,
    PostRouteModifyRequest,
    PostRouteModifyResponse,
    PostTranslateModifyRequest,
    PostTranslateModifyResponse,
)

POOL = {"apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool"}
DESTINATION = "x-gateway-destination-endpoint"
CHOICE = "x-model-server"
"""Header of a request by which the test says what the picker is to pick."""

_METADATA, _MARK = "aigateway.envoy.io", "per_route_rule_inference_pool"
_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def pool_in(resources: list[ExtensionResource]) -> str:
    """Return the InferencePool among the objects of a call, as `namespace/name/service/port`; empty without one."""
    for resource in resources:
        found: dict[str, Any] = json.loads(resource.unstructured_bytes)
        if found.items() >= POOL.items():
            picker, place = found["spec"]["endpointPickerRef"], found["metadata"]
            return f"{place['namespace']}/{place['name']}/{picker['name']}/{picker['port']['number']}"
    return ""


def mark_of(metadata: Metadata) -> str:
    """Return what the Cluster and Route hooks have written down of a pool."""
    fields = metadata.filter_metadata[_METADATA].fields if _METADATA in metadata.filter_metadata else {}
    return str(fields[_MARK].string_value) if _MARK in fields else ""


def filter_name(mark: str) -> str:
    """Return the name of the filter that asks the picker of a pool."""
    namespace, name, *_ = mark.split("/")
    return f"envoy.filters.http.ext_proc/endpointpicker/{name}_{namespace}_ext_proc"


def picker_cluster(mark: str, port: int) -> Cluster:
    """Return the cluster of a picker: HTTP/2 over TLS, of which the certificate is not checked."""
    namespace, name, *_ = mark.split("/")
    called = f"envoy.clusters.endpointpicker_{name}_{namespace}_ext_proc"
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    tls = {
        "@type": f"{_EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {"validation_context": {}},
    }
    options = {"@type": f"type.googleapis.com/{_OPTIONS}", "explicit_http_config": {"http2_protocol_options": {}}}
    value = {
        "name": called,
        "connect_timeout": "10s",
        "type": "STRICT_DNS",
        "lb_policy": "LEAST_REQUEST",
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
        "load_assignment": {
            "cluster_name": called,
            "endpoints": [{"lb_endpoints": [{"health_status": "HEALTHY", "endpoint": {"address": address}}]}],
        },
        "typed_extension_protocol_options": {_OPTIONS: options},
    }
    return json_format.ParseDict(value, Cluster())


def picker_filter(mark: str) -> HttpFilter:
    """Return the filter that asks the picker, without which no request goes on."""
    sent = {f"{side}_{part}_mode": "SEND" for side in ("request", "response") for part in ("header", "trailer")}
    bodies = {f"{side}_body_mode": "FULL_DUPLEX_STREAMED" for side in ("request", "response")}
    config = {
        "@type": f"{_EXTENSIONS}.filters.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": picker_cluster(mark, 0).name}},
        "processing_mode": {**sent, **bodies},
        "message_timeout": "5s",
    }
    return json_format.ParseDict({"name": filter_name(mark), "typed_config": config}, HttpFilter())


class Extension(EnvoyGatewayExtensionBase):
    """The hooks of Envoy AI Gateway, as far as they are about pools."""

    def __init__(self, picker_port: int) -> None:
        self._picker_port = picker_port

    async def post_cluster_modify(self, message: PostClusterModifyRequest) -> PostClusterModifyResponse:
        """Have the cluster of a pool go where the picker's header says."""
        context = message.post_cluster_context
        mark = pool_in(context.backend_extension_resources) if context else ""
        if not mark:
            return PostClusterModifyResponse(cluster=message.cluster)
        cluster = Cluster.FromString(message.cluster)
        cluster.type, cluster.lb_policy = Cluster.ORIGINAL_DST, Cluster.CLUSTER_PROVIDED
        cluster.connect_timeout.FromSeconds(10)
        cluster.original_dst_lb_config.use_http_header = True
        cluster.original_dst_lb_config.http_header_name = DESTINATION
        cluster.ClearField("load_balancing_policy")
        cluster.ClearField("eds_cluster_config")
        cluster.metadata.filter_metadata[_METADATA].fields[_MARK].string_value = mark
        return PostClusterModifyResponse(cluster=cluster.SerializeToString())

    async def post_route_modify(self, message: PostRouteModifyRequest) -> PostRouteModifyResponse:
        """Mark the route to a pool."""
        context = message.post_route_context
        mark = pool_in(context.extension_resources) if context else ""
        if not mark:
            return PostRouteModifyResponse(route=message.route)
        route = Route.FromString(message.route)
        route.route.auto_host_rewrite.value = False
        route.metadata.filter_metadata[_METADATA].fields[_MARK].string_value = mark
        return PostRouteModifyResponse(route=route.SerializeToString())

    async def post_translate_modify(self, message: PostTranslateModifyRequest) -> PostTranslateModifyResponse:
        """Put the filters before the routers, turn them off where they do not belong, and add the pickers' clusters."""
        routes = [RouteConfiguration.FromString(each) for each in message.routes]
        marks = sorted(
            {mark_of(route.metadata) for each in routes for host in each.virtual_hosts for route in host.routes}
        )
        pools = [mark for mark in marks if mark]
        added = [picker_cluster(mark, self._picker_port).SerializeToString() for mark in pools]
        for configuration in routes:
            turn_off_elsewhere(configuration, pools)
        return PostTranslateModifyResponse(
            clusters=[*message.clusters, *added],
            secrets=message.secrets,
            listeners=[
                with_filters(Listener.FromString(each), pools).SerializeToString() for each in message.listeners
            ],
            routes=[each.SerializeToString() for each in routes],
        )


def with_filters(listener: Listener, pools: list[str]) -> Listener:
    """Put the filter of each pool before the router of each chain."""
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for each in chain.filters:
            if each.typed_config.Is(HttpConnectionManager.DESCRIPTOR):
                manager = HttpConnectionManager()
                each.typed_config.Unpack(manager)
                *before, router = list(manager.http_filters)
                del manager.http_filters[:]
                manager.http_filters.extend([*before, *map(picker_filter, pools), router])
                each.typed_config.Pack(manager)
    return listener


def turn_off_elsewhere(configuration: RouteConfiguration, pools: list[str]) -> None:
    """Turn the filter of a pool off for each route that leads elsewhere."""
    off = json_format.ParseDict(
        {"@type": f"{_EXTENSIONS}.filters.http.ext_proc.v3.ExtProcPerRoute", "disabled": True}, AnyMessage()
    )
    for host in configuration.virtual_hosts:
        for route in host.routes:
            for pool in pools:
                if mark_of(route.metadata) != pool:
                    route.typed_per_filter_config[filter_name(pool)].CopyFrom(off)


class Picker:
    """Says where each request goes."""

    def __mapping__(self) -> dict[str, Handler]:
        """Return the one method of ext_proc."""
        path = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
        return {path: Handler(self.process, Cardinality.STREAM_STREAM, ProcessingRequest, ProcessingResponse)}

    async def process(self, stream: Stream[ProcessingRequest, ProcessingResponse]) -> None:
        """Answer one request of Envoy's from its head to the last part of its answer."""
        async for part in stream:
            await stream.send_message(picked(part))


def picked(part: ProcessingRequest) -> ProcessingResponse:
    """Return what becomes of a part: the head of a request gets its destination, and all else goes on as it is."""
    which = part.WhichOneof("request")
    answer = ProcessingResponse()
    getattr(answer, which).SetInParent()
    if which == "request_headers":
        headers = {each.key: each.raw_value.decode() or each.value for each in part.request_headers.headers.headers}
        option = HeaderValueOption()
        option.header.key, option.header.raw_value = DESTINATION, headers.get(CHOICE, "").encode()
        answer.request_headers.response.header_mutation.set_headers.append(option)
        answer.request_headers.response.clear_route_cache = True
    elif which in ("request_body", "response_body"):
        body = getattr(part, which)
        streamed = getattr(answer, which).response.body_mutation.streamed_response
        streamed.body, streamed.end_of_stream = body.body, body.end_of_stream
    return answer


async def serve(port: int, picker_port: int, context: ssl.SSLContext) -> None:
    """Serve both until SIGTERM."""
    extension, picker = Server([Extension(picker_port)]), Server([Picker()])
    with graceful_exit([extension, picker]):
        await extension.start("127.0.0.1", port)
        await picker.start("127.0.0.1", picker_port, ssl=context)
        await extension.wait_closed()
        await picker.wait_closed()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Stand-ins for an extension server and an endpoint picker.")
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--picker", type=int, required=True)
    parser.add_argument("--cert", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    given = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given.cert, given.key)
    context.set_alpn_protocols(["h2"])
    asyncio.run(serve(given.listen, given.picker, context))


if __name__ == "__main__":
    main()
