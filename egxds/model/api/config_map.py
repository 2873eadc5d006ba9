"""ConfigMap, as a user writes it: only certificates of authorities are read from one. Pure."""

from __future__ import annotations

from pydantic import Field, model_validator

from egxds.certificates.authorities import AUTHORITIES_ENTRY
from egxds.model.api.object import CORE_GROUP, ApiModel, Body, Kind, api_type

_VALUES = ("data", "binaryData")


@api_type
class ConfigMapBody(ApiModel):
    """A ConfigMap, which has no spec. Of its values the certificates of authorities are kept; the rest is nobody's.

    Attributes:
        data: the values as text, of which only that one is kept.
        binary_data: the same in base64; nobody writes certificates so, and what is here is not read.
    """

    silent_fields = frozenset({"immutable"})

    data: dict[str, str] = Field(default_factory=dict, repr=False)
    binary_data: dict[str, object] = Field(default_factory=dict, repr=False)

    @classmethod
    def concerns(cls, raw: object) -> bool:
        """Tell whether a ConfigMap holds certificates of authorities, well written or not."""
        return any(AUTHORITIES_ENTRY in values for values in _values(raw))

    @model_validator(mode="before")
    @classmethod
    def _keep_authorities(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        kept = {
            name: {key: value for key, value in raw[name].items() if key == AUTHORITIES_ENTRY}
            for name in _VALUES
            if isinstance(raw.get(name), dict)
        }
        return {**raw, **kept}

    @property
    def values(self) -> dict[str, bytes]:
        """Its values as bytes."""
        return {name: text.encode() for name, text in self.data.items()}


def _values(raw: object) -> list[dict[str, object]]:
    found = [raw.get(name) for name in _VALUES] if isinstance(raw, dict) else []
    return [values for values in found if isinstance(values, dict)]


CONFIG_MAP = Kind(CORE_GROUP, "ConfigMap", ("v1",), ConfigMapBody, Body.WHOLE)
