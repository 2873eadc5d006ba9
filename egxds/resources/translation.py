"""What translation makes of a Gateway, and the hooks change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.incremental.revision import Revision
from egxds.object_key import ObjectKey
from egxds.resources.resource import ExtensionResources, Resources
from egxds.resources.route_configuration import RouteConfiguration

_NONE = Resources()


@dataclass(frozen=True, slots=True)
class HookContext:
    """What hooks get beside the resources; the Route hook's stands at each route.

    Attributes:
        clusters: cluster name → the extensions' objects that the rule names as filters, and as backends of this
            cluster; only clusters that have any.
        belongs_to: cluster name → SHA-256 of what the other objects say that its rule is made from; as `owner`.
        listeners: Envoy listener name → policies on any of the Gateway's listeners there, each once; only listeners
            that have any.
        gateway: policies on the Gateway, or on a listener of it, each once.
        owner: SHA-256 of what the Gateway and its ListenerSets say; no hook is shown it, and all are asked again when
            one says something else: those about its listeners, and about all of it, at once; the others behind that.
        places: `<namespace>/<gateway>/<listener>` → fields that say so in the contexts of the virtual hosts and routes
            there, encoded.
        ports: Envoy listener name → the same of the context of that listener.
        whole: the same of the Translation context.
    """

    clusters: Revision[str, ExtensionResources] = field(default_factory=Revision)
    belongs_to: Revision[str, bytes] = field(default_factory=Revision, repr=False)
    listeners: Mapping[str, ExtensionResources] = field(default_factory=dict)
    gateway: ExtensionResources = ()
    owner: bytes = b""
    # Annotations are in them, and no part of what may end up in a log.
    places: Revision[str, bytes] = field(default_factory=Revision, repr=False)
    ports: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    whole: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class PatchFault:
    """Why a policy that patches resources is not applied.

    Attributes:
        patch: position of the patch, 0 for the first.
        message: what is wrong, with the patch that it is about.
        is_missing: whether what it is for is not there.
        is_closing: whether what the policy is for answers 500 for it.
    """

    patch: int
    message: str
    is_missing: bool = False
    is_closing: bool = False


@dataclass(frozen=True, slots=True)
class GatewayTranslation:
    """All resources of one Gateway before any hook, by name.

    Attributes:
        gateway: `<namespace>/<name>`.
        class_name: its GatewayClass.
        endpoints: one for each cluster that is not resolved by DNS, under the cluster's name.
        extension_configs: of HTTP filters that are fetched by name; hooks are not told of them.
        context: what hooks get beside the resources.
        patch_faults: policy that patches the resources → why it is not applied; nothing of one that is.
    """

    gateway: str
    class_name: str
    listeners: Resources = field(repr=False)
    route_configurations: Revision[str, RouteConfiguration] = field(repr=False)
    clusters: Resources = field(repr=False)
    endpoints: Resources = field(repr=False)
    secrets: Resources = field(repr=False)
    extension_configs: Resources = field(default=_NONE, repr=False)
    context: HookContext = field(default_factory=HookContext)
    patch_faults: Mapping[ObjectKey, tuple[PatchFault, ...]] = field(default_factory=dict)
