"""Routes that take connections or datagrams as a whole, as what is written for Envoy."""

from __future__ import annotations

from typing import Any

import pytest

from egxds import names
from egxds.resources.canonical import canonical
from egxds.resources.references import children
from egxds.resources.resource import Resource
from egxds.resources.validation.addresses import sockets
from egxds.translate.translator import Translator
from tests.unit.model.test_stream_routes import BOTH, LISTENERS, WORLD, stream
from tests.unit.model.texts import endpoint_slice, gateway, secret, service
from tests.unit.model.worlds import World
from tests.unit.translate.reading import as_dict

MORE = (service("more", ports=BOTH), endpoint_slice("more-1", "[{addresses: [10.0.0.2]}]", BOTH, "more"))
ONE = "{name: app, port: 80}"
TWO = f"{ONE}, {{name: more, port: 80, weight: 3}}"
GONE = "{name: gone, port: 80, weight: 3}"


class Following:
    """A world and a translator that follow edits."""

    def __init__(self) -> None:
        self._world = World()
        self._translator = Translator()

    def listeners(self, *texts: str) -> dict[str, Resource]:
        """Return the Envoy Listeners of what one file holds, by the names of the Gateway's first listeners there."""
        (translation,) = self._translator.update(self._world.scan(*texts)).values()
        return {name.rpartition("/")[2]: found for name, found in translation.listeners.items()}


def listeners(*texts: str) -> dict[str, Any]:
    """Return the Envoy Listeners of what one file holds, as values."""
    found = Following().listeners(*texts)
    return {name: as_dict(each) for name, each in found.items()}


def chains(listener: dict[str, Any]) -> dict[str, Any]:
    """Return the filter chains of a Listener by name and server names."""
    return {
        f"{each['name']} {' '.join(each.get('filter_chain_match', {}).get('server_names', ()))}".strip(): each
        for each in listener["filter_chains"]
    }


def forwarded(chain: dict[str, Any]) -> Any:
    """Return where a chain sends connections: a cluster, or clusters with weights; nothing where they are closed."""
    if "filters" not in chain:
        return None
    (proxy,) = chain["filters"]
    config = proxy["typed_config"]
    if "cluster" in config:
        return config["cluster"]
    return {each["name"]: each["weight"] for each in config["weighted_clusters"]["clusters"]}


@pytest.mark.parametrize(
    ("refs", "to"),
    [
        (f"[{ONE}]", "tcproute/default/s/rule/-1"),
        (f"[{TWO}]", "tcproute/default/s/rule/-1"),
        (f"[{TWO}, {GONE}]", {"backend/0": 1, "backend/1": 3, names.INVALID_BACKEND_CLUSTER: 3}),
        (f"[{ONE}, {GONE.replace('weight: 3', 'weight: 0')}]", "tcproute/default/s/rule/-1"),
        (f"[{GONE}]", None),
        (f"[{ONE[:-1]}, weight: 0}}]", None),
    ],
    ids=["one", "several", "one of them refused", "that one without a weight", "all refused", "none with a weight"],
)
def test_where_connections_go(refs: str, to: Any) -> None:
    """Weights are those of one cluster, where the backends fit one."""
    (chain,) = listeners(*WORLD, *MORE, stream("TCPRoute", refs=refs, parent="{name: web, sectionName: tcp}"))["tcp"][
        "filter_chains"
    ]
    found = forwarded(chain)
    if isinstance(found, dict):
        found = {name.removeprefix("tcproute/default/s/rule/-1/"): weight for name, weight in found.items()}
    assert found == to
    assert chain["name"] == "tcproute/default/s"


@pytest.mark.parametrize(
    ("refs", "to"),
    [
        (f"[{TWO}]", [(1, "udproute/default/s/rule/-1")]),
        (
            f"[{ONE}, {{name: more, port: 80, weight: 2}}, {GONE}]",
            [
                (1 / 6, "udproute/default/s/rule/-1/backend/0"),
                (2 / 5, "udproute/default/s/rule/-1/backend/1"),
                (1, names.INVALID_BACKEND_CLUSTER),
            ],
        ),
        (f"[{GONE}]", []),
    ],
    ids=["several", "one of them refused", "all refused"],
)
def test_where_datagrams_go(refs: str, to: list[tuple[float, str]]) -> None:
    """Each is tried for its part of what those before have left, with a hash of its own."""
    listener = listeners(*WORLD, *MORE, stream("UDPRoute", refs=refs))["udp"]
    found, seeds = [], []
    for each in listener.get("listener_filters", ()):
        matcher = each["typed_config"]["matcher"]
        for tried in matcher.get("matcher_list", {}).get("matchers", ()):
            share = tried["predicate"]["single_predicate"]["custom_match"]["typed_config"]
            seeds.append(int(share.get("seed", 0)))
            part = share["runtime_fraction"]["default_value"]["numerator"] / 1_000_000
            found.append((part, tried["on_match"]["action"]["typed_config"]["cluster"]))
        found.append((1, matcher["on_no_match"]["action"]["typed_config"]["cluster"]))
    assert [(pytest.approx(part, abs=1e-5), cluster) for part, cluster in to] == found
    assert len(set(seeds)) == len(seeds)
    assert listener["address"]["socket_address"]["protocol"] == "UDP"
    assert "filter_chains" not in listener


