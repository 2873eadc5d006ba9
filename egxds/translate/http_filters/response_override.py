"""responseOverride → Envoy's filter for it, which stands at routes alone: it is marked as work in progress. Pure.

It comes before all other filters of policies but denials, since a slot runs nothing for an answer of a filter that a
request does not come past (seen with Envoy 1.40): so what a limit refuses, or a login, is overridden, too, as it is in
Envoy Gateway, whose filter stands behind these and is no slot.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import RedirectAction
from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcherPerRoute
from envoy.extensions.filters.http.custom_response.v3.custom_response_pb2 import CustomResponse
from envoy.extensions.http.custom_response.local_response_policy.v3.local_response_policy_pb2 import (
    LocalResponsePolicy,
)
from envoy.extensions.http.custom_response.redirect_policy.v3.redirect_policy_pb2 import RedirectPolicy
from envoy.type.matcher.v3.http_inputs_pb2 import HttpResponseHeaderMatchInput
from envoy.type.matcher.v3.status_code_input_pb2 import HttpResponseStatusCodeMatchInput
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt32Value
from xds.type.matcher.v3.matcher_pb2 import Matcher
from xds.type.matcher.v3.regex_pb2 import RegexMatcher
from xds.type.matcher.v3.string_pb2 import StringMatcher

from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY
from egxds.model.api.backend_traffic.response_override import (
    OtherRedirect,
    OtherResponse,
    ResponseHeaderMatch,
    ResponseMatch,
    StatusMatch,
)
from egxds.model.api.client_traffic.scalars import TextMatch
from egxds.model.resolve.features.response_override import RESPONSE_OVERRIDE, NamedOverride
from egxds.translate.format_strings import format_string
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.predicates import Predicate, all_of, named
from egxds.translate.http_filters.slot import empty_slot, filled_slot

_NAME = "envoy.filters.http.custom_response"
_SET, _ADD = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD
_TEN = 10


def _write(found: tuple[NamedOverride, ...]) -> ExtensionWithMatcherPerRoute:
    matcher = Matcher()
    for each in found:
        action = Matcher.OnMatch(action=named(each.name, _action(each)))
        matcher.matcher_list.matchers.add(predicate=all_of(_predicates(each.asked.match)), on_match=action)
    return filled_slot((_NAME, CustomResponse(custom_response_matcher=matcher)))


def _action(override: NamedOverride) -> RedirectPolicy | LocalResponsePolicy:
    if override.asked.redirect is not None:
        return _redirect(override.asked.redirect)
    return _response(override.asked.response or OtherResponse(), override.body)


def _redirect(redirect: OtherRedirect) -> RedirectPolicy:
    action = RedirectAction(host_redirect=redirect.hostname or "", port_redirect=redirect.port or 0)
    if redirect.scheme is not None:
        action.scheme_redirect = redirect.scheme
    if redirect.path is not None:
        action.path_redirect = redirect.path.replace_full_path
    return RedirectPolicy(redirect_action=action, status_code=UInt32Value(value=redirect.status_code))


def _response(response: OtherResponse, body: str | None) -> LocalResponsePolicy:
    message = LocalResponsePolicy(response_headers_to_add=_headers(response))
    if response.status_code is not None:
        message.status_code.value = response.status_code
    if body:
        message.body_format.text_format_source.inline_string = body
    return message


def _headers(response: OtherResponse) -> Iterator[HeaderValueOption]:
    if response.content_type is not None:
        yield _option("Content-Type", response.content_type, _SET)
    yield from (_option(header.name, header.value, _ADD) for header in response.header.add)
    yield from (_option(header.name, header.value, _SET) for header in response.header.set)


def _option(name: str, value: str, action: int) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=format_string(value)), append_action=action)


def _predicates(match: ResponseMatch) -> Iterator[Predicate]:
    if match.status_codes:
        pattern = "|".join(_pattern(each) for each in match.status_codes)
        yield _predicate("status", HttpResponseStatusCodeMatchInput(), _regex(pattern))
    yield from map(_of_header, match.response_headers)


def _of_header(header: ResponseHeaderMatch) -> Predicate:
    return _predicate("header", HttpResponseHeaderMatchInput(header_name=header.name), _text(header.value))


def _predicate(name: str, input_: Message, value: StringMatcher) -> Predicate:
    return Predicate(single_predicate=Predicate.SinglePredicate(input=named(name, input_), value_match=value))


def _text(match: TextMatch) -> StringMatcher:
    if match.type == "RegularExpression":
        return _regex(match.value)
    return StringMatcher(**{match.type.lower(): match.value})


def _regex(pattern: str) -> StringMatcher:
    return StringMatcher(safe_regex=RegexMatcher(google_re2=RegexMatcher.GoogleRE2(), regex=pattern))


def _pattern(status: StatusMatch) -> str:
    """Return the pattern of the numbers of a range, ten by ten: Envoy's inputs are texts."""
    first, last = status.bounds
    tens = range(first // _TEN, last // _TEN + 1)
    return "|".join(f"{ten}[{max(first - ten * _TEN, 0)}-{min(last - ten * _TEN, _TEN - 1)}]" for ten in tens)


FILTER = PolicyFilter(
    name=own_name(_NAME, BACKEND_TRAFFIC_POLICY.id),
    kind=BACKEND_TRAFFIC_POLICY.id,
    feature=RESPONSE_OVERRIDE.field,
    idle=empty_slot(),
    write=_write,
)
