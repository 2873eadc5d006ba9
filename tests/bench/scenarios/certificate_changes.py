"""A certificate is replaced: one secret should be sent."""

from __future__ import annotations

import ssl

from egxds import names
from tests.bench import documents
from tests.bench.changes import Change, Saved, measure
from tests.bench.delta_client import Arrival
from tests.bench.measurements import Row
from tests.bench.parameters import Layout
from tests.bench.probes import until_certificate
from tests.bench.scenario import Bench
from tests.bench.site import Site


def save_certificate(site: Site, _word: str) -> Saved:
    """Replace the certificate of the TLS listener."""
    pair = documents.issue_certificate()
    certificate = ssl.PEM_cert_to_DER_cert(pair.cert)

    def until_served(_http_port: int, https_port: int) -> float:
        return until_certificate(https_port, documents.TLS_HOST, certificate)

    at = site.files.save("certificate", "---\n" + pair.secret("certificate"))
    return Saved(at, _is_secret, until_served)


def _is_secret(arrival: Arrival) -> bool:
    return arrival.type_url == names.SECRET


def certificate(bench: Bench, size: int, layout: Layout) -> Row:
    """Replace the certificate of one listener beside many routes."""
    found = measure(bench.site(size, layout), Change(save_certificate), bench.parameters.samples)
    return Row(size, layout, found.figures(), f"sent: {found.note()}")
