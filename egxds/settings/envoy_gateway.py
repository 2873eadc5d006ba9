"""The settings file of Envoy Gateway: kind `EnvoyGateway`, as its standalone mode has it, and our settings of it. Pure.

It is read as it is. What stands in it goes one of three ways:

    has a meaning here        a field of `envoy_gateway_blocks`, and its way into our settings in `settings_of`
    has none                  a field that takes anything, and a row in `envoy_gateway_keys`: a note
    decides on access or      a row in `envoy_gateway_keys` or a check of its field: an error. To go on without it could
    trust, cannot be done     open a door

What the file leaves to its defaults gets ours, where Envoy Gateway's have no place here:

    xDS      there with mTLS on 0.0.0.0:18000 and certificates of `certgen`, here in plain text on 127.0.0.1:18000:
             the file has a key for neither, and who is on another machine cannot connect
    admin    there on 127.0.0.1:19000, metrics on 0.0.0.0:19001; here both on 127.0.0.1:19080: 19000 is the admin page
             of the Envoys that `egxds up` and `egxds bootstrap` make
    timeout  there a call of an extension has none; here it is 2 s: one that hangs would stop everything
    maxMessageSize
             there 4Mi, here 32Mi: what takes more cannot fail for less

A block `egxds` beside Envoy Gateway's own keys, which passes over it, says otherwise; so both read one file. It has the
keys of our settings for which there is none of theirs.

`failOpen` is our `onFailure` by other words: true is `bypass`, and false, also where it is not said, is `hold`. Both
keep what was served before; where there was nothing, an Envoy of Envoy Gateway's gets nothing, and here 500.

Source: Envoy Gateway v1.9, api/v1alpha1, EnvoyGatewaySpec.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, create_model, model_validator

from egxds.settings.daemon import Settings
from egxds.settings.envoy_gateway_blocks import (
    AdminOfEnvoyGateway,
    ExtensionApis,
    GatewayOfEnvoyGateway,
    LoggingOfEnvoyGateway,
    Provider,
    RuntimeFlags,
    XdsServer,
)
from egxds.settings.extensions import ExtensionManager
from egxds.settings.limits import XdsLimits
from egxds.settings.quantities import NullableModel, SettingsModel

_LEVELS = {"warn": "warning"}
_FORMATS = {"Text": "pretty", "JSON": "json"}

_SAID_BY_THEIRS = {"sources", "controller_name", "logging", "extension_apis", "extension_managers", "extension_manager"}

_KEYS_OF_OURS: dict[str, Any] = {
    name: (field.annotation, field) for name, field in Settings.model_fields.items() if name not in _SAID_BY_THEIRS
}

KeysOfOurs = create_model("KeysOfOurs", __base__=SettingsModel, **_KEYS_OF_OURS)
"""What our settings have beyond Envoy Gateway's."""


class EnvoyGateway(NullableModel):
    """The whole file of Envoy Gateway.

    Attributes:
        egxds: what it has no key for.
        gateway_api: kinds that are tried out.
        envoy_proxy: what every Envoy has.
    """

    api_version: Literal["gateway.envoyproxy.io/v1alpha1"]
    kind: Literal["EnvoyGateway"]
    metadata: Any = None
    gateway: GatewayOfEnvoyGateway = GatewayOfEnvoyGateway()
    provider: Provider
    logging: LoggingOfEnvoyGateway = LoggingOfEnvoyGateway()
    admin: AdminOfEnvoyGateway = AdminOfEnvoyGateway()
    telemetry: Any = None
    xds_server: XdsServer = XdsServer()
    rate_limit: Any = None
    leader_election: Any = None
    extension_manager: ExtensionManager | None = None
    extension_managers: tuple[ExtensionManager, ...] = ()
    extension_apis: ExtensionApis = ExtensionApis()
    gateway_api: Any = Field(default=None, alias="gatewayAPI")
    runtime_flags: RuntimeFlags = RuntimeFlags()
    envoy_proxy: Any = None
    egxds: KeysOfOurs | None = None

    @property
    def ours(self) -> dict[str, object]:
        """What the block `egxds` says, by the keys of our settings."""
        if self.egxds is None:
            return {}
        fields = type(self.egxds).model_fields
        return {fields[name].alias or name: getattr(self.egxds, name) for name in self.egxds.model_fields_set}

    @model_validator(mode="after")
    def _said_once(self) -> EnvoyGateway:
        if "admin" in self.ours and self.admin.address is not None:
            raise ValueError("give admin.address or egxds.admin, not both")
        if "xds" in self.ours and self.xds_server.max_receive_message_size is not None:
            raise ValueError("give xdsServer.maxReceiveMessageSize or egxds.xds, not both")
        return self


def settings_of(file: EnvoyGateway) -> Settings:
    """Return the settings that a file of Envoy Gateway comes to.

    Raises:
        pydantic.ValidationError: its extensions are no set of extensions.
    """
    written: dict[str, object] = {
        "sources": {"files": {"paths": file.provider.paths}},
        "xds": _xds(file.xds_server),
        "logging": _logging(file.logging),
        "extensionManagers": tuple(map(_as_it_fails, file.extension_managers)),
    }
    if file.extension_apis.enable_envoy_patch_policy is not None:
        written["extensionApis"] = {"enableEnvoyPatchPolicy": file.extension_apis.enable_envoy_patch_policy}
    if file.gateway.controller_name:
        written["controllerName"] = file.gateway.controller_name
    if file.admin.address is not None:
        written["admin"] = {"address": str(file.admin.address)}
    if file.extension_manager is not None:
        written["extensionManager"] = _as_it_fails(file.extension_manager)
    return Settings.model_validate(written | file.ours)


def _xds(server: XdsServer) -> dict[str, object]:
    size = server.max_receive_message_size
    if size is None:
        return {}
    return {"maxReceiveMessageSize": size, "limits": {"receiveBytes": max(size, XdsLimits().receive_bytes)}}


def _logging(logging: LoggingOfEnvoyGateway) -> dict[str, object]:
    level = logging.level.get("default", "info")
    form = {} if logging.encoder is None else {"format": _FORMATS[logging.encoder]}
    return {"level": _LEVELS.get(level, level), **form}


def _as_it_fails(manager: ExtensionManager) -> ExtensionManager:
    """Have an extension that is not to fail open hold what was there before, unless `onFailure` says otherwise."""
    if manager.on_failure is not None or manager.fail_open:
        return manager
    return manager.model_copy(update={"on_failure": "hold"})
