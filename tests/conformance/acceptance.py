"""Routes that a Gateway or a ListenerSet accepts, and its listeners, as most tests begin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.conformance import conditions
from tests.conformance.api_server import Key
from tests.conformance.conditions import Json
from tests.conformance.status_reader import StatusReader
from tests.conformance.waiting import eventually

_SERVED = tuple({"type": name, "status": "True", "reason": ""} for name in ("ResolvedRefs", "Accepted", "Programmed"))
_GATEWAY_API = "gateway.networking.k8s.io"


def routes_accepted(reader: StatusReader, parent: Key, kind: str, routes: Sequence[str]) -> None:
    """Wait until routes are accepted by a parent."""
    wanted = {
        "parent_ref": {"group": _GATEWAY_API, "kind": parent.kind, "name": parent.name, "namespace": parent.namespace},
        "controller_name": reader.controller_name,
        "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted"}],
    }
    for key in (Key.parse(kind, route) for route in routes):
        required = key.namespace != parent.namespace
        eventually(partial(_is_accepted, reader, key, wanted, namespace_required=required), f"{key} at {parent}")


def listeners_served(reader: StatusReader, parent: Key) -> None:
    """Wait until all listeners of a parent serve."""
    eventually(partial(_are_served, reader, parent), f"listeners of {parent}")


def _is_accepted(reader: StatusReader, key: Key, wanted: Json, *, namespace_required: bool) -> None:
    conditions.parents_match([wanted], reader.parents(key), namespace_required=namespace_required)


def _are_served(reader: StatusReader, parent: Key) -> None:
    conditions.listeners_hold(_SERVED, reader.status(parent).get("listeners", []))
