"""The settings of extensions: where they are, when they are called, what happens when they fail. Pure.

The schema is Envoy Gateway's, with keys of ours added.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from egxds.settings.extension_service import ExtensionService
from egxds.settings.quantities import ByteSize, DurationSeconds, NullableModel


class Hook(Enum):
    """A point at which an extension may change resources; in the order in which they are called."""

    ROUTE = "Route"
    ENDPOINTS = "Endpoints"
    CLUSTER = "Cluster"
    VIRTUAL_HOST = "VirtualHost"
    HTTP_LISTENER = "HTTPListener"
    TRANSLATION = "Translation"


class IncludedOnRequest(NullableModel):
    """Whether the Translation hook gets, and returns, all resources of a type that it else does not get.

    Attributes:
        include_all: of all listeners, or all routes.
    """

    include_all: StrictBool = False


class IncludedByDefault(NullableModel):
    """Whether the Translation hook gets, and returns, all resources of a type that it else does get.

    Attributes:
        include_all: of all clusters, or all secrets.
    """

    include_all: StrictBool = True


class TranslationHookSettings(NullableModel):
    """What the Translation hook gets; an empty block is as none."""

    listener: IncludedOnRequest = IncludedOnRequest()
    route: IncludedOnRequest = IncludedOnRequest()
    cluster: IncludedByDefault = IncludedByDefault()
    secret: IncludedByDefault = IncludedByDefault()


class XdsTranslatorHooks(NullableModel):
    """Which hooks are called.

    Attributes:
        pre: before the translation; Envoy Gateway takes them and calls none, and so it is here.
        post: after the translation of what they are called for.
        translation: what the Translation hook gets.
    """

    pre: tuple[Hook, ...] = ()
    post: tuple[Hook, ...] = ()
    translation: TranslationHookSettings = TranslationHookSettings()

    @model_validator(mode="after")
    def _any_hook(self) -> XdsTranslatorHooks:
        if not self.pre and not self.post:
            raise ValueError("post names no hook; name at least one")
        return self


class HookSettings(NullableModel):
    """Hooks of one extension."""

    xds_translator: XdsTranslatorHooks


class GroupVersionKind(NullableModel):
    """A kind of object that belongs to an extension.

    Attributes:
        group: its API group.
        version: its version in that.
        kind: its name, as in `kind:`.
    """

    group: str
    version: str
    kind: str


OnFailure = Literal["deny", "hold", "bypass"]


class ExtensionManager(NullableModel):
    """One extension server and what happens when it fails.

    Attributes:
        name: what it is called by commands, logs and metrics; of several each needs one.
        resources: kinds that filters of routes name; their objects go to the Route and Cluster hooks.
        policy_resources: kinds of policies; their objects go to the hooks of what they target.
        backend_resources: kinds that backendRefs name; their objects go to the Route and Cluster hooks.
        allow_empty: whether the reply to a Translation call may be empty, which removes all that was sent.
        bootstrap_clusters: clusters that every Envoy has from its bootstrap, which replies may refer to.
        allow_types: types of extensions, such as `example.v1.MyFilter`, that replies may have although no Envoy of this
            version is known to have them.
        timeout: seconds one call may take, retries included.
        fail_open: Envoy Gateway's word for `onFailure: bypass`.
        on_failure: what is published when a hook fails; `deny` where nothing is said.
        hold_for: seconds after which `hold` becomes `deny`; without it, never.
        cache_ttl: seconds for which a reply that is not in use answers an identical request; 0 turns that off. One that
            is in use holds until its input changes.
        refresh: seconds after which everything is asked again though nothing changed, a tenth more or less; without it,
            never.
        max_message_size: most bytes of one request, and of one reply.
    """

    name: str = ""
    hooks: HookSettings
    service: ExtensionService
    resources: tuple[GroupVersionKind, ...] = ()
    policy_resources: tuple[GroupVersionKind, ...] = ()
    backend_resources: tuple[GroupVersionKind, ...] = ()
    allow_empty: StrictBool = False
    bootstrap_clusters: tuple[str, ...] = ()
    allow_types: tuple[str, ...] = ()
    max_message_size: ByteSize = 32 * 1024 * 1024
    fail_open: StrictBool = False
    timeout: DurationSeconds = 2.0
    on_failure: OnFailure | None = None
    hold_for: DurationSeconds | None = None
    cache_ttl: DurationSeconds = Field(default=60.0, alias="cacheTTL")
    refresh: Annotated[DurationSeconds, Field(ge=1)] | None = None

    @property
    def call_timeout(self) -> float:
        """Seconds one call may take: Envoy Gateway has them in `service.timeout`."""
        return self.timeout if self.service.timeout is None else self.service.timeout

    @property
    def failure_policy(self) -> OnFailure:
        """What happens when a call fails; `failOpen: true` means bypass."""
        return self.on_failure or ("bypass" if self.fail_open else "deny")

    @model_validator(mode="after")
    def _one_timeout(self) -> ExtensionManager:
        if "timeout" in self.model_fields_set and self.service.timeout is not None:
            raise ValueError("give timeout or service.timeout, not both")
        return self

    @model_validator(mode="after")
    def _one_policy(self) -> ExtensionManager:
        if self.fail_open and self.on_failure not in (None, "bypass"):
            raise ValueError(f"failOpen: true and onFailure: {self.on_failure} contradict each other; keep onFailure")
        if self.hold_for is not None and self.on_failure != "hold":
            raise ValueError("holdFor is for onFailure: hold, which is not given")
        return self
