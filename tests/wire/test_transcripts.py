"""Transcripts of the delta protocol on a real socket, each as short as its rule."""

from __future__ import annotations

import pytest

from egxds.wire.grpc.server import XdsServer
from tests.transcripts.test_others_mistakes import MISTAKES
from tests.wire.player import player
from tests.wire.world import World

pytestmark = pytest.mark.anyio

LEGACY = "SET CDS[A,B]\n→ CDS\n← CDS res[A,B]\nack\n"
EXPLICIT = "SET CDS[A,B]\n→ CDS sub[*]\n← CDS res[A,B]\nack\n"
TWO_ROUTES = "SET RDS[A,B]\n→ RDS sub[A,B]\n← RDS res[A,B] n1\nack\n"


@pytest.mark.parametrize("transcript", MISTAKES.values(), ids=MISTAKES.keys())
async def test_mistakes_of_others(server: XdsServer, world: World, transcript: str) -> None:
    """What other servers get wrong is right from outside too."""
    async with player(server.address, world) as one:
        await one.play(transcript)


ENVELOPE = {
    6: "SET CDS[A]\n→ foo.Bar sub[x,y]\n← foo.Bar rem[x,y]\n→ CDS\n← CDS res[A]",
    7: """
        SET RDS[A] EDS[A]
        → RDS sub[A]
        ← RDS res[A]
        ack
        → EDS sub[A]
        ← EDS res[A]
        ack
        → RDS unsub[A]
        ∅
        SET RDS[A@h2] EDS[A@h2]
        ← EDS res[A@h2]
    """,
    12: "SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nack\n→ RDS unsub[A]\n→ RDS sub[A]\n→ RDS unsub[A]\n→ EDS sub[x]\n"
    "← EDS rem[x]\nSET RDS[A@h2]\n∅",
}


@pytest.mark.rule(6, 7, 12)
@pytest.mark.parametrize("transcript", ENVELOPE.values(), ids=ENVELOPE.keys())
async def test_envelope(server: XdsServer, world: World, transcript: str) -> None:
    """Types are independent, and requests are taken in their order."""
    async with player(server.address, world) as one:
        await one.play(transcript)


WILDCARD = {
    13: LEGACY,
    14: EXPLICIT,
    15: "SET RDS[A]\n→ RDS\n← RDS res[]\nack\nSET RDS[A@h2]\n∅",
    16: "SET LDS[]\n→ LDS\n← LDS res[]\nack\n∅",
    17: "SET LDS[]\n→ LDS nonce=77\n← LDS res[]",
    18: LEGACY + "SET CDS[A@h2,C]\n← CDS res[A@h2,C] rem[B]",
    19: LEGACY + "→ CDS sub[A]\n← CDS res[A]\nack\nSET CDS[A,B@h2]\n← CDS res[B@h2]",
    20: LEGACY + "→ CDS sub[A]\n← CDS res[A]\nack\n→ CDS unsub[*]\n∅\nSET CDS[A,B@h3]\n∅\n"
    "SET CDS[A@h2,B@h3]\n← CDS res[A@h2]",
    21: LEGACY + "→ CDS sub[A]\n← CDS res[A]\nack\n→ CDS unsub[*]\n→ CDS unsub[A]\n→ CDS\n∅\nSET CDS[A@h9]\n∅",
    22: LEGACY + "→ CDS unsub[*]\n∅\nSET CDS[A@h2]\n∅",
    23: LEGACY + "→ CDS sub[B] unsub[*]\n← CDS res[B]\nack\nSET CDS[A@h2,B@h2]\n← CDS res[B@h2]",
    24: "SET CDS[A,B]\n→ CDS sub[*,A]\n← CDS res[A,B]\nack\n→ CDS unsub[A]\n← CDS res[A]",
    25: "SET CDS[A]\n→ CDS sub[*,Q]\n← CDS res[A] rem[Q]\nack\n→ CDS unsub[Q]\n← CDS rem[Q]",
    26: EXPLICIT + "→ CDS unsub[A]\n∅\nSET CDS[A@h2,B]\n← CDS res[A@h2]",
    27: "SET CDS[A,B]\n→ CDS sub[A]\n← CDS res[A]\nack\n→ CDS sub[*]\n← CDS res[A,B]",
    28: EXPLICIT + "→ CDS sub[*]\n← CDS res[A,B]",
    29: "SET CDS[A]\n→ CDS sub[*] unsub[*]\n∅\nSET CDS[A@h2]\n∅\n→ CDS sub[A]\n← CDS res[A@h2]",
    30: LEGACY + "→ CDS\n∅",
}


