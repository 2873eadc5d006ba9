"""apiKeyAuth of a SecurityPolicy, as a user writes it. Pure.

Source: Envoy Gateway v1.9, APIKeyAuth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from egxds.model.api.gateway import SecretObjectReference
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, refuse


def key_source_errors(source: KeySource) -> Iterator[FieldError]:
    """Check that keys are looked for in one of the three ways."""
    if sum(map(bool, (source.headers, source.params, source.cookies))) != 1:
        yield FieldError((), "give one of headers, params and cookies")


@api_type
class KeySource(ApiModel):
    """Where requests have their key: in the first of these that they have."""

    is_narrowing = True

    headers: tuple[HeaderName, ...] = ()
    params: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()
    cookies: tuple[HeaderName, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(key_source_errors(self))
        return self


@api_type
class ApiKeyAuth(ApiModel):
    """Who has to show a key.

    Attributes:
        credential_refs: the Secrets that have the keys, each under the name of its client.
        forward_client_id_header: by which backends are told the client.
        sanitize: whether backends are not shown the key.
    """

    is_narrowing = True

    credential_refs: tuple[SecretObjectReference, ...] = Field(min_length=1)
    extract_from: tuple[KeySource, ...] = Field(min_length=1)
    forward_client_id_header: Annotated[HeaderName | None, Field(alias="forwardClientIDHeader")] = None
    sanitize: StrictBool = False
