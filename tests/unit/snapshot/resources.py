"""Resources for tests of the snapshot room."""

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2

from egxds.names import CLUSTER, LISTENER, SECRET
from egxds.object_key import ObjectKey
from egxds.resources.resource import Resource


def listener(name: str, stat_prefix: str = "") -> Resource:
    """Make a Listener."""
    return Resource(LISTENER, name, listener_pb2.Listener(name=name, stat_prefix=stat_prefix).SerializeToString())


def cluster(name: str, alt_stat_name: str = "") -> Resource:
    """Make a Cluster with endpoints of its name."""
    message = cluster_pb2.Cluster(name=name, alt_stat_name=alt_stat_name, type=cluster_pb2.Cluster.EDS)
    message.eds_cluster_config.eds_config.ads.SetInParent()
    return Resource(CLUSTER, name, message.SerializeToString())


def secret(name: str, body: bytes = b"", source: str = "s") -> Resource:
    """Make something that stands for a secret."""
    return Resource(SECRET, name, body, (ObjectKey("", "Secret", "default", source),))
