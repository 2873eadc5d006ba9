"""headers: which are believed, which are changed before routes are looked at, and after all is done. Pure.

Late changes of answers are a filter before all others: an answer comes to it last, whoever gave it.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.common.mutation_rules.v3.mutation_rules_pb2 import HeaderMutation
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.protocol_pb2 import HttpProtocolOptions
from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as late
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2 as early
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from egxds.model.api.client_traffic.headers import ClientHeaders, ForwardedClientCert, HeaderMutations
from egxds.model.api.filters import HttpHeader
from egxds.resources.encoding import pack
from egxds.translate.client_traffic.place import ManagerPlace
from egxds.translate.client_traffic.text_matches import text_matcher

_KIB = 1024
_ROUTER = "envoy.filters.http.router"
_UNDERSCORES = {
    "Allow": HttpProtocolOptions.ALLOW,
    "RejectRequest": HttpProtocolOptions.REJECT_REQUEST,
    "DropHeader": HttpProtocolOptions.DROP_HEADER,
}
_FORWARDED = {
    "Sanitize": HttpConnectionManager.SANITIZE,
    "ForwardOnly": HttpConnectionManager.FORWARD_ONLY,
    "AppendForward": HttpConnectionManager.APPEND_FORWARD,
    "SanitizeSet": HttpConnectionManager.SANITIZE_SET,
    "AlwaysForwardOnly": HttpConnectionManager.ALWAYS_FORWARD_ONLY,
}
_WITH_DETAILS = frozenset({"AppendForward", "SanitizeSet"})


def write_headers(manager: HttpConnectionManager, asked: ClientHeaders | None, place: ManagerPlace) -> None:
    """Write what becomes of headers; what a policy does not say is as the settings have it."""
    asked = asked or ClientHeaders()
    underscores = asked.with_underscores_action or place.defaults.headers.with_underscores_action
    manager.common_http_protocol_options.headers_with_underscores_action = _UNDERSCORES[underscores]
    router = Router(suppress_envoy_headers=not asked.enable_envoy_headers)
    manager.http_filters.append(HttpFilter(name=_ROUTER, typed_config=pack(router)))
    # An absolute name (`shop.test.`) is the same host, and a client may send it as it was given it.
    manager.strip_trailing_host_dot = True
    if asked.host.strip_port:
        manager.strip_any_host_port = True
    _write_request_id(manager, asked)
    if asked.max_request_header_limit is not None:
        manager.max_request_headers_kb.CopyFrom(UInt32Value(value=-(-asked.max_request_header_limit // _KIB)))
    if asked.x_forwarded_client_cert is not None:
        _write_client_cert(manager, asked.x_forwarded_client_cert)
    if asked.early_request_headers is not None:
        _write_early(manager, asked.early_request_headers)
    if asked.late_response_headers is not None:
        _write_late(manager, asked.late_response_headers)


def _write_request_id(manager: HttpConnectionManager, asked: ClientHeaders) -> None:
    action = asked.request_id_action
    manager.preserve_external_request_id = action in {"PreserveOrGenerate", "Preserve"}
    if action in {"Preserve", "Disable"}:
        manager.generate_request_id.CopyFrom(BoolValue(value=False))


def _write_client_cert(manager: HttpConnectionManager, asked: ForwardedClientCert) -> None:
    manager.forward_client_cert_details = _FORWARDED[asked.mode]
    if asked.mode in _WITH_DETAILS and asked.cert_details_to_add:
        named = asked.cert_details_to_add
        details = manager.set_current_client_cert_details
        details.CopyFrom(
            HttpConnectionManager.SetCurrentClientCertDetails(
                cert="Cert" in named, chain="Chain" in named, dns="DNS" in named, uri="URI" in named
            )
        )
        if "Subject" in named:
            details.subject.CopyFrom(BoolValue(value=True))


def _write_early(manager: HttpConnectionManager, asked: HeaderMutations) -> None:
    config = pack(early.HeaderMutation(mutations=_mutations(asked)))
    name = "envoy.http.early_header_mutation.header_mutation"
    manager.early_header_mutation_extensions.append(TypedExtensionConfig(name=name, typed_config=config))


def _write_late(manager: HttpConnectionManager, asked: HeaderMutations) -> None:
    config = late.HeaderMutation(mutations=late.Mutations(response_mutations=_mutations(asked)))
    manager.http_filters.insert(
        0, HttpFilter(name="egxds.filters.http.late_response_headers", typed_config=pack(config))
    )


def _mutations(asked: HeaderMutations) -> Iterator[HeaderMutation]:
    """Yield what is done to headers; of one that is named twice in a list the first entry counts (Envoy Gateway)."""
    for entries, action in (
        (asked.add, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD),
        (asked.add_if_absent, HeaderValueOption.ADD_IF_ABSENT),
        (asked.set, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD),
    ):
        for entry in _each_once(entries):
            header = HeaderValue(key=entry.name, value=entry.value.replace("%", "%%"))
            yield HeaderMutation(append=HeaderValueOption(header=header, append_action=action))
    for name in dict.fromkeys(name.lower() for name in asked.remove):
        yield HeaderMutation(remove=name)
    for match in dict.fromkeys(asked.remove_on_match):
        yield HeaderMutation(remove_on_match=HeaderMutation.RemoveOnMatch(key_matcher=text_matcher(match)))


def _each_once(entries: tuple[HttpHeader, ...]) -> list[HttpHeader]:
    found: dict[str, HttpHeader] = {}
    for entry in entries:
        found.setdefault(entry.name.lower(), entry)
    return list(found.values())
