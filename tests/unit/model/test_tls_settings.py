"""How TLS is agreed on, where two say something of it."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.api.tls_settings import TlsSettings

CIPHER = "ECDHE-ECDSA-AES256-GCM-SHA384"

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "nothing said": ({}, {"maxVersion": "1.2", "ciphers": [CIPHER]}, {"maxVersion": "1.2", "ciphers": [CIPHER]}),
    "of one version": (
        {"minVersion": "1.3"},
        {"maxVersion": "1.2", "ecdhCurves": ["P-256"]},
        {"minVersion": "1.3", "ecdhCurves": ["P-256"]},
    ),
    "ciphers of no version that is left": ({"minVersion": "1.3"}, {"ciphers": [CIPHER]}, {"minVersion": "1.3"}),
    "no protocols": ({"alpnProtocols": []}, {"alpnProtocols": ["h2"]}, {"alpnProtocols": []}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_counts_before_what_others_say(case: str) -> None:
    """Field by field; of the two versions together."""
    own, others, expected = (TlsSettings.model_validate(each) for each in CASES[case])
    assert own.over(others) == expected
