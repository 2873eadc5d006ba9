"""Contents of listeners and their filter chains, connection managers and TLS contexts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptography import x509

from egxds.resources.validation.contents.clusters import address_faults
from egxds.resources.validation.contents.plain import inline
from egxds.resources.validation.contents.routes import repeated
from egxds.resources.validation.envoy_types import DOWNSTREAM_SOCKETS, HTTP_FILTERS
from egxds.resources.validation.extension_places import socket_faults, type_name

_EXTENSIONS = "envoy.extensions"
_MANAGER = f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TLS = f"{_EXTENSIONS}.transport_sockets.tls.v3"
_ROUTER = f"{_EXTENSIONS}.filters.http.router.v3.Router"
_UPSTREAM_CODEC = f"{_EXTENSIONS}.filters.http.upstream_codec.v3.UpstreamCodec"
_MAY_END_CHAINS = frozenset(
    {
        _ROUTER,
        _UPSTREAM_CODEC,
        f"{_EXTENSIONS}.filters.http.dynamic_modules.v3.DynamicModuleFilter",
        f"{_EXTENSIONS}.filters.http.filter_chain.v3.FilterChainConfig",
    }
)
_NETWORK = f"{_EXTENSIONS}.filters.network"
_NEVER_LAST = frozenset(
    f"{_NETWORK}.{name}"
    for name in (
        "rbac.v3.RBAC",
        "ratelimit.v3.RateLimit",
        "local_ratelimit.v3.LocalRateLimit",
        "connection_limit.v3.ConnectionLimit",
        "ext_authz.v3.ExtAuthz",
        "ext_proc.v3.NetworkExternalProcessor",
        "sni_cluster.v3.SniCluster",
        "sni_dynamic_forward_proxy.v3.FilterConfig",
        "set_filter_state.v3.Config",
        "geoip.v3.Geoip",
    )
)
_ALWAYS_LAST = frozenset(
    f"{_NETWORK}.{name}"
    for name in (
        "http_connection_manager.v3.HttpConnectionManager",
        "tcp_proxy.v3.TcpProxy",
        "direct_response.v3.Config",
        "echo.v3.Echo",
        "redis_proxy.v3.RedisProxy",
        "thrift_proxy.v3.ThriftProxy",
        "dubbo_proxy.v3.DubboProxy",
    )
)
_MAX_PROTOCOL_BYTES = 255
_UDP = 1


def _wrong_manager(manager: Any) -> Iterator[str]:
    yield from _wrong_http_filters(manager.http_filters, "http_filters")
    for at, upgrade in enumerate(manager.upgrade_configs):
        if upgrade.filters:
            yield from _wrong_http_filters(upgrade.filters, f"upgrade_configs[{at}].filters")
    upgrades = repeated(upgrade.upgrade_type for upgrade in manager.upgrade_configs)
    yield from (f"upgrade_configs: {name!r} is there more than once" for name in upgrades)
    if manager.original_ip_detection_extensions and manager.use_remote_address.value:
        yield "original_ip_detection_extensions: cannot stand beside use_remote_address"


def _wrong_http_filters(filters: Any, path: str) -> Iterator[str]:
    """Look at the order of filters: what answers or sends on stands at the end, and nothing else."""
    last = len(filters) - 1
    for at, each in enumerate(filters):
        name = type_name(each.typed_config)
        if name == _UPSTREAM_CODEC:
            yield f"{path}[{at}]: is for the filters of a cluster alone"
        elif name == _ROUTER and at < last and not all(_may_be_passed_over(other) for other in filters[at + 1 :]):
            yield f"{path}[{at}]: the router must be the last filter"
        elif name == _ROUTER and each.disabled:
            yield f"{path}[{at}]: the router cannot be disabled"
        elif at == last and name in HTTP_FILTERS and name not in _MAY_END_CHAINS:
            yield f"{path}[{at}]: the last filter must be the router"


def _may_be_passed_over(each: Any) -> bool:
    return bool(each.is_optional) and type_name(each.typed_config) not in HTTP_FILTERS


def _wrong_chain(chain: Any) -> Iterator[str]:
    yield from socket_faults(chain, DOWNSTREAM_SOCKETS)
    if chain.filter_chain_match.address_suffix or chain.filter_chain_match.HasField("suffix_len"):
        yield "filter_chain_match: Envoy does not have address_suffix and suffix_len"
    last = len(chain.filters) - 1
    for at, each in enumerate(chain.filters):
        name = type_name(each.typed_config)
        if name in _ALWAYS_LAST and at < last:
            yield f"filters[{at}]: must be the last filter"
        elif name in _NEVER_LAST and at == last:
            yield f"filters[{at}]: must not be the last filter"


def _wrong_listener(listener: Any) -> Iterator[str]:
    yield from (f"address: {fault}" for fault in address_faults(listener.address))
    kind = listener.address.WhichOneof("address")
    is_internal = listener.HasField("internal_listener")
    if kind == "envoy_internal_address":
        yield "address: a listener within Envoy has internal_listener and no address"
    elif is_internal and kind is not None:
        yield "address: must not stand beside internal_listener"
    protocols = {listener.address.socket_address.protocol}
    protocols |= {each.address.socket_address.protocol for each in listener.additional_addresses}
    if len(protocols) > 1:
        yield "additional_addresses: must have the protocol of the address"
    if _UDP in protocols and listener.filter_chains and not listener.udp_listener_config.HasField("quic_options"):
        yield "filter_chains: a listener of UDP without QUIC has none"
    if listener.HasField("fcds_config") and not listener.HasField("filter_chain_matcher"):
        yield "fcds_config: needs filter_chain_matcher"
    if listener.HasField("filter_chain_matcher") and not all(chain.name for chain in listener.filter_chains):
        yield "filter_chains: must have names beside filter_chain_matcher"


def _wrong_downstream_tls(context: Any) -> Iterator[str]:
    common = context.common_tls_context
    has_any = common.tls_certificates or common.tls_certificate_sds_secret_configs
    has_other = any(map(common.HasField, ("tls_certificate_provider_instance", "custom_tls_certificate_selector")))
    if not has_any and not has_other:
        yield "common_tls_context: has no certificate"


def _wrong_upstream_tls(context: Any) -> Iterator[str]:
    if len(context.common_tls_context.tls_certificates) > 1:
        yield "common_tls_context.tls_certificates: may have one entry"
    if context.auto_sni_san_validation and context.common_tls_context.WhichOneof("validation_context_type") is None:
        yield "auto_sni_san_validation: needs a validation context"


def _wrong_common_tls(context: Any) -> Iterator[str]:
    for at, name in enumerate(context.alpn_protocols):
        if len(name.encode()) > _MAX_PROTOCOL_BYTES:
            yield f"alpn_protocols[{at}]: is longer than {_MAX_PROTOCOL_BYTES} bytes"
    for at, each in enumerate(context.tls_certificate_sds_secret_configs):
        if not each.HasField("sds_config"):
            yield f"tls_certificate_sds_secret_configs[{at}].sds_config: must be set"
    yield from _wrong_whole_validation(context)


def _wrong_whole_validation(holder: Any) -> Iterator[str]:
    """Look at what is checked beside the authorities; the default of a combined context gets those by SDS."""
    if holder.HasField("validation_context"):
        yield from (f"validation_context.{fault}" for fault in _without_authority(holder.validation_context))


def _without_authority(context: Any) -> Iterator[str]:
    has_authority = any(map(context.HasField, ("trusted_ca", "ca_certificate_provider_instance", "system_root_certs")))
    if (context.match_typed_subject_alt_names or context.match_subject_alt_names) and not has_authority:
        yield "match_typed_subject_alt_names: needs trusted_ca"
    if context.HasField("crl") and not has_authority:
        yield "crl: needs trusted_ca"


def _wrong_validation(context: Any) -> Iterator[str]:
    authority = inline(context.trusted_ca)
    if authority and not _has_certificates(authority):
        yield "trusted_ca: has no certificate in PEM that can be read"


def _has_certificates(text: bytes) -> bool:
    try:
        return bool(x509.load_pem_x509_certificates(text))
    except ValueError:
        return False


LISTENER_CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    _MANAGER: _wrong_manager,
    "envoy.config.listener.v3.FilterChain": _wrong_chain,
    "envoy.config.listener.v3.Listener": _wrong_listener,
    f"{_TLS}.CertificateValidationContext": _wrong_validation,
    f"{_TLS}.CommonTlsContext": _wrong_common_tls,
    f"{_TLS}.DownstreamTlsContext": _wrong_downstream_tls,
    f"{_TLS}.Secret": _wrong_whole_validation,
    f"{_TLS}.UpstreamTlsContext": _wrong_upstream_tls,
}
"""Type of message → what finds out what is wrong in one."""
