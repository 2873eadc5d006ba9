"""Kinds that the standard had once, and those that came in their place. Pure.

Their objects are not read: files that hold them hold references to them too (of routes, of grants, of policies), and
would be read in part alone. What is to be written instead is told.

Sources: Gateway API v1.5, where ListenerSet became part of the standard channel and XListenerSet ended; v0.6, for
ReferencePolicy.
"""

from __future__ import annotations

from collections.abc import Mapping

from egxds.model.api.core import REFERENCE_GRANT
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import GATEWAY_GROUP, ApiModel, Kind
from egxds.object_key import GroupKind

REPLACED: Mapping[GroupKind, Kind[ApiModel]] = {
    ("gateway.networking.x-k8s.io", "XListenerSet"): LISTENER_SET,
    (GATEWAY_GROUP, "ReferencePolicy"): REFERENCE_GRANT,
}
"""A row each."""


def replacement(kind: GroupKind) -> str:
    """Say what is to be written in the place of a kind; nothing where no other came in its place."""
    now = REPLACED.get(kind)
    return f"write {now.kind} of {now.api_versions[0]}, which came in its place" if now is not None else ""
