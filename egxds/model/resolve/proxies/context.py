"""What a feature of an EnvoyProxy is resolved in. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.validation import Path
from egxds.model.resolve.features.reached import PolicyBackends
from egxds.model.resolve.index import ObjectIndex
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ProxyContext:
    """What a feature is resolved in.

    Attributes:
        proxy: the EnvoyProxy that asks for it; of one that was merged, the one that brought it.
        path: where it stands there.
        index: finds the objects.
        backends: finds what Envoy is to speak to itself.
        prefix: of the names of clusters: an Envoy that serves several Gateways of a class has those of all, and what
            these do not share may not have one name. Empty for what the class says.
        envoy: what the Envoys are called where nobody says it: as the Gateway, `name.namespace`.
    """

    proxy: ObjectKey
    path: Path
    index: ObjectIndex
    backends: PolicyBackends
    prefix: str
    envoy: str
