"""backendTLS: what backends are shown that are spoken to by TLS. Pure.

Source: Envoy Gateway v1.9. What a Gateway names itself counts before it. The Secret is in the namespace of the
EnvoyProxy. While it cannot be had, backends are not reached by TLS: they may go by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.api.core import SecretBody
from egxds.model.api.envoy_proxy.backend_tls import ProxyBackendTls
from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.proxies.feature import ProxyFeature, Resolved
from egxds.model.resolve.references import resolve_secret, secret_target
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What backends are shown; None where it cannot be had."""

    secret: ApiObject[SecretBody] | None = None


def _asked(spec: EnvoyProxySpec) -> ProxyBackendTls | None:
    tls = spec.backend_tls
    return tls if tls is not None and tls.client_certificate_ref is not None else None


def _queries(asked: ProxyBackendTls, proxy: ObjectKey) -> Iterator[Query]:
    if asked.client_certificate_ref is not None:
        yield secret_target(proxy, asked.client_certificate_ref)


def _resolve(asked: ProxyBackendTls, context: ProxyContext) -> Resolved:
    ref, path = asked.client_certificate_ref, (*context.path, "clientCertificateRef")
    if ref is None:
        return Resolved(None)
    if secret_target(context.proxy, ref).namespace != context.proxy.namespace:
        message = f"the certificate has to be in namespace {context.proxy.namespace}, as {context.proxy} is"
        return _none(Fault(Reason.INVALID_CLIENT_CERTIFICATE_REF, message, path))
    secret = resolve_secret(
        context.proxy, ref, path, context.index, Reason.INVALID_CLIENT_CERTIFICATE_REF, "a certificate"
    )
    if isinstance(secret, Fault):
        return _none(secret)
    wrong = context.index.certificate_faults(secret)
    if wrong:
        message = f"{secret.key}: {'; '.join(wrong)}"
        return _none(Fault(Reason.INVALID_CLIENT_CERTIFICATE_REF, message, path))
    return Resolved(ShownCertificate(secret))


def _none(why: Fault) -> Resolved:
    return Resolved(ShownCertificate(), errors=(why,))


BACKEND_TLS = ProxyFeature(("backendTLS",), _asked, _resolve, _queries)
