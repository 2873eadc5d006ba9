"""Where the certificates and keys of a connection are: in files, or in Secrets of the sources. Reads files.

They are read whenever a connection is made, so that a certificate that was renewed needs no restart, and what cannot
be used leaves in force what could. Files that cannot be used stop the start: they are part of the settings. A Secret
that is missing does not, because it may come any moment: until it is there, calls fail, and the policy decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from egxds.errors import CertificateError
from egxds.settings.extensions import SecretReference

SecretFinder = Callable[[str, str], Mapping[str, bytes] | None]
"""Namespace and name of a Secret → its values by name, as they are now; None where there is none."""


def no_secrets(_namespace: str, _name: str) -> None:
    """Find nothing: for where there are no sources."""


@dataclass(frozen=True, slots=True)
class PemFile:
    """A file.

    Attributes:
        key: of the settings, that names it.
        path: where it is.
    """

    key: str
    path: Path

    def read(self) -> bytes:
        """Return its content.

        Raises:
            CertificateError: it cannot be read.
        """
        try:
            return self.path.read_bytes()
        except OSError as err:
            raise CertificateError(f"{self.key}: cannot use {self}: {(err.strerror or str(err)).lower()}") from err

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PemInSecret:
    """One value of a Secret.

    Attributes:
        key: of the settings, that names the Secret.
        reference: the Secret.
        entry: name of the value.
        secrets: finds Secrets.
    """

    key: str
    reference: SecretReference
    entry: str
    secrets: SecretFinder

    def read(self) -> bytes:
        """Return the value.

        Raises:
            CertificateError: there is no such Secret, or not this value in it.
        """
        data = self.secrets(self.reference.namespace, self.reference.name)
        if data is None:
            raise CertificateError(f"{self.key}: there is no {self.reference} in the sources")
        if not data.get(self.entry):
            raise CertificateError(f"{self.key}: cannot use {self.reference}: {self.entry} is missing or empty")
        return data[self.entry]

    def __str__(self) -> str:
        return f"{self.entry} of {self.reference}"


PemSource = PemFile | PemInSecret


@contextmanager
def as_file(pem: bytes) -> Iterator[str]:
    """Lend a text to OpenSSL, which takes it from a file only, without it ever being on a disk.

    Args:
        pem: certificates and keys.

    Yields:
        A path that leads to it, within this process.
    """
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"
