"""A bare delta client: follows every type as an Envoy does, acknowledges, and notes when what arrived."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from envoy.service.discovery.v3 import discovery_pb2

from egxds import names
from egxds.resources.references import children
from egxds.resources.resource import Key
from tests.bench.grpc_stream import GrpcStream, StreamEndedError

Versions = dict[str, dict[str, str]]
"""Type URL → resource name → version."""

WILDCARD = (names.CLUSTER, names.LISTENER)
_READ_BYTES = 2**20
_CONNECT_EVERY_S = 0.002


@dataclass(frozen=True)
class Arrival:
    """One response.

    Attributes:
        at: when its last byte was read, of `time.perf_counter`.
        type_url: type of its resources.
        message: the encoded response.
        changed: names of its resources.
        removed: names that it removes.
        asked: what the client subscribed because of it, and had not before.
    """

    at: float
    type_url: str
    message: bytes
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    asked: frozenset[Key]

    @property
    def answered(self) -> frozenset[Key]:
        """What it says that there is, or is not."""
        return frozenset((self.type_url, name) for name in (*self.changed, *self.removed))


@dataclass
class Held:
    """What the server has sent so far: type URL → resource name → version, or body."""

    versions: Versions = field(default_factory=lambda: {type_url: {} for type_url in names.PUSH_ORDER})
    bodies: dict[str, dict[str, bytes]] = field(default_factory=lambda: {type_url: {} for type_url in names.PUSH_ORDER})

    def take(self, response: discovery_pb2.DeltaDiscoveryResponse) -> None:
        """Apply a response."""
        versions = self.versions.setdefault(response.type_url, {})
        bodies = self.bodies.setdefault(response.type_url, {})
        for resource in response.resources:
            versions[resource.name] = resource.version
            bodies[resource.name] = resource.resource.value
        for name in response.removed_resources:
            versions.pop(name, None)
            bodies.pop(name, None)


class DeltaClient:
    """A client with a thread that reads; `arrivals` is what it read, in order."""

    def __init__(
        self,
        port: int,
        selector: str,
        wanted: Mapping[str, tuple[str, ...]],
        known: Versions | None = None,
        node: str = "bench",
    ) -> None:
        """Describe it; entering it connects.

        Args:
            port: of the server on the loopback address.
            selector: `node.cluster`.
            wanted: type URL → names to subscribe, for types that are asked for by name; endpoints follow the clusters,
                and the listeners what they fetch filters from.
            known: versions that it reports, as an Envoy does that comes back.
            node: its id.
        """
        self.arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self.held = Held()
        self._port = port
        self._selector = selector
        self._wanted = wanted
        self._known = known or {}
        self._node = node
        self._followed: set[Key] = set()
        self._is_first = True
        self._thread = threading.Thread(target=self._read, name="delta client", daemon=True)

    def __enter__(self) -> Self:
        self._socket = _connect(self._port)
        self._grpc = GrpcStream(f"127.0.0.1:{self._port}")
        for type_url in names.PUSH_ORDER:
            if type_url in WILDCARD or type_url in self._wanted:
                self._subscribe(type_url, self._wanted.get(type_url, ()))
            elif type_url == names.ENDPOINT and self._known.get(type_url):
                self._followed.update((type_url, name) for name in self._known[type_url])
                self._subscribe(type_url, tuple(self._known[type_url]))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()

    def drain(self) -> list[Arrival]:
        """Return what has arrived and was not yet taken, without waiting."""
        taken: list[Arrival] = []
        with suppress(queue.Empty):
            while True:
                taken.append(self.arrivals.get_nowait())
        return taken

    def wait(self, is_it: Callable[[Arrival], bool], limit_s: float = 120.0) -> list[Arrival]:
        """Return what arrives up to the first response that is it.

        Raises:
            TimeoutError: it did not come.
        """
        taken: list[Arrival] = []
        give_up_at = time.perf_counter() + limit_s
        while not taken or not is_it(taken[-1]):
            try:
                taken.append(self.arrivals.get(timeout=max(0.0, give_up_at - time.perf_counter())))
            except queue.Empty:
                seen = Counter(names.SHORT_NAMES.get(arrival.type_url, arrival.type_url) for arrival in taken)
                raise TimeoutError(f"the response did not come within {limit_s} s; there came {dict(seen)}") from None
        return taken

    def wait_answered(self, taken: Sequence[Arrival]) -> list[Arrival]:
        """Return what arrives until there is an answer to all that was subscribed because of some responses.

        Raises:
            TimeoutError: something was not answered.
        """
        rest: list[Arrival] = []
        while _unanswered((*taken, *rest)):
            rest += self.wait(lambda _: True)
        return rest

    def wait_whole(self, clusters: int, limit_s: float = 600.0) -> float:
        """Return when the first whole snapshot was there: all that was asked for, and endpoints of each cluster."""
        return self.wait(lambda _: self._is_whole(clusters), limit_s)[-1].at

    def _is_whole(self, clusters: int) -> bool:
        versions = self.held.versions
        named = all(name in versions[type_url] for type_url, wanted in self._wanted.items() for name in wanted)
        listeners, endpoints = versions[names.LISTENER], versions[names.ENDPOINT]
        filters = all(name in versions[type_url] for type_url, name in self._followed if type_url != names.ENDPOINT)
        clusters_held = len(versions[names.CLUSTER])
        return named and filters and bool(listeners) and min(len(endpoints), clusters_held) >= clusters

    def _subscribe(self, type_url: str, wanted: tuple[str, ...]) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=wanted)
        request.initial_resource_versions.update(self._known.get(type_url, {}))
        if self._is_first:
            self._is_first = False
            request.node.id = self._node
            request.node.cluster = self._selector
        self._send(request)

    def _send(self, request: discovery_pb2.DeltaDiscoveryRequest) -> None:
        self._grpc.send(request.SerializeToString())
        self._write()

    def _write(self) -> None:
        outgoing = self._grpc.take_outgoing()
        if outgoing:
            self._socket.sendall(outgoing)

    def _read(self) -> None:
        with suppress(StreamEndedError, OSError):
            while data := self._socket.recv(_READ_BYTES):
                messages = self._grpc.receive(data)
                at = time.perf_counter()
                self._write()
                for message in messages:
                    self._take(message, at)

    def _take(self, message: bytes, at: float) -> None:
        response = discovery_pb2.DeltaDiscoveryResponse.FromString(message)
        acknowledgement = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        asked = self._follow(response)
        self._send(acknowledgement)
        self.held.take(response)
        changed = tuple(resource.name for resource in response.resources)
        self.arrivals.put(Arrival(at, response.type_url, message, changed, tuple(response.removed_resources), asked))

    def _follow(self, response: discovery_pb2.DeltaDiscoveryResponse) -> frozenset[Key]:
        """Subscribe what new clusters and listeners are fetched with, and let go what was for clusters that are gone.

        Returns:
            What was subscribed.
        """
        followed = _FOLLOWED.get(response.type_url)
        if followed is None:
            return frozenset()
        type_url, names_of = followed
        added = frozenset((type_url, name) for each in response.resources for name in names_of(each)) - self._followed
        gone = self._followed.intersection((names.ENDPOINT, name) for name in response.removed_resources)
        # Another thread goes over it.
        self._followed = (self._followed | added) - gone
        if added or gone:
            request = discovery_pb2.DeltaDiscoveryRequest(
                type_url=type_url,
                resource_names_subscribe=sorted(name for _, name in added),
                resource_names_unsubscribe=sorted(name for _, name in gone),
            )
            self._send(request)
        return added


def _endpoints_of(cluster: discovery_pb2.Resource) -> tuple[str, ...]:
    """Return the EDS service of a cluster, which has its name."""
    return (cluster.name,)


def _filters_of(listener: discovery_pb2.Resource) -> tuple[str, ...]:
    found = children(names.LISTENER, listener.resource.value)
    return tuple(name for type_url, name in found if type_url == names.EXTENSION_CONFIG)


_FOLLOWED = {
    names.CLUSTER: (names.ENDPOINT, _endpoints_of),
    names.LISTENER: (names.EXTENSION_CONFIG, _filters_of),
}
"""Type URL of parents → that of what follows them, and the names of it that one of them is fetched with."""


def _unanswered(taken: Sequence[Arrival]) -> frozenset[Key]:
    asked = frozenset[Key]().union(*(arrival.asked for arrival in taken))
    return asked.difference(*(arrival.answered for arrival in taken))


def _connect(port: int, limit_s: float = 300.0) -> socket.socket:
    give_up_at = time.perf_counter() + limit_s
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), 60.0)
        except ConnectionRefusedError:
            if time.perf_counter() > give_up_at:
                raise
            time.sleep(_CONNECT_EVERY_S)
            continue
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(None)
        return connection
