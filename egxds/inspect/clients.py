"""The connected Envoys as the admin API shows them: who they are, what each was sent, took and refused. Pure."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from egxds.inspect.config_dump import Locate, describe_source
from egxds.names import SHORT_NAMES
from egxds.sessions.open_streams import Client
from egxds.sessions.status import ResourceStatus, TypeStatus

_MAX_REFUSED = 20
_MAX_SOURCES = 20
"""Objects that are looked up for a refused resource: a RouteConfiguration has all of its routes."""
_DIGEST_HEX_DIGITS = 8

Json = dict[str, object]


def describe_clients(clients: Iterable[Client], now_s: float, locate: Locate) -> Iterator[Json]:
    """Describe open streams, one at a time: each costs as much as it holds resources.

    Args:
        clients: the streams.
        now_s: monotonic seconds.
        locate: finds where objects stand.
    """
    return (_describe(client, now_s, locate) for client in clients)


def _describe(client: Client, now_s: float, locate: Locate) -> Json:
    node = client.session.node
    return {
        "id": node.id if node else "",
        "cluster": node.cluster if node else "",
        "userAgent": node.user_agent if node else "",
        "peer": client.peer,
        "stream": client.stream,
        "connectedSince": datetime.fromtimestamp(client.since_s, UTC).isoformat(timespec="seconds"),
        "gateways": list(client.gateways),
        "fallback": client.is_fallback,
        "canary": client.is_canary,
        "types": [_describe_type(status, now_s, locate) for status in client.session.status()],
    }


def _describe_type(status: TypeStatus, now_s: float, locate: Locate) -> Json:
    resources = status.resources.values()
    return {
        "type": SHORT_NAMES.get(status.type_url, status.type_url),
        "typeUrl": status.type_url,
        "state": status.state.value,
        "wildcard": status.is_wildcard,
        "subscribed": status.subscribed,
        "sent": status.sent,
        "acked": status.acked,
        "nacked": status.nacked,
        "lastSentNonce": status.last_sent_nonce,
        "lastAckedNonce": status.last_acked_nonce,
        "lastError": status.last_error,
        "secondsSinceAck": None if status.last_acked_at_s is None else round(now_s - status.last_acked_at_s, 1),
        "versions": {
            "sent": _digest((name, one.sent_version) for name, one in status.resources.items()),
            "acked": _digest((name, one.acked_version) for name, one in status.resources.items()),
        },
        "resources": {
            "held": sum(bool(one.sent_version) for one in resources),
            "acked": sum(_is_acked(one) for one in resources),
            "nacked": sum(bool(one.nacked_version) for one in resources),
        },
        "refused": [
            {
                "name": name,
                "version": one.nacked_version,
                "error": one.error,
                "sources": [describe_source(place) for place in locate(one.sources[:_MAX_SOURCES])],
            }
            for name, one in itertools.islice(_refused(status), _MAX_REFUSED)
        ],
    }


def _digest(versions: Iterable[tuple[str, str]]) -> str:
    """Return a word for a set of resources in their versions: Envoys that hold the same have the same."""
    listed = "".join(f"{name}@{version}\n" for name, version in sorted(versions) if version)
    return hashlib.sha256(listed.encode()).hexdigest()[:_DIGEST_HEX_DIGITS] if listed else ""


def _is_acked(resource: ResourceStatus) -> bool:
    return bool(resource.sent_version) and resource.acked_version == resource.sent_version


def _refused(status: TypeStatus) -> list[tuple[str, ResourceStatus]]:
    return [(name, one) for name, one in sorted(status.resources.items()) if one.nacked_version]
