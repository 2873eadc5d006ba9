"""A cluster while it is written: what several fields of a policy write to together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from envoy.extensions.filters.http.upstream_codec.v3.upstream_codec_pb2 import UpstreamCodec
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.resources.encoding import pack
from egxds.translate.proxies.cluster_stats import ClusterStats

_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@dataclass(frozen=True, slots=True)
class ClusterTerms:
    """What is asked of a cluster.

    Attributes:
        asked: what policies ask, by their fields.
        host: whom a request names that comes from nobody, such as one that looks whether an endpoint is up.
        stats: what is counted of it.
    """

    asked: Mapping[str, object] = field(default_factory=dict)
    host: str = ""
    stats: ClusterStats = field(default_factory=ClusterStats)


@dataclass(frozen=True, slots=True)
class ClusterDraft:
    """A cluster, and what is known of it.

    Attributes:
        cluster: as it is so far.
        protocol: how its endpoints are spoken to.
        has_fallbacks: whether some of them stand in for others.
        host: as `ClusterTerms` has it.
        http2: how HTTP/2 is spoken to them, as it is so far.
        http: how HTTP is spoken to them, as it is so far.
    """

    cluster: Cluster
    protocol: UpstreamProtocol
    has_fallbacks: bool = False
    host: str = ""
    http2: Http2ProtocolOptions = field(default_factory=Http2ProtocolOptions)
    http: HttpProtocolOptions = field(default_factory=HttpProtocolOptions)

    def finish(self) -> None:
        """Write how HTTP is spoken, where anything is said of it that Envoy would not do by itself."""
        if self.protocol.is_plain:
            return
        if self.http.http_filters:
            # What writes requests to the backend comes with them, or there would be no other.
            self.http.http_filters.add(name="envoy.filters.http.upstream_codec", typed_config=pack(UpstreamCodec()))
        if self.http.HasField("use_downstream_protocol_config"):
            config = self.http.use_downstream_protocol_config
            config.http_protocol_options.SetInParent()
            config.http2_protocol_options.CopyFrom(self.http2)
        elif self.http.HasField("auto_config"):
            self.http.auto_config.http_protocol_options.SetInParent()
            self.http.auto_config.http2_protocol_options.CopyFrom(self.http2)
        elif self.protocol is UpstreamProtocol.HTTP2:
            self.http.explicit_http_config.http2_protocol_options.CopyFrom(self.http2)
        elif self.http.ByteSize():
            self.http.explicit_http_config.http_protocol_options.SetInParent()
        else:
            return
        self.cluster.typed_extension_protocol_options[_PROTOCOL_OPTIONS].CopyFrom(pack(self.http))
