"""Who checks whose certificates, as Envoy has it: TLS to backends, and of clients. Pure.

Authorities come by SDS: one that changes is an update of a secret, which leaves connections as they are, and neither a
Listener nor a cluster is another for it. What is beside them (names, whether others are let in) stands where they are
fetched. Those of the machine are a file of it, where Debian and its descendants, Envoy's image among them, have it.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.core.v3.base_pb2 import DataSource, TransportSocket
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    SubjectAltNameMatcher,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig, Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, UpstreamTlsContext
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from egxds import names
from egxds.model.api.client_traffic.client_tls import ClientValidation
from egxds.model.resolve.upstreams import (
    AskedBy,
    Authorities,
    ClientCheck,
    NameKind,
    SystemAuthorities,
    UpstreamProtocol,
    UpstreamTls,
)
from egxds.resources.encoding import encode, pack
from egxds.resources.resource import Resource
from egxds.translate.client_traffic.agreeing import agree
from egxds.translate.client_traffic.text_matches import text_matcher
from egxds.translate.config_source import ads_source

SYSTEM_AUTHORITIES_FILE = "/etc/ssl/certs/ca-certificates.crt"
TLS_SOCKET = "envoy.transport_sockets.tls"

_SPOKEN: Mapping[UpstreamProtocol, tuple[str, ...]] = {
    UpstreamProtocol.HTTP1: ("http/1.1",),
    UpstreamProtocol.HTTP2: ("h2",),
}
"""What is agreed on with a backend (ALPN); nothing where nobody here knows what is spoken."""

_NAME_TYPES = {NameKind.HOSTNAME: SubjectAltNameMatcher.DNS, NameKind.URI: SubjectAltNameMatcher.URI}


def authorities_secret(authorities: Authorities) -> Resource:
    """Write authorities as SDS delivers them."""
    context = CertificateValidationContext(trusted_ca=DataSource(inline_bytes=authorities.pem))
    if authorities.crl:
        context.crl.inline_bytes = authorities.crl
        context.only_verify_leaf_cert_crl = authorities.only_leaf_revoked
    secret = Secret(name=authorities.name, validation_context=context)
    return Resource(names.SECRET, authorities.name, encode(secret), authorities.sources)


def upstream_socket(tls: UpstreamTls, protocol: UpstreamProtocol, client_certificate: str) -> TransportSocket:
    """Write how a cluster speaks TLS.

    Args:
        tls: what is asked for.
        protocol: what is spoken inside of it.
        client_certificate: name of what backends are shown that say nothing of it; empty for nothing.
    """
    # Envoy's own limit for what it connects to is 1.2.
    common = CommonTlsContext(alpn_protocols=_SPOKEN.get(protocol, ()))
    agree(common, tls.agreed.settings)
    shown = tls.agreed.shown.name if tls.agreed.shown is not None else client_certificate
    if shown:
        common.tls_certificate_sds_secret_configs.append(_fetched(shown))
    _check_backend(common, tls)
    context = UpstreamTlsContext(common_tls_context=common, sni=tls.server_name)
    if tls.asked_by is AskedBy.ENDPOINT:
        context.auto_host_sni = True
        context.auto_sni_san_validation = tls.authorities is not None
    return TransportSocket(name=TLS_SOCKET, typed_config=pack(context))


def check_clients(
    common: CommonTlsContext, authorities: str, check: ClientCheck, asked: ClientValidation | None
) -> BoolValue:
    """Have certificates of clients checked; return whether each has to show one.

    Args:
        common: is written to.
        authorities: their name; empty where nobody is named.
        check: what becomes of other clients.
        asked: what certificates are to be like; None where any will do that the authorities issued.
    """
    context = _wanted(asked) if asked is not None else CertificateValidationContext()
    if not check.is_verified:
        context.trust_chain_verification = CertificateValidationContext.ACCEPT_UNTRUSTED
    if authorities:
        _check_with(common, context, authorities)
    else:
        common.validation_context.CopyFrom(context)
    return BoolValue(value=check.is_required)


def _wanted(asked: ClientValidation) -> CertificateValidationContext:
    """Write what certificates of clients are to be like."""
    names_ = asked.subject_alt_names
    matchers = [
        SubjectAltNameMatcher(san_type=kind, matcher=text_matcher(match))
        for kind, matches in (
            (SubjectAltNameMatcher.DNS, names_.dns_names),
            (SubjectAltNameMatcher.EMAIL, names_.email_addresses),
            (SubjectAltNameMatcher.IP_ADDRESS, names_.ip_addresses),
            (SubjectAltNameMatcher.URI, names_.uris),
        )
        for match in matches
    ]
    matchers += [
        SubjectAltNameMatcher(san_type=SubjectAltNameMatcher.OTHER_NAME, matcher=text_matcher(match), oid=match.oid)
        for match in names_.other_names
    ]
    return CertificateValidationContext(
        verify_certificate_spki=asked.spki_hashes,
        verify_certificate_hash=asked.certificate_hashes,
        match_typed_subject_alt_names=matchers,
        allow_expired_certificate=asked.allow_expired_certificate,
    )


def _check_backend(common: CommonTlsContext, tls: UpstreamTls) -> None:
    context = CertificateValidationContext(
        match_typed_subject_alt_names=[
            SubjectAltNameMatcher(san_type=_NAME_TYPES[kind], matcher=StringMatcher(exact=name))
            for kind, name in tls.names
        ]
    )
    if isinstance(tls.authorities, Authorities):
        _check_with(common, context, tls.authorities.name)
    elif tls.authorities is SystemAuthorities.TRUSTED:
        context.trusted_ca.filename = SYSTEM_AUTHORITIES_FILE
        common.validation_context.CopyFrom(context)


def _check_with(common: CommonTlsContext, context: CertificateValidationContext, authorities: str) -> None:
    combined = common.combined_validation_context
    combined.default_validation_context.CopyFrom(context)
    combined.validation_context_sds_secret_config.CopyFrom(_fetched(authorities))


def _fetched(secret: str) -> SdsSecretConfig:
    return SdsSecretConfig(name=secret, sds_config=ads_source())
