"""Who is told what Envoys count: who is found, who is nobody, and what else follows of it."""

from __future__ import annotations

import json
from typing import Any

from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext

from egxds.app.metrics_bootstrap import with_metrics
from egxds.model.api.envoy_proxy.proxy import ENVOY_PROXY
from egxds.model.resolve.proxies.collectors import FoundCollector
from egxds.model.resolve.proxies.metrics import FoundMetrics
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolve.upstreams import Authorities, NameKind, SocketAddress, UpstreamProtocol, UpstreamTls
from egxds.translate.collectors import standing_cluster
from egxds.translate.translator import Translator
from tests.unit.model.parsed import errors
from tests.unit.model.test_collectors import COLLECTOR, OTHER, ref
from tests.unit.model.test_envoy_proxies import OWN, own, told
from tests.unit.model.texts import backend
from tests.unit.model.worlds import World, messages, resolve, served, the_gateway

_USUAL: dict[str, Any] = {"static_resources": {"clusters": [{"name": "xds_cluster"}]}}
_SEALED = json.dumps({"wellKnownCACertificates": "System", "sni": "a.test"})


def metrics(*collectors: dict[str, Any], **more: Any) -> str:
    """Write the EnvoyProxy of the Gateway, with sinks."""
    sinks = [{"type": "OpenTelemetry", "openTelemetry": each} for each in collectors]
    return own(telemetry={"metrics": {"sinks": sinks, **more}})


def sink(*refs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return who is told."""
    return {"backendRefs": list(refs), **more}


def found(resolution: Resolution) -> FoundMetrics:
    """Return what is counted at the Gateway."""
    said = the_gateway(resolution).proxy.metrics
    assert said is not None
    return said


def names(resolution: Resolution) -> list[str]:
    """Return the clusters of those who are told."""
    return [target.collector.cluster for target in found(resolution).targets]


def test_a_sink_that_leads_nowhere_is_an_error_and_the_others_are_told() -> None:
    """Each at the place of its sink; the same addresses once."""
    said = metrics(sink(ref("nobody")), sink(ref()), sink(ref()))
    resolution = resolve(OWN, said, backend(COLLECTOR))
    assert names(resolution) == ["otel_metric_sink_1"]
    assert told(resolution, "default/own") == {"Gateway web": {"Accepted": "False/BackendNotFound"}}
    assert list(served(resolution)) == ["http"]


def test_one_without_endpoints_is_told_nothing() -> None:
    """An Envoy would have nobody to tell until it is started again, and the EnvoyProxy says so."""
    service = {"name": "quiet", "port": 4317}
    quiet = "apiVersion: v1\nkind: Service\nmetadata: {name: quiet}\nspec: {ports: [{port: 4317}]}\n"
    resolution = resolve(OWN, metrics(sink(service)), quiet)
    assert names(resolution) == []
    assert ["no endpoint that is ready" in each for each in messages(resolution)] == [True]


def test_what_is_told_stands_in_the_bootstrap() -> None:
    """The cluster beside ours, and names that match as they are asked for; also by TLS."""
    matches = [{"type": "RegularExpression", "value": "a.*"}, {"type": "Suffix", "value": "z"}, {"value": "x"}]
    texts = OWN, metrics(sink(ref()), matches=matches), backend(COLLECTOR, more=f"tls: {_SEALED}")
    made = with_metrics(_USUAL, found(resolve(*texts)))
    ours, cluster = made["static_resources"]["clusters"]
    assert (ours["name"], cluster["name"]) == ("xds_cluster", "otel_metric_sink_0")
    assert "sds" not in json.dumps(cluster["transport_socket"])
    patterns = made["stats_config"]["stats_matcher"]["inclusion_list"]["patterns"]
    assert patterns == [{"safe_regex": {"regex": "a.*"}}, {"suffix": "z"}, {"exact": "x"}]
    assert _USUAL["static_resources"]["clusters"] == [ours]


def test_nothing_that_is_served_is_another_for_who_is_told() -> None:
    """Envoys that run go on as they were started."""
    world, translator = World(), Translator()
    before = translator.update(world.scan(OWN, metrics(sink(ref())), backend(COLLECTOR)))["default/web"]
    after = translator.update(world.scan(OWN, metrics(sink(ref())), backend(OTHER)))["default/web"]
    assert after.listeners is before.listeners
    assert after.clusters is before.clusters


def test_a_name_of_operators_that_nobody_knows_is_refused() -> None:
    """Envoy Gateway refuses it, too; a page for Prometheus is none that is made here."""
    (refused,) = errors(own(telemetry={"metrics": {"clusterStatName": "%ROUTE%"}}))
    assert "%ROUTE% means nothing here" in refused.message
    noted = messages(resolve(OWN, own(telemetry={"metrics": {"prometheus": {"disable": True}}})))
    assert ["prometheus.disable" in each for each in noted] == [True]


def test_whom_a_collector_is_trusted_by_stands_in_the_bootstrap() -> None:
    """With the names that its certificate is to have: nothing is fetched, since nobody is there to be asked."""
    trusted = UpstreamTls("a.test", Authorities("ca", b"of a test"), ((NameKind.HOSTNAME, "b.test"),))
    address = (SocketAddress("10.0.0.7", 4317),)
    proxy = ENVOY_PROXY.key("default", "own")
    cluster = standing_cluster(FoundCollector("told", "a.test", address, trusted, UpstreamProtocol.HTTP2, proxy))
    context = UpstreamTlsContext()
    cluster.transport_socket.typed_config.Unpack(context)
    checked = context.common_tls_context.validation_context
    assert checked.trusted_ca.inline_bytes == b"of a test"
    assert [each.matcher.exact for each in checked.match_typed_subject_alt_names] == ["b.test"]
    assert context.sni == "a.test"
    assert not context.common_tls_context.HasField("combined_validation_context")