@pytest.mark.rule(13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
@pytest.mark.parametrize("transcript", WILDCARD.values(), ids=WILDCARD.keys())
async def test_wildcard(server: XdsServer, world: World, transcript: str) -> None:
    """The wildcard comes, goes, and stands beside names."""
    async with player(server.address, world) as one:
        await one.play(transcript)


NAMES = {
    35: "SET RDS[A]\n→ RDS sub[A] unsub[A]\n∅\nSET RDS[A@h2]\n∅",
    36: "SET RDS[A,B]\n→ RDS sub[A]\n← RDS res[A]\nack\n→ RDS sub[B]\n← RDS res[B]",
    37: "SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nack\nSET RDS[A,B@h2,D]\n∅",
    38: "SET RDS[A]\n→ RDS sub[A,A]\n← RDS res[A]\nack\n→ RDS sub[A,A]\n← RDS res[A]",
    39: "SET RDS[A]\n→ RDS sub[ ,A]\n← RDS res[A]",
    42: "SET EDS[A]\n→ EDS sub[A,Z]\n← EDS res[A] rem[Z] n1",
    43: "SET EDS[A]\n→ EDS sub[A,Z]\n← EDS res[A] rem[Z]\nack\nSET EDS[A,Z]\n← EDS res[Z]",
    44: "SET EDS[A]\n→ EDS sub[Y]\n← EDS rem[Y]",
    45: "SET EDS[A]\n→ EDS sub[Z]\n← EDS rem[Z]\nack\nSET EDS[B]\n∅\n→ EDS sub[Z]\n← EDS rem[Z]",
    46: "SET EDS[Z]\n→ EDS sub[Z]\n← EDS res[Z]\nack\nSET EDS[]\n← EDS rem[Z]\nack\nSET EDS[Z]\n← EDS res[Z]",
    48: "SET RDS[A]\n→ RDS sub[A,Z]\n← RDS res[A]\nack\n→ RDS sub[Z]\n∅\nSET RDS[A,Z]\n← RDS res[Z]",
    49: TWO_ROUTES + "→ RDS unsub[B]\n∅\nSET RDS[A,B@h2]\n∅\nSET RDS[A@h2,B@h2]\n← RDS res[A@h2]",
    50: "SET RDS[A]\n→ RDS unsub[never]\n∅\n→ RDS sub[A]\n← RDS res[A]",
    51: TWO_ROUTES + "→ RDS unsub[A,B]\n→ RDS\n∅\nSET RDS[A@h2,B@h2]\n∅",
}


@pytest.mark.rule(35, 36, 37, 38, 39, 42, 43, 44, 45, 46, 48, 49, 50, 51)
@pytest.mark.parametrize("transcript", NAMES.values(), ids=NAMES.keys())
async def test_names(server: XdsServer, world: World, transcript: str) -> None:
    """Names are subscribed, missing, back again and dropped."""
    async with player(server.address, world) as one:
        await one.play(transcript)


RECONNECTS = {
    59: "SET CDS[bar@1,wild1@1]\n→ CDS sub[*,bar] irv{foo:1,bar:1,wild1:1}\n← CDS rem[foo]",
    60: "SET RDS[A,B]\n→ RDS sub[A]\n← RDS res[A]\nack\n→ RDS sub[B] irv{B:h1,E:x}\n← RDS res[B]",
    62: "SET CDS[c(EDS:c)] EDS[c] RDS[r]\n→ RDS sub[r] irv{r:h0}\n← RDS res[r]\n→ EDS sub[c]\n← EDS res[c]",
    63: "SET SDS[A]\n→ SDS sub[A] irv{A:h1}\n← SDS res[A]",
    86: "SET CDS[c@h2(EDS:c)] EDS[c]\n→ EDS sub[c]\n← EDS res[c]\nack\n→ CDS irv{c:h1}\n← CDS res[c@h2]\n← EDS res[c]",
}


@pytest.mark.rule(59, 60, 62, 63, 86)
@pytest.mark.parametrize("transcript", RECONNECTS.values(), ids=RECONNECTS.keys())
async def test_reconnects(server: XdsServer, world: World, transcript: str) -> None:
    """A client comes back with what it holds."""
    async with player(server.address, world) as one:
        await one.play(transcript)


ANSWERS = {
    73: "SET RDS[A,B]\n→ RDS sub[A,B]\n← RDS res[A,B]\nnack malformed\n← RDS res[A]\nnack malformed\n"
    "← RDS res[B]\nack\n∅",
    74: "SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\n→ RDS\nSET RDS[A@h2]\n∅",
    75: "SET RDS[A,B]\n→ RDS sub[A]\n← RDS res[A] n1\n→ RDS sub[B]\n← RDS res[B] n2\n→ RDS nonce=2\n→ RDS nonce=1\n"
    "∅\nSET RDS[A@h2,B]\n← RDS res[A@h2]",
    76: "SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nSET RDS[A@h2]\n∅\nSET RDS[A@h3]\n∅\nack RDS\n← RDS res[A@h3]",
    77: "SET LDS[L(RDS:r)] RDS[r]\n→ LDS\n← LDS res[L]\nack\nSET LDS[L@h2(RDS:r)] RDS[r@h2]\n← LDS res[L@h2]\nack\n∅",
    78: "SET CDS[X(EDS:X)] EDS[X]\n→ CDS\n← CDS res[X]\n→ EDS sub[X]\n← EDS res[X]\nack\n"
    "SET EDS[X@h2]\n← EDS res[X@h2]",
}


@pytest.mark.rule(73, 74, 75, 76, 77, 78)
@pytest.mark.parametrize("transcript", ANSWERS.values(), ids=ANSWERS.keys())
async def test_answers_of_the_client(server: XdsServer, world: World, transcript: str) -> None:
    """ACKs and NACKs come late, in any order, or not at all."""
    async with player(server.address, world) as one:
        await one.play(transcript)


MOVED = """
    SET CDS[X(EDS:X)] EDS[X] RDS[rt]
    → CDS
    ← CDS res[X]
    ack
    → EDS sub[X]
    ← EDS res[X]
    ack
    → RDS sub[rt]
    ← RDS res[rt]
    ack
    SET CDS[Y(EDS:Y)] EDS[Y] RDS[rt@toY]
    ← CDS res[Y]
    → EDS sub[Y]
    ← EDS res[Y]
    ack
    ← RDS res[rt@toY]
    ∅
"""
ORDER = {
    82: MOVED + "ack RDS\n← CDS rem[X]\nack\n← EDS rem[X]",
    83: MOVED + "nack RDS: no such cluster\n∅\nSET RDS[rt@fixed]\n← RDS res[rt@fixed]\n∅\nack RDS\n"
    "← CDS rem[X]\n← EDS rem[X]",
    84: "SET CDS[X(EDS:X)] EDS[X]\n→ CDS\n← CDS res[X]\nack\n→ EDS sub[X]\n← EDS res[X]\nack\n"
    "SET CDS[X@h2(EDS:X)]\n← CDS res[X@h2]\n← EDS res[X]",
    85: "SET CDS[X(EDS:X),Y(EDS:Y),Z] EDS[X,Y]\n→ CDS\n← CDS res[X,Y,Z]\nack\n→ EDS sub[X,Y]\n← EDS res[X,Y]\nack\n"
    "SET CDS[X@h2(EDS:X),Y(EDS:Y),Z]\n← CDS res[X@h2]\n← EDS res[X]",
    90: "SET LDS[l1]\n→ LDS\n← LDS res[l1]\nack\nSET LDS[l1b]\n← LDS res[l1b] rem[l1]",
    93: "SET RDS[A,B]\n→ RDS sub[A]\n← RDS res[A]\nack\nSET RDS[A,B@h2]\n∅\nSET RDS[A,B@h2] CDS[c]\n∅",
}


@pytest.mark.rule(82, 83, 84, 85, 90, 93)
@pytest.mark.parametrize("transcript", ORDER.values(), ids=ORDER.keys())
async def test_order(server: XdsServer, world: World, transcript: str) -> None:
    """What is referred to comes first and goes last; children follow their parents."""
    async with player(server.address, world) as one:
        await one.play(transcript)
