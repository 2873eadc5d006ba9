"""ConfigMap, as a user writes it: certificates, what is revoked, sets of keys, bodies of answers, and texts. Pure."""

from __future__ import annotations

from pydantic import Field, model_validator

from egxds.certificates.authorities import AUTHORITIES_ENTRY
from egxds.certificates.json_web_keys import JWKS_ENTRY
from egxds.certificates.revoked import REVOKED_ENTRY
from egxds.model.api.object import CORE_GROUP, ApiModel, Body, Kind, api_type

_VALUES = ("data", "binaryData")
BODY_ENTRY = "response.body"
_READ = frozenset({AUTHORITIES_ENTRY, REVOKED_ENTRY, JWKS_ENTRY, BODY_ENTRY})


@api_type
class ConfigMapBody(ApiModel):
    """A ConfigMap, which has no spec. Of its values those are kept that may be read: texts, whatever their names.

    A set of keys, or the body of an answer, may have any name where nothing else is in the ConfigMap (Envoy Gateway);
    what servers are told has the name that a policy says.

    Attributes:
        data: the values as text.
        binary_data: the same in base64; nobody writes certificates so, and what is here is not read.
    """

    silent_fields = frozenset({"immutable"})

    data: dict[str, str] = Field(default_factory=dict, repr=False)
    binary_data: dict[str, object] = Field(default_factory=dict, repr=False)

    @classmethod
    def concerns(cls, raw: object) -> bool:
        """Tell whether a ConfigMap holds anything that is read, well written or not."""
        return any(map(_kept, _values(raw)))

    @model_validator(mode="before")
    @classmethod
    def _keep_what_is_read(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        kept = {name: _kept(raw[name]) for name in _VALUES if isinstance(raw.get(name), dict)}
        return {**raw, **kept}

    @property
    def values(self) -> dict[str, bytes]:
        """Its values as bytes."""
        return {name: text.encode() for name, text in self.data.items()}


def _kept(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name in _READ or _is_text(name, value)}


def _is_text(*found: object) -> bool:
    return all(isinstance(each, str) for each in found)


def _values(raw: object) -> list[dict[str, object]]:
    found = [raw.get(name) for name in _VALUES] if isinstance(raw, dict) else []
    return [values for values in found if isinstance(values, dict)]


CONFIG_MAP = Kind(CORE_GROUP, "ConfigMap", ("v1",), ConfigMapBody, Body.WHOLE)
