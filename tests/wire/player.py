"""Plays a written transcript (`tests.transcripts.driver` has the language) with a real server, over a real socket.

What a session is asked directly is seen from outside here. Silence is proven by a request whose answer must be the next
that comes. Versions are hashes, so a transcript's `h1` stands for the version of a resource with that content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from grpclib.const import Status

from egxds.names import CLUSTER, LISTENER, ROUTE_CONFIGURATION
from egxds.resources.resource import Resource
from egxds.sessions.events import Request
from egxds.snapshot.snapshot import version_resource
from egxds.wire.xds.ads import TYPED
from tests.revisions import by_type
from tests.transcripts.language import (
    TYPES,
    Expected,
    Named,
    parse_answer,
    parse_node,
    parse_request,
    parse_response,
    parse_set,
)
from tests.wire.client import ADS, Envoy, connected, stream
from tests.wire.world import CLASS, GATEWAY, World

_BARRIER = TYPES["RTDS"]


class Player:
    """A client that says what it is told to say, and a server that holds what it is told to hold."""

    def __init__(self, world: World, envoy: Envoy) -> None:
        self._world = world
        self._envoy = envoy
        self._state: dict[str, tuple[Named, ...]] = {}
        self._versions: dict[str, str] = {}
        self._nonces: list[str] = []
        self._newest: dict[str, str] = {}
        self._last_type = ""
        self._barriers = 0
        self._is_introduced = False
        self._is_over = False

    async def play(self, text: str) -> None:
        """Play a transcript, and see that nothing is left to read."""
        for line in filter(None, map(str.strip, text.splitlines())):
            await self._step(line)
        if not self._is_over:
            await self._expect_nothing("end of the transcript")

    async def _step(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        match word:
            case "SET":
                self._set(rest)
            case "→":
                await self._request(rest)
            case "←":
                await self._expect(line, rest)
            case "∅":
                await self._expect_nothing(line)
            case "ack" | "nack":
                type_url, refusal = parse_answer(word, rest)
                type_url = type_url or self._last_type
                await self._send(Request(type_url, nonce=self._newest[type_url], refusal=refusal))
            case "!":
                pass  # What is odd is in the log; that it changes nothing is in the lines around.
            case _:
                raise AssertionError(f"not a line of a transcript on a socket: {line}")

    def _set(self, rest: str) -> None:
        self._state |= parse_set(rest)
        resources = [_made(type_url, one) for type_url, listed in self._state.items() for one in listed]
        names = [one.version for listed in self._state.values() for one in listed]
        for resource, version in zip(resources, names, strict=True):
            self._versions[version_resource(resource, ()).version] = version
        self._world.store.publish(GATEWAY, CLASS, by_type(tuple(resources)))
        self._world.store.mark_loaded()

    async def _request(self, rest: str) -> None:
        rest, _, status = rest.partition(" ✗ ")
        await self._send(parse_request(rest), parse_node(rest))
        if status:
            assert (await self._envoy.end())[0] is Status(int(status))
            self._is_over = True

    async def _send(self, request: Request, node_id: str | None = None) -> None:
        node = {"id": node_id or "envoy-1", "cluster": GATEWAY} if node_id or not self._is_introduced else None
        self._is_introduced = True
        known = dict(enumerate(self._nonces, 1))
        nonce = known.get(int(request.nonce), request.nonce) if request.nonce.isdigit() else request.nonce
        await self._envoy.ask(
            request.type_url,
            request.subscribe,
            request.unsubscribe,
            {name: self._hashed(request.type_url, name, said) for name, said in request.initial_versions.items()},
            nonce=nonce,
            error=request.refusal.message if request.refusal else "",
            node=None if node_id == "none" else node,
        )

    def _hashed(self, type_url: str, name: str, said: str) -> str:
        """Return the version that a transcript's version stands for."""
        listed = [one for one in self._state.get(type_url, ()) if (one.name, one.version) == (name, said)]
        return version_resource(_made(type_url, listed[0]), ()).version if listed else said

    async def _expect(self, line: str, rest: str) -> None:
        expected = parse_response(rest)
        response = await self._envoy.receive()
        self._nonces.append(response.nonce)
        self._newest[response.type_url] = response.nonce
        self._last_type = response.type_url
        nonce = expected.nonce and str(len(self._nonces))
        assert self._shown(response, nonce) == expected, line

    async def _expect_nothing(self, line: str) -> None:
        if not self._state:
            return  # Nothing is loaded, so nothing at all is answered yet: not what would prove it either.
        self._barriers += 1
        name = f"barrier-{self._barriers}"
        await self._send(Request(_BARRIER, subscribe=(name,)))
        response = await self._envoy.receive()
        assert self._shown(response) == Expected(_BARRIER, (), (name,), ""), line

    def _shown(self, response: Any, nonce: str = "") -> Expected:
        for one in response.resources:
            assert one.resource.type_url == response.type_url
        resources = tuple(f"{one.name}@{self._versions.get(one.version)}" for one in response.resources)
        return Expected(response.type_url, resources, tuple(response.removed_resources), nonce)


def _made(type_url: str, named: Named) -> Resource:
    """Make a resource; only what refers to others has to be a message of its type."""
    maker = _PARENTS.get(type_url)
    body = maker(named).SerializeToString() if maker else named.version.encode()
    return Resource(type_url, named.name, body)


def _cluster(named: Named) -> Any:
    endpoints = [{"service_name": name, "eds_config": {"ads": {}}} for _, name in named.children]
    cluster = cluster_pb2.Cluster(name=named.name, alt_stat_name=named.version)
    if endpoints:
        cluster.MergeFrom(cluster_pb2.Cluster(type="EDS", eds_cluster_config=endpoints[0]))
    return cluster


def _listener(named: Named) -> Any:
    listener = listener_pb2.Listener(name=named.name, stat_prefix=named.version)
    for type_url, name in named.children:
        assert type_url == ROUTE_CONFIGURATION
        rds = {"route_config_name": name, "config_source": {"ads": {}}}
        manager = http_connection_manager_pb2.HttpConnectionManager(rds=rds)
        listener.filter_chains.add().filters.add(name="http").typed_config.Pack(manager)
    return listener


_PARENTS: Mapping[str, Any] = {CLUSTER: _cluster, LISTENER: _listener}


@asynccontextmanager
async def player(address: str, world: World, fixed_type: str = "") -> AsyncIterator[Player]:
    """Open a stream for a transcript."""
    method = TYPED[TYPES[fixed_type]] if fixed_type else ADS
    async with connected(address) as channel, stream(channel, method) as opened:
        yield Player(world, opened)
