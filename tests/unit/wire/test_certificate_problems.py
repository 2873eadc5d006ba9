"""What is said of the certificates of the xDS port."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from egxds.certificates.validity import Validity
from egxds.settings.daemon import XdsTls
from egxds.wire.grpc.certificate_problems import certificate_problems

TLS = XdsTls.model_validate({"certFile": "tls.crt", "keyFile": "tls.key", "clientCAFile": "ca.crt"})
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (90, ""),
        (20, "ca.crt: warning: xds.tls.clientCAFile: the certificate ends at"),
        (-1, "ca.crt: error: xds.tls.clientCAFile: the certificate expired at"),
    ],
)
def test_time(days: int, expected: str) -> None:
    """One that is about to end is a warning; with one that is over nobody can connect."""
    time = Validity(NOW - timedelta(days=365), NOW + timedelta(days=days))
    found = [str(one) for one in certificate_problems(TLS, "", {"clientCAFile": time}, NOW)]
    assert [one.startswith(expected) for one in found] == ([True] if expected else [])


def test_files_that_cannot_be_used() -> None:
    """It is said which, and that the old ones are in force."""
    fault = "xds.tls.certFile, xds.tls.keyFile: cannot use tls.crt and tls.key: key values mismatch"
    (found,) = certificate_problems(TLS, fault, {}, NOW)
    assert str(found) == f"tls.key: error: {fault}; what was read before stays in force"
