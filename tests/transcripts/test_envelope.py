"""Stream and request envelope: rules 1 to 12."""

import pytest

from egxds.errors import RemoteProtocolError
from egxds.sessions import delta_session
from egxds.sessions.events import Node, Request
from egxds.sessions.named_resources import NameLimits
from tests.transcripts.driver import Transcript, play
from tests.transcripts.language import TYPES


@pytest.mark.rule(1)
def test_node_comes_with_the_first_message_only() -> None:
    """A stream keeps the node of its first request; later requests need none."""
    transcript = play("""
        SET CDS[A] LDS[L]
        → LDS node{one}
        ← LDS res[L]
        → CDS
        ← CDS res[A]
    """)
    assert transcript.session.node == Node("one", "shop/front")


@pytest.mark.rule(1)
def test_node_may_be_repeated() -> None:
    """Envoy's older multiplexer sends the same node in every request; nothing is odd about that."""
    transcript = play("""
        SET CDS[A] LDS[L]
        → LDS node{one}
        ← LDS res[L]
        → CDS node{one}
        ← CDS res[A]
    """)
    assert transcript.events == ()


@pytest.mark.rule(2)
def test_node_cannot_be_replaced() -> None:
    """A stream stays with its first node; another one is reported and ignored."""
    transcript = play("""
        SET CDS[A] LDS[L]
        → CDS node{one}
        ← CDS res[A]
        → LDS node{two}
        ! node 'two' on the stream of node 'one'
        ← LDS res[L]
    """)
    assert transcript.session.node == Node("one", "shop/front")


@pytest.mark.rule(3)
@pytest.mark.parametrize("node", ["node{none}", "node{}"])
def test_stream_without_node_ends(node: str) -> None:
    """A first message without a usable node id is INVALID_ARGUMENT, and changes nothing."""
    transcript = play(f"""
        SET CDS[A]
        → CDS {node} ✗ 3
        ∅
    """)
    assert (transcript.session.node, transcript.session.status()) == (None, ())


@pytest.mark.rule(4)
def test_type_url_is_needed_on_an_aggregated_stream() -> None:
    """An empty type_url on ADS is INVALID_ARGUMENT."""
    play("→ - ✗ 3")


@pytest.mark.rule(5, 116)
def test_stream_of_one_type_needs_no_type_url() -> None:
    """On a per-type stream an empty type_url is the stream's type."""
    transcript = play("SET CDS[A] LDS[L]\n→ -\n← CDS res[A]\nack", fixed_type="CDS")
    assert transcript.resource("CDS", "A").acked_version == "h1"


@pytest.mark.rule(5)
def test_stream_of_one_type_serves_no_other() -> None:
    """A foreign type_url on a per-type stream is INVALID_ARGUMENT."""
    play("SET CDS[A] LDS[L]\n→ LDS ✗ 3", fixed_type="CDS")


@pytest.mark.rule(6)
@pytest.mark.parametrize(
    ("request_line", "response_line"),
    [("foo.Bar sub[x,y]", "foo.Bar rem[x,y]"), ("foo.Bar sub[*]", "foo.Bar res[]"), ("foo.Bar", "foo.Bar res[]")],
)
def test_unknown_type_is_answered_and_ends_nothing(request_line: str, response_line: str) -> None:
    """Names of a type that is not served do not exist, a wildcard is empty, and the other types go on."""
    play(f"""
        SET CDS[A]
        → {request_line}
        ← {response_line}
        → CDS
        ← CDS res[A]
    """)


@pytest.mark.rule(7)
def test_types_are_independent() -> None:
    """Every type has its own subscription, versions and nonces."""
    play("""
        SET RDS[A] EDS[A]
        → RDS sub[A]
        ← RDS res[A]
        ack
        → EDS sub[A]
        ← EDS res[A]
        ack
        → RDS unsub[A]
        SET RDS[A@h2] EDS[A@h2]
        ← EDS res[A@h2]
    """)


@pytest.mark.rule(10, 64)
def test_streams_of_one_node_are_independent() -> None:
    """Two streams with one node id share nothing; what ends one leaves the other."""
    first, second = Transcript(), Transcript()
    for transcript in (first, second):
        transcript.play("SET RDS[A]\n→ RDS sub[A] node{same}\n← RDS res[A] n1\nack")
    first.play("→ RDS unsub[A]")
    second.play("SET RDS[A@h2]\n← RDS res[A@h2] n2")


@pytest.mark.rule(11, 47)
def test_nothing_is_sent_before_the_first_snapshot() -> None:
    """Every request is held until something is loaded; above all, nothing is removed."""
    play("""
        SET nothing
        → CDS irv{A:h1,B:h1}
        → LDS
        → EDS sub[E]
        ∅
        SET CDS[A]
        ← CDS res[]
        ← EDS rem[E]
        ← LDS res[]
        ack
        ← CDS rem[B]
    """)


@pytest.mark.rule(11)
def test_nothing_is_sent_while_it_is_not_known_what_the_client_is_to_hold() -> None:
    """Where a client no longer selects anything, it keeps what it has."""
    play("""
        SET CDS[A]
        → CDS
        ← CDS res[A]
        ack
        SET nothing
        → CDS sub[A]
        ∅
        SET CDS[]
        ← CDS rem[A]
    """)


@pytest.mark.rule(12)
def test_answers_come_from_the_newest_snapshot() -> None:
    """What was asked before a snapshot came is answered from that snapshot."""
    play("""
        SET RDS[A]
        → RDS sub[A]
        SET RDS[A@h2]
        ← RDS res[A@h2]
    """)


@pytest.mark.rule(39, 110)
def test_one_stream_can_not_ask_for_any_number_of_types() -> None:
    """Too many types are RESOURCE_EXHAUSTED; those that it has are served on."""
    transcript = Transcript()
    for index in range(delta_session.TYPES_LIMIT):
        transcript.play(f"→ type.{index} sub[x]")
    transcript.play("→ one.more sub[x] ✗ 8\n→ type.0 sub[y]")
    assert len(transcript.session.status()) == delta_session.TYPES_LIMIT


@pytest.mark.rule(39, 110)
def test_one_stream_can_not_name_any_number_of_resources() -> None:
    """Too many names are RESOURCE_EXHAUSTED."""
    transcript = Transcript().play("SET EDS[]\n→ EDS sub[a]\n← EDS rem[a]")
    names = tuple(map(str, range(NameLimits().count)))
    with pytest.raises(RemoteProtocolError, match="resources") as refused:
        transcript.session.receive(Request(TYPES["EDS"], subscribe=names), transcript.now_s)
    assert refused.value.status == 8
    assert transcript.status("EDS").subscribed == 1
