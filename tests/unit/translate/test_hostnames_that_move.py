"""Listeners of one port come, go and have other hostnames: routes are where the most specific listener has them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.translate.translator import Translator
from tests.unit.translate.builders import address, match, rule
from tests.unit.translate.edits import Place, World, Written, backend_of
from tests.unit.translate.reading import contents

LISTENERS = ("one", "two", "three", "four")
HOSTS = ("*", "*.example", "*.a.example", "a.example", "b.a.example", "c.a.example")
EXACT = HOSTS[3:]

placed = st.lists(
    st.builds(Place, st.sampled_from(LISTENERS), hostname=st.sampled_from(HOSTS)),
    min_size=1,
    max_size=4,
    unique_by=lambda place: place.name,
)
exact = st.builds(Place, st.just("five"), hostname=st.sampled_from(EXACT))


def _world() -> World:
    """Return a world in which a route for each hostname without a wildcard, and one for any, are at all listeners."""
    world = World()
    world.put_endpoints("s0", address("10.0.0.1"))
    everywhere = frozenset(("web", name) for name in (*LISTENERS, "five"))
    for number, hostnames in enumerate(((), *((name,) for name in EXACT))):
        to = rule(backend_of("s0"), matches=[match(f"/{number}")])
        world.put_route(f"r{number}", Written((to,), everywhere, hostnames))
    return world


@settings(max_examples=150)
@given(placed, st.lists(st.one_of(exact, st.none()), min_size=1, max_size=5))
def test_a_listener_takes_its_hostname_and_gives_it_back(others: list[Place], moves: list[Place | None]) -> None:
    """One listener is there with some hostname, or is not; the others stay, wider ones and equal ones among them."""
    world, translator = _world(), Translator()
    world.put_gateway("web", *others)
    translator.update(world.resolution())
    for at, move in enumerate(moves):
        world.put_gateway(
            "web", *((move, *others) if move is not None and at % 2 else (*others, *filter(None, [move])))
        )
        now, fresh = translator.update(world.resolution()), Translator().update(world.resolution())
        assert {name: contents(each) for name, each in now.items()} == {
            name: contents(each) for name, each in fresh.items()
        }
