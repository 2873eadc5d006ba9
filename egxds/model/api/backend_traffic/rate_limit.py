"""rateLimit of a BackendTrafficPolicy, as a user writes it: how many requests there may be, and of whom. Pure.

Source: Envoy Gateway v1.9, RateLimitSpec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from egxds.model.api.client_traffic.scalars import Cidr
from egxds.model.api.http_route import HttpMethod
from egxds.model.api.matches import regex_errors
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, refuse

RateLimitUnit = Literal["Second", "Minute", "Hour", "Day", "Month", "Year"]
XRateLimitHeaders = Literal["Off", "DraftVersion03"]

_MOST = 4_294_967_295


def value_errors(match: DistinctMatch) -> Iterator[FieldError]:
    """Check that there is a value where one is compared, and only there."""
    if match.type == "Distinct":
        if match.value is not None:
            yield FieldError(("value",), "must not be given with Distinct, which counts each value by itself")
        if match.invert:
            yield FieldError(("invert",), "must not be given with Distinct, which counts each value by itself")
    elif match.value is None:
        yield FieldError((), f"needs a value to be {match.type}")
    elif match.type == "RegularExpression":
        yield from regex_errors(match.value, ("value",))


@api_type
class DistinctMatch(ApiModel):
    """A header or a query parameter: its value, or each of its values by itself."""

    type: Literal["Exact", "RegularExpression", "Distinct"] = "Exact"
    name: HeaderName
    value: Annotated[str, Field(max_length=1024)] | None = None
    invert: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(value_errors(self))
        return self


@api_type
class MethodCondition(ApiModel):
    """One of the methods that it may have."""

    value: HttpMethod
    invert: StrictBool = False


def path_errors(path: PathCondition) -> Iterator[FieldError]:
    """Check that a regular expression is one."""
    if path.type == "RegularExpression":
        yield from regex_errors(path.value, ("value",))


@api_type
class PathCondition(ApiModel):
    """The path that it must have."""

    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: Annotated[str, Field(max_length=1024)] = "/"
    invert: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(path_errors(self))
        return self


@api_type
class SourceCondition(ApiModel):
    """The addresses that it may come from.

    Attributes:
        type: whether all of them are counted together, or each by itself.
    """

    type: Literal["Exact", "Distinct"] = "Exact"
    value: Cidr
    invert: StrictBool = False


def selector_errors(selector: ClientSelector) -> Iterator[FieldError]:
    """Check that it tells requests apart."""
    conditions = (selector.headers, selector.methods, selector.path, selector.source_cidr, selector.query_params)
    if not any(conditions):
        yield FieldError((), "needs at least one of headers, methods, path, sourceCIDR and queryParams")


@api_type
class ClientSelector(ApiModel):
    """What a request must be like; all of it must hold, and of the methods one."""

    headers: tuple[DistinctMatch, ...] = Field(default=(), max_length=16)
    methods: tuple[MethodCondition, ...] = ()
    path: PathCondition | None = None
    source_cidr: Annotated[SourceCondition | None, Field(alias="sourceCIDR")] = None
    query_params: tuple[DistinctMatch, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(selector_errors(self))
        return self


@api_type
class RateLimitValue(ApiModel):
    """How many requests in which time.

    Attributes:
        from_metadata: where a number is found that counts in place of the one here; of global limits.
    """

    requests: Annotated[StrictInt, Field(ge=0, le=_MOST)]
    unit: RateLimitUnit
    from_metadata: Any = None


@api_type
class MetadataReference(ApiModel):
    """Where a filter before has left something."""

    namespace: str = Field(min_length=1)
    key: str = Field(min_length=1)


def cost_errors(cost: RateLimitCostOf) -> Iterator[FieldError]:
    """Check that there is one number."""
    if cost.number is not None and cost.metadata is not None:
        yield FieldError(("metadata",), "and number cannot both be given; delete one")


@api_type
class RateLimitCostOf(ApiModel):
    """For how many requests one counts."""

    from_: Literal["Number", "Metadata"] = Field(alias="from")
    number: Annotated[StrictInt, Field(ge=0, le=1_000_000_000)] | None = None
    metadata: MetadataReference | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(cost_errors(self))
        return self


@api_type
class RateLimitCost(ApiModel):
    """What a request costs.

    Attributes:
        response: what is counted when it has been answered; of global limits.
    """

    request: RateLimitCostOf | None = None
    response: RateLimitCostOf | None = None


@api_type
class RateLimitRule(ApiModel):
    """A limit, and what counts towards it.

    Attributes:
        client_selectors: conditions, all of which must hold; without any, it is for what no other rule is for.
        shadow_mode: whether nothing is refused for it.
    """

    unserved_fields = frozenset({"shared"})

    client_selectors: tuple[ClientSelector, ...] = Field(default=(), max_length=8)
    limit: RateLimitValue
    cost: RateLimitCost = RateLimitCost()
    shadow_mode: StrictBool = False
    x_rate_limit_headers: XRateLimitHeaders = "DraftVersion03"

    @property
    def is_silent(self) -> bool:
        """Whether answers say nothing of it."""
        return self.x_rate_limit_headers == "Off"


def local_errors(local: LocalRateLimit) -> Iterator[FieldError]:
    """Check that nothing is counted when it is too late."""
    for at, rule in enumerate(local.rules):
        if rule.cost.response is not None:
            yield FieldError(("rules", at, "cost", "response"), "is for global limits; delete it")


@api_type
class LocalRateLimit(ApiModel):
    """Limits that each Envoy keeps by itself."""

    rules: tuple[RateLimitRule, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(local_errors(self))
        return self


@api_type
class RateLimit(ApiModel):
    """Limits of requests.

    Attributes:
        type: which of the two counts; the older way to say it.
        global_: limits that all Envoys keep together, which is not served here yet.
    """

    type: Literal["Global", "Local"] | None = None
    global_: Any = Field(default=None, alias="global")
    local: LocalRateLimit | None = None
