"""What all parts of the settings file have in common. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class SettingsModel(BaseModel):
    """Base of all settings: camelCase in the file, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="forbid")
