"""Wildcard: rules 13 to 30."""

import pytest

from tests.transcripts.driver import play

LEGACY = """
    SET CDS[A,B]
    → CDS
    ← CDS res[A,B]
    ack
"""
EXPLICIT = """
    SET CDS[A,B]
    → CDS sub[*]
    ← CDS res[A,B]
    ack
"""


@pytest.mark.rule(13)
@pytest.mark.parametrize("short", ["CDS", "LDS", "SRDS"])
def test_first_request_without_names_is_a_wildcard(short: str) -> None:
    """Legacy wildcard: nothing subscribed, nothing unsubscribed."""
    play(f"SET {short}[A,B]\n→ {short}\n← {short} res[A,B]")


@pytest.mark.rule(14)
def test_star_is_a_wildcard() -> None:
    """Explicit wildcard."""
    play(EXPLICIT)


@pytest.mark.rule(15)
@pytest.mark.parametrize("short", ["RDS", "EDS", "SDS", "ECDS", "RTDS", "VHDS"])
def test_other_types_know_no_legacy_wildcard(short: str) -> None:
    """A first request without names subscribes to nothing there; it is answered with one empty response."""
    play(f"""
        SET {short}[A]
        → {short}
        ← {short} res[] n1
        SET {short}[A@h2]
        ∅
    """)


@pytest.mark.rule(16)
@pytest.mark.parametrize("request_line", ["LDS", "LDS sub[*]"])
def test_first_wildcard_is_answered_even_where_there_is_nothing(request_line: str) -> None:
    """Envoy waits for the first answer of LDS and CDS; it gets exactly one."""
    play(f"SET LDS[]\n→ {request_line}\n← LDS res[] n1\nack\n∅")


@pytest.mark.rule(17)
def test_first_request_is_first_whatever_its_nonce() -> None:
    """A nonce from an older stream does not hide that a request is the first of its type."""
    play("""
        SET LDS[]
        → LDS nonce=77
        ! no response '77' is waiting for an answer
        ← LDS res[] n1
    """)


@pytest.mark.rule(18)
def test_wildcard_push_holds_the_difference_only() -> None:
    """New and changed resources are sent, deleted ones removed, the rest is left out."""
    play(LEGACY + "SET CDS[A@h2,C]\n← CDS res[A@h2,C] rem[B]\nack")


@pytest.mark.rule(19)
def test_name_beside_a_legacy_wildcard_is_answered() -> None:
    """A name that is subscribed under a wildcard is sent, known or not; the wildcard stays."""
    play(LEGACY + "→ CDS sub[A]\n← CDS res[A]\nack\nSET CDS[A,B@h2]\n← CDS res[B@h2]")


@pytest.mark.rule(20)
def test_dropping_the_wildcard_keeps_the_names() -> None:
    """After `*` is dropped only the names are served."""
    play(
        LEGACY
        + """
        → CDS sub[A]
        ← CDS res[A]
        ack
        → CDS unsub[*]
        ∅
        SET CDS[A,B@h3]
        ∅
        SET CDS[A@h2,B@h3]
        ← CDS res[A@h2]
    """
    )


@pytest.mark.rule(20)
def test_versions_are_forgotten_with_the_wildcard() -> None:
    """What the wildcard brought counts as unknown when the wildcard comes back."""
    play(LEGACY + "→ CDS unsub[*]\n∅\n→ CDS sub[*]\n← CDS res[A,B]")


@pytest.mark.rule(21, 51)
def test_nothing_brings_a_dropped_wildcard_back() -> None:
    """With the last name gone the client wants nothing, and empty requests mean nothing."""
    play(
        LEGACY
        + """
        → CDS sub[A]
        ← CDS res[A]
        ack
        → CDS unsub[*]
        → CDS unsub[A]
        ∅
        → CDS
        ∅
        SET CDS[A@h9]
        ∅
    """
    )


