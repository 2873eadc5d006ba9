"""backendTLS of an EnvoyProxy, as a user writes it: how backends are spoken to by TLS. Pure.

Source: Envoy Gateway v1.9, BackendTLSConfig.
"""

from __future__ import annotations

from egxds.model.api.gateway import SecretObjectReference
from egxds.model.api.object import api_type
from egxds.model.api.tls_settings import TlsSettings


@api_type
class ProxyBackendTls(TlsSettings):
    """How backends of routes are spoken to by TLS, as far as they say nothing of it themselves.

    Attributes:
        client_certificate_ref: what they are shown where the Gateway itself names nothing.
    """

    is_narrowing = True

    client_certificate_ref: SecretObjectReference | None = None
