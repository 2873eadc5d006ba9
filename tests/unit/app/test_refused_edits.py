"""Which edits go back for what an Envoy refuses: those that are to blame, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from egxds.app.refused_edits import WAIT_S
from egxds.snapshot.store import SnapshotStore
from tests.unit.app.refusing_envoys import RefusingHouse, refusing
from tests.unit.model.test_security_policies import ROUTE, secure
from tests.unit.model.texts import endpoint_slice, gateway, route, service

RULES = "rules: [{backendRefs: [{name: app, port: 80}]}]"
TWO = gateway(listeners="- {name: http, port: 80, protocol: HTTP}\n- {name: bad, port: 81, protocol: HTTP}")


def shop(name: str = "shop", host: str = "good") -> str:
    """Write a route for a host."""
    return route(name, f"hostnames: [{host}.{name}.test]\n{RULES}")


@pytest.fixture
def house(tmp_path: Path) -> RefusingHouse:
    """Two routes that are read, and no Envoy yet."""
    made = RefusingHouse(tmp_path)
    made.write("app.yaml", service() + "---\n" + endpoint_slice())
    for name in ("shop", "zoo"):
        made.write(f"{name}.yaml", shop(name))
    made.look()
    return made


def test_the_last_content_that_was_taken_stays_in_force(house: RefusingHouse) -> None:
    """For the object that was edited; others go on, and an Envoy that comes later is served all of it."""
    house.connect("one", refusing("bad."))
    house.settle()
    house.write("shop.yaml", shop(host="bad"))
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("good.shop.test",), {"shop"})
    house.write("zoo.yaml", shop("zoo", "other"))
    house.settle()
    late = house.connect("two", refusing("bad."))
    house.settle()
    assert late.client.session.has_taken_all()
    assert house.hosts() == {"shop": ("good.shop.test",), "zoo": ("other.zoo.test",)}
    assert house.build is not None
    (found,) = house.build.state.rolled_back.values()
    assert found.bar.why == "Envoy 'one' refuses route default/web/http: it is not to my taste"


def test_an_edit_that_is_taken_ends_it(house: RefusingHouse) -> None:
    """And what is refused then is judged anew."""
    house.connect("one", refusing("bad"))
    house.settle()
    for host, served in (("bad", "good"), ("mended", "mended"), ("bad2", "mended"), ("good", "good")):
        house.write("shop.yaml", shop(host=host))
        house.settle()
        assert house.hosts()["shop"] == (f"{served}.shop.test",)
        assert house.rolled_back() == ({"shop"} if host != served else set())


def test_a_new_object_is_not_in_force(house: RefusingHouse) -> None:
    """Until an edit brings what is taken."""
    house.connect("one", refusing("bad."))
    house.settle()
    house.write("new.yaml", shop("new", "bad"))
    house.settle()
    assert (set(house.hosts()), house.rolled_back()) == ({"shop", "zoo"}, {"new"})
    house.write("new.yaml", shop("new", "fine"))
    house.settle()
    assert (house.hosts()["new"], house.rolled_back()) == (("fine.new.test",), set())


def test_a_fault_of_the_machine_is_no_reason(house: RefusingHouse) -> None:
    """Be the edit the only one."""
    house.connect("one", refusing("bad", "cannot bind '0.0.0.0:81': Address already in use"))
    house.settle()
    house.write("web.yaml", TWO)
    house.settle()
    assert house.rolled_back() == set()


def test_what_was_refused_without_an_edit_stays(house: RefusingHouse) -> None:
    """A start, and a new Envoy: nobody knows of anything better."""
    house.connect("one", refusing("good."))
    house.settle()
    assert house.rolled_back() == set()


def test_what_was_refused_before_an_edit_is_nothing_to_go_back_to(house: RefusingHouse) -> None:
    """Both are refused; what is written counts."""
    house.connect("one", refusing(".shop."))
    house.settle()
    house.write("shop.yaml", shop(host="other"))
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("other.shop.test",), set())


def test_what_another_envoy_has_taken_stays(house: RefusingHouse) -> None:
    """The content is not to blame, then."""
    house.connect("old", refusing("bad."), version="1.30.0")
    house.connect("new")
    house.settle()
    house.write("shop.yaml", shop(host="bad"))
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("bad.shop.test",), set())


def test_another_envoy_is_waited_for(house: RefusingHouse) -> None:
    """For a while."""
    house.connect("one", refusing("bad."))
    other = house.connect("two")
    house.settle()
    other.is_silent = True
    house.write("shop.yaml", shop(host="bad"))
    house.look()
    house.serve()
    assert not house._is_due
    house.now_s += WAIT_S + 0.1
    house.serve()
    assert house._is_due


def test_hooks_come_first(house: RefusingHouse) -> None:
    """Where a reply of theirs is suspected nothing else is blamed."""
    house.connect("one", refusing("bad."))
    house.settle()
    house.suspects = {"default/web/http"}
    house.write("shop.yaml", shop(host="bad"))
    house.settle()
    assert house.rolled_back() == set()
    house.suspects = set()
    house.settle()
    assert house.rolled_back() == {"shop"}


def test_it_is_tried_once_for_who_asks(house: RefusingHouse) -> None:
    """And goes back again where it is refused again; not on its own."""
    envoy = house.connect("one", refusing("bad."))
    house.settle()
    house.write("shop.yaml", shop(host="bad"))
    house.settle()
    before = house.passes
    house.settle()
    assert house.passes == before + 1
    assert house.edits.try_again() == 1
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("good.shop.test",), {"shop"})
    envoy.refuses = refusing("nothing")
    assert house.edits.try_again() == 1
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("bad.shop.test",), set())


def test_an_envoy_of_another_version_is_asked_once(house: RefusingHouse) -> None:
    """It may take it; where it refuses it as well, that is known."""
    house.connect("one", refusing("bad."))
    house.settle()
    house.write("shop.yaml", shop(host="bad"))
    house.settle()
    house.connect("two", refusing("bad."), version="1.41.0")
    house.settle()
    assert house.rolled_back() == {"shop"}
    before = house.passes
    house.settle()
    assert house.passes == before + 1
    house.connect("three", version="1.42.0")
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("bad.shop.test",), set())


def test_of_edits_that_came_together_the_others_are_in_force(house: RefusingHouse) -> None:
    """By halves."""
    house.connect("one", refusing("bad."))
    house.settle()
    for number in range(9):
        house.write(f"new{number}.yaml", shop(f"new{number}", "bad" if number in (2, 7) else "fine"))
    house.write("shop.yaml", shop(host="fine"))
    house.settle(60)
    assert house.rolled_back() == {"new2", "new7"}
    assert house.hosts()["shop"] == ("fine.shop.test",)
    assert len(house.hosts()) == 9


def test_addresses_that_were_edited_beside_a_bad_route_are_those_that_are_written(house: RefusingHouse) -> None:
    """Not even for a moment what they were before."""
    house.connect("one", refusing("bad."))
    house.settle()
    house.write("app.yaml", service() + "---\n" + endpoint_slice(addresses="[{addresses: [10.0.0.2]}]"))
    house.write("shop.yaml", shop(host="bad"))
    house.look()
    house.serve()
    house.look()
    assert house.rolled_back() == {"shop"}


def guard(origin: str) -> str:
    """Write a policy for a route."""
    return secure(ROUTE, cors={"allowOrigins": [f"http://{origin}.guard.test"]})


def test_what_decides_on_access_goes_back_last(house: RefusingHouse) -> None:
    """Of a route and a policy that came together the route is to blame; the policy never goes back."""
    house.connect("one", refusing("bad."))
    house.write("guard.yaml", guard("good"))
    house.settle()
    house.write("guard.yaml", guard("other"))
    house.write("shop.yaml", shop(host="bad"))
    house.look()
    for _ in range(20):
        house.serve()
        house.now_s += 0.5
        if house._is_due:
            house.look()
        assert "guard" not in house.rolled_back()
    assert house.rolled_back() == {"shop"}


LESS = {
    "gone": "",
    "for another route": secure(ROUTE | {"name": "zoo"}, authorization={"defaultAction": "Deny"}),
    "without what decides": secure(ROUTE, cors={"allowOrigins": ["http://a.test"]}),
}
"""What becomes of a policy that keeps everybody out of a route."""


@pytest.mark.parametrize("is_later", [False, True])
@pytest.mark.parametrize("policy", LESS.values(), ids=LESS)
def test_nothing_goes_back_to_what_a_policy_guards_no_more(house: RefusingHouse, policy: str, is_later: bool) -> None:
    """Be it gone with the edit that is refused, or later: nobody has written that its former content is open."""
    house.connect("one", refusing("bad."))
    house.write("guard.yaml", secure(ROUTE, authorization={"defaultAction": "Deny"}))
    house.settle()
    house.write("shop.yaml", shop(host="bad"))
    if is_later:
        house.settle()
        assert house.hosts()["shop"] == ("good.shop.test",)
    house.write("guard.yaml", policy)
    house.settle()
    assert (house.hosts(), house.rolled_back()) == ({"zoo": ("good.zoo.test",)}, {"shop"})
    house.write("shop.yaml", shop(host="mended"))
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("mended.shop.test",), set())


@pytest.mark.parametrize("is_later", [False, True])
def test_a_gateway_without_its_guard_stays_refused(house: RefusingHouse, is_later: bool) -> None:
    """What is attached to it would go with it."""
    house.connect("one", refusing("bad"))
    house.write(
        "guard.yaml", secure({**ROUTE, "kind": "Gateway", "name": "web"}, authorization={"defaultAction": "Deny"})
    )
    house.settle()
    house.write("web.yaml", TWO)
    if is_later:
        house.settle()
        assert house.rolled_back() == {"web"}
    house.write("guard.yaml", "")
    house.settle()
    assert (house.rolled_back(), len(house.hosts())) == (set(), 2)
    house.write("web.yaml", gateway())
    house.settle()
    house.write("web.yaml", TWO)
    house.settle()
    assert house.rolled_back() == {"web"}


def test_who_went_back_in_vain_is_in_force_again(house: RefusingHouse) -> None:
    """The policy beside it was to blame."""
    house.connect("one", refusing("bad."))
    house.write("guard.yaml", guard("good"))
    house.settle()
    house.write("guard.yaml", guard("bad"))
    house.write("shop.yaml", shop(host="fine"))
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("fine.shop.test",), {"guard"})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    looks=st.lists(
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(["fine", "well", "bad", "bad2"])), max_size=6
    )
)
def test_any_edits(tmp_path_factory: pytest.TempPathFactory, looks: list[dict[str, str]]) -> None:
    """In the end each is in force as it is written, where that is fine, and else as it was when it was taken last."""
    house = RefusingHouse(tmp_path_factory.mktemp("files"))
    house.write("app.yaml", service() + "---\n" + endpoint_slice())
    house.look()
    house.connect("one", refusing("bad"))
    house.settle()
    expected: dict[str, str] = {}
    bad: set[str] = set()
    for look in looks:
        for name, host in look.items():
            house.write(f"{name}.yaml", shop(name, host))
            bad -= {name}
            if host.startswith("bad"):
                bad |= {name}
            else:
                expected[name] = host
        house.settle()
        assert house.rolled_back() == bad
        assert house.hosts() == {name: (f"{host}.{name}.test",) for name, host in expected.items()}


@pytest.fixture
def bad_candidate(tmp_path: Path) -> SnapshotStore:
    """What the routes come to with an edit that is not in force."""
    (tmp_path / "candidate").mkdir()
    made = RefusingHouse(tmp_path / "candidate")
    made.write("app.yaml", service() + "---\n" + endpoint_slice())
    made.write("shop.yaml", shop(host="bad"))
    made.write("zoo.yaml", shop("zoo"))
    made.look()
    return made.store


def test_what_a_canary_refuses_is_no_matter_of_what_is_in_force(
    house: RefusingHouse, bad_candidate: SnapshotStore
) -> None:
    """Also where an edit has just made the very same of it, which others take."""
    house.connect_canary(bad_candidate, refusing("bad."))
    house.settle()
    house.write("shop.yaml", shop(host="bad"))
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("bad.shop.test",), set())
    house.connect("one")
    house.settle()
    assert house.rolled_back() == set()


def test_what_a_canary_has_taken_acquits_nothing(house: RefusingHouse, bad_candidate: SnapshotStore) -> None:
    """It has taken it beside other things, and nobody who is served what is in force has."""
    house.connect("one", refusing("bad."))
    house.connect_canary(bad_candidate)
    house.settle()
    house.write("shop.yaml", shop(host="bad"))
    house.settle()
    assert (house.hosts()["shop"], house.rolled_back()) == (("good.shop.test",), {"shop"})


def test_a_canary_is_not_waited_for(house: RefusingHouse, bad_candidate: SnapshotStore) -> None:
    """It is not served what another one refuses, and so says nothing to that."""
    house.connect("one", refusing("worse."))
    house.connect_canary(bad_candidate)
    house.settle()
    house.write("shop.yaml", shop(host="worse"))
    house.settle(rounds=1)
    house.look()
    assert house.rolled_back() == {"shop"}
