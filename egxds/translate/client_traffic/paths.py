"""path: what becomes of it before routes are looked at. Pure."""

from __future__ import annotations

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from google.protobuf.wrappers_pb2 import BoolValue

from egxds.model.api.client_traffic.requests import ClientPath
from egxds.translate.client_traffic.place import ManagerPlace

_ESCAPED_SLASHES = {
    "KeepUnchanged": HttpConnectionManager.KEEP_UNCHANGED,
    "RejectRequest": HttpConnectionManager.REJECT_REQUEST,
    "UnescapeAndForward": HttpConnectionManager.UNESCAPE_AND_FORWARD,
    "UnescapeAndRedirect": HttpConnectionManager.UNESCAPE_AND_REDIRECT,
}


def write_path(manager: HttpConnectionManager, asked: ClientPath | None, place: ManagerPlace) -> None:
    """Write how paths are normalised; what a policy does not say is as the settings have it."""
    asked, default = asked or ClientPath(), place.defaults.path
    keeps_slashes = asked.disable_merge_slashes
    if keeps_slashes is None:
        keeps_slashes = default.disable_merge_slashes
    manager.normalize_path.CopyFrom(BoolValue(value=True))
    manager.merge_slashes = not keeps_slashes
    action = asked.escaped_slashes_action or default.escaped_slashes_action
    manager.path_with_escaped_slashes_action = _ESCAPED_SLASHES[action]
