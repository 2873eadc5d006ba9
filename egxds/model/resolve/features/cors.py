"""cors: which pages of other origins may read the answers. Pure; there is nothing to follow."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.policy_cors import PolicyCors
from egxds.model.api.scalars import duration_s
from egxds.model.resolve.features.feature import Feature, FeatureContext


@dataclass(frozen=True, slots=True)
class AllowedOrigins:
    """What a policy allows; as a filter of a rule has it, but for `max_age`, which may be None."""

    allow_origins: tuple[str, ...]
    allow_credentials: bool
    allow_methods: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age: int | None


def _resolve(asked: PolicyCors, _context: FeatureContext) -> AllowedOrigins:
    return AllowedOrigins(
        asked.allow_origins,
        asked.allow_credentials,
        asked.allow_methods,
        asked.allow_headers,
        asked.expose_headers,
        int(duration_s(asked.max_age)) if asked.max_age is not None else None,
    )


CORS = Feature("cors", "cors", _resolve)
