"""What an EnvoyProxy says of the bootstrap of its Envoys. Pure.

Source: Envoy Gateway v1.9, ProxyBootstrap. What comes of it is `egxds.app.custom_bootstrap`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from egxds.model.api.envoy_patch_policy import MOST_PATCHES, JsonPatchOperation
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.validation import FieldError, refuse


def bootstrap_errors(asked: ProxyBootstrap) -> Iterator[FieldError]:
    """Check that a bootstrap has what its type needs, and nothing that it would pass over."""
    is_patch = asked.type == "JSONPatch"
    if is_patch and not asked.json_patches:
        yield FieldError((), "needs jsonPatches, since its type is JSONPatch")
    if not is_patch and asked.value is None:
        yield FieldError((), f"needs a value, since its type is {asked.type}")
    if is_patch and asked.value is not None:
        yield FieldError(("value",), "is not looked at, since the type is JSONPatch; delete it")
    if not is_patch and asked.json_patches:
        yield FieldError(("jsonPatches",), f"are not applied, since the type is {asked.type}; write type: JSONPatch")


@api_type
class ProxyBootstrap(ApiModel):
    """How the bootstrap differs from the one that is made for an Envoy.

    Attributes:
        type: whether it is merged into that, stands in its place, or patches it.
        value: a bootstrap in YAML; it may hold secrets.
        json_patches: in the order in which they are applied.
    """

    type: Literal["Merge", "Replace", "JSONPatch"] = "Replace"
    value: Annotated[str | None, Field(repr=False)] = None
    json_patches: Annotated[tuple[JsonPatchOperation, ...], Field(alias="jsonPatches", max_length=MOST_PATCHES)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(bootstrap_errors(self))
        return self
