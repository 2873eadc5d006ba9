"""Secret, ReferenceGrant, Namespace and the objects of extensions, as a user writes them. Pure."""

from __future__ import annotations

import base64
from typing import Self

from pydantic import Field, model_validator

from egxds.certificates.key_pair import CERTIFICATE_ENTRY, KEY_ENTRY, key_pair_faults
from egxds.model.api.object import CORE_GROUP, GATEWAY_GROUP, GATEWAY_VERSIONS, ApiModel, Body, Kind, api_type
from egxds.model.api.scalars import Base64Bytes, Name, ObjectName
from egxds.model.api.validation import FieldError, refuse

TLS_SECRET_TYPE = "kubernetes.io/tls"  # noqa: S105 — the name of a type, not a password

_NAMES_IN_SECRETS = frozenset(
    {"apiVersion", "kind", "metadata", "type", "data", "stringData", "immutable", "status"}
) | {
    "annotations",
    "creationTimestamp",
    "labels",
    "name",
    "namespace",
    CERTIFICATE_ENTRY,
    KEY_ENTRY,
    "ca.crt",
}


@api_type
class SecretBody(ApiModel):
    """A Secret, which has no spec. Values never show when it is printed.

    Attributes:
        data: every value, those of `stringData` included, which override.
        string_data: as the file gives it.
    """

    silent_fields = frozenset({"immutable"})
    quotable_names = _NAMES_IN_SECRETS

    type: str = "Opaque"
    data: dict[str, Base64Bytes] = Field(default_factory=dict, repr=False)
    string_data: dict[str, str] = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _merge_plain_text(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        data, plain = raw.get("data") or {}, raw.get("stringData") or {}
        if not isinstance(data, dict) or not isinstance(plain, dict):
            return raw
        encoded = {name: _encode(value) for name, value in plain.items() if isinstance(value, str)}
        return {**raw, "data": {**data, **encoded}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type == TLS_SECRET_TYPE:
            refuse(FieldError(("data",), fault) for fault in key_pair_faults(self.data))
        return self


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


@api_type
class ReferenceGrantFrom(ApiModel):
    """Who may refer."""

    is_narrowing = True

    group: str
    kind: str
    namespace: Name


@api_type
class ReferenceGrantTo(ApiModel):
    """What may be referred to: all objects of the kind where no name is given."""

    is_narrowing = True

    group: str
    kind: str
    name: ObjectName | None = None


@api_type
class ReferenceGrantSpec(ApiModel):
    """spec of a ReferenceGrant; it permits references into its own namespace."""

    is_narrowing = True

    from_: tuple[ReferenceGrantFrom, ...] = Field(alias="from", min_length=1, max_length=16)
    to: tuple[ReferenceGrantTo, ...] = Field(min_length=1, max_length=16)


@api_type
class NamespaceBody(ApiModel):
    """A Namespace: only its labels matter."""

    silent_fields = frozenset({"spec"})


@api_type
class ExtensionBody(ApiModel):
    """An object of a kind that belongs to an extension.

    Attributes:
        document: the whole object as JSON with sorted keys, as an extension server gets it.
    """

    document: bytes = Field(repr=False)


SECRET = Kind(CORE_GROUP, "Secret", ("v1",), SecretBody, Body.WHOLE)
NAMESPACE = Kind(CORE_GROUP, "Namespace", ("v1",), NamespaceBody, Body.WHOLE, is_namespaced=False)
REFERENCE_GRANT = Kind(GATEWAY_GROUP, "ReferenceGrant", GATEWAY_VERSIONS, ReferenceGrantSpec)
