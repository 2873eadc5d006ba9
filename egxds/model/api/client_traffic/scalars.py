"""Values that several groups of a ClientTrafficPolicy have. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictInt, model_validator

from egxds.model.api.matches import regex_errors
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.validation import FieldError, refuse

Count = Annotated[StrictInt, Field(ge=0, le=4_294_967_295)]
"""A number that Envoy takes."""


def like(pattern: str, words: str) -> AfterValidator:
    """Return what checks that a text is like a pattern.

    Args:
        pattern: of all of the text.
        words: what to tell somebody whose text is not.
    """
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(words)
        return value

    return AfterValidator(check)


def _check_cidr(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError as err:
        raise ValueError("is not a range of addresses: write it like 192.168.1.0/24 or 2001:db8::/64") from err
    return value if "/" in value else f"{value}/{ipaddress.ip_address(value).max_prefixlen}"


Cidr = Annotated[str, AfterValidator(_check_cidr)]
"""A range of IP addresses; one address is a range of itself."""


def text_match_errors(match: TextMatch) -> Iterator[FieldError]:
    """Check that a regular expression is one."""
    if match.type == "RegularExpression":
        yield from regex_errors(match.value, ("value",))


@api_type
class TextMatch(ApiModel):
    """What a text must be like (StringMatch)."""

    is_narrowing = True

    type: Literal["Exact", "Prefix", "Suffix", "RegularExpression"] = "Exact"
    value: Annotated[str, Field(min_length=1, max_length=1024)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(text_match_errors(self))
        return self
