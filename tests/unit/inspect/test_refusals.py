"""What Envoys refuse, who hears of it, and what the status of objects says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from egxds.incremental.revision import Revision
from egxds.inspect.objects import ObjectView
from egxds.inspect.refusals import RefusalBook, RefusedResource, RefusedResources
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.listener_set import LISTENER_SET
from egxds.names import CLUSTER, LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.object_key import ObjectKey
from tests.unit.app.files import Files
from tests.unit.model.test_client_trust import authorities
from tests.unit.model.texts import secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  listeners:
  - {name: a, port: 80, protocol: HTTP, hostname: a.test}
  - {name: b, port: 80, protocol: HTTP, hostname: b.test}
  - {name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
  - {name: bad, port: 81, protocol: SCTP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec: {parentRefs: [{name: web}], rules: [{backendRefs: []}]}
"""
WEB = GATEWAY.key("default", "web")
SHOP = ObjectKey("gateway.networking.k8s.io", "HTTPRoute", "default", "shop")
CERT = ObjectKey("", "Secret", "default", "cert")
AUTHORITIES = ObjectKey("", "ConfigMap", "default", "ca")
BIND = "Error adding/updating listener(s) default/web/a: cannot bind '0.0.0.0:80': Address already in use\n"
TLS_BIND = "cannot bind '0.0.0.0:443': Address already in use"


