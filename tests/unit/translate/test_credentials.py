"""Credentials that requests are given are among the secrets as long as a route needs them, whatever came before."""

from __future__ import annotations

import itertools

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from egxds.model.resolve.resolved import Resolution
from egxds.translate.translator import Translator
from tests.unit.model.test_route_filters import filter_object, injection, reference, shop, values
from tests.unit.model.texts import endpoint_slice, gateway, service
from tests.unit.model.worlds import World, resolve

NAME = "credential_injector/credential/default/token"
ONE = gateway()
TWO = gateway(
    listeners="- {name: http, port: 80, protocol: HTTP}\n- {name: other, port: 81, protocol: HTTP, hostname: a.test}"
)
APP = (service(), endpoint_slice())
GIVEN = filter_object(credentialInjection=injection())
OTHER = filter_object(credentialInjection=injection(name="second"))
TOKEN, NEWER = (values("Secret", "token", {"credential": word}) for word in ("abc", "def"))
SECOND = values("Secret", "second", {"credential": "ghi"})

STATES = (
    (ONE, shop(), GIVEN, TOKEN),
    (ONE, shop(), GIVEN, NEWER),
    (ONE, shop(), GIVEN),
    (ONE, shop(), shop(name="more"), GIVEN, TOKEN),
    (TWO, shop(), GIVEN, TOKEN),
    (TWO, shop(), OTHER, TOKEN, SECOND),
    (TWO, shop(reference(), reference("two")), GIVEN, filter_object("two", credentialInjection=injection()), TOKEN),
    (ONE, TOKEN, GIVEN),
    (shop(), TOKEN, GIVEN),
)


def credentials(translator: Translator, resolution: Resolution) -> dict[str, bytes]:
    """Return the credentials that the Gateway `web` has, by name."""
    found = translator.update(resolution).get("default/web")
    resources = dict(found.secrets).values() if found is not None else ()
    messages = (Secret.FromString(each.body) for each in resources)
    return {each.name: each.generic_secret.secret.inline_bytes for each in messages}


def test_the_credential_is_the_one_of_its_secret() -> None:
    """And is not there for a rule that is closed."""
    expected: list[dict[str, bytes]] = [{NAME: b"abc"}, {NAME: b"def"}, {}, {NAME: b"abc"}]
    assert [credentials(Translator(), resolve(*APP, *state)) for state in STATES[:4]] == expected


def test_what_came_before_makes_no_difference() -> None:
    """Each state behind each other: routes that come and go, listeners, Secrets, filters, the Gateway."""
    for before, now in itertools.permutations(STATES, 2):
        world, translator = World(), Translator()
        credentials(translator, world.scan(*APP, *before))
        # An object that no document defines any more goes with the second look.
        world.scan(*APP, *now)
        followed = credentials(translator, world.scan(*APP, *now))
        assert followed == credentials(Translator(), resolve(*APP, *now)), (before, now)
