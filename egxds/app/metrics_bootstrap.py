"""What an Envoy counts, and who is told: a part of its bootstrap. Pure: plain data comes out.

Source: Envoy Gateway v1.9, ProxyMetrics; Envoy API v3, config/bootstrap/v3/bootstrap.proto. Envoy takes from there
alone who is told, and which names count: another bootstrap is for Envoys that start by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.metrics.v3.stats_pb2 import StatsSink
from envoy.extensions.stat_sinks.open_telemetry.v3.open_telemetry_pb2 import SinkConfig
from envoy.extensions.tracers.opentelemetry.resource_detectors.v3.static_config_resource_detector_pb2 import (
    StaticConfigResourceDetectorConfig,
)
from google.protobuf import json_format

from egxds.model.resolve.proxies.metrics import FoundMetrics, MetricsTarget
from egxds.resources.encoding import pack
from egxds.translate.client_traffic.text_matches import text_matcher
from egxds.translate.collectors import standing_cluster
from egxds.translate.proxies.grpc_services import grpc_service

_SINK = "envoy.stat_sinks.open_telemetry"
_SAID = "envoy.tracers.opentelemetry.resource_detectors.static_config"


def with_metrics(usual: Mapping[str, Any], found: FoundMetrics) -> dict[str, Any]:
    """Return a bootstrap with what is counted, and who is told.

    Args:
        usual: as `egxds.app.bootstrap.bootstrap` returns it.
        found: what an EnvoyProxy comes to.
    """
    added = Bootstrap(stats_sinks=[_sink(target) for target in found.targets])
    for match in found.asked.matches:
        added.stats_config.stats_matcher.inclusion_list.patterns.append(text_matcher(match))
    added.static_resources.clusters.extend(standing_cluster(target.collector) for target in found.targets)
    # By its text: what is inside of an `Any` is no plain data otherwise.
    plain = json.loads(json_format.MessageToJson(added, preserving_proto_field_name=True))
    clusters = plain.pop("static_resources", {}).get("clusters", [])
    ours = usual["static_resources"]
    return {**usual, **plain, "static_resources": {**ours, "clusters": [*ours["clusters"], *clusters]}}


def _sink(target: MetricsTarget) -> StatsSink:
    asked, collector = target.asked, target.collector
    headers = ((each.name, each.value) for each in asked.headers)
    config = SinkConfig(
        grpc_service=grpc_service(collector.cluster, collector.authority, headers),
        report_counters_as_deltas=asked.counters_as_deltas,
        report_histograms_as_deltas=asked.histograms_as_deltas,
    )
    if asked.resource_attributes:
        said = StaticConfigResourceDetectorConfig(attributes=asked.resource_attributes)
        config.resource_detectors.append(TypedExtensionConfig(name=_SAID, typed_config=pack(said)))
    return StatsSink(name=_SINK, typed_config=pack(config))
