"""Reconnect with initial resource versions: rules 53 to 65."""

import pytest

from egxds.names import LISTENER
from egxds.resources.resource import Resource
from egxds.snapshot.snapshot import version_resource
from tests.transcripts.driver import play


@pytest.mark.rule(53)
def test_name_that_is_unchanged_is_not_sent() -> None:
    """The first request of a type, and only that, may say that the client has it; asked again, it is sent."""
    play("SET RDS[A]\n→ RDS sub[A] irv{A:h1}\n∅\n→ RDS sub[A]\n← RDS res[A]")


@pytest.mark.rule(54)
def test_name_that_changed_or_is_new_is_sent() -> None:
    """What the client has in another version, or not at all, it gets."""
    play("SET RDS[A,B@h2,C]\n→ RDS sub[A,B,C] irv{A:h1,B:old}\n← RDS res[B@h2,C]")


@pytest.mark.rule(55)
@pytest.mark.parametrize("short", ["CDS", "EDS", "LDS", "RDS", "SDS"])
def test_name_that_is_gone_is_removed(short: str) -> None:
    """It stays subscribed, and comes when it exists again."""
    play(f"SET {short}[]\n→ {short} sub[D] irv{{D:x}}\n← {short} rem[D]\nack\nSET {short}[D]\n← {short} res[D]")


@pytest.mark.rule(54, 55)
def test_resource_without_a_version_is_held_all_the_same() -> None:
    """Another server may have given none: what exists is sent, what is gone is removed."""
    play("SET RDS[A]\n→ RDS sub[A,D] irv{A:,D:}\n← RDS res[A] rem[D]")


@pytest.mark.rule(56)
@pytest.mark.parametrize("mapping", ["A", "A,E"])
def test_what_is_held_but_not_wanted_is_removed(mapping: str) -> None:
    """The client drops it, whether or not it exists."""
    play(f"SET RDS[{mapping}]\n→ RDS sub[A] irv{{A:h1,E:x}}\n← RDS rem[E]\nack\nSET RDS[A,E@h2]\n∅")


@pytest.mark.rule(57)
def test_wildcard_gets_the_difference() -> None:
    """New and changed in, gone out, the same left alone."""
    play("SET CDS[A,C]\n→ CDS irv{A:h1,B:h1}\n← CDS res[C] rem[B]")


@pytest.mark.rule(58)
def test_wildcard_is_answered_though_nothing_differs() -> None:
    """One empty response."""
    play("SET CDS[A,B]\n→ CDS irv{A:h1,B:h1}\n← CDS res[] n1\nack\n∅")


@pytest.mark.rule(59)
@pytest.mark.parametrize(
    ("mapping", "answer"),
    [("bar@1,wild1@1", "rem[foo]"), ("bar@1,foo@1,wild1@1", "res[]"), ("foo@1", "rem[bar,wild1]")],
)
def test_wildcard_with_names_gets_the_difference(mapping: str, answer: str) -> None:
    """A name that may have come through the wildcard or by itself is removed where neither has it."""
    play(f"SET CDS[{mapping}]\n→ CDS sub[*,bar] irv{{foo:1,bar:1,wild1:1}}\n← CDS {answer}")


@pytest.mark.rule(60)
def test_initial_versions_count_in_the_first_request_only() -> None:
    """Later ones are ignored."""
    play("SET RDS[A,B]\n→ RDS sub[A]\n← RDS res[A]\nack\n→ RDS sub[B] irv{B:h1,E:x}\n← RDS res[B]")


@pytest.mark.rule(61)
def test_version_depends_on_nothing_but_the_content() -> None:
    """A restarted server finds the versions of its predecessor in the request."""
    versions = {version_resource(Resource(LISTENER, name, b"same"), ()).version for name in ("L", "M")}
    assert len(versions) == 1
    assert version_resource(Resource(LISTENER, "L", b"other"), ()).version not in versions


@pytest.mark.rule(62)
def test_types_come_in_any_order() -> None:
    """An Envoy whose clusters warm asks for endpoints first, and for clusters perhaps never."""
    play("""
        SET CDS[c(EDS:c)] EDS[c] RDS[r]
        → RDS sub[r] irv{r:h0}
        ← RDS res[r]
        → EDS sub[c]
        ← EDS res[c]
    """)


@pytest.mark.rule(63)
@pytest.mark.parametrize("short", ["EDS", "SDS"])
def test_endpoints_and_secrets_are_sent_again_on_a_new_stream(short: str) -> None:
    """A cluster or listener in the middle of warming waits for them, whatever version it reports."""
    play(f"SET {short}[A,B]\n→ {short} sub[A] irv{{A:h1}}\n← {short} res[A]\nack\n∅")


@pytest.mark.rule(63)
def test_wildcard_of_endpoints_is_sent_again_on_a_new_stream() -> None:
    """The same for a client that asks for all of them."""
    play("SET EDS[A,B]\n→ EDS sub[*] irv{A:h1,B:h1}\n← EDS res[A,B]\nack\n∅")


@pytest.mark.rule(86, 84)
def test_changed_parent_on_a_new_stream_brings_its_children() -> None:
    """Endpoints that the stream already watches go out behind the cluster that changed while the client was away."""
    play("""
        SET CDS[c@h2(EDS:c)] EDS[c]
        → EDS sub[c]
        ← EDS res[c]
        ack
        → CDS irv{c:h1}
        ← CDS res[c@h2]
        ← EDS res[c]
    """)


@pytest.mark.rule(82, 83)
def test_removals_wait_on_a_new_stream_too() -> None:
    """Where the requests of a reconnecting client came together, routes are moved before the old cluster goes."""
    play("""
        SET CDS[Y] LDS[L] RDS[rt@h2]
        → CDS irv{X:h1}
        → LDS irv{L:h1}
        → RDS sub[rt] irv{rt:h1}
        ← CDS res[Y]
        ← LDS res[]
        ack
        ← RDS res[rt@h2]
        ∅
        ack
        ← CDS rem[X]
    """)
