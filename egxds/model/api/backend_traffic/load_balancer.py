"""What a BackendTrafficPolicy says of who among the endpoints is asked (loadBalancer). Pure.

Source: Envoy Gateway v1.9, LoadBalancer.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from egxds.model.api.client_traffic.scalars import Count
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration, HeaderName, HeaderValue
from egxds.model.api.validation import FieldError, refuse

_LARGEST_TABLE = 5_000_011
_USUAL_TABLE = 65_537
_LARGEST_NUMBER = 2**64 - 1
_MOST_WEIGHT = 2**31


@api_type
class HashedHeader(ApiModel):
    """A header of which requests with one value go to one endpoint."""

    name: HeaderName


@api_type
class HashedParameter(ApiModel):
    """A parameter of the query of the same use."""

    name: Annotated[str, Field(min_length=1)]


@api_type
class HashedCookie(ApiModel):
    """A cookie of the same use.

    Attributes:
        ttl: lifetime of one that is made for a client without; without it none is made.
        attributes: further attributes of that.
    """

    name: HeaderName
    ttl: Duration | None = None
    attributes: dict[HeaderValue, HeaderValue] = Field(default_factory=dict)


_HASHED = {"Header": "header", "Headers": "headers", "Cookie": "cookie", "QueryParams": "queryParams"}


def hash_errors(asked: ConsistentHash) -> Iterator[FieldError]:
    """Check that what is hashed is said, and nothing else, and that the table has a size that works."""
    said = {"header": asked.header, "headers": asked.headers, "cookie": asked.cookie, "queryParams": asked.query_params}
    wanted = _HASHED.get(asked.type)
    for name, value in said.items():
        if name == wanted and not value:
            yield FieldError((name,), f"must be given where type is {asked.type}")
        elif name != wanted and value:
            yield FieldError((name,), f"is not for type {asked.type}")
    if not _is_prime(asked.table_size):
        yield FieldError(("tableSize",), "must be a prime number")


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, isqrt(number) + 1))


@api_type
class ConsistentHash(ApiModel):
    """Requests that are alike in something go to one endpoint, as long as that is there."""

    type: Literal["SourceIP", "Header", "Headers", "Cookie", "QueryParams"]
    header: HashedHeader | None = None
    headers: tuple[HashedHeader, ...] = ()
    cookie: HashedCookie | None = None
    query_params: tuple[HashedParameter, ...] = ()
    table_size: Annotated[StrictInt, Field(ge=2, le=_LARGEST_TABLE)] = _USUAL_TABLE

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(hash_errors(self))
        return self

    @property
    def hashed_headers(self) -> tuple[HashedHeader, ...]:
        """The headers, by whichever field they are said."""
        return self.headers or ((self.header,) if self.header is not None else ())


@api_type
class SlowStart(ApiModel):
    """An endpoint that is new gets its share by and by."""

    window: Duration


@api_type
class BackendUtilization(ApiModel):
    """Endpoints say themselves how much they have to do (ORCA), and are asked the less for it.

    Attributes:
        error_utilization_penalty_percent: what errors count beside.
        keep_response_headers: whether clients see what endpoints said.
    """

    blackout_period: Duration | None = None
    weight_expiration_period: Duration | None = None
    weight_update_period: Duration | None = None
    error_utilization_penalty_percent: Count | None = None
    metric_names_for_computing_utilization: tuple[str, ...] = ()
    keep_response_headers: StrictBool = False
    out_of_band: Any = None


@api_type
class OverrideSource(ApiModel):
    """Where a request says itself which endpoints it wants: `address:port`, several with commas."""

    header: HeaderName | None = None


@api_type
class EndpointOverride(ApiModel):
    """Requests may say themselves where they go; where nobody of those is there, they go as others do."""

    extract_from: Annotated[tuple[OverrideSource, ...], Field(min_length=1, max_length=10)]


@api_type
class ForcedZone(ApiModel):
    """Requests stay in the zone whatever the others have.

    Attributes:
        min_endpoints_in_zone_threshold: how many endpoints it must have for that.
    """

    min_endpoints_in_zone_threshold: Count | None = None


@api_type
class PreferredZone(ApiModel):
    """Requests stay in the zone that their Envoy stands in, as far as all endpoints get their share.

    Attributes:
        force: whether they stay there in any case.
        min_endpoints_threshold: how many endpoints there must be in all zones for that.
        percentage_enabled: of the requests; the others go anywhere.
    """

    force: ForcedZone | None = None
    min_endpoints_threshold: Annotated[StrictInt, Field(ge=0, le=_LARGEST_NUMBER)] | None = None
    percentage_enabled: Annotated[StrictInt, Field(ge=0, le=100)] | None = None


@api_type
class WeightedZone(ApiModel):
    """What a zone gets, against the others."""

    zone: str
    weight: Count


def zone_errors(zones: ZoneAware) -> Iterator[FieldError]:
    """Check that there is one way, and that each zone has one weight, all of them no more than Envoy can add up."""
    if zones.prefer_local is not None and zones.weighted_zones:
        yield FieldError(("weightedZones",), "does not go with preferLocal; delete one")
    named: set[str] = set()
    for at, each in enumerate(zones.weighted_zones):
        if each.zone in named:
            yield FieldError(("weightedZones", at, "zone"), f"{each.zone} has a weight already; delete one")
        named.add(each.zone)
    if sum(each.weight for each in zones.weighted_zones) > _MOST_WEIGHT:
        yield FieldError(("weightedZones",), f"the weights come to more than {_MOST_WEIGHT}")


@api_type
class ZoneAware(ApiModel):
    """How requests are shared out among zones; a zone that no weight is said of has 1."""

    prefer_local: PreferredZone | None = None
    weighted_zones: tuple[WeightedZone, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(zone_errors(self))
        return self


_WITH_SLOW_START = frozenset({"RoundRobin", "LeastRequest"})
_WITH_LOCAL_ZONE = frozenset({"RoundRobin", "LeastRequest", "Random"})


def balancer_errors(asked: LoadBalancer) -> Iterator[FieldError]:
    """Check that what is for one type stands with that."""
    for kind, name, value in (
        ("ConsistentHash", "consistentHash", asked.consistent_hash),
        ("BackendUtilization", "backendUtilization", asked.backend_utilization),
    ):
        if asked.type == kind and value is None:
            yield FieldError((name,), f"must be given where type is {kind}")
        elif asked.type != kind and value is not None:
            yield FieldError((name,), f"is for type {kind}")
    if asked.slow_start is not None and asked.type not in _WITH_SLOW_START:
        yield FieldError(("slowStart",), "is for types RoundRobin and LeastRequest")
    zones = asked.zone_aware
    if zones is not None and zones.prefer_local is not None and asked.type not in _WITH_LOCAL_ZONE:
        yield FieldError(("zoneAware", "preferLocal"), f"is not for type {asked.type}; weightedZones are")


@api_type
class LoadBalancer(ApiModel):
    """Who among the endpoints of a cluster is asked."""

    type: Literal["BackendUtilization", "ConsistentHash", "LeastRequest", "Random", "RoundRobin"]
    consistent_hash: ConsistentHash | None = None
    backend_utilization: BackendUtilization | None = None
    endpoint_override: EndpointOverride | None = None
    slow_start: SlowStart | None = None
    zone_aware: ZoneAware | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(balancer_errors(self))
        return self

    @property
    def hides_reports(self) -> bool:
        """Whether clients are not to see what endpoints say of themselves."""
        return self.backend_utilization is not None and not self.backend_utilization.keep_response_headers

    @property
    def zones(self) -> ZoneAware | None:
        """How requests are shared out among zones; None where these do not matter."""
        found = self.zone_aware
        return found if found is not None and (found.prefer_local is not None or found.weighted_zones) else None
