"""The status of objects, as the admin API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from tests.conformance import conditions
from tests.conformance.api_server import ApiServer, Key
from tests.conformance.conditions import Json
from tests.conformance.pods import Pods
from tests.envoy.daemon import Daemon


@dataclass(frozen=True)
class StatusReader:
    """Reads what the daemon says of objects, beside what they are.

    Attributes:
        controller_name: of the run's GatewayClass.
    """

    daemon: Daemon
    server: ApiServer
    pods: Pods
    controller_name: str

    def status(self, key: Key) -> Json:
        """Return the status of an object.

        Raises:
            AssertionError: the daemon does not show it.
        """
        query = {"kind": key.kind, "name": key.name, **({"namespace": key.namespace} if key.namespace else {})}
        answer = self.daemon.admin(f"/api/v1/objects?{urlencode(query)}")
        assert answer.status == HTTPStatus.OK, f"egxds shows no {key}: {answer.json['error'].partition(';')[0]}"
        assert answer.json["items"], f"egxds shows no {key}"
        status: Json = answer.json["items"][0].get("status") or {}
        return status

    def latest(self, key: Key) -> Json:
        """Return the status of an object whose conditions are all of its generation."""
        status = self.status(key)
        conditions.are_latest(status.get("conditions", []), self.server.generation(key))
        return status

    def parents(self, key: Key) -> Sequence[Json]:
        """Return the parents of a route, whose conditions are all of its generation."""
        parents: Sequence[Json] = self.status(key).get("parents", [])
        for parent in parents:
            conditions.are_latest(parent["conditions"], self.server.generation(key))
        return parents

    def ancestors(self, key: Key) -> Sequence[Json]:
        """Return the ancestors of a policy, whose conditions are all of its generation."""
        ancestors: Sequence[Json] = self.status(key).get("ancestors", [])
        for ancestor in ancestors:
            conditions.are_latest(ancestor["conditions"], self.server.generation(key))
        return ancestors

    def address(self, gateway: str) -> str:
        """Return the first address of a Gateway that has a type.

        Args:
            gateway: `namespace/name`.
        """
        key = Key.parse("Gateway", gateway)
        addresses = self.latest(key).get("addresses", [])
        typed = [address["value"] for address in addresses if address.get("type")]
        assert typed, f"{key} has no address with a type, but {addresses}"
        return str(typed[0])
