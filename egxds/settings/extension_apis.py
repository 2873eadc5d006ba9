"""Which kinds of Envoy Gateway are asked for beyond those that are always read. Pure."""

from __future__ import annotations

from enum import Enum

from pydantic import StrictBool

from egxds.settings.quantities import SettingsModel


class Patching(Enum):
    """What becomes of EnvoyPatchPolicies.

    ENABLED: they are applied. DISABLED: they are passed over, since somebody has said so. UNSAID: nobody has said
    anything; they are not applied, and those that may decide on access deny.
    """

    ENABLED = "enabled"
    DISABLED = "disabled"
    UNSAID = "unsaid"


class ExtensionApiSettings(SettingsModel):
    """Kinds that are served where they are asked for.

    Attributes:
        enable_envoy_patch_policy: whether EnvoyPatchPolicies are applied; with false they are passed over, and without
            either what one is for answers 500, unless it patches nothing that decides on access.
    """

    enable_envoy_patch_policy: StrictBool | None = None

    @property
    def patching(self) -> Patching:
        """What becomes of EnvoyPatchPolicies."""
        if self.enable_envoy_patch_policy is None:
            return Patching.UNSAID
        return Patching.ENABLED if self.enable_envoy_patch_policy else Patching.DISABLED
