"""extAuth with contextExtensions → a filter that each Gateway fetches (ECDS), and what chooses in it. Pure.

What a server is told with every question Envoy takes from what a route says of the filter, and nowhere else; and there
is one place for what a route says of a filter. A slot (`ext_auth`) has the filter itself there. So here it is fetched:

    in the filter     name of what is asked → the filter that asks a server (`ext_auth`)
    in RDS            the name, by which one is chosen; and what the server is told

A name that the filter does not know is answered 500: it is fetched before routes name it. Seen with Envoy 1.40.
"""

from __future__ import annotations

from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcher
from envoy.extensions.filters.common.set_filter_state.v3.value_pb2 import FilterStateValue
from envoy.extensions.filters.http.ext_authz.v3.ext_authz_pb2 import CheckSettings, ExtAuthzPerRoute
from envoy.extensions.filters.http.set_filter_state.v3.set_filter_state_pb2 import Config
from envoy.extensions.matching.common_inputs.network.v3.network_inputs_pb2 import FilterStateInput
from xds.type.matcher.v3.matcher_pb2 import Matcher

from egxds.model.api.security_policy import SECURITY_POLICY
from egxds.model.resolve.features.ext_auth import EXT_AUTH, ServerAuthorization
from egxds.translate.http_filters.denial import DENIAL
from egxds.translate.http_filters.ext_auth import NAME, ext_authz
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.predicates import named
from egxds.translate.http_filters.slot import empty_slot, to_run

_KEY = "egxds.authorization"


def asking_filter(found: ServerAuthorization) -> ExtensionWithMatcher:
    """Write the part of the filter that is about one policy; encoded, parts are joined behind `FILTER.idle`."""
    tree = Matcher.MatcherTree(input=named("name", FilterStateInput(key=_KEY)))
    tree.exact_match_map.map[found.name].CopyFrom(to_run((NAME, ext_authz(found))))
    return ExtensionWithMatcher(xds_matcher=Matcher(matcher_tree=tree))


def _choose(found: ServerAuthorization) -> Config:
    # A percent sign would be read as a command; none of the names that are joined here can have one.
    text = SubstitutionFormatString()
    text.text_format_source.inline_string = found.name
    value = FilterStateValue(object_key=_KEY, factory_key="envoy.string", format_string=text)
    return Config(on_request_headers=[value])


def _tell(found: ServerAuthorization) -> ExtAuthzPerRoute:
    return ExtAuthzPerRoute(check_settings=CheckSettings(context_extensions=dict(found.context)))


def _idle() -> ExtensionWithMatcher:
    idle = empty_slot()
    idle.xds_matcher.on_no_match.CopyFrom(to_run(("envoy.filters.http.fault", DENIAL)))
    return idle


def _takes(found: ServerAuthorization) -> bool:
    return found.tells_context


CHOICE = PolicyFilter(
    name=own_name("envoy.filters.http.set_filter_state", SECURITY_POLICY.id),
    kind=SECURITY_POLICY.id,
    feature=EXT_AUTH.field,
    idle=Config(),
    write=_choose,
    takes=_takes,
)

FILTER = PolicyFilter(
    name=f"{own_name(NAME, SECURITY_POLICY.id)}/context",
    kind=SECURITY_POLICY.id,
    feature=EXT_AUTH.field,
    idle=_idle(),
    write=_tell,
    is_fetched=True,
    takes=_takes,
)
