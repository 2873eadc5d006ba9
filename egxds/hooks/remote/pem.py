"""Certificates and keys of a connection that are in Secrets of the sources, and not in files (`egxds.grpc.client_tls`).

Files that cannot be used stop the start: they are part of the settings. A Secret that is missing does not, because it
may come any moment: until it is there, calls fail, and the policy decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography import x509

from egxds.certificates.fields import fields_of
from egxds.errors import CertificateError
from egxds.settings.extension_service import SecretReference

SecretFinder = Callable[[str, str], Mapping[str, bytes] | None]
"""Namespace and name of a Secret → its values by name, as they are now; None where there is none."""


def no_secrets(_namespace: str, _name: str) -> None:
    """Find nothing: for where there are no sources."""


@dataclass(frozen=True, slots=True)
class PemInSecret:
    """One value of a Secret.

    Attributes:
        key: of the settings, that names the Secret.
        reference: the Secret.
        entries: names of the value: the first that is there, and the next as well where that one is no authority's, as
            in a Secret that cert-manager writes.
        secrets: finds Secrets.
    """

    key: str
    reference: SecretReference
    entries: tuple[str, ...]
    secrets: SecretFinder

    def read(self) -> bytes:
        """Return the value.

        Raises:
            CertificateError: there is no such Secret, or not this value in it.
        """
        places = (self.secrets(namespace, self.reference.name) for namespace in self.reference.namespaces)
        data = next((found for found in places if found is not None), None)
        if data is None:
            raise CertificateError(f"{self.key}: there is no {self.reference} in the sources")
        found = [data[entry] for entry in self.entries if data.get(entry)]
        if not found:
            missing = " or ".join(self.entries)
            raise CertificateError(f"{self.key}: cannot use {self.reference}: {missing} is missing or empty")
        return found[0] if len(found) == 1 or _is_authority(found[0]) else b"\n".join(found)

    def __str__(self) -> str:
        return f"{' or '.join(self.entries)} of {self.reference}"


def _is_authority(pem: bytes) -> bool:
    """Tell whether some certificates are those of an authority, which vouches for others."""
    try:
        return any(fields_of(each).is_authority for each in x509.load_pem_x509_certificates(pem))
    except ValueError:
        return False
