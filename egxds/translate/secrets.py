"""Certificates with their keys → the Envoy Secrets that SDS delivers. Pure."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsCertificate
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from egxds import names
from egxds.certificates.key_pair import key_pair
from egxds.model.api.core import SecretBody
from egxds.model.api.object import ApiObject
from egxds.model.resolve.upstreams import ShownCertificate
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource


def translate_secret(secret: ApiObject[SecretBody]) -> Resource:
    """Write a certificate with its key, anew: not as the file has them.

    Args:
        secret: one that serves TLS, which whoever refers to it has seen to.
    """
    name = names.secret_name(secret.key.namespace, secret.key.name)
    pair = key_pair(secret.content.data)
    return _written(name, pair.certificates_pem(), pair.key_pem(), (secret.key,))


def shown_secret(shown: ShownCertificate) -> Resource:
    """Write what a backend is shown."""
    return _written(shown.name, shown.certificates, shown.key, shown.sources)


def _written(name: str, certificates: bytes, key: bytes, sources: tuple[ObjectKey, ...]) -> Resource:
    certificate = TlsCertificate(
        certificate_chain=DataSource(inline_bytes=certificates), private_key=DataSource(inline_bytes=key)
    )
    return Resource(names.SECRET, name, encode(Secret(name=name, tls_certificate=certificate)), sources)
