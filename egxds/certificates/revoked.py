"""Lists of certificates that were revoked (CRL): what Envoy takes of them, and how they are written. Pure.

Whether one is out of date is not asked here, where no clock is: Envoy refuses every client then.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography import x509

from egxds.certificates.pem import read_pem, write_pem

REVOKED_ENTRY = "ca.crl"

_LABEL = "X509 CRL"


def read_revoked(data: Mapping[str, bytes]) -> bytes | str:
    """Read the lists in the values of a ConfigMap or a Secret.

    Args:
        data: the values by name.

    Returns:
        The lists in PEM, each once, written anew; or why they cannot be used, without any part of the values.
    """
    text = data.get(REVOKED_ENTRY, b"")
    if not text.strip():
        return f"{REVOKED_ENTRY} is missing or empty"
    blocks = read_pem(text)
    if isinstance(blocks, str):
        return f"{REVOKED_ENTRY}: {blocks}"
    bodies: dict[bytes, None] = {}
    for block in blocks:
        if block.label != _LABEL:
            return f"{REVOKED_ENTRY} holds something else than lists of revoked certificates ({_LABEL})"
        try:
            x509.load_der_x509_crl(block.body)
        except ValueError:
            return f"{REVOKED_ENTRY} holds a list of revoked certificates that cannot be read"
        bodies[block.body] = None
    return b"".join(write_pem(_LABEL, body) for body in bodies)
