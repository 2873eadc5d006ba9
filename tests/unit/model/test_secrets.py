"""Secrets: what of them is checked, and that their values stay secret."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from egxds.certificates.key_pair import key_pair, read_key_pair
from egxds.model.api.core import SECRET
from egxds.model.store.parse import parse_document
from tests.envoy.odd_certificates import CA_KEY, certify, pem_of, uses
from tests.envoy.odd_certificates import key_pem as key_bytes
from tests.unit.model.keys import BORN, DIES, certificate_pem, key_pem, new_key
from tests.unit.model.texts import CERTIFICATE, KEY, document, gateway, secret
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import KINDS, messages, read, resolve, served

BROKEN_CHAIN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
LARGE, SMALL = (rsa.generate_private_key(65537, bits) for bits in (2048, 1024))
OTHER, ODD = new_key(), new_key(ec.SECP224R1())
EDWARDS, OLD = ed25519.Ed25519PrivateKey.generate(), dsa.generate_private_key(1024)

HTTPS = "- {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}"

GOOD = [
    (CERTIFICATE, KEY),
    (certificate_pem(LARGE), key_pem(LARGE)),
    (certificate_pem(EDWARDS), key_pem(EDWARDS)),
    (CERTIFICATE + certificate_pem(OTHER), KEY),
    ("a comment\n" + CERTIFICATE, KEY.replace("\n", "\r\n")),
]
BAD = [
    ("", KEY, "tls.crt missing or empty"),
    ("", "", "tls.crt and tls.key missing or empty"),
    ("hello", KEY, "tls.crt is not a chain of certificates in PEM"),
    (CERTIFICATE, "hello", "tls.key is not a private key in PEM"),
    (CERTIFICATE + BROKEN_CHAIN, KEY, "tls.crt: certificate 2 of 2 cannot be read"),
    (CERTIFICATE, key_pem(OTHER), "tls.key does not belong to the first certificate in tls.crt"),
    (CERTIFICATE, key_pem(LARGE), "tls.key does not belong to the first certificate in tls.crt"),
    (certificate_pem(OTHER) + CERTIFICATE, KEY, "tls.key does not belong to the first certificate in tls.crt"),
    (CERTIFICATE, key_pem(OTHER, b"password"), "tls.key is encrypted"),
    (certificate_pem(SMALL), key_pem(SMALL), "the key has 1024 bits"),
    (certificate_pem(ODD), key_pem(ODD), "the key is on a curve that Envoy does not take"),
    (certificate_pem(OLD), key_pem(OLD), "the key is of a kind that Envoy does not take"),
]


@pytest.mark.parametrize(("certificate", "key"), GOOD)
def test_a_pair_that_envoy_takes_is_accepted(certificate: str, key: str) -> None:
    """Chains, text before the PEM and Windows line ends are what Envoy takes, too."""
    assert not store_problems(read(secret(certificate=certificate, key=key)))


@pytest.mark.parametrize(("certificate", "key", "message"), BAD)
def test_a_pair_that_envoy_refuses_is_refused(certificate: str, key: str, message: str) -> None:
    """A TLS Secret that cannot serve is not accepted, and says why."""
    state = read(secret(certificate=certificate, key=key))
    assert message in store_problems(state)[0].message
    assert not state.of(SECRET)


def test_the_certificate_of_an_authority_need_not_serve() -> None:
    """It is accepted for those who trust it, and refused where a listener names it."""
    authority = certify(CA_KEY, names=(), extensions=[(x509.BasicConstraints(True, None), True), uses("key_cert_sign")])
    ca = secret(certificate=pem_of(authority).decode(), key=key_bytes(CA_KEY).decode())
    assert not store_problems(read(ca))
    resolution = resolve(gateway(listeners=HTTPS), ca)
    assert not served(resolution)
    assert any("digitalSignature" in message for message in messages(resolution))


def test_what_is_marked_as_an_authority_may_still_serve() -> None:
    """As `openssl req -x509` makes it; so it is refused like any other (pomerium/pomerium issue 2852)."""
    staple = (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
    marked = certify(CA_KEY, extensions=[(x509.BasicConstraints(True, None), True), staple])
    state = read(secret(certificate=pem_of(marked).decode(), key=key_bytes(CA_KEY).decode()))
    assert "must be stapled" in store_problems(state)[0].message


@pytest.mark.parametrize(("certificate", "key", "message"), BAD)
def test_other_types_of_secrets_are_not_looked_into(certificate: str, key: str, message: str) -> None:
    """An Opaque Secret holds what it likes; it is checked where it is used."""
    assert not store_problems(read(secret(type_="Opaque", certificate=certificate, key=key)))


def test_plain_text_overrides_base64() -> None:
    """StringData wins over data, and ends up in data."""
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
        "data: {one: bm90IG1l, two: bWU=, three: '!'}\nstringData: {one: me, three: me}\n"
    )
    (item,) = read(text).of(SECRET).values()
    assert item.content.data == {"one": b"me", "two": b"me", "three": b"me"}


def test_values_do_not_show_when_a_secret_is_printed() -> None:
    """A Secret in a log or a traceback gives nothing away."""
    (item,) = read(secret()).of(SECRET).values()
    assert "PRIVATE" not in repr(item)
    assert base64.b64encode(KEY.encode()).decode() not in repr(item)


_MARK = "hunter2"
_VALUES = st.one_of(
    st.text(alphabet="ab=!\n", max_size=8).map(lambda text: _MARK + text),
    st.lists(st.just(_MARK), max_size=2),
    st.dictionaries(st.just("a"), st.just(_MARK), max_size=1),
    st.integers(),
    st.none(),
)


@given(
    data=st.dictionaries(st.sampled_from(["tls.crt", "tls.key", "a"]), _VALUES) | _VALUES,
    plain=st.dictionaries(st.sampled_from(["tls.crt", "tls.key", "a"]), _VALUES) | _VALUES,
    type_=st.sampled_from(["kubernetes.io/tls", "Opaque"]),
)
def test_no_message_holds_a_value(data: Any, plain: Any, type_: str) -> None:
    """Whatever is wrong with a Secret, its values are in no message."""
    said = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "type": type_}
    text = json.dumps({**said, "data": data, "stringData": plain})
    parsed = parse_document(document(text), KINDS)
    problems = [*parsed.problems, *(problem for refused in parsed.refused for problem in refused.problems)]
    assert not [problem for problem in problems if _MARK in problem.message]


def test_faults_are_named_together() -> None:
    """A Secret of which both values are bad is told about both."""
    assert read_key_pair({"tls.crt": b"a", "tls.key": b"b"}) == (
        "tls.crt is not a chain of certificates in PEM",
        "tls.key is not a private key in PEM",
    )


def test_time_is_judged_by_the_clock_that_is_given() -> None:
    """A certificate is in its time from its first to its last moment."""
    validity = key_pair({"tls.crt": CERTIFICATE.encode(), "tls.key": KEY.encode()}).validity()
    assert validity.fault(BORN) == validity.fault(DIES - timedelta(days=30)) == ""
    assert "ends at 2026-04-01" in validity.fault(DIES - timedelta(days=29))
    assert "not valid before 2026-01-01" in validity.fault(BORN.replace(year=2025))
    assert "expired at 2026-04-01" in validity.fault(DIES.replace(year=2027))
