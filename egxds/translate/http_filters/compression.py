"""compressor, and compression, its older name → Envoy's filters for it, one behind the other in one slot. Pure.

A filter has one way to compress, and takes another at a route, but not from which length on (`slot`).
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.route.v3.route_components_pb2 import FilterConfig
from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcherPerRoute
from envoy.extensions.compression.brotli.compressor.v3.brotli_pb2 import Brotli
from envoy.extensions.compression.gzip.compressor.v3.gzip_pb2 import Gzip
from envoy.extensions.compression.zstd.compressor.v3.zstd_pb2 import Zstd
from envoy.extensions.filters.http.compressor.v3.compressor_pb2 import Compressor
from google.protobuf.message import Message

from egxds.model.api.backend_traffic.bodies import LEAST_CONTENT_LENGTH, Compression
from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY
from egxds.model.resolve.features.route_traffic import COMPRESSION, COMPRESSOR
from egxds.resources.encoding import pack
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.slot import empty_slot, filled_slot

_NAME = "envoy.filters.http.compressor"
_LIBRARIES: Mapping[str, tuple[str, Message]] = {
    "Gzip": ("envoy.compression.gzip.compressor", Gzip()),
    "Brotli": ("envoy.compression.brotli.compressor", Brotli()),
    "Zstd": ("envoy.compression.zstd.compressor", Zstd()),
}


def _write(asked: tuple[Compression, ...]) -> FilterConfig | ExtensionWithMatcherPerRoute:
    if not asked:
        return FilterConfig(disabled=True)
    return filled_slot(*((_NAME, _compressor(each, is_first=at == 0)) for at, each in enumerate(asked)))


def _compressor(asked: Compression, *, is_first: bool) -> Compressor:
    name, library = _LIBRARIES[asked.type]
    # Where a client takes several as gladly, the first counts.
    message = Compressor(choose_first=is_first)
    message.compressor_library.name = name
    message.compressor_library.typed_config.CopyFrom(pack(library))
    if asked.min_content_length is not None:
        length = max(asked.min_content_length, LEAST_CONTENT_LENGTH)
        message.response_direction_config.common_config.min_content_length.value = length
    return message


def _filter(feature: str) -> PolicyFilter:
    return PolicyFilter(
        name=own_name(f"{_NAME}/{feature.lower()}", BACKEND_TRAFFIC_POLICY.id),
        kind=BACKEND_TRAFFIC_POLICY.id,
        feature=feature,
        idle=empty_slot(),
        write=_write,
    )


FILTERS = (_filter(COMPRESSION.field), _filter(COMPRESSOR.field))
"""One for each name; a policy has one of both."""