def test_each_listener_of_a_port_has_its_chains() -> None:
    """A route at two has one at each; what has no route is closed, and the hostname of another listener is its own."""
    hostnames = "hostnames: [a.test, end.test, '*.test']"
    found = chains(listeners(*WORLD, stream("TLSRoute", more=hostnames))["passing"])
    name = "tlsroute/default/s"
    assert found.keys() == {f"{name} *.test a.test", f"{name} end.test"}
    assert "transport_socket" not in found[f"{name} *.test a.test"]
    tls = found[f"{name} end.test"]["transport_socket"]["typed_config"]["common_tls_context"]
    assert [each["name"] for each in tls["tls_certificate_sds_secret_configs"]] == ["default/cert"]
    # Nobody here knows what is spoken inside.
    assert "alpn_protocols" not in tls
    passing = "{name: web, sectionName: passing}"
    alone = chains(listeners(*WORLD, stream("TLSRoute", more=hostnames, parent=passing))["passing"])
    assert alone.keys() == {f"{name} *.test a.test", "default/web/ending end.test"}
    assert forwarded(alone["default/web/ending end.test"]) is None


def test_a_listener_without_routes_closes_connections() -> None:
    """Envoy refuses one that has no filter chain."""
    found = listeners(*WORLD)
    assert {name: list(map(forwarded, each.get("filter_chains", ()))) for name, each in found.items()} == {
        "http": [],
        "passing": [None, None],
        "tcp": [None],
        "udp": [],
    }


def test_a_denied_listener_forwards_nothing() -> None:
    """Its chains are closed by their hostnames; others of the port are not concerned."""
    denied = LISTENERS.replace("certificateRefs: [{name: cert}]", "certificateRefs: [{name: cert}], options: {a: b}")
    texts = (gateway(listeners=denied), *WORLD[1:], stream("TLSRoute"))
    found = chains(listeners(*texts)["passing"])
    assert {name: forwarded(each) is None for name, each in found.items()} == {
        "default/web/ending end.test": True,
        "tlsroute/default/s *.test": False,
    }


def test_an_edit_changes_one_chain_and_no_more() -> None:
    """Envoy exchanges chains one by one only where nothing else of the Listener is another."""
    following = Following()
    texts = {name: stream("TLSRoute", name, more=f"hostnames: [{name}.test]") for name in "abc"}
    before = following.listeners(*WORLD, *MORE, *texts.values())["passing"]
    texts["b"] = texts["b"].replace(f"[{ONE}]", f"[{ONE}, {GONE}]")
    after = following.listeners(*WORLD, *MORE, *texts.values())["passing"]
    one, other = as_dict(before), as_dict(after)
    assert {key: value for key, value in one.items() if key != "filter_chains"} == {
        key: value for key, value in other.items() if key != "filter_chains"
    }
    assert [each["name"] for each in one["filter_chains"]] == [each["name"] for each in other["filter_chains"]]
    differing = [name for name, each in chains(one).items() if chains(other)[name] != each]
    assert differing == ["tlsroute/default/b b.test"]


def test_what_is_known_of_a_joined_listener_is_what_its_body_says() -> None:
    """Nobody reads the chains of a large one again; and the bytes are those of the message that it is."""
    routes = [stream("TLSRoute", name, more=f"hostnames: [{name}.test, {name}.end.test]") for name in "abc"]
    wide = LISTENERS.replace("hostname: end.test", "hostname: '*.end.test'")
    world = (gateway(listeners=wide), secret(), *WORLD[2:])
    for resource in Following().listeners(*world, *routes, stream("TCPRoute"), stream("UDPRoute")).values():
        known = resource.content
        assert known is not None
        assert known.children == children(names.LISTENER, resource.body)
        assert sockets(known.frame) == sockets(resource.body)
        assert canonical(names.LISTENER, resource.body) == resource.body
