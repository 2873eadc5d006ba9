"""Certificates of authorities that others are trusted by: what Envoy takes of a bundle, and how it is written. Pure.

All of a bundle is taken or nothing: one certificate that is passed over would be somebody who is trusted no more. A
list of what was revoked (CRL) is refused: Envoy would ask for one of every authority then, and without it somebody
whom the list locks out would get in.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.serialization import Encoding

from egxds.certificates.chain import read_certificates
from egxds.certificates.pem import read_pem, write_pem

AUTHORITIES_ENTRY = "ca.crt"

_REVOKED = "X509 CRL"


def read_authorities(data: Mapping[str, bytes]) -> bytes | tuple[str, ...]:
    """Read the certificates in the values of a ConfigMap or a Secret.

    Args:
        data: the values by name.

    Returns:
        The certificates in PEM, each once, written anew; or why they cannot be used, without any part of the values.
    """
    text = data.get(AUTHORITIES_ENTRY, b"")
    if not text.strip():
        return (f"{AUTHORITIES_ENTRY} is missing or empty",)
    found = read_certificates(text, AUTHORITIES_ENTRY)
    if isinstance(found, str):
        return (found,)
    blocks = read_pem(text)
    if any(block.label == _REVOKED for block in blocks if not isinstance(block, str)):
        return (f"{AUTHORITIES_ENTRY} holds a list of revoked certificates, which is not served here; delete it",)
    bodies = dict.fromkeys(each.public_bytes(Encoding.DER) for each in found)
    return b"".join(write_pem("CERTIFICATE", body) for body in bodies)
