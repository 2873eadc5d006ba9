"""ListenerSet, as a user writes it: listeners that a Gateway has beside its own. Pure.

Source: Gateway API v1.6, ListenerSetSpec. Its listeners say what those of a Gateway do.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from egxds.model.api.gateway import Listener, indistinct_listeners
from egxds.model.api.object import GATEWAY_GROUP, ApiModel, Kind, api_type
from egxds.model.api.scalars import Name, ObjectName, Word
from egxds.model.api.validation import refuse


@api_type
class ParentGatewayReference(ApiModel):
    """The Gateway that the listeners are for."""

    is_narrowing = True

    group: Word = GATEWAY_GROUP
    kind: Word = "Gateway"
    namespace: Name | None = None
    name: ObjectName


@api_type
class ListenerSetSpec(ApiModel):
    """spec of a ListenerSet."""

    parent_ref: ParentGatewayReference
    listeners: tuple[Listener, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(indistinct_listeners(self.listeners))
        return self


LISTENER_SET = Kind(GATEWAY_GROUP, "ListenerSet", ("v1",), ListenerSetSpec)
