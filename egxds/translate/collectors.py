"""Who is sent the telemetry of a Gateway → their clusters, doing again only what changed. Pure.

Who is told what an Envoy counts is known to it from its bootstrap, and fetches nothing: it is reached before anything
comes from the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext

from egxds.model.resolve.features.policy_servers import PolicyServer
from egxds.model.resolve.proxies.collectors import FoundCollector
from egxds.resources.encoding import pack
from egxds.translate.backends.policy_servers import write_policy_server
from egxds.translate.backends.rules import WrittenCluster
from egxds.translate.needed_servers import ServersEdit


@dataclass(slots=True)
class Collectors:
    """Knows who is sent telemetry at one Gateway."""

    _known: dict[str, FoundCollector] = field(default_factory=dict)

    def update(self, found: tuple[FoundCollector, ...]) -> ServersEdit:
        """Write those that are others than the last time.

        Args:
            found: all that there are.
        """
        before, self._known = self._known, {each.cluster: each for each in found}
        written = (_written(each) for name, each in self._known.items() if before.get(name) != each)
        return ServersEdit(tuple(written), frozenset(before.keys() - self._known.keys()))


def _written(found: FoundCollector) -> WrittenCluster:
    return write_policy_server(PolicyServer(found.cluster, found.addresses, found.tls, found.protocol), (found.proxy,))


def standing_cluster(found: FoundCollector) -> Cluster:
    """Write the cluster of a collector for a bootstrap: whom it is trusted by stands in it.

    Args:
        found: one that is shown no certificate.
    """
    written = _written(found)
    cluster = Cluster.FromString(written.cluster.body)
    for secret in written.secrets:
        context = UpstreamTlsContext()
        cluster.transport_socket.typed_config.Unpack(context)
        common = context.common_tls_context
        wanted = common.combined_validation_context.default_validation_context
        wanted.MergeFrom(Secret.FromString(secret.body).validation_context)
        # Both are of one `oneof`: what is copied from must not be cleared before.
        common.validation_context.CopyFrom(type(wanted).FromString(wanted.SerializeToString()))
        cluster.transport_socket.typed_config.CopyFrom(pack(context))
    return cluster
