"""What a token says, compared: claims and scopes, as the filter for tokens has left them behind (`jwt`). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.extensions.matching.common_inputs.network.v3.network_inputs_pb2 import DynamicMetadataInput
from envoy.extensions.matching.input_matchers.metadata.v3.metadata_pb2 import Metadata
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.matcher.v3.value_pb2 import ListMatcher, ValueMatcher

from egxds.model.api.authorization import TokenClaim, TokenPrincipal
from egxds.translate.http_filters.jwt import FILTER, SPACED_CLAIMS
from egxds.translate.http_filters.predicates import Predicate, any_of, named


def token_predicates(principal: TokenPrincipal) -> Iterator[Predicate]:
    """Yield what must hold of a token."""
    for scope in principal.scopes:
        yield any_of(_said(principal.provider, (claim,), _in_list(scope)) for claim in SPACED_CLAIMS)
    for claim in principal.claims:
        path = tuple(claim.name.split("."))
        yield any_of(_said(principal.provider, path, each) for each in _values(claim))


def _values(claim: TokenClaim) -> Iterator[ValueMatcher]:
    write = _in_list if claim.value_type == "StringArray" else _text
    return map(write, claim.values)


def _said(provider: str, path: tuple[str, ...], value: ValueMatcher) -> Predicate:
    segments = [DynamicMetadataInput.PathSegment(key=key) for key in (provider, *path)]
    single = Predicate.SinglePredicate(
        input=named("claim", DynamicMetadataInput(filter=FILTER.name, path=segments)),
        custom_match=named("claim_matcher", Metadata(value=value)),
    )
    return Predicate(single_predicate=single)


def _text(value: str) -> ValueMatcher:
    return ValueMatcher(string_match=StringMatcher(exact=value))


def _in_list(value: str) -> ValueMatcher:
    return ValueMatcher(list_match=ListMatcher(one_of=_text(value)))