def refused(
    type_url: str, name: str, message: str, *sources: ObjectKey, node_id: str = "envoy-1", since_s: float = 1.0
) -> RefusedResource:
    """Return something that an Envoy refuses."""
    return RefusedResource(node_id, ("default/web",), type_url, name, message, sources, since_s)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A Gateway with four listeners, one of which is not valid, and a route."""
    files = Files(tmp_path)
    files.write("web.yaml", TEXT)
    files.write("secret.yaml", secret())
    return files


class Shown:
    """What is shown of the files, while Envoys refuse this and that."""

    def __init__(self, files: Files) -> None:
        self._build = files.build()
        self._view = ObjectView()

    def status(self, name: str, *refusals: RefusedResource) -> Any:
        """Return the status of an object."""
        self._view.note(self._build.judged(), Revision(), NOW, refusals)
        (item,) = [item for item in self._view.render().items if item["metadata"]["name"] == name]  # type: ignore[index]
        return item["status"]

    def programmed(self, *refusals: RefusedResource, name: str = "web") -> dict[str, tuple[str, str]]:
        """Return status and reason of Programmed: of the object by an empty name, and of its listeners."""
        status = self.status(name, *refusals)
        parts = [("", status), *((each["name"], each) for each in status["listeners"])]
        return {name: self._condition(part, "Programmed") for name, part in parts}

    def message(self, *refusals: RefusedResource) -> str:
        """Return why the Gateway is not programmed."""
        conditions = {one["type"]: one for one in self.status("web", *refusals)["conditions"]}
        return str(conditions["Programmed"]["message"])

    def _condition(self, part: Any, type_: str) -> tuple[str, str]:
        (found,) = [one for one in part["conditions"] if one["type"] == type_]
        return found["status"], found["reason"]


WELL = {
    "": ("True", "Programmed"),
    "a": ("True", "Programmed"),
    "b": ("True", "Programmed"),
    "tls": ("True", "Programmed"),
    "bad": ("False", "Invalid"),
}
PENDING = ("False", "Pending")


@pytest.mark.parametrize(
    ("refusal", "pending"),
    [
        pytest.param(refused(LISTENER, "default/web/a", BIND, WEB), ("a", "b"), id="all listeners of its port"),
        pytest.param(refused(LISTENER, "default/web/tls", TLS_BIND, WEB, CERT), ("tls",), id="and no other port"),
        pytest.param(refused(LISTENER, "extra", BIND), (), id="added by an extension"),
        pytest.param(refused(SECRET, "default/cert", "bad", CERT), ("tls",), id="who has the certificate"),
    ],
)
def test_gateway_is_not_programmed_while_an_envoy_refuses_it(
    files: Files, refusal: RefusedResource, pending: tuple[str, ...]
) -> None:
    """And is again when none does (istio/istio issue 7765)."""
    shown = Shown(files)
    assert shown.programmed() == WELL
    assert shown.programmed(refusal) == {**WELL, "": PENDING, **dict.fromkeys(pending, PENDING)}
    assert shown.programmed() == WELL


SET = """\
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: extra}
spec:
  parentRef: {name: web}
  listeners:
  - {name: a, port: 80, protocol: HTTP, hostname: c.test}
  - {name: more, port: 8080, protocol: HTTP}
  - {name: tls, port: 444, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
"""
EXTRA = LISTENER_SET.key("default", "extra")
MORE = "default/web/default/extra/more"


@pytest.mark.parametrize(
    ("refusal", "pending", "at_gateway"),
    [
        pytest.param(refused(LISTENER, "default/web/a", BIND, WEB, EXTRA), ("a",), ("a", "b"), id="a shared port"),
        pytest.param(refused(LISTENER, MORE, BIND, WEB, EXTRA), ("more",), (), id="a port of its own"),
        pytest.param(refused(SECRET, "default/cert", "bad", CERT), ("tls",), ("tls",), id="a certificate"),
    ],
)
def test_a_set_is_not_programmed_while_an_envoy_refuses_a_listener_of_it(
    files: Files, refusal: RefusedResource, pending: tuple[str, ...], at_gateway: tuple[str, ...]
) -> None:
    """Its own listeners say so, and of the Gateway those that it has itself."""
    files.write("web.yaml", TEXT.replace("egxds\n", "egxds\n  allowedListeners: {namespaces: {from: Same}}\n"))
    files.write("set.yaml", SET)
    shown = Shown(files)
    well = dict.fromkeys(["", "a", "more", "tls"], ("True", "Programmed"))
    assert shown.programmed(name="extra") == well
    assert shown.programmed(refusal, name="extra") == {**well, "": PENDING, **dict.fromkeys(pending, PENDING)}
    assert shown.programmed(refusal) == {**WELL, "": PENDING, **dict.fromkeys(at_gateway, PENDING)}


def test_whoever_checks_clients_is_not_programmed_while_an_envoy_refuses_the_authorities(files: Files) -> None:
    """A ListenerSet says so as well, which has nothing to do with them but by its Gateway."""
    more = """\
egxds
  allowedListeners: {namespaces: {from: Same}}
  tls: {frontend: {default: {validation: {caCertificateRefs: [{name: ca}]}}}}
"""
    files.write("web.yaml", TEXT.replace("egxds\n", more))
    files.write("set.yaml", SET)
    files.write("ca.yaml", authorities())
    shown, refusal = Shown(files), refused(SECRET, "default/web/ca", "bad", WEB, AUTHORITIES)
    well = dict.fromkeys(["", "a", "more", "tls"], ("True", "Programmed"))
    assert shown.programmed(name="extra") == well
    assert shown.programmed(refusal, name="extra") == {**well, "": PENDING, "tls": PENDING}
    assert shown.programmed(refusal) == {**WELL, "": PENDING, "tls": PENDING}


def test_an_address_that_the_machine_does_not_have_is_not_usable(files: Files) -> None:
    """It is the user's to change, whatever else is waited for (GatewayStaticAddresses)."""
    missing = "cannot bind '192.0.2.80:80': Cannot assign requested address"
    found = Shown(files).programmed(refused(LISTENER, "default/web/a", missing, WEB))
    not_usable = ("False", "AddressNotUsable")
    assert found == {**WELL, "": not_usable, "a": not_usable, "b": not_usable}


def test_message_says_who_what_and_where(files: Files) -> None:
    """The Envoy, its reason, and the file and line."""
    shown = Shown(files)
    message = shown.message(refused(LISTENER, "default/web/a", BIND, WEB))
    assert message == (
        "Envoy 'envoy-1' refuses listener default/web/a: cannot bind '0.0.0.0:80': Address already in use "
        "(web.yaml:1); it is tried again"
    )
    others = [refused(LISTENER, "default/web/a", BIND, WEB, node_id=f"envoy-{number}") for number in range(5)]
    assert "; and 2 more; it is tried again" in shown.message(*others)


def test_what_is_said_of_a_secret_is_not_repeated(files: Files) -> None:
    """It may quote the secret."""
    assert "PRIVATE" not in Shown(files).message(refused(SECRET, "default/cert", "PRIVATE KEY", CERT))


@pytest.mark.parametrize("type_url", [ROUTE_CONFIGURATION, CLUSTER])
def test_route_says_that_it_is_not_programmed(files: Files, type_url: str) -> None:
    """Below each parent, while an Envoy refuses what was made of it; the Gateway is not to blame."""
    shown = Shown(files)
    refusal = refused(type_url, "default/web/a", "no such filter", SHOP, WEB)
    (parent,) = shown.status("shop", refusal)["parents"]
    (condition,) = [one for one in parent["conditions"] if one["type"] == "egxds.io/Programmed"]
    assert (condition["status"], condition["reason"]) == PENDING
    assert "no such filter (web.yaml:1, web.yaml:12)" in condition["message"]
    assert shown.programmed(refusal) == WELL
    (parent,) = shown.status("shop")["parents"]
    assert [one["type"] for one in parent["conditions"]] == ["Accepted", "ResolvedRefs"]


def test_book_counts_by_envoy_and_type() -> None:
    """Since the first of them; one that takes the place of another begins nothing anew."""
    book = RefusalBook()
    a, b = refused(LISTENER, "a", "one", since_s=5.0), refused(LISTENER, "b", "two", since_s=9.0)
    book.update(1, [a, refused(CLUSTER, "c", "three", since_s=2.0)])
    book.update(2, [a])
    assert [(one.type_url, one.count, one.since_s) for one in book.types()] == [(CLUSTER, 1, 2.0), (LISTENER, 2, 5.0)]
    book.update(1, ())
    book.update(2, [b])
    assert [(one.node_id, one.type_url, one.count, one.since_s) for one in book.types()] == [
        ("envoy-1", LISTENER, 1, 5.0)
    ]
    book.update(2, ())
    assert book.types() == []


def test_book_tells_what_begins_and_what_is_over() -> None:
    """By stream; the time of what goes on is that of its beginning."""
    book, heard = RefusalBook(), list[RefusedResources]()
    book.subscribe(heard.append)
    a, b = refused(LISTENER, "a", "one"), refused(LISTENER, "b", "two", since_s=2.0)
    assert book.update(1, [a]).begun == (a,)
    assert book.update(2, [a]).begun == (a,)
    changes = book.update(1, [refused(LISTENER, "a", "one", since_s=9.0), b])
    assert (changes.begun, changes.over) == ((b,), ())
    assert set(book.all()) == {a, b}
    assert [one.since_s for one in book.all() if one.name == "a"] == [1.0, 1.0]
    assert book.update(1, [b]).over == (a,)
    assert book.update(1, ()).over == (b,)
    assert book.update(2, ()).over == (a,)
    assert book.all() == ()
    before = len(heard)
    book.update(2, ())
    assert len(heard) == before, "nothing changed"
