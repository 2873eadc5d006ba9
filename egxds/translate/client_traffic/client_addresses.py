"""clientIPDetection and proxyProtocol: which address counts as the client's. Pure.

It is where a connection comes from, as Envoy's default is not, unless a policy names what stands before Envoy. The
PROXY protocol comes before all that a client says itself, and so before TLS: it is of the whole port.
"""

from __future__ import annotations

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.listener.v3.listener_components_pb2 import ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.proxy_protocol.v3.proxy_protocol_pb2 import ProxyProtocol
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.http.original_ip_detection.custom_header.v3.custom_header_pb2 import CustomHeaderConfig
from envoy.extensions.http.original_ip_detection.xff.v3.xff_pb2 import XffConfig, XffTrustedCidrs
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from egxds.model.api.client_traffic import connections
from egxds.model.api.client_traffic.client_ip import ClientIpDetection, CustomHeader, XForwardedFor
from egxds.resources.encoding import pack
from egxds.translate.client_traffic.place import ManagerPlace

_FORBIDDEN = 403
_DETECTION = "envoy.extensions.http.original_ip_detection"


def write_client_address(manager: HttpConnectionManager, asked: ClientIpDetection | None, _place: ManagerPlace) -> None:
    """Write where the address of a client is found."""
    forwarded = asked.x_forwarded_for if asked is not None else None
    header = asked.custom_header if asked is not None else None
    found = _trusting(forwarded) if forwarded is not None and forwarded.trusted_cidrs else None
    if header is not None:
        found = TypedExtensionConfig(name=f"{_DETECTION}.custom_header", typed_config=pack(_of_header(header)))
    manager.use_remote_address.CopyFrom(BoolValue(value=found is None))
    if found is not None:
        manager.original_ip_detection_extensions.append(found)
    elif forwarded is not None:
        manager.xff_num_trusted_hops = forwarded.num_trusted_hops or 0
    manager.skip_xff_append = forwarded is not None and forwarded.disable_x_forwarded_for_append


def _trusting(asked: XForwardedFor) -> TypedExtensionConfig:
    ranges = [each.partition("/") for each in asked.trusted_cidrs]
    cidrs = [CidrRange(address_prefix=base, prefix_len=UInt32Value(value=int(bits))) for base, _, bits in ranges]
    config: Message = XffConfig(
        xff_trusted_cidrs=XffTrustedCidrs(cidrs=cidrs),
        skip_xff_append=BoolValue(value=asked.disable_x_forwarded_for_append),
    )
    return TypedExtensionConfig(name=f"{_DETECTION}.xff", typed_config=pack(config))


def _of_header(asked: CustomHeader) -> CustomHeaderConfig:
    config = CustomHeaderConfig(header_name=asked.name, allow_extension_to_set_address_as_trusted=True)
    if asked.fail_closed:
        config.reject_with_status.CopyFrom(HttpStatus(code=_FORBIDDEN))
    return config


def write_proxy_protocol(listener: Listener, asked: connections.ProxyProtocol) -> None:
    """Have the connections of a Listener say whom they come from; first of all that is looked at."""
    config = ProxyProtocol(allow_requests_without_proxy_protocol=asked.optional)
    listener.listener_filters.append(
        ListenerFilter(name="envoy.filters.listener.proxy_protocol", typed_config=pack(config))
    )
