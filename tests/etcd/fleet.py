"""A fleet under load: files of which each generation tells which it is, who publishes them, and who asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from egxds.errors import EgxdsError
from tests.beside import Beside
from tests.envoy.backend import EchoBackend
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import backend_ref, gateway, http, http_route
from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster
from tests.etcd.replica import publish
from tests.ports import free_port

HOSTS = ("cart.test", "desk.test")
TURN = "x-turn"
_PAUSE_S = 0.001
_BETWEEN_S = 0.05
_LIMIT_S = 20.0


class ManyShops:
    """Gateways of one Envoy each, which serve the same hosts.

    Attributes:
        ports: where each Envoy listens.
    """

    def __init__(self, backend: EchoBackend, count: int) -> None:
        self.ports = tuple(free_port() for _ in range(count))
        self._names = [f"web-{at}" for at in range(count)]
        gateways = zip(self._names, self.ports, strict=True)
        self._files = {
            "backend.yaml": backend_manifest("echo", backend.port),
            **{f"gateways/{name}.yaml": gateway(name, http(port)) for name, port in gateways},
        }

    def files(self, turn: int) -> Mapping[str, str]:
        """Return what says in each answer which turn it is; beside it something comes and goes."""
        routes = {host: self._route(host, turn) for host in HOSTS}
        if turn % 2:
            routes["odd"] = self._route("odd.test", turn)
        return {**self._files, **{f"routes/{name}.yaml": text for name, text in routes.items()}}

    def _route(self, host: str, turn: int) -> str:
        said = {"set": [{"name": TURN, "value": str(turn)}]}
        rule = {
            "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": said}],
            "backendRefs": [backend_ref("echo")],
        }
        text = http_route(host.partition(".")[0], host, "echo", rules=[rule])
        return text.replace(json.dumps([{"name": "web"}]), json.dumps([{"name": name} for name in self._names]))


class Publishing(Beside):
    """Publishes one turn after the other, until it is left; whoever dies in between, the turn is tried again.

    Attributes:
        turn: the one that was published last.
        generation: the number that it has.
    """

    def __init__(self, cluster: EtcdCluster, shops: ManyShops) -> None:
        super().__init__()
        self._cluster = cluster
        self._shops = shops
        self.turn = 1
        self.generation = publish(cluster, shops.files(1))

    def wait_for_more(self, count: int) -> int:
        """Wait until this many more turns are published; return the last of them."""
        goal = self.turn + count
        wait_for(lambda: self.turn >= goal, f"turn {goal} to be published")
        return goal

    def _run(self) -> None:
        while not self._is_left.wait(_BETWEEN_S):
            try:
                self.generation = publish(self._cluster, self._shops.files(self.turn + 1))
            except EgxdsError:
                continue
            self.turn += 1


class Shopper(Beside):
    """Asks all Envoys in turns, and both hosts of each, over connections that it keeps, until it is left.

    Attributes:
        turns: port → the turn that the Envoy there told last.
        served: how many answers were good.
        failures: every other outcome, in words.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__()
        self.turns = dict.fromkeys(ports, 0)
        self.served = 0
        self.failures: list[str] = []

    def wait_for_turn(self, turn: int) -> None:
        """Wait until each Envoy tells a turn, or one after it."""
        wait_for(lambda: min(self.turns.values()) >= turn, f"turn {turn} of all Envoys: {self.turns}")

    def _run(self) -> None:
        connections = {port: HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S) for port in self.turns}
        while not self._is_left.wait(_PAUSE_S):
            for port, connection in connections.items():
                for host in HOSTS:
                    self._ask(port, connection, host)
        for connection in connections.values():
            connection.close()

    def _ask(self, port: int, connection: HTTPConnection, host: str) -> None:
        is_new = connection.sock is None
        try:
            connection.request("GET", "/", headers={"host": host})
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException) as err:
            connection.close()
            self.failures.append(f"{host} on {port}: {err!r}")
            return
        if response.status != HTTPStatus.OK:
            self.failures.append(f"{host} on {port}: status {response.status}: {text}")
            return
        self._take(port, host, int(response.headers[TURN]), is_new=is_new)

    def _take(self, port: int, host: str, turn: int, *, is_new: bool) -> None:
        """Take note of a turn; two connections may be answered by two threads of Envoy, of which one is ahead."""
        if turn < self.turns[port] and not is_new:
            self.failures.append(f"{host} on {port}: turn {turn} after {self.turns[port]}")
        self.turns[port] = turn
        self.served += 1
