"""The blocks of Envoy Gateway's settings file, each with its keys. Pure.

A key that has no meaning here takes anything; `envoy_gateway_keys` has what is said of it.
Source: Envoy Gateway v1.9, api/v1alpha1, EnvoyGatewaySpec.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from egxds.names import joined_admin_address
from egxds.settings.quantities import ByteSize, NullableModel

_Level = Literal["debug", "info", "warn", "error"]
_Component = Literal[
    "default",
    "provider",
    "gateway-api",
    "xds-translator",
    "xds-server",
    "xds",
    "infrastructure",
    "global-ratelimit",
]


class GatewayOfEnvoyGateway(NullableModel):
    """Which GatewayClasses are ours.

    Attributes:
        controller_name: as in our settings.
    """

    controller_name: str = ""


class FileProvider(NullableModel):
    """Where the objects lie.

    Attributes:
        paths: files or directories.
    """

    paths: tuple[str, ...] = Field(min_length=1)


class ResourceProvider(NullableModel):
    """Where the objects come from.

    Attributes:
        type: nothing but files.
        file: which.
    """

    type: Literal["File"]
    file: FileProvider


class InfrastructureProvider(NullableModel):
    """Who runs the Envoys; for us that is the command: `egxds up`, or `egxds serve` for Envoys that others run.

    Attributes:
        type: a child process, or nobody.
        host: its directories.
        remote: nothing.
    """

    type: Literal["Host", "Remote"]
    host: Any = None
    remote: Any = None


class CustomProvider(NullableModel):
    """Files and Envoys, without a cluster.

    Attributes:
        resource: where the objects come from.
        infrastructure: who runs the Envoys.
    """

    resource: ResourceProvider
    infrastructure: InfrastructureProvider | None = None


def _no_cluster(value: str) -> str:
    if value == "Kubernetes":
        raise ValueError(
            "Kubernetes would have objects read from a cluster, and egxds reads files: write Custom, and where they "
            "lie in custom.resource.file.paths"
        )
    return value


class Provider(NullableModel):
    """Where objects come from, and who runs the Envoys.

    Attributes:
        type: nothing but `Custom` can be served.
        kubernetes: of the other type.
        custom: of this type.
    """

    type: Annotated[Literal["Custom", "Kubernetes"], AfterValidator(_no_cluster)]
    kubernetes: Any = None
    custom: CustomProvider | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Files or directories."""
        return self.custom.resource.file.paths if self.custom is not None else ()

    @model_validator(mode="after")
    def _has_files(self) -> Provider:
        if self.custom is None:
            raise ValueError("custom.resource.file.paths is missing: it says where the objects lie")
        return self


class LoggingOfEnvoyGateway(NullableModel):
    """What is logged.

    Attributes:
        level: of all, and of single components.
        encoder: how a line is written.
    """

    level: dict[_Component, _Level] = Field(default_factory=dict)
    encoder: Literal["Text", "JSON"] | None = None


class AdminAddress(NullableModel):
    """Where the admin API listens.

    Attributes:
        host: its address.
        port: 0 is as not given.
    """

    host: str = ""
    port: Annotated[StrictInt, Field(ge=0, le=65535)] = 0

    def __str__(self) -> str:
        return joined_admin_address(self.host, self.port)


class AdminOfEnvoyGateway(NullableModel):
    """The admin API.

    Attributes:
        address: where it listens.
        enable_dump_config: whether the settings are logged.
        enable_pprof: whether profiles of the Go runtime are served.
    """

    address: AdminAddress | None = None
    enable_dump_config: StrictBool = False
    enable_pprof: StrictBool = False


class XdsServer(NullableModel):
    """The xDS server.

    Attributes:
        max_connection_age: after which a connection is ended.
        max_connection_age_grace: how long that may take.
        max_receive_message_size: bytes of one request.
    """

    max_connection_age: Any = None
    max_connection_age_grace: Any = None
    max_receive_message_size: ByteSize | None = None


class ExtensionApis(NullableModel):
    """Which kinds of its own Envoy Gateway reads.

    Attributes:
        enable_backend: Backend.
        enable_envoy_patch_policy: EnvoyPatchPolicy.
        enable_lua: Lua in EnvoyExtensionPolicy.
        disable_lua: the same, as it was said before.
        enable_sds_secret_ref: Secrets that name an SDS server.
    """

    enable_backend: StrictBool | None = None
    enable_envoy_patch_policy: StrictBool | None = None
    enable_lua: StrictBool = False
    disable_lua: StrictBool | None = None
    enable_sds_secret_ref: StrictBool = Field(default=False, alias="enableSDSSecretRef")


class RuntimeFlags(NullableModel):
    """What is tried out before it is for everybody.

    Attributes:
        enabled: names of flags.
        disabled: names of flags.
    """

    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
