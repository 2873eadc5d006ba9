"""The hooks, without egxds around them: python -m pytest"""

import asyncio

import pytest
from greeting import Greetings

from egxds.extension import Gateway, Refuse, Route, RouteContext, VirtualHost, VirtualHostContext


def test_the_greeting_is_in_the_answer() -> None:
    """Whatever is in it: a lone % would have Envoy refuse the route."""
    context = RouteContext(resources=({"spec": {"text": "100% yours"}},))
    route = asyncio.run(Greetings().route(Route(name="a"), context))
    (added,) = route.response_headers_to_add
    assert (added.header.key, added.header.value) == ("x-greeting", "100%% yours")


def test_a_greeting_without_a_text_is_refused() -> None:
    """The route answers 500, and `egxds hooks` says why."""
    with pytest.raises(Refuse, match="a Greeting needs"):
        asyncio.run(Greetings().route(Route(name="a"), RouteContext(resources=({"spec": {}},))))


def test_answers_say_who_served_them() -> None:
    """The Gateway, by its name."""
    context = VirtualHostContext(gateway=Gateway("default", "web"))
    host = asyncio.run(Greetings().virtual_host(VirtualHost(name="a"), context))
    assert [added.header.value for added in host.response_headers_to_add] == ["web"]
