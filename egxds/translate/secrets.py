"""A certificate's Secret → the Envoy Secret that SDS delivers. Pure."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsCertificate
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from egxds import names
from egxds.model.api.core import SecretBody
from egxds.model.api.object import ApiObject
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource

_CERTIFICATE_KEY = "tls.crt"
_PRIVATE_KEY_KEY = "tls.key"


def translate_secret(secret: ApiObject[SecretBody]) -> Resource:
    """Write a certificate with its key."""
    name = names.secret_name(secret.key.namespace, secret.key.name)
    values = secret.content.data
    certificate = TlsCertificate(
        certificate_chain=DataSource(inline_bytes=values.get(_CERTIFICATE_KEY, b"")),
        private_key=DataSource(inline_bytes=values.get(_PRIVATE_KEY_KEY, b"")),
    )
    return Resource(names.SECRET, name, encode(Secret(name=name, tls_certificate=certificate)), (secret.key,))