@pytest.mark.rule(22)
def test_legacy_wildcard_can_be_dropped() -> None:
    """`unsub[*]` ends a wildcard that was never spelled out."""
    play(LEGACY + "→ CDS unsub[*]\n∅\nSET CDS[A@h2]\n∅")


@pytest.mark.rule(23)
def test_wildcard_is_exchanged_for_a_name_in_one_request() -> None:
    """Envoy cancels its legacy wildcard this way; the name is sent though it is known."""
    play("""
        SET CDS[A,B,C]
        → CDS
        ← CDS res[A,B,C]
        ack
        → CDS sub[C] unsub[*]
        ← CDS res[C]
        ack
        SET CDS[A@h2,B,C@h2]
        ← CDS res[C@h2]
    """)


@pytest.mark.rule(24)
def test_name_dropped_under_a_wildcard_is_sent_where_the_wildcard_has_it() -> None:
    """The client cannot know whether the wildcard covers it, so it gets the whole resource."""
    play("SET CDS[A,B]\n→ CDS sub[*,A]\n← CDS res[A,B]\nack\n→ CDS unsub[A]\n← CDS res[A]")


@pytest.mark.rule(25)
def test_name_dropped_under_a_wildcard_is_removed_where_the_wildcard_has_it_not() -> None:
    """The client hears that the wildcard does not cover it, each time."""
    play("SET CDS[A,B]\n→ CDS sub[*,Q]\n← CDS res[A,B] rem[Q]\nack\n→ CDS unsub[Q]\n← CDS rem[Q]\nack\nSET CDS[A,B]\n∅")


@pytest.mark.rule(26)
def test_name_held_through_the_wildcard_cannot_be_dropped_alone() -> None:
    """Such a request means nothing."""
    play(EXPLICIT + "→ CDS unsub[A]\n∅\nSET CDS[A@h2,B]\n← CDS res[A@h2]")


@pytest.mark.rule(27)
def test_wildcard_after_names_sends_everything() -> None:
    """`*` is subscribed like any name: all it stands for is sent, known or not."""
    play("SET CDS[A,B]\n→ CDS sub[A]\n← CDS res[A]\nack\n→ CDS sub[*]\n← CDS res[A,B]")


@pytest.mark.rule(28)
def test_wildcard_again_sends_everything_again() -> None:
    """A repeated `*` is answered in full."""
    play(EXPLICIT + "→ CDS sub[*]\n← CDS res[A,B]")


@pytest.mark.rule(28, 16)
def test_wildcard_again_is_answered_where_there_is_nothing() -> None:
    """A repeated `*` is never met with silence."""
    play("SET CDS[]\n→ CDS sub[*]\n← CDS res[]\nack\n→ CDS sub[*]\n← CDS res[]")


@pytest.mark.rule(29)
def test_wildcard_taken_and_dropped_in_the_first_request_is_no_wildcard() -> None:
    """A client says so that it will ask name by name; it is not answered."""
    play("""
        SET CDS[A]
        → CDS sub[*] unsub[*]
        ∅
        SET CDS[A@h2]
        ∅
        → CDS sub[A]
        ← CDS res[A@h2]
    """)


@pytest.mark.rule(30)
def test_request_that_says_nothing_is_not_answered() -> None:
    """No names, no nonce, not the first: Envoy sends that when its context changes."""
    play(LEGACY + "→ CDS\n∅")


@pytest.mark.rule(103)
def test_clusters_on_demand_beside_the_wildcard() -> None:
    """A name that is asked for when a request needs it is answered, there or not, and comes once it exists."""
    play(
        LEGACY
        + """
        → CDS sub[Q]
        ← CDS rem[Q]
        ack
        SET CDS[A,B,Q]
        ← CDS res[Q]
        ack
        → CDS sub[A]
        ← CDS res[A]
        ack
        → CDS unsub[Q]
        ← CDS res[Q]
    """
    )
