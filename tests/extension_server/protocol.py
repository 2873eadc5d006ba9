"""The extension protocol with Envoy's real message types, built at run time and independent of egxds' own protos.

Here an embedded Envoy message is declared as what it is, where egxds declares bytes: that both ends understand
each other proves that the two forms are the same on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

PACKAGE = "envoygateway.extension"
SERVICE = f"{PACKAGE}.EnvoyGatewayExtension"

_FILE = "tests/extension_server.proto"
_FIELD = descriptor_pb2.FieldDescriptorProto
_ENVOY_FILES = (cluster_pb2, endpoint_pb2, listener_pb2, route_components_pb2, route_pb2, secret_pb2)
_ROUTE = ".envoy.config.route.v3.Route"
_VIRTUAL_HOST = ".envoy.config.route.v3.VirtualHost"
_LISTENER = ".envoy.config.listener.v3.Listener"
_CLUSTER = ".envoy.config.cluster.v3.Cluster"
_LOAD_ASSIGNMENT = ".envoy.config.endpoint.v3.ClusterLoadAssignment"
_SECRET = ".envoy.extensions.transport_sockets.tls.v3.Secret"
_ROUTE_CONFIGURATION = ".envoy.config.route.v3.RouteConfiguration"
_RESOURCE = f".{PACKAGE}.ExtensionResource"

_FieldSpec = tuple[str, int, str, bool]
"""(name, number, message type or `bytes` or `string`, repeated)."""

_MESSAGES: dict[str, tuple[_FieldSpec, ...]] = {
    "ExtensionResource": (("unstructured_bytes", 1, "bytes", False),),
    "PostRouteExtensionContext": (
        ("extension_resources", 1, _RESOURCE, True),
        ("hostnames", 2, "string", True),
        ("extension_policies", 3, _RESOURCE, True),
    ),
    "PostEndpointsExtensionContext": (),
    "PostClusterExtensionContext": (("backend_extension_resources", 1, _RESOURCE, True),),
    "PostVirtualHostExtensionContext": (),
    "PostHTTPListenerExtensionContext": (("extension_resources", 1, _RESOURCE, True),),
    "PostTranslateExtensionContext": (("extension_resources", 1, _RESOURCE, True),),
    "PostRouteModifyRequest": (
        ("route", 1, _ROUTE, False),
        ("post_route_context", 2, f".{PACKAGE}.PostRouteExtensionContext", False),
    ),
    "PostRouteModifyResponse": (("route", 1, _ROUTE, False),),
    "PostEndpointsModifyRequest": (
        ("load_assignment", 1, _LOAD_ASSIGNMENT, False),
        ("post_endpoints_context", 2, f".{PACKAGE}.PostEndpointsExtensionContext", False),
    ),
    "PostEndpointsModifyResponse": (("load_assignment", 1, _LOAD_ASSIGNMENT, False),),
    "PostClusterModifyRequest": (
        ("cluster", 1, _CLUSTER, False),
        ("post_cluster_context", 2, f".{PACKAGE}.PostClusterExtensionContext", False),
    ),
    "PostClusterModifyResponse": (("cluster", 1, _CLUSTER, False),),
    "PostVirtualHostModifyRequest": (
        ("virtual_host", 1, _VIRTUAL_HOST, False),
        ("post_virtual_host_context", 2, f".{PACKAGE}.PostVirtualHostExtensionContext", False),
    ),
    "PostVirtualHostModifyResponse": (("virtual_host", 1, _VIRTUAL_HOST, False),),
    "PostHTTPListenerModifyRequest": (
        ("listener", 1, _LISTENER, False),
        ("post_listener_context", 2, f".{PACKAGE}.PostHTTPListenerExtensionContext", False),
    ),
    "PostHTTPListenerModifyResponse": (("listener", 1, _LISTENER, False),),
    "PostTranslateModifyRequest": (
        ("post_translate_context", 1, f".{PACKAGE}.PostTranslateExtensionContext", False),
        ("clusters", 2, _CLUSTER, True),
        ("secrets", 3, _SECRET, True),
        ("listeners", 4, _LISTENER, True),
        ("routes", 5, _ROUTE_CONFIGURATION, True),
    ),
    "PostTranslateModifyResponse": (
        ("clusters", 1, _CLUSTER, True),
        ("secrets", 2, _SECRET, True),
        ("listeners", 3, _LISTENER, True),
        ("routes", 4, _ROUTE_CONFIGURATION, True),
    ),
}


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC of the service.

    Attributes:
        hook: the word for it in egxds' settings.
        name: its name on the wire.
        request: class of the request.
        response: class of the response.
    """

    hook: str
    name: str
    request: type[message.Message]
    response: type[message.Message]


def _field(spec: _FieldSpec) -> descriptor_pb2.FieldDescriptorProto:
    name, number, kind, repeated = spec
    field = _FIELD(name=name, number=number)
    field.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
    if kind in ("bytes", "string"):
        field.type = _FIELD.TYPE_BYTES if kind == "bytes" else _FIELD.TYPE_STRING
    else:
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = kind
    return field


def _load() -> dict[str, type[message.Message]]:
    file = descriptor_pb2.FileDescriptorProto(name=_FILE, package=PACKAGE, syntax="proto3")
    file.dependency.extend(module.DESCRIPTOR.name for module in _ENVOY_FILES)
    for name, fields in _MESSAGES.items():
        file.message_type.add(name=name).field.extend(_field(spec) for spec in fields)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES
    }


MESSAGES = _load()

METHODS = tuple(
    Method(hook, name, MESSAGES[f"{name}Request"], MESSAGES[f"{name}Response"])
    for hook, name in (
        ("Route", "PostRouteModify"),
        ("Endpoints", "PostEndpointsModify"),
        ("Cluster", "PostClusterModify"),
        ("VirtualHost", "PostVirtualHostModify"),
        ("HTTPListener", "PostHTTPListenerModify"),
        ("Translation", "PostTranslateModify"),
    )
)
