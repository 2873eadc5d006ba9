"""tls of a Backend, as a user writes it. Pure.

Source: Envoy Gateway v1.9, BackendTLSSettings. What of it an API server would refuse beside the values themselves is
decided with its references (`egxds.model.resolve.own_tls`): a Backend whose TLS cannot be done is there, and closed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from egxds.model.api.gateway import SecretObjectReference
from egxds.model.api.object import CORE_GROUP, ApiModel, api_type
from egxds.model.api.scalars import ObjectName, PreciseHostname
from egxds.model.api.tls_settings import TlsSettings


@api_type
class BackendAuthorityReference(ApiModel):
    """Who the certificate of a Backend is to be issued by: a ConfigMap or a Secret in its own namespace."""

    is_narrowing = True

    group: str = CORE_GROUP
    kind: str = "ConfigMap"
    name: ObjectName


@api_type
class BackendTls(TlsSettings):
    """How a Backend is spoken to by TLS.

    Attributes:
        well_known: whether it is to be issued by whom the machine trusts.
        insecure_skip_verify: whether nobody looks at its certificate.
        auto_sni: whether each endpoint is asked by its own hostname, and has to have a certificate of it; one without
            is asked by `sni`.
        sni: the server name that is asked for, and the name that the certificate is to have; without it, and without
            `auto_sni`, both are the host of the request.
        client_certificate_ref: what it is shown, in place of what the Gateway shows.
    """

    is_narrowing = True

    ca_certificate_refs: Annotated[
        tuple[BackendAuthorityReference, ...], Field(alias="caCertificateRefs", max_length=8)
    ] = ()
    well_known: Annotated[Literal["System"] | None, Field(alias="wellKnownCACertificates")] = None
    insecure_skip_verify: StrictBool = False
    auto_sni: Annotated[StrictBool, Field(alias="autoSNIFromEndpointHostname")] = False
    sni: PreciseHostname | None = None
    client_certificate_ref: SecretObjectReference | None = None
