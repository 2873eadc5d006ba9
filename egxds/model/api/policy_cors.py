"""cors of a SecurityPolicy, as a user writes it. Pure.

Source: Envoy Gateway v1.9, CORS. A filter of a rule says the same by fields of its own (`cors`), and counts before it.
"""

from __future__ import annotations

from pydantic import Field, StrictBool

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration, HeaderName, Origin


@api_type
class PolicyCors(ApiModel):
    """Which pages of other origins a browser may show the answers to.

    Attributes:
        max_age: for which a browser may remember it; where it is not given, the browser decides.
    """

    is_narrowing = True

    allow_origins: tuple[Origin, ...] = ()
    allow_methods: tuple[HeaderName, ...] = ()
    allow_headers: tuple[HeaderName, ...] = ()
    expose_headers: tuple[HeaderName, ...] = ()
    max_age: Duration | None = None
    allow_credentials: StrictBool = Field(default=False)
